package io.skerry.control.packaging;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.CandidateFile;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files of all candidates of the profiles that this machine cannot time, for devices to time: under
 * {@code DATA/candidates/<model>@<version>/<profile>/}, each profile's as its newest packaging made
 * them. They are made again by any packaging, so what is old or too much is removed. Thread-safe.
 */
@Singleton
final class KeptCandidates {
  /** Of all profiles of all versions; the oldest are removed. */
  static final long BYTES_MAX = 4L << 30;

  /** Of one packaging. */
  static final long OF_PACKAGING_BYTES_MAX = 1L << 30;

  static final Duration AGE_MAX = Duration.ofDays(30);

  private static final Logger log = LoggerFactory.getLogger(KeptCandidates.class);
  private static final Duration LOOK_EVERY = Duration.ofHours(1);

  private final Path root;
  private final Clock clock;
  private final long bytesMax;
  private final Disk disk;
  private volatile @Nullable Loop loop;

  @Inject
  KeptCandidates(DataFolder data) {
    this(
        data.child("candidates"),
        Clock.systemUTC(),
        BYTES_MAX,
        folder -> Files.getFileStore(folder).getUsableSpace());
  }

  KeptCandidates(Path root, Clock clock, long bytesMax, Disk disk) {
    this.root = root;
    this.clock = clock;
    this.bytesMax = bytesMax;
    this.disk = disk;
  }

  /** The disk of a folder. */
  interface Disk {
    /** Bytes that can still be written. */
    long usable(Path folder) throws IOException;
  }

  /** A file that can be read to its end, whatever is removed meanwhile. */
  record Opened(InputStream content, long bytes) implements Closeable {
    @Override
    public void close() throws IOException {
      content.close();
    }
  }

  /** One profile's folder. */
  private record Folder(Path path, Instant kept, long bytes) {}

  private record Sized(Path path, long bytes) {}

  @EventListener
  void onReady(ServerReady ready) {
    loop = Loop.every("candidates", LOOK_EVERY, this::forget);
  }

  @PreDestroy
  void close() {
    Loop looking = loop;
    if (looking != null) {
      looking.close();
    }
  }

  /** What the candidates of a packaging that starts now may take. */
  long ofPackagingBytesMax() throws IOException {
    return Math.min(bytesMaxOf(0), OF_PACKAGING_BYTES_MAX);
  }

  /**
   * What candidates may take: on a small disk the database has as much to grow into, and what grows
   * there drives them out.
   *
   * @param kept bytes of them that are there
   */
  private long bytesMaxOf(long kept) throws IOException {
    long others = disk.usable(root) - DiskRoom.KEPT_FREE + kept;
    return Math.clamp(others / 2, 0, bytesMax);
  }

  /**
   * Takes what a packaging made, in place of what was kept of the same profiles.
   *
   * @param made a folder for each profile that has files; it need not be there
   * @param profiles all that it packaged for
   */
  synchronized void keep(ModelVersion version, List<String> profiles, Path made) {
    try {
      for (String profile : profiles) {
        Path own = root.resolve(version.toString()).resolve(profile);
        remove(own);
        if (Files.isDirectory(made.resolve(profile))) {
          Files.createDirectories(own.resolveSibling(""));
          Files.move(made.resolve(profile), own, StandardCopyOption.ATOMIC_MOVE);
          Files.setLastModifiedTime(own, FileTime.from(clock.instant()));
        }
      }
    } catch (IOException | RuntimeException e) {
      // The packaging itself is done, and devices can do without.
      log.atWarn()
          .addKeyValue("version", version)
          .addKeyValue("cause", e.toString())
          .log("candidates not kept");
    }
    forget();
  }

