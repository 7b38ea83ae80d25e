package io.skerry.simulator.spool;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.Spool;
import io.skerry.agent.uplink.SpoolSeal;
import io.skerry.agent.uplink.Uplink;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * A device with a spool that sends when told to. What is sent goes to a store at once; the device
 * hears of it when the store says so.
 */
final class SpoolDevice {
  static final Path SPOOL = Path.of("/device/spool");

  private static final Path DATA = Path.of("/device");
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("d1");

  private final Disk disk;
  private final long bytesMax;
  private final Link link;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private long epoch;
  private Optional<Uplink> uplink = Optional.empty();

  /** Takes what a device sends. */
  interface Store {
    void store(RecordStream stream, RecordBatch batch);
  }

  /**
   * A device that is not started.
   *
   * @param bytesMax of the spool
   */
  SpoolDevice(Disk disk, long bytesMax, Store store) {
    this.disk = disk;
    this.bytesMax = bytesMax;
    this.link = new Link(store);
  }

  private static final class Link implements DeviceLink {
    private final Store store;
    private State state = State.WAITING;
    private Optional<Listener> listener = Optional.empty();

    Link(Store store) {
      this.store = store;
    }

    @Override
    public void start(Listener to) {
      listener = Optional.of(to);
    }

    @Override
    public State state() {
      return state;
    }

    @Override
    public void publish(String topic, byte[] payload) {
      for (RecordStream stream : RecordStream.values()) {
        if (topic.equals(Topics.records(TENANT, DEVICE, stream))) {
          try {
            store.store(stream, RecordBatch.parseFrom(payload));
          } catch (com.google.protobuf.InvalidProtocolBufferException e) {
            throw new AssertionError(e);
          }
        }
      }
    }

    @Override
    public void close() {
      state = State.CLOSED;
    }
  }

  /** Starts it, with a boot epoch of its own, and without a connection. */
  Spool boot() throws IOException {
    epoch++;
    Spool spool =
        Spool.open(
            disk,
            SPOOL,
            SpoolSeal.of(disk, DATA, TENANT, new SplittableRandom(epoch)),
            epoch,
            bytesMax);
    link.state = DeviceLink.State.WAITING;
    Uplink made = new Uplink(link, spool, TENANT, DEVICE, () -> now, document -> {}, this::report);
    made.start();
    uplink = Optional.of(made);
    return spool;
  }

  private ReportedDocument report(long sequence) {
    return new ReportedDocument(
        TENANT,
        DEVICE,
        epoch,
        sequence,
        now,
        Generation.NONE,
        Generation.NONE,
        List.of(),
        new DeviceFacts("x86-64", List.of(), 1, 0, List.of(), List.of(), ""),
        "test",
        Map.of(),
        DeviceHealth.UNKNOWN);
  }

  /** The boot epoch; 0 before the first start. */
  long epoch() {
    return epoch;
  }

  Instant now() {
    return now;
  }

  void pass(Duration time) {
    now = now.plus(time);
  }

  /** Is connected for as long as it takes to send what may be sent. */
  void send() {
    link.state = DeviceLink.State.CONNECTED;
    link.listener.orElseThrow().connected();
    pass(Duration.ofMillis(10));
    uplink.orElseThrow().tick();
    link.state = DeviceLink.State.WAITING;
  }

  /** Tells it that what it sent of a boot is stored up to this sequence. */
  void committed(RecordStream stream, long boot, long through) {
    link.listener
        .orElseThrow()
        .received(
            Topics.device(TENANT, DEVICE, Topics.COMMITTED),
            ProtocolCodec.encode(List.of(new CommittedRange(stream, boot, through))));
  }
}
