package io.skerry.agent.identity;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/** The machine's disk until its n-th change; from then on nothing changes any more. */
final class StoppingDisk implements Disk {
  private final Disk disk = Disk.local();
  private int changesLeft;
  private boolean stopped;

  StoppingDisk(int changes) {
    this.changesLeft = changes;
  }

  /** Whether a change was refused. */
  synchronized boolean stopped() {
    return stopped;
  }

  private synchronized void change() throws IOException {
    if (changesLeft == 0) {
      stopped = true;
      throw new IOException("stopped here");
    }
    changesLeft--;
  }

  @Override
  public boolean exists(Path path) {
    return disk.exists(path);
  }

  @Override
  public List<Path> list(Path folder) throws IOException {
    return disk.list(folder);
  }

  @Override
  public byte[] read(Path file) throws IOException {
    return disk.read(file);
  }

  @Override
  public DiskFile open(Path file, Opening opening) throws IOException {
    change();
    return new StoppingFile(disk.open(file, opening));
  }

  @Override
  public void createFolders(Path folder) throws IOException {
    change();
    disk.createFolders(folder);
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    change();
    disk.move(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    change();
    disk.delete(path);
  }

  @Override
  public void forceFolder(Path folder) throws IOException {
    change();
    disk.forceFolder(folder);
  }

  @Override
  public long usableBytes(Path path) throws IOException {
    return disk.usableBytes(path);
  }

  private final class StoppingFile implements DiskFile {
    private final DiskFile file;

    StoppingFile(DiskFile file) {
      this.file = file;
    }

    @Override
    public int read(ByteBuffer buffer, long at) throws IOException {
      return file.read(buffer, at);
    }

    @Override
    public void write(ByteBuffer bytes, long at) throws IOException {
      try {
        change();
      } catch (IOException e) {
        // Half of it reached the disk.
        file.write(bytes.slice(bytes.position(), bytes.remaining() / 2), at);
        throw e;
      }
      file.write(bytes, at);
    }

    @Override
    public void truncate(long size) throws IOException {
      change();
      file.truncate(size);
    }

    @Override
    public void force() throws IOException {
      change();
      file.force();
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
