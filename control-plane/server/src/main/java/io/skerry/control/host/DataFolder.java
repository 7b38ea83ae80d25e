package io.skerry.control.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;

/**
 * The folder that holds everything a control plane keeps; locked while one runs.
 *
 * <pre>
 * server.lock     held by the running server
 * server.json     {url, mqttPort, pid} while it is ready
 * term            the generation term of the last start
 * keys/           signing keys, the CA and the certificates it gave this server, admin.token; mode 0700
 * postgres/       the embedded database
 * broker/         the embedded broker's scratch files
 * blobs/sha256/   artifacts by digest
 * lake/           samples and datasets as Parquet; its file database says whose they are
 * jobs/           job folders
 * imports/        calibration data of models that users brought
 * candidates/     files that packagings tried, for devices to time; old ones are removed
 * uploads/        files of requests that are being answered
 * </pre>
 */
public final class DataFolder implements AutoCloseable {
  /** The folder of files that end with the request that brought them; emptied at every start. */
  public static final String UPLOADS = "uploads";

  private final Path root;
  private final FileChannel lockFile;
  private final FileLock lock;

  private DataFolder(Path root, FileChannel lockFile, FileLock lock) {
    this.root = root;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /**
   * Makes the folder if needed and locks it.
   *
   * @throws StartException if it cannot be written or another server holds it
   */
  public static DataFolder open(Path root) {
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw notWritable(root, e);
    }
    return lock(root);
  }

  private static DataFolder lock(Path root) {
    FileChannel channel;
    try {
      channel =
          FileChannel.open(
              root.resolve("server.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw notWritable(root, e);
    }
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        channel.close();
        throw taken(root);
      }
      return new DataFolder(root, channel, lock);
    } catch (OverlappingFileLockException e) {
      closeQuietly(channel);
      throw taken(root);
    } catch (IOException e) {
      closeQuietly(channel);
      throw notWritable(root, e);
    }
  }

  /** The folder itself. */
  public Path root() {
    return root;
  }

  /** Keys and the admin token; only the server's user may look inside. */
  public Path keys() {
    Path keys = child("keys");
    restrict(keys, "rwx------");
    return keys;
  }

  /** A folder of this name, made if it is not there. */
  public Path child(String name) {
    try {
      return Files.createDirectories(root.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A folder of files that no start needs any more, for the server's user only: those that an
   * earlier one left in it are removed. Folders in it are somebody else's, like the {@code
   * lost+found} of a disk of its own.
   */
  public Path emptied(String name) {
    Path folder = child(name);
    restrict(folder, "rwx------");
    try (Stream<Path> left = Files.list(folder)) {
      for (Path file : left.filter(Files::isRegularFile).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw notWritable(folder, e);
    }
    return folder;
  }

  /** Replaces a file of the folder in one step, readable by the server's user only. */
  public void writePrivately(Path file, String content) {
    writePrivately(file, content.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Replaces a file of the folder in one step, readable by the server's user only; it survives a
   * power cut once this returns.
   */
  public void writePrivately(Path file, byte[] content) {
    try {
      Path part = file.resolveSibling(file.getFileName() + ".part");
      Files.deleteIfExists(part);
      Files.createFile(part);
      restrict(part, "rw-------");
      try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
        ByteBuffer left = ByteBuffer.wrap(content);
        while (left.hasRemaining()) {
          channel.write(left);
        }
        channel.force(true);
      }
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
      try (FileChannel folder =
          FileChannel.open(part.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
        folder.force(true);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void restrict(Path path, String permissions) {
    try {
      if (path.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static StartException notWritable(Path root, IOException cause) {
    return new StartException(
        "data folder %s cannot be written (%s): choose another with --data-dir"
            .formatted(root, reason(cause)),
        cause);
  }

  private static String reason(IOException cause) {
    return switch (cause) {
      case java.nio.file.AccessDeniedException denied -> "access denied";
      case java.nio.file.FileAlreadyExistsException exists -> "a file of that name exists";
      default -> String.valueOf(cause.getMessage());
    };
  }

  private static StartException taken(Path root) {
    return new StartException(
        "another server runs on data folder %s: stop it, or choose another with --data-dir"
            .formatted(root));
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      Files.deleteIfExists(root.resolve("server.json"));
      lock.release();
      lockFile.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