  /** Removes what is too old, and the oldest of what is too much. */
  synchronized void forget() {
    try {
      List<Folder> newestFirst = new ArrayList<>();
      for (Path version : children(root)) {
        for (Path profile : children(version)) {
          newestFirst.add(folder(profile));
        }
      }
      newestFirst.sort(Comparator.comparing(Folder::kept).reversed().thenComparing(Folder::path));
      long most = bytesMaxOf(newestFirst.stream().mapToLong(Folder::bytes).sum());
      long bytes = 0;
      for (Folder folder : newestFirst) {
        bytes += folder.bytes();
        if (bytes > most || !clock.instant().isBefore(folder.kept().plus(AGE_MAX))) {
          remove(folder.path());
        }
      }
      for (Path version : children(root)) {
        if (Files.isDirectory(version) && children(version).isEmpty()) {
          Files.delete(version);
        }
      }
    } catch (IOException | RuntimeException e) {
      log.atWarn().addKeyValue("cause", e.toString()).log("old candidates not removed");
    }
  }

  /**
   * What is kept of a version.
   *
   * @throws ProblemException if nothing is
   */
  synchronized List<CandidateFile> list(ModelVersion version) throws IOException {
    List<CandidateFile> files = new ArrayList<>();
    for (Path profile : children(root.resolve(version.toString()))) {
      Instant until = Files.getLastModifiedTime(profile).toInstant().plus(AGE_MAX);
      for (Sized file : files(profile)) {
        files.add(new CandidateFile(name(profile), name(file.path()), file.bytes(), until));
      }
    }
    if (files.isEmpty()) {
      throw new ProblemException(
          ErrorCode.NOT_FOUND,
          "no candidates' files of %s are kept on this server: they lie on the one that packaged, are for %d days, of profiles that the server cannot time, unless a packaging's are more than %d MiB; make them again with 'skerry create variants %s'"
              .formatted(version, AGE_MAX.toDays(), OF_PACKAGING_BYTES_MAX >> 20, version));
    }
    return List.copyOf(files);
  }

  /**
   * Opens one of them, before another packaging may remove it.
   *
   * @throws ProblemException if there is no such
   */
  synchronized Opened open(ModelVersion version, String profile, String name) throws IOException {
    // What was asked for is only ever compared with what is there.
    Optional<CandidateFile> found =
        list(version).stream()
            .filter(file -> file.profile().equals(profile) && file.name().equals(name))
            .findFirst();
    if (found.isPresent()) {
      Path path = root.resolve(version.toString()).resolve(profile).resolve(name);
      try {
        return new Opened(
            new BufferedInputStream(Files.newInputStream(path), 1 << 16), found.get().bytes());
      } catch (NoSuchFileException e) {
        // Somebody else removed it.
        found = Optional.empty();
      }
    }
    throw new ProblemException(
        ErrorCode.NOT_FOUND,
        "%s has no candidate '%.100s' of profile '%.100s': list them with 'skerry get candidates %s --out DIR'"
            .formatted(version, name, profile, version));
  }

  private static Folder folder(Path profile) throws IOException {
    long bytes = files(profile).stream().mapToLong(Sized::bytes).sum();
    return new Folder(profile, Files.getLastModifiedTime(profile).toInstant(), bytes);
  }

  /** A folder's files; one that is removed meanwhile is none. */
  private static List<Sized> files(Path folder) throws IOException {
    List<Sized> files = new ArrayList<>();
    for (Path file : children(folder)) {
      if (Files.exists(file)) {
        files.add(new Sized(file, Files.size(file)));
      }
    }
    return files;
  }

  private static List<Path> children(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> found = Files.list(folder)) {
      return found.sorted().toList();
    } catch (UncheckedIOException e) {
      // What fails while it is read, and not at its beginning.
      throw e.getCause();
    }
  }

  private static String name(Path path) {
    return Objects.toString(path.getFileName());
  }

  private static void remove(Path folder) throws IOException {
    for (Path file : children(folder)) {
      Files.deleteIfExists(file);
    }
    Files.deleteIfExists(folder);
  }
}
