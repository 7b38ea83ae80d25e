package io.skerry.simulator.disk;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.DiskFile;
import io.skerry.agent.disk.DiskFullException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * A disk in memory that can be stopped, filled and damaged at any operation.
 *
 * <p>Every operation that changes something is numbered from 1, so that a test can run a scenario
 * once, read {@link #operations()}, and then stop the machine at each of them. A name survives a
 * power cut when its folder was forced after it changed; content, when its file was forced; folders
 * survive at once. Thread-safe.
 */
public final class MemoryDisk implements Disk {
  private final long capacity;
  private final Map<Path, MemoryFile> files = new TreeMap<>();
  private final Set<Path> folders = new HashSet<>();
  private Map<Path, MemoryFile> durableFiles = new TreeMap<>();
  private long operations;
  private long life;
  private boolean stopped;
  private Optional<PlannedStop> plannedStop = Optional.empty();
  private Optional<PlannedFailure> plannedFailure = Optional.empty();

  private record PlannedStop(long operation, Stop stop) {}

  private record PlannedFailure(long from, Failure failure) {}

  private enum Kind {
    /** Needs room. */
    GROW,
    OVERWRITE,
    FORCE,
    /** Changes names or cuts off. */
    NAME
  }

  private interface Change {
    void apply() throws IOException;
  }

  /** Makes an empty disk on which this many bytes of content fit. */
  public MemoryDisk(long capacity) {
    this.capacity = capacity;
  }

  /** Makes an empty disk that never fills. */
  public MemoryDisk() {
    this(Long.MAX_VALUE);
  }

  /** Operations that changed something, or tried to. */
  public synchronized long operations() {
    return operations;
  }

  /**
   * Stops the machine at an operation; every operation from then on is a {@link MachineStopped}.
   */
  public synchronized void stopAt(long operation, Stop stop) {
    plannedStop = Optional.of(new PlannedStop(operation, stop));
  }

  /** Lets every operation from this one on fail, until {@link #heal}. */
  public synchronized void failFrom(long operation, Failure failure) {
    plannedFailure = Optional.of(new PlannedFailure(operation, failure));
  }

  /** Ends what {@link #failFrom} began. */
  public synchronized void heal() {
    plannedFailure = Optional.empty();
  }

  /** Whether the planned stop happened. */
  public synchronized boolean isStopped() {
    return stopped;
  }

  /** Starts the machine again, after a planned stop or at any time; open files are gone. */
  public synchronized void restart(Loss loss) {
    stopped = false;
    plannedStop = Optional.empty();
    life++;
    if (loss instanceof Loss.PowerCut(long seed)) {
      losePower(seed);
    }
  }

  private void losePower(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Map<Path, MemoryFile> left = new TreeMap<>(durableFiles);
    if (seed != 0) {
      Set<Path> names = new HashSet<>(files.keySet());
      names.addAll(durableFiles.keySet());
      for (Path name : names.stream().sorted().toList()) {
        // A changed name that was not forced is there or is not.
        if (files.get(name) != durableFiles.get(name) && random.nextBoolean()) {
          MemoryFile now = files.get(name);
          if (now == null) {
            left.remove(name);
          } else {
            left.put(name, now);
          }
        }
      }
    }
    files.clear();
    files.putAll(left);
    durableFiles = new TreeMap<>(left);
    new HashSet<>(files.values()).forEach(file -> file.losePower(random, seed == 0));
  }

  /** Damages a file: bit 0 is the lowest of its first byte. */
  public synchronized void flipBit(Path file, long bit) throws IOException {
    found(key(file)).flipBit(bit);
  }

  /** Every file, in the order of names. */
  public synchronized List<Path> everyFile() {
    return List.copyOf(files.keySet());
  }

  /** Bytes of all files. */
  public synchronized long usedBytes() {
    return files.values().stream().mapToLong(MemoryFile::size).sum();
  }

  @Override
  public synchronized boolean exists(Path path) {
    checkRunning("exists " + path);
    return files.containsKey(key(path)) || folders.contains(key(path));
  }

  @Override
  public synchronized List<Path> list(Path folder) {
    checkRunning("list " + folder);
    List<Path> found = new ArrayList<>();
    Path wanted = key(folder);
    files.keySet().stream().filter(path -> wanted.equals(path.getParent())).forEach(found::add);
    folders.stream().filter(path -> wanted.equals(path.getParent())).forEach(found::add);
    return found.stream().sorted().map(path -> folder.resolve(path.getFileName())).toList();
  }

  @Override
  public synchronized byte[] read(Path file) throws IOException {
    checkRunning("read " + file);
    return found(key(file)).content();
  }

  private MemoryFile found(Path key) throws IOException {
    MemoryFile file = files.get(key);
    if (file == null) {
      throw new NoSuchFileException(key.toString());
    }
    return file;
  }

  @Override
  public synchronized DiskFile open(Path path, Opening opening) throws IOException {
    checkRunning("open " + path);
    Path key = key(path);
    MemoryFile file = files.get(key);
    if (file != null && opening == Opening.NEW_PRIVATE) {
      throw new FileAlreadyExistsException(path.toString());
    }
    if (file == null) {
      if (opening == Opening.EXISTING || opening == Opening.READ) {
        throw new NoSuchFileException(path.toString());
      }
      requireFolderOf(key);
      MemoryFile made = new MemoryFile();
      change("create " + path, Kind.GROW, () -> files.put(key, made));
      return new Handle(path, made);
    }
    if (opening == Opening.EMPTY && file.size() > 0) {
      change("empty " + path, Kind.NAME, () -> file.truncate(0));
    }
    return new Handle(path, file);
  }

  private void requireFolderOf(Path key) throws IOException {
    Path folder = key.getParent();
    if (folder != null && !folders.contains(folder)) {
      throw new NoSuchFileException(folder.toString());
    }
  }

  @Override
  public synchronized void createFolders(Path folder) throws IOException {
    checkRunning("create " + folder);
    if (folders.contains(key(folder))) {
      return;
    }
    change(
        "create " + folder,
        Kind.GROW,
        () -> {
          for (Path at = key(folder); at != null; at = at.getParent()) {
            folders.add(at);
          }
        });
  }

  @Override
  public synchronized void move(Path from, Path to) throws IOException {
    MemoryFile file = found(key(from));
    requireFolderOf(key(to));
    change(
        "move " + from + " to " + to,
        Kind.NAME,
        () -> {
          files.remove(key(from));
          files.put(key(to), file);
        });
  }

  @Override
  public synchronized void delete(Path path) throws IOException {
    Path key = key(path);
    boolean folder = folders.contains(key);
    if (folder && !list(path).isEmpty()) {
      throw new DirectoryNotEmptyException(path.toString());
    }
    if (folder || files.containsKey(key)) {
      change(
          "delete " + path,
          Kind.NAME,
          () -> {
            files.remove(key);
            folders.remove(key);
          });
    }
  }

  @Override
  public synchronized void forceFolder(Path folder) throws IOException {
    Path key = key(folder);
    if (!folders.contains(key)) {
      throw new NoSuchFileException(folder.toString());
    }
    change(
        "force " + folder,
        Kind.FORCE,
        () -> {
          durableFiles.keySet().removeIf(path -> key.equals(path.getParent()));
          files.forEach(
              (path, file) -> {
                if (key.equals(path.getParent())) {
                  durableFiles.put(path, file);
                }
              });
        });
  }

  @Override
  public synchronized long usableBytes(Path path) {
    checkRunning("measure " + path);
    return failing().equals(Optional.of(Failure.FULL)) ? 0 : Math.max(0, capacity - usedBytes());
  }

  private static Path key(Path path) {
    return path.toAbsolutePath().normalize();
  }

  private void checkRunning(String operation) {
    if (stopped) {
      throw new MachineStopped(operation);
    }
  }

  private Optional<Failure> failing() {
    return plannedFailure.filter(plan -> plan.from() <= operations).map(PlannedFailure::failure);
  }

  private void change(String name, Kind kind, Change whole) throws IOException {
    change(name, kind, whole, () -> {});
  }

  private void change(String name, Kind kind, Change whole, Change half) throws IOException {
    checkRunning(name);
    operations++;
    Optional<Stop> stop =
        plannedStop.filter(plan -> plan.operation() == operations).map(PlannedStop::stop);
    if (stop.isPresent() && stop.get() != Stop.AFTER) {
      if (stop.get() == Stop.INSIDE) {
        half.apply();
      }
      stopped = true;
      throw new MachineStopped(name);
    }
    if (failing().isPresent()) {
      fail(failing().get(), name, kind, half);
    }
    whole.apply();
    if (stop.isPresent()) {
      stopped = true;
      throw new MachineStopped(name);
    }
  }

  private static void fail(Failure failure, String name, Kind kind, Change half)
      throws IOException {
    switch (failure) {
      case FULL -> {
        if (kind == Kind.GROW) {
          half.apply();
          throw new DiskFullException(name);
        }
      }
      case READ_ONLY -> throw new IOException(name + ": Read-only file system");
      case SHORT_WRITE -> {
        if (kind != Kind.NAME) {
          half.apply();
          throw new IOException(name + ": Input/output error");
        }
      }
    }
  }

  private final class Handle implements DiskFile {
    private final Path path;
    private final MemoryFile file;
    private final long openedInLife;

    Handle(Path path, MemoryFile file) {
      this.path = path;
      this.file = file;
      this.openedInLife = life;
    }

    private void checkOpen(String operation) throws IOException {
      checkRunning(operation);
      if (openedInLife != life) {
        throw new IOException(operation + ": opened before the machine was restarted");
      }
    }

    @Override
    public int read(ByteBuffer buffer, long at) throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("read " + path);
        byte[] bytes = new byte[buffer.remaining()];
        int count = file.read(bytes, at);
        buffer.put(bytes, 0, count);
        return count;
      }
    }

    @Override
    public void write(ByteBuffer buffer, long at) throws IOException {
      synchronized (MemoryDisk.this) {
        String operation = "write " + path;
        checkOpen(operation);
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        Change half = () -> file.write(Arrays.copyOf(bytes, bytes.length / 2), at);
        long growth = Math.max(0, at + bytes.length - file.size());
        long room = capacity - usedBytes();
        if (growth > room) {
          // As much as fits is written.
          int fits = (int) Math.max(0, bytes.length - (growth - room));
          Change some = () -> file.write(Arrays.copyOf(bytes, fits), at);
          change(operation, Kind.GROW, () -> fail(Failure.FULL, operation, Kind.GROW, some), some);
        } else {
          Kind kind = growth > 0 ? Kind.GROW : Kind.OVERWRITE;
          change(operation, kind, () -> file.write(bytes, at), half);
        }
      }
    }

    @Override
    public void truncate(long size) throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("truncate " + path);
        if (size < file.size()) {
          change("truncate " + path, Kind.NAME, () -> file.truncate(size));
        }
      }
    }

    @Override
    public void force() throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("force " + path);
        change("force " + path, Kind.FORCE, file::force);
      }
    }

    @Override
    public long size() throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("measure " + path);
        return file.size();
      }
    }

    @Override
    public void close() {}
  }
}
