package io.skerry.contract;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import io.skerry.simulator.disk.MemoryDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Remembers what a disk was asked, and what of it a power cut must leave: files whose name and
 * content were forced, and nothing of the others.
 */
final class RecordingDisk implements Disk {
  private final MemoryDisk disk;
  private final Path root;
  private final List<String> asked = new ArrayList<>();
  private final Map<Path, Inode> names = new HashMap<>();
  private final Map<Path, Map<Path, Inode>> forcedNames = new HashMap<>();

  private static final class Inode {
    private byte[] forced = {};
  }

  /** Below a folder that is there. */
  RecordingDisk(MemoryDisk disk, Path root) {
    this.disk = disk;
    this.root = root;
  }

  List<String> asked() {
    return List.copyOf(asked);
  }

  /** Files after a power cut, and their bytes. */
  Map<Path, byte[]> left() {
    Map<Path, byte[]> left = new TreeMap<>();
    forcedNames
        .values()
        .forEach(folder -> folder.forEach((name, inode) -> left.put(name, inode.forced)));
    return left;
  }

  static void note(List<String> asked, String call) {
    if (!call.startsWith("write ") || asked.isEmpty() || !asked.getLast().equals(call)) {
      asked.add(call);
    }
  }

  /** A name as the contract tells it. */
  static String below(Path root, Path path) {
    return path.equals(root) ? "." : root.relativize(path).toString();
  }

  private void note(String call, Path path) {
    note(asked, call + " " + below(root, path));
  }

  @Override
  public boolean exists(Path path) {
    return disk.exists(path);
  }

  @Override
  public List<Path> list(Path folder) {
    return disk.list(folder);
  }

  @Override
  public byte[] read(Path file) throws IOException {
    return disk.read(file);
  }

  @Override
  public DiskFile open(Path file, Opening opening) throws IOException {
    DiskFile opened = disk.open(file, opening);
    return new Recorded(opened, file, names.computeIfAbsent(file, made -> new Inode()));
  }

  @Override
  public void createFolders(Path folder) throws IOException {
    List<Path> missing = new ArrayList<>();
    for (Path at = folder; at != null && !disk.exists(at); at = at.getParent()) {
      missing.addFirst(at);
    }
    disk.createFolders(folder);
    for (Path made : missing) {
      note("folder", made);
      note("force", made.resolve("..").normalize());
    }
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    disk.move(from, to);
    note(asked, "move %s %s".formatted(below(root, from), below(root, to)));
    Inode moved = names.remove(from);
    if (moved != null) {
      names.put(to, moved);
    }
  }

  @Override
  public void delete(Path path) throws IOException {
    boolean there = disk.exists(path);
    disk.delete(path);
    if (there) {
      note("delete", path);
      names.remove(path);
    }
  }

  @Override
  public void forceFolder(Path folder) throws IOException {
    disk.forceFolder(folder);
    note("force", folder);
    Map<Path, Inode> now = new HashMap<>(names);
    now.keySet().removeIf(name -> !folder.equals(name.getParent()));
    forcedNames.put(folder, now);
  }

  @Override
  public long usableBytes(Path path) {
    return disk.usableBytes(path);
  }

  private final class Recorded implements DiskFile {
    private final DiskFile file;
    private final Path name;
    private final Inode inode;

    Recorded(DiskFile file, Path name, Inode inode) {
      this.file = file;
      this.name = name;
      this.inode = inode;
    }

    @Override
    public int read(ByteBuffer buffer, long at) throws IOException {
      return file.read(buffer, at);
    }

    @Override
    public void write(ByteBuffer bytes, long at) throws IOException {
      file.write(bytes, at);
      note("write", name);
    }

    @Override
    public void truncate(long size) throws IOException {
      if (size < file.size()) {
        file.truncate(size);
        note("cut", name);
      }
    }

    @Override
    public void force() throws IOException {
      file.force();
      note("force", name);
      byte[] content = new byte[(int) file.size()];
      file.read(ByteBuffer.wrap(content), 0);
      inode.forced = content;
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
