package io.skerry.agent.update;

import io.skerry.agent.disk.Disk;
import io.skerry.artifact.BlobSource;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Blobs on this device, named by the hex digits of their digest; {@code .part} while they arrive.
 */
final class BlobFolder implements BlobSource {
  private final Path folder;

  BlobFolder(Path folder) throws IOException {
    this.folder = folder;
    Files.createDirectories(folder);
  }

  Path file(Digest digest) {
    return folder.resolve(digest.hex());
  }

  Path part(Digest digest) {
    return folder.resolve(digest.hex() + ".part");
  }

  /** Returns once the names of blobs survive a power cut. */
  void forceNames() throws IOException {
    Disk.local().forceFolder(folder);
  }

  boolean has(Digest digest) {
    return Files.isRegularFile(file(digest));
  }

  @Override
  public InputStream open(Digest digest) throws IOException {
    return Files.newInputStream(file(digest));
  }

  void delete(Digest digest) throws IOException {
    Files.deleteIfExists(file(digest));
    Files.deleteIfExists(part(digest));
  }

  /** Deletes every other blob. */
  void keepOnly(Set<Digest> wanted) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        String name = String.valueOf(file.getFileName());
        String hex = name.endsWith(".part") ? name.substring(0, name.length() - 5) : name;
        if (wanted.stream().noneMatch(digest -> digest.hex().equals(hex))) {
          Files.deleteIfExists(file);
        }
      }
    }
  }
}
