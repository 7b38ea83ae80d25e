package io.skerry.simulator.spool;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.uplink.Spool;
import io.skerry.protocol.RecordStream;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A device with a spool and a control plane that stores every record once: what was offered, kept,
 * forced, stored, dropped and damaged, over any number of restarts.
 */
final class SpoolRun {
  private static final long BYTES_MAX = 16 * 1024;
  private static final int PAYLOAD_CHARS = 400;

  private final SpoolDevice device;
  private final Map<String, Long> throughs = new HashMap<>();
  private final Map<RecordStream, Long> refused = new HashMap<>();
  private final Map<RecordStream, Set<String>> kept = new HashMap<>();
  private final Map<RecordStream, Set<String>> forced = new HashMap<>();
  private final Map<RecordStream, Set<String>> stored = new HashMap<>();
  private final Map<RecordStream, Set<String>> gaps = new HashMap<>();
  private Optional<Spool> spool = Optional.empty();

  SpoolRun(Disk disk) {
    this.device = new SpoolDevice(disk, BYTES_MAX, this::store);
  }

  private static Set<String> of(Map<RecordStream, Set<String>> sets, RecordStream stream) {
    return sets.computeIfAbsent(stream, missing -> new HashSet<>());
  }

  private void store(RecordStream stream, RecordBatch batch) {
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

  /** Starts the device, with a boot epoch of its own. */
  void boot() throws IOException {
    spool = Optional.of(device.boot());
  }

  Spool spool() {
    return spool.orElseThrow();
  }

  /** Offers a record; events stand for every kind. */
  void offer(RecordStream stream) {
    long sequence = spool().appended().getOrDefault(stream, 0L) + 1;
    String name = device.epoch() + "/" + sequence;
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

  void sendAndCommit() {
    device.send();
    for (RecordStream stream : RecordStream.values()) {
      for (long boot = 1; boot <= device.epoch(); boot++) {
        long through = throughs.getOrDefault(stream + "/" + boot, 0L);
        if (through > 0) {
          device.committed(stream, boot, through);
        }
      }
    }
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
