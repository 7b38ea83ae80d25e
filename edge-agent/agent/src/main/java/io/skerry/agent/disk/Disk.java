package io.skerry.agent.disk;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Files and folders of one device. A file's name that was created, moved or deleted survives a
 * power cut once its folder was forced; content, once its file was forced. Thread-safe.
 *
 * <p>Running out of room is a {@link DiskFullException}, every other failure an {@link
 * IOException}.
 */
public interface Disk {
  /** The disk of this machine. */
  static Disk local() {
    return LocalDisk.INSTANCE;
  }

  /** What an opened file may have been before. */
  enum Opening {
    /** It must exist, and cannot be written: works on a disk that is read-only. */
    READ,
    /** It must exist. */
    EXISTING,
    /** It must not exist; readable by its owner only. */
    NEW_PRIVATE,
    /** Made when it does not exist, kept when it does. */
    CREATE,
    /** Made when it does not exist, emptied when it does. */
    EMPTY
  }

  /** Whether there is a file or folder of this name. */
  boolean exists(Path path);

  /** What lies in a folder, in the order of names; nothing when there is no such folder. */
  List<Path> list(Path folder) throws IOException;

  /**
   * The whole content.
   *
   * @throws java.nio.file.NoSuchFileException if there is no such file
   */
  byte[] read(Path file) throws IOException;

  /** Opens for reading and, unless told otherwise, writing. */
  DiskFile open(Path file, Opening opening) throws IOException;

  /** Makes a folder and those above it, unless they exist; what it made survives a power cut. */
  void createFolders(Path folder) throws IOException;

  /** Renames within one file system, in one step; what had the new name is gone. */
  void move(Path from, Path to) throws IOException;

  /** Deletes a file or an empty folder, if it exists. */
  void delete(Path path) throws IOException;

  /** Returns once the names in this folder survive a power cut. */
  void forceFolder(Path folder) throws IOException;

  /** Bytes that can still be written where this file or folder is or will be. */
  long usableBytes(Path path) throws IOException;
}
