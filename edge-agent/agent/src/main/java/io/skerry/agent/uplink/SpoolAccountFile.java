package io.skerry.agent.uplink;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Where a spool's account stands: twice in one file of fixed size, so that it can be written on a
 * full disk, and so that one copy is whole after a crash at any point and after a flipped bit. Two
 * more places, used in turn, take notes that are not forced: they survive the process, not the
 * power. Each copy, big-endian:
 *
 * <pre>
 * 0   8  generation: the higher one counts
 * 8   4  length of the account
 * 12  4  CRC32C of bytes 0 to 12 and of the account
 * 16  n  the account
 * </pre>
 *
 * <p>Not thread-safe.
 */
final class SpoolAccountFile {
  static final int COPY_BYTES = 48 * 1024;
  static final int COPIES = 2;
  static final int NOTES = 2;

  /** What it takes of the disk. */
  static final int FILE_BYTES = (COPIES + NOTES) * COPY_BYTES;

  private static final int HEADER_BYTES = 16;

  private final Disk disk;
  private final Path folder;
  private final Path file;
  private long generation;
  private int newest;
  private boolean made;
  private long length;
  private int noted;

  SpoolAccountFile(Disk disk, Path folder) {
    this.disk = disk;
    this.folder = folder;
    this.file = folder.resolve("account");
  }

  private record Copy(long generation, SpoolAccount account) {}

  /** The account as last saved; empty when there is none or both copies are damaged. */
  Optional<SpoolAccount> load() throws IOException {
    byte[] content;
    try {
      content = disk.read(file);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    length = content.length;
    made = length >= FILE_BYTES;
    Optional<Copy> found = Optional.empty();
    for (int copy = 0; copy < COPIES + NOTES; copy++) {
      Optional<Copy> read = copy(content, copy * COPY_BYTES);
      if (read.isPresent() && read.get().generation() > generation) {
        generation = read.get().generation();
        found = read;
        newest = copy < COPIES ? copy : newest;
      }
    }
    return found.map(Copy::account);
  }

  private static Optional<Copy> copy(byte[] content, int at) {
    if (content.length < at + HEADER_BYTES) {
      return Optional.empty();
    }
    ByteBuffer bytes = ByteBuffer.wrap(content);
    long generation = bytes.getLong(at);
    int length = bytes.getInt(at + 8);
    if (length < 0
        || length > Math.min(COPY_BYTES, content.length - at) - HEADER_BYTES
        || bytes.getInt(at + 12) != checksum(content, at, length)) {
      return Optional.empty();
    }
    return Optional.of(
        new Copy(generation, SpoolAccount.decode(bytes.slice(at + HEADER_BYTES, length))));
  }

  /**
   * Saves an account; it survives a power cut when this returns.
   *
   * @throws IOException if it may not have been saved: then either this or the one before counts
   */
  void save(SpoolAccount account) throws IOException {
    byte[] copy = copy(account);
    try (DiskFile opened = disk.open(file, Disk.Opening.CREATE)) {
      if (!made) {
        // What an earlier version wrote stays.
        opened.write(ByteBuffer.allocate((int) (FILE_BYTES - length)), length);
        opened.force();
        disk.forceFolder(folder);
        made = true;
      }
      generation++;
      // The other one first: it may be half written, and the newest must stand until it is whole.
      for (int written = 0; written < COPIES; written++) {
        int other = COPIES - 1 - newest;
        opened.write(ByteBuffer.wrap(copy), (long) other * COPY_BYTES);
        opened.force();
        newest = other;
      }
    }
  }

  /**
   * Writes an account into its place without forcing it: it counts after a kill of the process, and
   * perhaps after a power cut.
   *
   * @throws IOException if it was not written, or there is no place for it yet
   */
  void note(SpoolAccount account) throws IOException {
    if (!made) {
      throw new IOException("account %s is not made yet".formatted(file));
    }
    byte[] copy = copy(account);
    try (DiskFile opened = disk.open(file, Disk.Opening.EXISTING)) {
      opened.write(ByteBuffer.wrap(copy), (long) (COPIES + noted) * COPY_BYTES);
    }
    generation++;
    noted = NOTES - 1 - noted;
  }

  /** A copy of the next generation. */
  private byte[] copy(SpoolAccount account) {
    byte[] encoded = account.encode();
    byte[] copy = new byte[HEADER_BYTES + encoded.length];
    ByteBuffer header = ByteBuffer.wrap(copy);
    header.putLong(generation + 1).putInt(encoded.length);
    System.arraycopy(encoded, 0, copy, HEADER_BYTES, encoded.length);
    header.putInt(checksum(copy, 0, encoded.length));
    return copy;
  }

  private static int checksum(byte[] bytes, int at, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, at, 12);
    crc.update(bytes, at + HEADER_BYTES, length);
    return (int) crc.getValue();
  }
}
