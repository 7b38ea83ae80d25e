package io.skerry.agent.uplink;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.RecordStream;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records on disk until the control plane has committed them. Each gets its sequence here.
 *
 * <p>Bounded: when it is full, the oldest segment of the least precious stream goes: samples before
 * windows before feedback before events. What was dropped is counted. A record that is damaged on
 * disk is skipped and counted; its neighbours survive. Records of an earlier boot are kept and sent
 * under their own epoch.
 *
 * <p>Thread-safe.
 */
public final class Spool {
  private static final Logger log = LoggerFactory.getLogger(Spool.class);

  /** The largest encoded record: a batch must hold it. */
  static final int RECORD_BYTES_MAX = TelemetryRecords.BATCH_BYTES_MAX - 1024;

  // Bytes that a record costs in a batch besides its own.
  private static final int BATCH_RECORD_OVERHEAD = 8;
  private static final Comparator<SpoolSegment> OLDEST_FIRST =
      Comparator.<SpoolSegment>comparingLong(segment -> segment.epoch)
          .thenComparingLong(SpoolSegment::first);

  private final Path folder;
  private final long bootEpoch;
  private final long bytesMax;
  private final long segmentBytes;
  private final Map<RecordStream, List<SpoolSegment>> segments = new EnumMap<>(RecordStream.class);
  private final Map<RecordStream, Long> nextSequence = new EnumMap<>(RecordStream.class);
  private final Map<RecordStream, Long> dropped = new EnumMap<>(RecordStream.class);
  private final Map<Origin, Long> committed = new HashMap<>();
  private long bytes;
  private long damaged;

  private record Origin(RecordStream stream, long epoch) {
    boolean made(SpoolSegment segment) {
      return segment.stream == stream && segment.epoch == epoch;
    }
  }

  /**
   * A batch of one stream and boot epoch.
   *
   * @param last the highest sequence in it
   */
  record Batch(RecordStream stream, long epoch, long first, long last, RecordBatch message) {}

  private Spool(Path folder, long bootEpoch, long bytesMax) {
    this.folder = folder;
    this.bootEpoch = bootEpoch;
    this.bytesMax = bytesMax;
    this.segmentBytes = Math.max(4096, Math.min(256 * 1024, bytesMax / 16));
  }

  /**
   * Opens a spool and finds what an earlier run left.
   *
   * @param bootEpoch of the records that will be appended; higher than that of any record in it
   * @param bytesMax disk that the records may take
   */
  public static Spool open(Path folder, long bootEpoch, long bytesMax) throws IOException {
    Spool spool = new Spool(folder, bootEpoch, bytesMax);
    for (RecordStream stream : RecordStream.values()) {
      spool.nextSequence.put(stream, 1L);
      spool.dropped.put(stream, 0L);
      spool.segments.put(stream, new ArrayList<>());
      spool.recover(stream);
    }
    return spool;
  }

