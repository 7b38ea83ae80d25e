package io.skerry.agent.uplink;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import io.skerry.protocol.RecordStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is counted and no record yet, in two files that are written in turn, so that one of them is
 * whole after a crash at any point. They are written over and never shrink: a full disk that held
 * them before holds them again. Each, big-endian:
 *
 * <pre>
 * 0   8  generation: the higher one counts
 * 8   8  boot epoch that wrote it
 * 16  8  sequence of the last window record of this epoch before it; 0 when there was none
 * 24  4  length of the sealed content
 * 28  4  CRC32C of bytes 0 to 28 and of the sealed content
 * 32  n  the content, sealed as record -generation of the windows
 * </pre>
 *
 * <p>Not thread-safe.
 */
final class SpoolCheckpoint {
  /** The largest content. */
  static final int CONTENT_BYTES_MAX = 256 * 1024;

  private static final Logger log = LoggerFactory.getLogger(SpoolCheckpoint.class);
  private static final int HEADER_BYTES = 32;
  private static final int SUMMED_BYTES = 28;
  private static final int FILES = 2;

  /** What both files take of the disk at most. */
  static final int FILES_BYTES_MAX =
      FILES * (HEADER_BYTES + SpoolSeal.OVERHEAD_BYTES + CONTENT_BYTES_MAX);

  // No sequence: what is written next goes to both files.
  private static final long UNKNOWN = -1;

  private final Disk disk;
  private final Path folder;
  private final List<Path> files;
  private final SpoolSeal seal;
  private long generation;
  private long writtenAfter = UNKNOWN;
  // The last record of this run that no file holds anything of.
  private long superseded;
  private int named;

  /** A checkpoint of a boot epoch, behind its window record {@code after}; sealed in its file. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Found(long generation, long epoch, long after, byte[] content) {}

  SpoolCheckpoint(Disk disk, Path folder, SpoolSeal seal) {
    this.disk = disk;
    this.folder = folder;
    this.files =
        IntStream.range(0, FILES)
            .mapToObj(number -> folder.resolve("open-windows-" + number))
            .toList();
    this.seal = seal;
  }

  /**
   * The newest that is whole, if it opens; one that is torn, damaged or cannot be read is told, and
   * the one before it counts.
   */
  Optional<Found> load() {
    Optional<Found> newest = Optional.empty();
    for (int number = 0; number < FILES; number++) {
      Optional<Found> found = read(files.get(number));
      if (found.isPresent() && found.get().generation() > generation) {
        generation = found.get().generation();
        newest = found;
      }
    }
    return newest.flatMap(this::opened);
  }

  private Optional<Found> read(Path file) {
    byte[] whole;
    try {
      whole = disk.read(file);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      log.atWarn()
          .addKeyValue("file", file)
          .setCause(e)
          .log("checkpoint of open windows cannot be read, dropped");
      return Optional.empty();
    }
    Optional<Found> found = decode(whole);
    if (found.isEmpty()) {
      log.atWarn()
          .addKeyValue("file", file)
          .log("checkpoint of open windows torn or damaged, dropped");
    }
    return found;
  }

  private Optional<Found> opened(Found found) {
    Optional<byte[]> content =
        seal.open(RecordStream.WINDOWS, found.epoch(), -found.generation(), found.content());
    if (content.isEmpty()) {
      log.atWarn()
          .addKeyValue("epoch", found.epoch())
          .log("checkpoint of open windows was sealed with another key, dropped");
    }
    return content.map(plain -> new Found(found.generation(), found.epoch(), found.after(), plain));
  }

  /** What a file holds; empty unless all of it is there as it was written. */
  static Optional<Found> decode(byte[] whole) {
    if (whole.length < HEADER_BYTES) {
      return Optional.empty();
    }
    ByteBuffer bytes = ByteBuffer.wrap(whole);
    int length = bytes.getInt(24);
    if (length < 0
        || length > whole.length - HEADER_BYTES
        || bytes.getInt(SUMMED_BYTES) != checksum(whole, length)) {
      return Optional.empty();
    }
    return Optional.of(
        new Found(
            bytes.getLong(0),
            bytes.getLong(8),
            bytes.getLong(16),
            Arrays.copyOfRange(whole, HEADER_BYTES, HEADER_BYTES + length)));
  }

  /** The bytes of a file. */
  static byte[] encode(Found checkpoint) {
    byte[] sealed = checkpoint.content();
    byte[] whole = new byte[HEADER_BYTES + sealed.length];
    ByteBuffer header = ByteBuffer.wrap(whole);
    header
        .putLong(checkpoint.generation())
        .putLong(checkpoint.epoch())
        .putLong(checkpoint.after())
        .putInt(sealed.length);
    System.arraycopy(sealed, 0, whole, HEADER_BYTES, sealed.length);
    header.putInt(checksum(whole, sealed.length));
    return whole;
  }

  private static int checksum(byte[] whole, int length) {
    CRC32C crc = new CRC32C();
    crc.update(whole, 0, SUMMED_BYTES);
    crc.update(whole, HEADER_BYTES, length);
    return (int) crc.getValue();
  }

  /**
   * Writes; it survives a power cut when this returns.
   *
   * @param after sequence of the last window record: what it counts is not in here any more
   * @throws IOException if it was not written: then this or the one before counts, or, where that
   *     holds windows that are records meanwhile, none if that can be had
   */
  void write(long epoch, long after, byte[] content) throws IOException {
    boolean isFirst = after != writtenAfter;
    long before = generation;
    try {
      writeNext(epoch, after, content);
      if (isFirst) {
        // No file may be left that still holds what the record counts.
        writtenAfter = UNKNOWN;
        writeNext(epoch, after, content);
        writtenAfter = after;
        superseded = after;
      }
    } catch (IOException e) {
      if (after != superseded) {
        writtenAfter = UNKNOWN;
        deleteAllBut(generation > before ? generation : UNKNOWN, after);
      }
      throw e;
    }
  }

  private void writeNext(long epoch, long after, byte[] content) throws IOException {
    long next = generation + 1;
    byte[] sealed = seal.seal(RecordStream.WINDOWS, epoch, -next, content);
    try (DiskFile opened = disk.open(files.get((int) (next % FILES)), Disk.Opening.CREATE)) {
      opened.write(ByteBuffer.wrap(encode(new Found(next, epoch, after, sealed))), 0);
      opened.force();
    }
    generation = next;
    if (named < FILES) {
      disk.forceFolder(folder);
      named++;
    }
  }

  private void deleteAllBut(long whole, long after) {
    named = 0;
    try {
      for (int number = 0; number < FILES; number++) {
        if (number != whole % FILES) {
          disk.delete(files.get(number));
        }
      }
      superseded = after;
    } catch (IOException e) {
      log.atDebug()
          .addKeyValue("spool", folder)
          .setCause(e)
          .log("checkpoint of open windows not deleted yet");
    }
  }
}
