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
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A device with a spool and a control plane that stores every record once: what was offered, kept,
 * forced, stored, dropped and damaged, over any number of restarts.
 */
final class SpoolRun {
  static final Path FOLDER = Path.of("/device/spool");
  private static final Path DATA = Path.of("/device");
  static final long BYTES_MAX = 16 * 1024;

  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("d1");
  private static final int PAYLOAD_CHARS = 400;

  private final Disk disk;
  private final Map<RecordStream, Long> refused = new HashMap<>();
  private final Map<RecordStream, Set<String>> kept = new HashMap<>();
  private final Map<RecordStream, Set<String>> forced = new HashMap<>();
  private final Map<RecordStream, Set<String>> stored = new HashMap<>();
  private final Map<RecordStream, Set<String>> gaps = new HashMap<>();
  private Optional<Spool> spool = Optional.empty();
  private Optional<Uplink> uplink = Optional.empty();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final ControlPlane plane = new ControlPlane();
  private long epoch;

  SpoolRun(Disk disk) {
    this.disk = disk;
  }

  private static Set<String> of(Map<RecordStream, Set<String>> sets, RecordStream stream) {
    return sets.computeIfAbsent(stream, missing -> new HashSet<>());
  }

  /** Stores at once what it is sent, and says so when it is asked to. */
  private final class ControlPlane implements DeviceLink {
    private final Map<String, Long> throughs = new HashMap<>();
    private State state = State.WAITING;
    private Optional<Listener> listener = Optional.empty();

    @Override
    public void start(Listener to) {
      listener = Optional.of(to);
    }

    void connect() {
      state = State.CONNECTED;
      listener.orElseThrow().connected();
    }

    void tellCommitted() {
      for (RecordStream stream : RecordStream.values()) {
        for (long boot = 1; boot <= epoch; boot++) {
          long through = throughs.getOrDefault(stream + "/" + boot, 0L);
          if (through > 0) {
            listener
                .orElseThrow()
                .received(
                    Topics.device(TENANT, DEVICE, Topics.COMMITTED),
                    ProtocolCodec.encode(List.of(new CommittedRange(stream, boot, through))));
          }
        }
      }
    }

    @Override
    public State state() {
      return state;
    }

    @Override
    public void publish(String topic, byte[] payload) {
      for (RecordStream stream : RecordStream.values()) {
        if (topic.equals(Topics.records(TENANT, DEVICE, stream))) {
          store(stream, payload);
        }
      }
    }

    private void store(RecordStream stream, byte[] payload) {
      RecordBatch batch;
      try {
        batch = RecordBatch.parseFrom(payload);
      } catch (com.google.protobuf.InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
      String origin = stream + "/" + batch.getBootEpoch();
      Set<Long> here = new HashSet<>();
      for (Record record : batch.getRecordsList()) {
        here.add(record.getSequence());
        String name = batch.getBootEpoch() + "/" + record.getSequence();
        of(stored, stream).add(name);
        String label = record.getEvent().getDetail().split(" ")[0];
        if (!label.equals(name)) {
          throw new AssertionError("record " + name + " holds " + label);
        }
      }
      for (RecordBatch.Gap gap : batch.getGapsList()) {
        for (long sequence = gap.getFirst(); sequence <= gap.getLast(); sequence++) {
          here.add(sequence);
          of(gaps, stream).add(batch.getBootEpoch() + "/" + sequence);
        }
      }
      long through = Math.max(throughs.getOrDefault(origin, 0L), batch.getFirstKept() - 1);
      while (here.contains(through + 1)) {
        through++;
      }
      throughs.put(origin, through);
    }

    @Override
    public void close() {
      state = State.CLOSED;
    }
  }

  /** Starts the device, with a boot epoch of its own. */
  void boot() throws IOException {
    epoch++;
    Spool opened =
        Spool.open(
            disk,
            FOLDER,
            SpoolSeal.of(disk, DATA, TENANT, new SplittableRandom(epoch)),
            epoch,
            BYTES_MAX);
    spool = Optional.of(opened);
    plane.state = DeviceLink.State.WAITING;
    Uplink made =
        new Uplink(plane, opened, TENANT, DEVICE, () -> now, document -> {}, this::report);
    made.start();
    uplink = Optional.of(made);
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

  Spool spool() {
    return spool.orElseThrow();
  }

  /** Offers a record; events stand for every kind. */
  void offer(RecordStream stream) {
    long sequence = spool().appended().getOrDefault(stream, 0L) + 1;
    String name = epoch + "/" + sequence;
    if (spool()
        .append(
            stream,
            TelemetryRecords.event(
                Instant.EPOCH, "TEST", name + " " + "x".repeat(PAYLOAD_CHARS), Map.of()))) {
      of(kept, stream).add(name);
    } else {
      refused.merge(stream, 1L, Long::sum);
    }
  }

  void flush() throws IOException {
    Map<RecordStream, Set<String>> before = new HashMap<>();
    kept.forEach((stream, names) -> before.put(stream, new HashSet<>(names)));
    spool().flush();
    before.forEach((stream, names) -> of(forced, stream).addAll(names));
  }

  private void send() {
    plane.connect();
    now = now.plusMillis(10);
    uplink.orElseThrow().tick();
    plane.state = DeviceLink.State.WAITING;
  }

  void sendAndCommit() {
    send();
    plane.tellCommitted();
  }

  /** Sends and frees until nothing waits. */
  void drain() {
    for (int round = 0; round < 100; round++) {
      sendAndCommit();
      if (spool().waiting().values().stream().allMatch(count -> count == 0)) {
        return;
      }
    }
    throw new AssertionError("not drained: " + spool().waiting());
  }

  Set<String> stored(RecordStream stream) {
    return of(stored, stream);
  }

  Set<String> kept(RecordStream stream) {
    return of(kept, stream);
  }

  /** Only what was forced has to be there. */
  void losePower() {
    kept.forEach((stream, names) -> names.retainAll(of(forced, stream)));
  }

  Set<String> gaps(RecordStream stream) {
    return of(gaps, stream);
  }

  /** Records that were refused at once. */
  long refused(RecordStream stream) {
    return refused.getOrDefault(stream, 0L);
  }

  long dropped(RecordStream stream) {
    return spool().dropped().getOrDefault(stream, 0L);
  }

  long damaged(RecordStream stream) {
    return spool().damaged().getOrDefault(stream, 0L);
  }
}
