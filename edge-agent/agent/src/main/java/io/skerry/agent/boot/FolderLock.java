package io.skerry.agent.boot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * Keeps a data folder to one agent. On a disk that is read-only it only keeps out those that can
 * write, until {@link #hold} succeeds. Thread-safe.
 */
final class FolderLock implements AutoCloseable {
  private final Path file;
  private FileChannel channel;
  private boolean held;
  private boolean closed;

  private FolderLock(Path file, FileChannel channel, boolean held) {
    this.file = file;
    this.channel = channel;
    this.held = held;
  }

  /**
   * Takes a folder.
   *
   * @throws IOException if another agent has it, or there is no lock and none can be made
   */
  static FolderLock of(Path folder) throws IOException {
    Path file = folder.resolve("lock");
    try {
      return new FolderLock(file, locked(file, false), true);
    } catch (TakenException e) {
      throw e;
    } catch (IOException unwritable) {
      try {
        return new FolderLock(file, locked(file, true), false);
      } catch (TakenException e) {
        throw e;
      } catch (IOException e) {
        throw unwritable;
      }
    }
  }

  private static final class TakenException extends IOException {
    private static final long serialVersionUID = 1L;

    TakenException(Path file) {
      super("another agent runs on data folder '%s'".formatted(file.getParent()));
    }
  }

  private static FileChannel locked(Path file, boolean readOnly) throws IOException {
    FileChannel channel =
        readOnly
            ? FileChannel.open(file, StandardOpenOption.READ)
            : FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    Optional<FileLock> lock = Optional.empty();
    try {
      lock = Optional.ofNullable(channel.tryLock(0, Long.MAX_VALUE, readOnly));
    } catch (OverlappingFileLockException e) {
      // Another agent of this process: the same as one of another process.
    } finally {
      if (lock.isEmpty()) {
        channel.close();
      }
    }
    if (lock.isEmpty()) {
      throw new TakenException(file);
    }
    return channel;
  }

  /**
   * Keeps everybody else out from now on.
   *
   * @throws IOException if the disk is still read-only, another agent was faster, or this lock was
   *     closed
   */
  synchronized void hold() throws IOException {
    if (closed) {
      throw new IOException(
          "data folder '%s' was given up: the agent is closed".formatted(file.getParent()));
    }
    if (held) {
      return;
    }
    // Only one lock of a process can lie on a file.
    channel.close();
    boolean taken = false;
    try {
      channel = locked(file, false);
      held = true;
      taken = true;
    } finally {
      if (!taken) {
        channel = locked(file, true);
      }
    }
  }

  /** Gives the folder up for good; does nothing more then. */
  @Override
  public synchronized void close() {
    closed = true;
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