  private void recover(RecordStream stream) throws IOException {
    Files.createDirectories(folder(stream));
    List<SpoolSegment> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder(stream))) {
      files.forEach(file -> SpoolSegment.existing(stream, file).ifPresent(found::add));
    }
    for (SpoolSegment segment : found) {
      damaged += segment.recover();
      if (segment.records() == 0) {
        segment.delete();
        continue;
      }
      if (segment.epoch >= bootEpoch) {
        throw new IOException(
            "spool %s holds boot epoch %d, this is epoch %d"
                .formatted(folder, segment.epoch, bootEpoch));
      }
      bytes += segment.bytes();
      segments(stream).add(segment);
    }
    segments(stream).sort(OLDEST_FIRST);
    if (damaged > 0) {
      log.atWarn().addKeyValue("stream", stream).addKeyValue("damaged", damaged).log("spool read");
    }
  }

  /**
   * Keeps a record; its sequence is set here.
   *
   * @return whether it was kept; if not, it is counted as dropped
   */
  public synchronized boolean append(RecordStream stream, Record record) {
    long sequence = nextSequence.getOrDefault(stream, 1L);
    byte[] payload = record.toBuilder().setSequence(sequence).build().toByteArray();
    if (payload.length > RECORD_BYTES_MAX || !makeRoom(stream, payload.length)) {
      drop(stream, 1);
      return false;
    }
    try {
      SpoolSegment segment = segmentFor(stream, sequence, payload.length);
      long before = segment.bytes();
      segment.append(sequence, payload);
      bytes += segment.bytes() - before;
      nextSequence.put(stream, sequence + 1);
      return true;
    } catch (IOException e) {
      log.atWarn().addKeyValue("stream", stream).setCause(e).log("record not spooled");
      drop(stream, 1);
      return false;
    }
  }

  private boolean makeRoom(RecordStream wanted, int payload) {
    int needed = payload + SpoolFrame.OVERHEAD_BYTES;
    for (RecordStream stream : RecordStream.values()) {
      List<SpoolSegment> oldest = segments(stream);
      while (bytes + needed > bytesMax && !oldest.isEmpty()) {
        SpoolSegment victim = oldest.getFirst();
        drop(stream, victim.records());
        remove(victim);
      }
      if (stream == wanted) {
        break;
      }
    }
    return bytes + needed <= bytesMax;
  }

  private SpoolSegment segmentFor(RecordStream stream, long sequence, int payload)
      throws IOException {
    List<SpoolSegment> all = segments(stream);
    if (!all.isEmpty()) {
      SpoolSegment open = all.getLast();
      if (open.epoch == bootEpoch && open.bytes() + payload <= segmentBytes) {
        return open;
      }
      open.force();
    }
    SpoolSegment fresh = SpoolSegment.create(folder(stream), stream, bootEpoch, sequence);
    all.add(fresh);
    return fresh;
  }

  /** Forces what was appended to the disk; what came before survives a power cut. */
  public synchronized void flush() throws IOException {
    for (List<SpoolSegment> all : segments.values()) {
      if (!all.isEmpty()) {
        all.getLast().force();
      }
    }
  }

  /** Frees what the control plane has committed. */
  public synchronized void committed(CommittedRange range) {
    Origin origin = new Origin(range.stream(), range.bootEpoch());
    List<SpoolSegment> all = segments(range.stream());
    if (range.bootEpoch() > bootEpoch || all.stream().noneMatch(origin::made)) {
      return;
    }
    committed.merge(origin, range.through(), Math::max);
    for (SpoolSegment segment : List.copyOf(all)) {
      if (segment.epoch == range.bootEpoch() && segment.last() <= range.through()) {
        remove(segment);
      }
    }
  }

  /**
   * The next batch of a stream, oldest boot epoch first.
   *
   * @param after per boot epoch, the highest sequence that need not be sent
   */
  synchronized Optional<Batch> next(RecordStream stream, Map<Long, Long> after) {
    for (SpoolSegment segment : List.copyOf(segments(stream))) {
      long from = after.getOrDefault(segment.epoch, 0L) + 1;
      if (segment.last() < from) {
        continue;
      }
      Optional<Batch> batch = batchFrom(segment, from);
      if (batch.isPresent()) {
        return batch;
      }
    }
    return Optional.empty();
  }

  private Optional<Batch> batchFrom(SpoolSegment segment, long from) {
    byte[] content;
    try {
      content = Files.readAllBytes(segment.file);
    } catch (IOException e) {
      log.atWarn().addKeyValue("segment", segment.file).setCause(e).log("segment unreadable");
      damaged += segment.records();
      remove(segment);
      return Optional.empty();
    }
    RecordBatch.Builder batch = RecordBatch.newBuilder().setBootEpoch(segment.epoch);
    long last = 0;
    int size = 0;
    int whole = 0;
    for (SpoolFrame.Found found : SpoolFrame.scan(content, content.length).records()) {
      whole++;
      int cost = found.payloadBytes() + BATCH_RECORD_OVERHEAD;
      if (found.sequence() < from) {
        continue;
      }
      if (size + cost > TelemetryRecords.BATCH_BYTES_MAX - 64) {
        break;
      }
      try {
        batch.addRecords(Record.parseFrom(found.payload(content)));
        size += cost;
        last = found.sequence();
      } catch (InvalidProtocolBufferException e) {
        damaged++;
      }
    }
    if (batch.getRecordsCount() == 0) {
      // Everything from here on is damaged: the segment can free no more by being sent.
      damaged += Math.max(0, segment.records() - whole);
      remove(segment);
      return Optional.empty();
    }
    if (from == committedThrough(segment) + 1) {
      // Whatever is missing between the last committed record and this one will never come.
      batch.setFirstKept(batch.getRecords(0).getSequence());
    }
    return Optional.of(
        new Batch(
            segment.stream, segment.epoch, batch.getRecords(0).getSequence(), last, batch.build()));
  }

  private long committedThrough(SpoolSegment segment) {
    return committed(segment.stream, segment.epoch);
  }

  /** The highest sequence up to which everything of this stream and epoch is known committed. */
  synchronized long committed(RecordStream stream, long epoch) {
    return committed.getOrDefault(new Origin(stream, epoch), 0L);
  }

  private void remove(SpoolSegment segment) {
    segments(segment.stream).remove(segment);
    bytes -= segment.bytes();
    try {
      segment.delete();
    } catch (IOException e) {
      log.atWarn().addKeyValue("segment", segment.file).setCause(e).log("segment not deleted");
    }
  }

  private void drop(RecordStream stream, long records) {
    dropped.merge(stream, records, Long::sum);
  }

  /** Records dropped since the start, by stream. */
  public synchronized Map<RecordStream, Long> dropped() {
    return Map.copyOf(dropped);
  }

  /** Damaged stretches found since the start. */
  public synchronized long damaged() {
    return damaged;
  }

  /** Records that wait, by stream. */
  public synchronized Map<RecordStream, Long> waiting() {
    Map<RecordStream, Long> waiting = new EnumMap<>(RecordStream.class);
    segments.forEach(
        (stream, all) -> waiting.put(stream, all.stream().mapToLong(SpoolSegment::records).sum()));
    return waiting;
  }

  /** Records appended since the start, by stream. */
  public synchronized Map<RecordStream, Long> appended() {
    Map<RecordStream, Long> appended = new EnumMap<>(RecordStream.class);
    nextSequence.forEach((stream, next) -> appended.put(stream, next - 1));
    return appended;
  }

  /** Bytes on disk. */
  public synchronized long bytes() {
    return bytes;
  }

  private List<SpoolSegment> segments(RecordStream stream) {
    return segments.computeIfAbsent(stream, missing -> new ArrayList<>());
  }

  private Path folder(RecordStream stream) {
    return folder.resolve(stream.wireName());
  }
}
