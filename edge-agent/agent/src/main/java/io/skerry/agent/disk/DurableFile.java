package io.skerry.agent.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A small file that survives a crash at any point of a write: written beside, forced to disk, read
 * back, and moved into place. The content before it is kept as {@code <name>.before}; from the
 * second write on there is never a moment without one of the two, whichever renames a power cut
 * undoes.
 *
 * <pre>
 * "skerry1 " + 8 hex digits of the content's CRC32C + "\n"
 * content
 * </pre>
 */
public final class DurableFile {
  private static final Logger log = LoggerFactory.getLogger(DurableFile.class);
  private static final String MAGIC = "skerry1 ";
  private static final int HEADER_BYTES = MAGIC.length() + 8 + 1;

  private DurableFile() {}

  /**
   * Replaces the content; when this returns, it survives a power cut.
   *
   * @throws IOException if it does not; either content may be read from then on
   */
  public static void write(Disk disk, Path file, byte[] content) throws IOException {
    write(disk, file, content, Disk.Opening.EMPTY);
  }

  /** The same of a secret: only the owner of the process may read the file. */
  public static void writePrivate(Disk disk, Path file, byte[] content) throws IOException {
    write(disk, file, content, Disk.Opening.NEW_PRIVATE);
  }

  private static void write(Disk disk, Path file, byte[] content, Disk.Opening opening)
      throws IOException {
    if (disk.exists(file)) {
      byte[] current = disk.read(file);
      // A damaged file must not push out the good one before it.
      if (content(current).isPresent()) {
        replace(disk, beside(file, ".before"), current, opening);
      }
    }
    replace(disk, file, framed(content), opening);
  }

  private static void replace(Disk disk, Path file, byte[] whole, Disk.Opening opening)
      throws IOException {
    Path part = beside(file, ".part");
    if (opening == Disk.Opening.NEW_PRIVATE) {
      disk.delete(part);
    }
    try (DiskFile out = disk.open(part, opening)) {
      out.write(ByteBuffer.wrap(whole), 0);
      out.force();
    }
    if (!Arrays.equals(disk.read(part), whole)) {
      throw new IOException("file %s reads other than it was written".formatted(part));
    }
    disk.move(part, file);
    disk.forceFolder(folderOf(file));
  }

  /**
   * The content; the one before it when the file is missing or damaged; empty when there never was
   * one.
   *
   * @throws DamagedFileException if neither can be used, although one is there
   * @throws IOException if they cannot be read
   */
  public static Optional<byte[]> read(Disk disk, Path file) throws IOException {
    boolean any = false;
    for (Path candidate : List.of(file, beside(file, ".before"))) {
      if (!disk.exists(candidate)) {
        continue;
      }
      any = true;
      Optional<byte[]> content = content(disk.read(candidate));
      if (content.isPresent()) {
        return content;
      }
      log.atError().addKeyValue("file", candidate).log("file damaged");
    }
    if (any) {
      throw new DamagedFileException(
          "file %s is damaged, and so is the one before it".formatted(file));
    }
    return Optional.empty();
  }

  private static Path folderOf(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    return folder == null ? file.toAbsolutePath() : folder;
  }

  private static byte[] framed(byte[] content) {
    byte[] header =
        (MAGIC + HexFormat.of().toHexDigits(checksum(content)) + "\n")
            .getBytes(StandardCharsets.US_ASCII);
    byte[] whole = Arrays.copyOf(header, header.length + content.length);
    System.arraycopy(content, 0, whole, header.length, content.length);
    return whole;
  }

  private static Optional<byte[]> content(byte[] whole) {
    if (whole.length < HEADER_BYTES) {
      return Optional.empty();
    }
    byte[] content = Arrays.copyOfRange(whole, HEADER_BYTES, whole.length);
    return Arrays.equals(framed(content), whole) ? Optional.of(content) : Optional.empty();
  }

  private static int checksum(byte[] content) {
    CRC32C crc = new CRC32C();
    crc.update(content);
    return (int) crc.getValue();
  }

  private static Path beside(Path file, String ending) {
    return file.resolveSibling(file.getFileName() + ending);
  }
}
