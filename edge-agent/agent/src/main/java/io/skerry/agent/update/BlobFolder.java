package io.skerry.agent.update;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import io.skerry.artifact.BlobSource;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Set;

/**
 * Blobs on this device, named by the hex digits of their digest; {@code .part} while they arrive.
 */
final class BlobFolder implements BlobSource {
  private static final String PART = ".part";

  private final Disk disk;
  private final Path folder;

  BlobFolder(Disk disk, Path folder) {
    this.disk = disk;
    this.folder = folder;
  }

  Path file(Digest digest) {
    return folder.resolve(digest.hex());
  }

  private Path part(Digest digest) {
    return folder.resolve(digest.hex() + PART);
  }

  boolean has(Digest digest) {
    return disk.exists(file(digest));
  }

  /** What arrived of a blob so far, to be read and written. */
  DiskFile openPart(Digest digest) throws IOException {
    disk.createFolders(folder);
    return disk.open(part(digest), Disk.Opening.CREATE);
  }

  /** Bytes that arrived of a blob, whatever they are; 0 when none did. */
  long partBytes(Digest digest) throws IOException {
    if (!disk.exists(part(digest))) {
      return 0;
    }
    try (DiskFile file = disk.open(part(digest), Disk.Opening.READ)) {
      return file.size();
    }
  }

  /** Makes what arrived the blob; it was forced to disk before. */
  void complete(Digest digest) throws IOException {
    disk.move(part(digest), file(digest));
    disk.forceFolder(folder);
  }

  /** Bytes that can still be written here. */
  long usableBytes() throws IOException {
    return disk.usableBytes(folder);
  }

  @Override
  public InputStream open(Digest digest) throws IOException {
    return new FileStream(disk.open(file(digest), Disk.Opening.READ));
  }

  void delete(Digest digest) throws IOException {
    disk.delete(file(digest));
    disk.delete(part(digest));
  }

  /** Deletes every other blob. */
  void keepOnly(Set<Digest> wanted) throws IOException {
    for (Path file : disk.list(folder)) {
      String name = String.valueOf(file.getFileName());
      String hex = name.endsWith(PART) ? name.substring(0, name.length() - PART.length()) : name;
      if (wanted.stream().noneMatch(digest -> digest.hex().equals(hex))) {
        disk.delete(file);
      }
    }
  }

  /** Reads a file from its start. */
  private static final class FileStream extends InputStream {
    private final DiskFile file;
    private long position;

    FileStream(DiskFile file) {
      this.file = file;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      int read = file.read(ByteBuffer.wrap(bytes, offset, length), position);
      position += read;
      return read == 0 ? -1 : read;
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
