package io.skerry.agent.uplink;

import io.skerry.protocol.RecordStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One file of consecutive records of one stream and boot epoch, named {@code epoch-first.seg}. */
final class SpoolSegment {
  private static final Pattern NAME = Pattern.compile("(\\d{1,19})-(\\d{1,19})\\.seg");

  final RecordStream stream;
  final long epoch;
  final Path file;
  private long first;
  private long last;
  private long bytes;
  private int records;
  private boolean unforced;

  private SpoolSegment(RecordStream stream, long epoch, long first, Path file) {
    this.stream = stream;
    this.epoch = epoch;
    this.first = first;
    this.last = first - 1;
    this.file = file;
  }

  static SpoolSegment create(Path folder, RecordStream stream, long epoch, long first) {
    return new SpoolSegment(stream, epoch, first, folder.resolve(epoch + "-" + first + ".seg"));
  }

  /** A segment left by an earlier run; empty when the file is none. */
  static Optional<SpoolSegment> existing(RecordStream stream, Path file) {
    Matcher name = NAME.matcher(String.valueOf(file.getFileName()));
    if (!name.matches()) {
      return Optional.empty();
    }
    return Optional.of(
        new SpoolSegment(
            stream, Long.parseLong(name.group(1)), Long.parseLong(name.group(2)), file));
  }

  /** Reads the file to learn what it holds; returns damaged stretches. */
  int recover() throws IOException {
    byte[] content = Files.readAllBytes(file);
    SpoolFrame.Scan scan = SpoolFrame.scan(content, content.length);
    List<SpoolFrame.Found> found = scan.records();
    bytes = content.length;
    records = found.size();
    if (records > 0) {
      first = found.getFirst().sequence();
      last = found.getLast().sequence();
    }
    return scan.damaged();
  }

  void append(long sequence, byte[] payload) throws IOException {
    ByteBuffer frame = SpoolFrame.encode(sequence, payload);
    int length = frame.remaining();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      try {
        long position = bytes;
        while (frame.hasRemaining()) {
          position += channel.write(frame, position);
        }
      } catch (IOException e) {
        // Half a record must not stand before the next one.
        channel.truncate(bytes);
        throw e;
      }
    }
    bytes += length;
    last = sequence;
    records++;
    unforced = true;
  }

  void force() throws IOException {
    if (unforced) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.force(false);
      }
      unforced = false;
    }
  }

  /** The records from a sequence on that the file really holds. */
  List<SpoolFrame.Found> read(byte[] content) {
    return SpoolFrame.scan(content, content.length).records();
  }

  void delete() throws IOException {
    Files.deleteIfExists(file);
  }

  long first() {
    return first;
  }

  long last() {
    return last;
  }

  long bytes() {
    return bytes;
  }

  int records() {
    return records;
  }
}
