package io.skerry.agent.uplink;

import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All traffic of one device: gives desired documents on, sends records and reports.
 *
 * <p>{@link #tick} does the sending and may block; everything else returns at once. Thread-safe.
 */
public final class Uplink implements DeviceLink.Listener, AutoCloseable {
  /** The code of the event that tells of a session taken over. */
  public static final String SESSION_TAKEN_OVER = "SESSION_TAKEN_OVER";

  /** The code of the event that tells of records that the spool's key does not open. */
  public static final String SPOOL_KEY_LOST = "SPOOL_KEY_LOST";

  private static final Logger log = LoggerFactory.getLogger(Uplink.class);

  /** How often appended records are forced to disk. */
  static final Duration FLUSH_EVERY = Duration.ofSeconds(1);

  private final DeviceLink link;
  private final Spool spool;
  private final RecordSender sender;
  private final ReportPublisher reports;
  private final TenantId tenant;
  private final DeviceId device;
  private final InstantSource clock;
  private final Consumer<byte[]> desired;
  private final AtomicBoolean reconnected = new AtomicBoolean();
  private final AtomicBoolean asked = new AtomicBoolean();
  private final AtomicLong takenOver = new AtomicLong();
  private volatile boolean retainedComes;
  private volatile Consumer<byte[]> controlState = message -> {};
  private Instant flushedAt;
  private volatile Optional<Instant> heardAt = Optional.empty();
  private volatile Optional<Instant> committedAt = Optional.empty();
  private volatile Runnable whenConnected = () -> {};
  private volatile Consumer<Record> events;

  /**
   * Makes an uplink that is not started.
   *
   * @param desired is given the payload of every message on the desired topic; must return quickly
   * @param report the document as of now, with the sequence that it is given
   */
  public Uplink(
      DeviceLink link,
      Spool spool,
      TenantId tenant,
      DeviceId device,
      InstantSource clock,
      Consumer<byte[]> desired,
      LongFunction<ReportedDocument> report) {
    this(link, spool, tenant, device, clock, () -> ReportCadence.DEFAULTS, desired, report);
  }

  /** The same with another cadence of reports, which may change. */
  public Uplink(
      DeviceLink link,
      Spool spool,
      TenantId tenant,
      DeviceId device,
      InstantSource clock,
      Supplier<ReportCadence> cadences,
      Consumer<byte[]> desired,
      LongFunction<ReportedDocument> report) {
    this(link, spool, tenant, device, clock, cadences, stream -> 0, desired, report);
  }

  /**
   * The same with days' bytes, of which what is sent again has a share; they may change.
   *
   * @param bytesPerDay of a stream; 0 = no limit
   */
  public Uplink(
      DeviceLink link,
      Spool spool,
      TenantId tenant,
      DeviceId device,
      InstantSource clock,
      Supplier<ReportCadence> cadences,
      ToLongFunction<RecordStream> bytesPerDay,
      Consumer<byte[]> desired,
      LongFunction<ReportedDocument> report) {
    this.link = link;
    this.spool = spool;
    this.sender = new RecordSender(spool, link, tenant, device, bytesPerDay);
    this.reports =
        new ReportPublisher(link, Topics.device(tenant, device, Topics.REPORTED), cadences, report);
    this.tenant = tenant;
    this.device = device;
    this.clock = clock;
    this.desired = desired;
    this.flushedAt = clock.instant();
    this.events = event -> spool.append(RecordStream.EVENTS, event);
  }

  /**
   * Gives on every message of the control topic; before {@link #start}.
   *
   * @param taker must return quickly
   */
  public void onControlState(Consumer<byte[]> taker) {
    controlState = taker;
  }

  /**
   * Tells somebody of every connection that is made.
   *
   * @param told must return quickly
   */
  public void onConnected(Runnable told) {
    whenConnected = told;
  }

  /**
   * Gives events on to be kept within the day's bytes; before {@link #start}.
   *
   * @param taker must return quickly
   */
  public void onEvent(Consumer<Record> taker) {
    events = taker;
  }

  /** Begins to connect. */
  public void start() {
    link.start(this);
  }

  /** Keeps a record until it is committed; false when it had to be dropped. */
  public boolean keep(RecordStream stream, Record record) {
    return spool.append(stream, record);
  }

  /** The spool, for counters. */
  public Spool spool() {
    return spool;
  }

  /** How the link stands. */
  public DeviceLink.State state() {
    return link.state();
  }

  /** When the control plane was last heard of, by any message. */
  public Optional<Instant> heardAt() {
    return heardAt;
  }

  /** When the control plane last told which records it has stored. */
  public Optional<Instant> committedAt() {
    return committedAt;
  }

  @Override
  public void connected() {
    whenConnected.run();
    retainedComes = true;
    reconnected.set(true);
  }

  @Override
  public void takenOver() {
    long times = takenOver.incrementAndGet();
    events.accept(
        TelemetryRecords.event(
            clock.instant(),
            SESSION_TAKEN_OVER,
            "another client took over the session of device '%s'".formatted(device),
            Map.of("times", Long.toString(times))));
  }

  /** Times that another client took over this device's session since the start. */
  public long timesTakenOver() {
    return takenOver.get();
  }

  @Override
  public void received(String topic, byte[] payload) {
    heardAt = Optional.of(clock.instant());
    if (topic.equals(Topics.device(tenant, device, Topics.DESIRED))) {
      desired.accept(payload);
      // What is retained comes with a connection, and so does a report.
      asked.set(!retainedComes);
      retainedComes = false;
    } else if (topic.equals(Topics.device(tenant, device, Topics.COMMITTED))) {
      committed(payload);
    } else if (topic.equals(Topics.controlState(tenant))) {
      controlState.accept(payload);
    }
  }

  private void committed(byte[] payload) {
    try {
      for (CommittedRange range : ProtocolCodec.decodeCommitted(payload)) {
        sender.committed(range);
      }
      committedAt = Optional.of(clock.instant());
    } catch (MalformedDocumentException e) {
      log.atWarn().addKeyValue("device", device).setCause(e).log("committed ranges unreadable");
    }
  }

  /** Forces the spool when it is time, sends records and the report. May block for seconds. */
  public synchronized void tick() {
    Instant now = clock.instant();
    // Also when the clock was put back: nothing may wait for what a wrong clock called tomorrow.
    if (!now.isBefore(flushedAt.plus(FLUSH_EVERY)) || now.isBefore(flushedAt)) {
      flush();
      flushedAt = now;
    }
    if (link.state() != DeviceLink.State.CONNECTED) {
      return;
    }
    try {
      if (reconnected.getAndSet(false)) {
        sender.resend();
        reports.again();
      }
      if (asked.getAndSet(false)) {
        reports.asked();
      }
      reports.publish(now);
      sender.pump(now);
      spool.takeUnopened().forEach((stream, records) -> tellUnopened(now, stream, records));
    } catch (LinkException e) {
      log.atInfo()
          .addKeyValue("device", device)
          .addKeyValue("cause", String.valueOf(e.getMessage()))
          .log("not sent yet");
    }
  }

  private void tellUnopened(Instant now, RecordStream stream, int records) {
    events.accept(
        TelemetryRecords.event(
            now,
            SPOOL_KEY_LOST,
            "%d records of stream '%s' are lost: their spool key is gone, or of another tenant"
                .formatted(records, stream.wireName()),
            Map.of("stream", stream.wireName(), "records", Integer.toString(records))));
  }

  private void flush() {
    try {
      spool.flush();
    } catch (IOException e) {
      log.atWarn().addKeyValue("device", device).setCause(e).log("spool not forced to disk");
    }
  }

  /** Sends what can be sent at once, then disconnects; what is not committed stays on disk. */
  @Override
  public void close() {
    flush();
    tick();
    link.close();
    try {
      spool.close();
    } catch (IOException e) {
      log.atWarn().addKeyValue("device", device).setCause(e).log("spool not forced to disk");
    }
  }
}
