package io.skerry.agent.uplink;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import io.skerry.protocol.RecordStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file of consecutive records of one stream and boot epoch, named {@code epoch-first.seg}.
 * Sequences between the first and the last that the file does not hold are damaged.
 */
final class SpoolSegment {
  private static final Pattern NAME = Pattern.compile("(\\d{1,18})-(\\d{1,18})\\.seg");

  final RecordStream stream;
  final long epoch;
  final long first;
  final Path file;
  private final Disk disk;
  private final Path folder;
  private final TreeSet<Long> damaged = new TreeSet<>();
  private int unopened;
  private long last;
  private long bytes;
  private boolean named;
  private boolean unforced;
  // Bytes that are on the disk, whatever the system says of later ones once it failed to force
  // them.
  private long forced;
  private boolean forceFailed;
  private boolean tailDirty;

  private SpoolSegment(
      Disk disk, Path folder, RecordStream stream, long epoch, long first, String name) {
    this.disk = disk;
    this.folder = folder;
    this.stream = stream;
    this.epoch = epoch;
    this.first = first;
    this.last = first - 1;
    this.file = folder.resolve(name);
  }

  /** A segment without records, which makes its file when it gets the first one. */
  static SpoolSegment create(Disk disk, Path folder, RecordStream stream, long epoch, long first) {
    SpoolSegment fresh =
        new SpoolSegment(disk, folder, stream, epoch, first, epoch + "-" + first + ".seg");
    fresh.tailDirty = true;
    return fresh;
  }

  /** A segment left by an earlier run; empty when the file is none. */
  static Optional<SpoolSegment> existing(Disk disk, Path folder, RecordStream stream, String file) {
    Matcher name = NAME.matcher(file);
    if (!name.matches()) {
      return Optional.empty();
    }
    SpoolSegment left =
        new SpoolSegment(
            disk,
            folder,
            stream,
            Long.parseLong(name.group(1)),
            Long.parseLong(name.group(2)),
            file);
    left.named = true;
    return Optional.of(left);
  }

  /**
   * Reads the file to learn what it holds.
   *
   * @param next the first sequence of the segment behind it, of the same epoch
   */
  void recover(OptionalLong next) throws IOException {
    byte[] content = disk.read(file);
    bytes = content.length;
    forced = bytes;
    SpoolFrame.Scan scan = SpoolFrame.scan(content, content.length);
    if (!scan.records().isEmpty()) {
      last = scan.records().getLast().sequence();
    }
    if (scan.damagedTail().isPresent()) {
      int end = scan.records().isEmpty() ? 0 : scan.records().getLast().end();
      long most = last + (bytes - end) / SpoolFrame.OVERHEAD_BYTES;
      // Where more are missing than the tail had room for, whole segments are gone.
      boolean upToNext = next.isPresent() && next.getAsLong() - 1 <= most;
      last =
          upToNext
              ? next.getAsLong() - 1
              : Math.max(last + 1, Math.min(most, scan.damagedTail().getAsLong()));
    }
    compare(scan);
  }

  /** Reads the records; those that it cannot find or open are damaged from now on. */
  Map<Long, byte[]> read(SpoolSeal seal) throws IOException {
    byte[] content = disk.read(file);
    SpoolFrame.Scan scan = SpoolFrame.scan(content, (int) Math.min(content.length, bytes));
    compare(scan);
    Map<Long, byte[]> records = new HashMap<>();
    unopened = 0;
    for (SpoolFrame.Found found : scan.records()) {
      byte[] payload = found.payload(content);
      if (!found.sealed()) {
        records.put(found.sequence(), payload);
        continue;
      }
      Optional<byte[]> opened = seal.open(stream, epoch, found.sequence(), payload);
      opened.ifPresent(record -> records.put(found.sequence(), record));
      if (opened.isEmpty()) {
        damaged.add(found.sequence());
        unopened++;
      }
    }
    return records;
  }

  /** Records that are whole on disk but were sealed with another key, as of the last read. */
  int unopened() {
    return unopened;
  }

  private void compare(SpoolFrame.Scan scan) {
    TreeSet<Long> absent = new TreeSet<>();
    for (long sequence = first; sequence <= last; sequence++) {
      absent.add(sequence);
    }
    scan.records().forEach(found -> absent.remove(found.sequence()));
    damaged.addAll(absent);
  }

  /** The file cannot be read at all. */
  void giveUp() {
    for (long sequence = first; sequence <= last; sequence++) {
      damaged.add(sequence);
    }
  }

  void damaged(long sequence) {
    damaged.add(sequence);
  }

  boolean isDamaged(long sequence) {
    return damaged.contains(sequence);
  }

  int damaged() {
    return damaged.size();
  }

  /** When this fails nothing of the record stands in the file, or will be taken for one. */
  void append(long sequence, byte[] sealed) throws IOException {
    ByteBuffer frame = SpoolFrame.encode(sequence, sealed);
    int length = frame.remaining();
    try (DiskFile opened = disk.open(file, Disk.Opening.CREATE)) {
      if (tailDirty) {
        opened.truncate(bytes);
        tailDirty = false;
      }
      try {
        opened.write(frame, bytes);
      } catch (IOException e) {
        tailDirty = true;
        throw e;
      }
    }
    bytes += length;
    last = sequence;
    unforced = true;
  }

  void force() throws IOException {
    if (unforced) {
      try (DiskFile opened = disk.open(file, Disk.Opening.EXISTING)) {
        if (forceFailed) {
          writeAgain(opened);
        }
        forceFailed = true;
        opened.force();
        forceFailed = false;
      }
      forced = bytes;
      if (!named) {
        disk.forceFolder(folder);
        named = true;
      }
      unforced = false;
    }
  }

  // A system that could not write it once calls it clean: to be forced it has to be written again.
  private void writeAgain(DiskFile opened) throws IOException {
    ByteBuffer content = ByteBuffer.allocate((int) (bytes - forced));
    opened.read(content, forced);
    opened.write(content.flip(), forced);
  }

  void delete() throws IOException {
    disk.delete(file);
  }

  long last() {
    return last;
  }

  long bytes() {
    return bytes;
  }

  /** Whole records above a sequence. */
  long recordsAbove(long sequence) {
    long from = Math.max(first, sequence + 1);
    return Math.max(0, last - from + 1) - damaged.tailSet(from).size();
  }
}
