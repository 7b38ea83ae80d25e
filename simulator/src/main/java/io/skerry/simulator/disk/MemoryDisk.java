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
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A disk in memory that can be stopped, filled and damaged at any operation.
 *
 * <p>Every operation that changes something is numbered from 1, so that a test can run a scenario
 * once, read {@link #operations()}, and then stop the machine at each of them. A name survives a
 * power cut when its folder was forced after it changed; content, when its file was forced; folders
 * survive at once. Thread-safe.
 */
public final class MemoryDisk implements Disk {
  // Smaller files are of one device alone.
  private static final int SHARED_BYTES_MIN = 1024;

  private final long capacity;
  private final Map<Path, Folder> folders = new HashMap<>();
  private long operations;
  private long life;
  private boolean stopped;
  private final PagePool pool;
  private Optional<PlannedStop> plannedStop = Optional.empty();
  private Optional<PlannedFailure> plannedFailure = Optional.empty();

  private record PlannedStop(long operation, Stop stop) {}

  private record PlannedFailure(long from, Failure failure) {}

  /** Files by their whole path: now, and what a power cut would leave. */
  private static final class Folder {
    private final Map<Path, MemoryFile> files = new HashMap<>(4);
    private Map<Path, MemoryFile> durable = Map.of();
  }

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
    this(capacity, new PagePool());
  }

  /** Makes an empty disk that never fills. */
  public MemoryDisk() {
    this(Long.MAX_VALUE);
  }

  /** The same; what is large and equal to what others in the pool hold takes no room of its own. */
  public MemoryDisk(PagePool pool) {
    this(Long.MAX_VALUE, pool);
  }

  private MemoryDisk(long capacity, PagePool pool) {
    this.capacity = capacity;
    this.pool = pool;
  }

  /** A disk of its own that holds what this one does, and what a power cut would leave of it. */
  public synchronized MemoryDisk copy() {
    MemoryDisk copy = new MemoryDisk(capacity, pool);
    copy.operations = operations;
    copy.life = life;
    copy.stopped = stopped;
    copy.plannedStop = plannedStop;
    copy.plannedFailure = plannedFailure;
    IdentityHashMap<MemoryFile, MemoryFile> files = new IdentityHashMap<>();
    folders.forEach(
        (path, folder) -> {
          Folder same = new Folder();
          folder.files.forEach((name, file) -> same.files.put(name, copied(file, files)));
          Map<Path, MemoryFile> durable = new HashMap<>();
          folder.durable.forEach((name, file) -> durable.put(name, copied(file, files)));
          same.durable = durable;
          copy.folders.put(path, same);
        });
    return copy;
  }

  private static MemoryFile copied(
      MemoryFile file, IdentityHashMap<MemoryFile, MemoryFile> copies) {
    return copies.computeIfAbsent(file, MemoryFile::copy);
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

  /**
   * The machine stops now, at something else than its disk: whoever was in it goes no further.
   *
   * @throws MachineStopped always
   */
  public synchronized void stopNow() {
    stopped = true;
    throw new MachineStopped("something else than its disk");
  }

  /** The machine goes on, unless it was stopped already. */
  public synchronized void stopNoMore() {
    plannedStop = Optional.empty();
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
    for (Path at : folders.keySet().stream().sorted().toList()) {
      Folder folder = Objects.requireNonNull(folders.get(at));
      Map<Path, MemoryFile> left = new HashMap<>(folder.durable);
      if (seed != 0) {
        Set<Path> names = new TreeSet<>(folder.files.keySet());
        names.addAll(folder.durable.keySet());
        for (Path name : names) {
          // A changed name that was not forced is there or is not.
          MemoryFile now = folder.files.get(name);
          if (now != folder.durable.get(name) && random.nextBoolean()) {
            if (now == null) {
              left.remove(name);
            } else {
              left.put(name, now);
            }
          }
        }
      }
      folder.files.clear();
      folder.files.putAll(left);
      folder.durable = left;
    }
    Set<MemoryFile> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Path file : everyFile()) {
      MemoryFile content = file(file);
      if (content != null && seen.add(content)) {
        content.losePower(random, seed == 0);
      }
    }
  }

  private @Nullable MemoryFile file(Path path) {
    return file(pool.place(path));
  }

  private @Nullable MemoryFile file(PagePool.Place place) {
    Folder folder = folders.get(place.folder());
    return folder == null ? null : folder.files.get(place.key());
  }

  /** Damages a file: bit 0 is the lowest of its first byte. */
  public synchronized void flipBit(Path file, long bit) throws IOException {
    found(file).flipBit(bit);
  }

  /** Every file, in the order of names. */
  public synchronized List<Path> everyFile() {
    return folders.values().stream()
        .flatMap(folder -> folder.files.keySet().stream())
        .sorted()
        .toList();
  }

  /** Bytes of all files. */
  public synchronized long usedBytes() {
    long used = 0;
    for (Folder folder : folders.values()) {
      for (MemoryFile file : folder.files.values()) {
        used += file.size();
      }
    }
    return used;
  }

  @Override
  public synchronized boolean exists(Path path) {
    checkRunning("exists", path);
    Path key = key(path);
    return file(key) != null || folders.containsKey(key);
  }

  @Override
  public synchronized List<Path> list(Path folder) {
    checkRunning("list", folder);
    Path wanted = key(folder);
    Folder content = folders.get(wanted);
    if (content == null) {
      return List.of();
    }
    List<Path> found = new ArrayList<>(content.files.keySet());
    for (Path other : folders.keySet()) {
      if (wanted.equals(other.getParent())) {
        found.add(other);
      }
    }
    Collections.sort(found);
    found.replaceAll(path -> folder.resolve(path.getFileName()));
    return found;
  }

  @Override
  public synchronized byte[] read(Path file) throws IOException {
    checkRunning("read", file);
    MemoryFile found = found(file);
    checkReadable(file);
    return found.content();
  }

  private MemoryFile found(Path path) throws IOException {
    MemoryFile file = file(path);
    if (file == null) {
      throw new NoSuchFileException(key(path).toString());
    }
    return file;
  }

  @Override
  public synchronized DiskFile open(Path path, Opening opening) throws IOException {
    checkRunning("open", path);
    PagePool.Place place = pool.place(path);
    MemoryFile file = file(place);
    if (file != null && opening == Opening.NEW_PRIVATE) {
      throw new FileAlreadyExistsException(path.toString());
    }
    if (file == null) {
      if (opening == Opening.EXISTING || opening == Opening.READ) {
        throw new NoSuchFileException(path.toString());
      }
      Folder folder = folderOf(path);
      MemoryFile made = new MemoryFile();
      change("create", path, Kind.GROW, () -> folder.files.put(pool.shared(place.key()), made));
      return new Handle(path, made);
    }
    if (opening == Opening.EMPTY && file.size() > 0) {
      change("empty", path, Kind.NAME, () -> file.truncate(0));
    }
    return new Handle(path, file);
  }

  private Folder folderOf(Path path) throws IOException {
    Path parent = pool.place(path).folder();
    Folder folder = folders.get(parent);
    if (folder == null) {
      throw new NoSuchFileException(String.valueOf(parent));
    }
    return folder;
  }

  @Override
  public synchronized void createFolders(Path folder) throws IOException {
    checkRunning("create", folder);
    if (folders.containsKey(key(folder))) {
      return;
    }
    change(
        "create",
        folder,
        Kind.GROW,
        () -> {
          for (Path at = key(folder); at != null; at = at.getParent()) {
            folders.computeIfAbsent(pool.shared(at), missing -> new Folder());
          }
        });
  }

  @Override
  public synchronized void move(Path from, Path to) throws IOException {
    MemoryFile file = found(from);
    Folder source = folderOf(from);
    Folder target = folderOf(to);
    change(
        "move",
        from,
        Kind.NAME,
        () -> {
          source.files.remove(key(from));
          target.files.put(pool.shared(key(to)), file);
          if (file.size() >= SHARED_BYTES_MIN) {
            file.share(pool);
          }
        });
  }

  @Override
  public synchronized void delete(Path path) throws IOException {
    Path key = key(path);
    boolean folder = folders.containsKey(key);
    if (folder && !list(path).isEmpty()) {
      throw new DirectoryNotEmptyException(path.toString());
    }
    if (folder || file(key) != null) {
      change(
          "delete",
          path,
          Kind.NAME,
          () -> {
            if (folder) {
              folders.remove(key);
            } else {
              folderOf(key).files.remove(key);
            }
          });
    }
  }

  @Override
  public synchronized void forceFolder(Path folder) throws IOException {
    Path key = key(folder);
    Folder content = folders.get(key);
    if (content == null) {
      throw new NoSuchFileException(folder.toString());
    }
    change("force", folder, Kind.FORCE, () -> content.durable = Map.copyOf(content.files));
  }

  @Override
  public synchronized long usableBytes(Path path) {
    checkRunning("measure", path);
    return failing().equals(Optional.of(Failure.FULL)) ? 0 : room();
  }

  private long room() {
    return capacity == Long.MAX_VALUE ? Long.MAX_VALUE : Math.max(0, capacity - usedBytes());
  }

  private Path key(Path path) {
    return pool.place(path).key();
  }

  private void checkRunning(String operation, Path path) {
    if (stopped) {
      throw new MachineStopped(operation + " " + path);
    }
  }

  private void checkReadable(Path path) throws IOException {
    if (failing().equals(Optional.of(Failure.UNREADABLE))) {
      throw new IOException("read " + path + ": Input/output error");
    }
  }

  private Optional<Failure> failing() {
    return plannedFailure.filter(plan -> plan.from() <= operations).map(PlannedFailure::failure);
  }

  private void change(String operation, Path path, Kind kind, Change whole) throws IOException {
    change(operation, path, kind, whole, () -> {});
  }

  private void change(String operation, Path path, Kind kind, Change whole, Change half)
      throws IOException {
    change(operation, path, kind, whole, half, half);
  }

  private void change(
      String operation, Path path, Kind kind, Change whole, Change half, Change failed)
      throws IOException {
    checkRunning(operation, path);
    operations++;
    Optional<Stop> stop =
        plannedStop.filter(plan -> plan.operation() == operations).map(PlannedStop::stop);
    if (stop.isPresent() && stop.get() != Stop.AFTER) {
      if (stop.get() == Stop.INSIDE) {
        half.apply();
      }
      stopped = true;
      throw new MachineStopped(operation + " " + path);
    }
    if (failing().isPresent()) {
      fail(failing().get(), operation + " " + path, kind, failed);
    }
    whole.apply();
    if (stop.isPresent()) {
      stopped = true;
      throw new MachineStopped(operation + " " + path);
    }
  }

  private static void fail(Failure failure, String name, Kind kind, Change failed)
      throws IOException {
    switch (failure) {
      case FULL -> {
        if (kind == Kind.GROW) {
          failed.apply();
          throw new DiskFullException(name);
        }
      }
      case READ_ONLY -> throw new IOException(name + ": Read-only file system");
      case SHORT_WRITE -> {
        if (kind != Kind.NAME) {
          failed.apply();
          throw new IOException(name + ": Input/output error");
        }
      }
      case UNREADABLE -> {}
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
      checkRunning(operation, path);
      if (openedInLife != life) {
        throw new IOException(operation + " " + path + ": opened before the machine was restarted");
      }
    }

    @Override
    public int read(ByteBuffer buffer, long at) throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("read");
        checkReadable(path);
        byte[] bytes = new byte[buffer.remaining()];
        int count = file.read(bytes, at);
        buffer.put(bytes, 0, count);
        return count;
      }
    }

    @Override
    public void write(ByteBuffer buffer, long at) throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("write");
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        Change half = () -> file.write(Arrays.copyOf(bytes, bytes.length / 2), at);
        long growth = Math.max(0, at + bytes.length - file.size());
        long room = room();
        if (growth > room) {
          // As much as fits is written.
          int fits = (int) Math.max(0, bytes.length - (growth - room));
          Change some = () -> file.write(Arrays.copyOf(bytes, fits), at);
          change(
              "write",
              path,
              Kind.GROW,
              () -> fail(Failure.FULL, "write " + path, Kind.GROW, some),
              some);
        } else {
          Kind kind = growth > 0 ? Kind.GROW : Kind.OVERWRITE;
          change("write", path, kind, () -> file.write(bytes, at), half);
        }
      }
    }

    @Override
    public void truncate(long size) throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("truncate");
        if (size < file.size()) {
          change("truncate", path, Kind.NAME, () -> file.truncate(size));
        }
      }
    }

    @Override
    public void force() throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("force");
        change("force", path, Kind.FORCE, file::force, () -> {}, file::forceFails);
      }
    }

    @Override
    public long size() throws IOException {
      synchronized (MemoryDisk.this) {
        checkOpen("measure");
        return file.size();
      }
    }

    @Override
    public void close() {}
  }
}
