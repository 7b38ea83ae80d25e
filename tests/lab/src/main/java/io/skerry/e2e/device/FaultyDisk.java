package io.skerry.e2e.device;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import io.skerry.agent.disk.DiskFullException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * This machine's disk, on which every operation that changes something is numbered from 1, and
 * which can fail, or end the process, at any of them. Thread-safe.
 */
final class FaultyDisk implements Disk {
  /** As after SIGKILL: nothing is closed, flushed or told. */
  private static final int KILLED = 137;

  private final Disk real = Disk.local();
  private long operations;
  private long writes;
  private long killAt = Long.MAX_VALUE;
  private boolean killInside;
  private Mode mode = Mode.WELL;

  /** How operations that change something go. */
  enum Mode {
    WELL,
    /** No byte more fits; writing over what is there, renaming and deleting work. */
    FULL,
    /** Nothing can be changed. */
    READ_ONLY,
    /** Half of a write is done, then the device fails. */
    SHORT_WRITE
  }

  private enum Kind {
    WRITE,
    /** Over bytes that are there. */
    REWRITE,
    FORCE,
    NAME
  }

  private interface Change {
    void apply() throws IOException;
  }

  synchronized long operations() {
    return operations;
  }

  synchronized long writes() {
    return writes;
  }

  synchronized void mode(Mode next) {
    mode = next;
  }

  /**
   * Ends the process.
   *
   * @param number counted from now on, from 1
   * @param inside at the write of this number, when half of it is done; else before the operation
   *     of this number
   */
  synchronized void killAt(long number, boolean inside) {
    killAt = (inside ? writes : operations) + number;
    killInside = inside;
  }

  private synchronized void change(Kind kind, Change half, Change whole) throws IOException {
    operations++;
    boolean isWrite = kind == Kind.WRITE || kind == Kind.REWRITE;
    writes += isWrite ? 1 : 0;
    if (killInside ? isWrite && writes == killAt : operations == killAt) {
      if (killInside) {
        half.apply();
      }
      Runtime.getRuntime().halt(KILLED);
    }
    switch (mode) {
      case WELL -> whole.apply();
      case FULL -> {
        if (kind == Kind.WRITE) {
          throw new DiskFullException("the device");
        }
        whole.apply();
      }
      case READ_ONLY -> throw new IOException("read-only file system");
      case SHORT_WRITE -> {
        if (kind != Kind.NAME) {
          half.apply();
          throw new IOException("input/output error");
        }
        whole.apply();
      }
    }
  }

  private void change(Kind kind, Change whole) throws IOException {
    change(kind, () -> {}, whole);
  }

  @Override
  public boolean exists(Path path) {
    return real.exists(path);
  }

  @Override
  public List<Path> list(Path folder) throws IOException {
    return real.list(folder);
  }

  @Override
  public byte[] read(Path file) throws IOException {
    return real.read(file);
  }

  @Override
  public DiskFile open(Path file, Opening opening) throws IOException {
    boolean changes =
        switch (opening) {
          case READ, EXISTING -> false;
          case NEW_PRIVATE, EMPTY -> true;
          case CREATE -> !real.exists(file);
        };
    if (!changes) {
      return new Counted(real.open(file, opening));
    }
    DiskFile[] opened = new DiskFile[1];
    change(Kind.NAME, () -> opened[0] = real.open(file, opening));
    return new Counted(opened[0]);
  }

  @Override
  public void createFolders(Path folder) throws IOException {
    if (!real.exists(folder)) {
      change(Kind.NAME, () -> real.createFolders(folder));
    }
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    change(Kind.NAME, () -> real.move(from, to));
  }

  @Override
  public void delete(Path path) throws IOException {
    change(Kind.NAME, () -> real.delete(path));
  }

  @Override
  public void forceFolder(Path folder) throws IOException {
    change(Kind.NAME, () -> real.forceFolder(folder));
  }

  @Override
  public long usableBytes(Path path) throws IOException {
    synchronized (this) {
      if (mode == Mode.FULL) {
        return 0;
      }
    }
    return real.usableBytes(path);
  }

  private final class Counted implements DiskFile {
    private final DiskFile file;

    Counted(DiskFile file) {
      this.file = file;
    }

    @Override
    public int read(ByteBuffer buffer, long at) throws IOException {
      return file.read(buffer, at);
    }

    @Override
    public void write(ByteBuffer bytes, long at) throws IOException {
      boolean grows = at + bytes.remaining() > file.size();
      change(
          grows ? Kind.WRITE : Kind.REWRITE,
          () -> {
            ByteBuffer half = bytes.duplicate();
            half.limit(half.position() + half.remaining() / 2);
            file.write(half, at);
          },
          () -> file.write(bytes, at));
    }

    @Override
    public void truncate(long size) throws IOException {
      change(Kind.NAME, () -> file.truncate(size));
    }

    @Override
    public void force() throws IOException {
      change(Kind.FORCE, file::force);
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
