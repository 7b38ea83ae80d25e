package io.skerry.agent.uplink;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.agent.disk.Disk;
import io.skerry.protocol.RecordStream;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of a spool and what they take of the disk. Not thread-safe. */
final class SpoolShelf {
  private static final Logger log = LoggerFactory.getLogger(SpoolShelf.class);
  private static final Comparator<SpoolSegment> OLDEST_FIRST =
      Comparator.<SpoolSegment>comparingLong(segment -> segment.epoch)
          .thenComparingLong(segment -> segment.first);

  private final Disk disk;
  private final Path folder;
  private final SpoolSeal seal;
  private final Map<RecordStream, List<SpoolSegment>> segments = new EnumMap<>(RecordStream.class);
  // Files that are of no use any more but could not be deleted yet, and their sizes.
  private final Map<Path, Long> leftovers = new LinkedHashMap<>();
  private long bytes;

  SpoolShelf(Disk disk, Path folder, SpoolSeal seal) {
    this.seal = seal;
    this.disk = disk;
    this.folder = folder;
    for (RecordStream stream : RecordStream.values()) {
      segments.put(stream, new ArrayList<>());
    }
  }

  /** The highest boot epoch of any record in a spool; 0 when there is none. */
  static long newestEpoch(Disk disk, Path folder) throws IOException {
    long newest = 0;
    for (RecordStream stream : RecordStream.values()) {
      for (SpoolSegment segment : existing(disk, folder.resolve(stream.wireName()), stream)) {
        newest = Math.max(newest, segment.epoch);
      }
    }
    return newest;
  }

  private static List<SpoolSegment> existing(Disk disk, Path folder, RecordStream stream)
      throws IOException {
    List<SpoolSegment> found = new ArrayList<>();
    for (Path path : disk.list(folder)) {
      SpoolSegment.existing(disk, folder, stream, String.valueOf(path.getFileName()))
          .ifPresent(found::add);
    }
    found.sort(OLDEST_FIRST);
    return found;
  }

  /**
   * Finds what an earlier run left of a stream.
   *
   * @param floor what is at or below it is gone
   * @param bootEpoch of this run
   * @return the segments that hold records
   * @throws IOException if they cannot be read, or hold records of this boot epoch or a later one
   */
  List<SpoolSegment> recover(RecordStream stream, SpoolAccount.Floor floor, long bootEpoch)
      throws IOException {
    List<SpoolSegment> found = existing(disk, folder(stream), stream);
    for (int i = 0; i < found.size(); i++) {
      SpoolSegment segment = found.get(i);
      if (segment.epoch >= bootEpoch) {
        throw new IOException(
            "spool %s holds boot epoch %d, this is epoch %d"
                .formatted(folder, segment.epoch, bootEpoch));
      }
      if (floor.covers(segment.epoch, segment.first)) {
        leftovers.put(segment.file, 0L);
        continue;
      }
      boolean last = i + 1 == found.size() || found.get(i + 1).epoch != segment.epoch;
      segment.recover(last ? OptionalLong.empty() : OptionalLong.of(found.get(i + 1).first));
      if (segment.last() < segment.first) {
        leftovers.put(segment.file, segment.bytes());
      } else {
        segments(stream).add(segment);
      }
      bytes += segment.bytes();
    }
    return List.copyOf(segments(stream));
  }

  /** A stream's segments, oldest first. */
  List<SpoolSegment> segments(RecordStream stream) {
    return segments.computeIfAbsent(stream, missing -> new ArrayList<>());
  }

  /** Every segment. */
  List<SpoolSegment> all() {
    List<SpoolSegment> all = new ArrayList<>();
    segments.values().forEach(all::addAll);
    return all;
  }

  Path folder(RecordStream stream) {
    return folder.resolve(stream.wireName());
  }

  /** Bytes on disk. */
  long bytes() {
    return bytes;
  }

  /** Files on disk. */
  int files() {
    int files = leftovers.size();
    for (List<SpoolSegment> some : segments.values()) {
      files += some.size();
    }
    return files;
  }

  /** Writes a record to the end of a segment, which may be a new one. */
  void append(SpoolSegment open, long sequence, byte[] record) throws IOException {
    long before = open.bytes();
    open.append(sequence, seal.seal(open.stream, open.epoch, sequence, record));
    bytes += open.bytes() - before;
    List<SpoolSegment> all = segments(open.stream);
    if (all.isEmpty() || all.getLast() != open) {
      all.add(open);
    }
  }

  /** Takes a segment out and deletes its file, at the latest when the disk allows it. */
  void remove(SpoolSegment segment) {
    segments(segment.stream).remove(segment);
    leftovers.put(segment.file, segment.bytes());
    deleteLeftovers();
  }

  void deleteLeftovers() {
    if (leftovers.isEmpty()) {
      return;
    }
    leftovers
        .entrySet()
        .removeIf(
            leftover -> {
              try {
                disk.delete(leftover.getKey());
                bytes -= leftover.getValue();
                return true;
              } catch (IOException e) {
                log.atDebug()
                    .addKeyValue("segment", leftover.getKey())
                    .setCause(e)
                    .log("segment not deleted yet");
                return false;
              }
            });
  }

  /** A segment's records; from now on all of them are damaged when the file cannot be read. */
  Map<Long, byte[]> records(SpoolSegment segment) {
    try {
      return segment.read(seal);
    } catch (IOException e) {
      log.atWarn().addKeyValue("segment", segment.file).setCause(e).log("segment unreadable");
      segment.giveUp();
      return Map.of();
    }
  }

  /** The windows that were kept after one of an epoch, those of later epochs too. */
  List<Record> windowsAfter(long epoch, long sequence) {
    List<Record> windows = new ArrayList<>();
    for (SpoolSegment segment : segments(RecordStream.WINDOWS)) {
      long after = segment.epoch == epoch ? sequence : 0;
      if (segment.epoch >= epoch && segment.last() > after) {
        records(segment).entrySet().stream()
            .filter(record -> record.getKey() > after)
            .flatMap(record -> parsed(record.getValue()).stream())
            .forEach(windows::add);
      }
    }
    return windows;
  }

  /** When the first of a segment's records above a sequence was made. */
  Optional<Instant> madeAt(SpoolSegment segment, long above) {
    return records(segment).entrySet().stream()
        .filter(record -> record.getKey() > above)
        .min(Map.Entry.comparingByKey())
        .flatMap(record -> madeAt(record.getValue()));
  }

  private static Optional<Instant> madeAt(byte[] record) {
    return parsed(record).map(parsed -> Instant.ofEpochMilli(parsed.getAtMillis()));
  }

  private static Optional<Record> parsed(byte[] record) {
    try {
      return Optional.of(Record.parseFrom(record));
    } catch (InvalidProtocolBufferException e) {
      // Counted as damaged when it is to be sent.
      return Optional.empty();
    }
  }
}
