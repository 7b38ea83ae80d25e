package io.skerry.packager;

import io.skerry.artifact.job.JobFailure;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Where {@code skerry pack} writes: an unfinished folder beside {@code --out} that takes its place
 * once all is written. Whether it will be able to, and whatever is to be written elsewhere, is seen
 * before anything is packaged: that takes minutes, and would be lost.
 */
final class PackFolder {
  private final Path target;
  private final Set<String> taken;

  private PackFolder(Path target, Set<String> taken) {
    this.target = target;
    this.taken = taken;
  }

  /**
   * A folder that is not there yet, or is empty.
   *
   * @param taken names in it that what is packaged has
   * @throws JobFailure if it cannot be made, or replaced
   */
  static PackFolder of(Path out, Set<String> taken) throws IOException {
    return of(out, taken, Path.of(""));
  }

  static PackFolder of(Path out, Set<String> taken, Path here) throws IOException {
    Path target = real(out);
    if (target.getFileName() == null) {
      throw refused("--out %s is no folder of its own: name a new folder".formatted(out));
    }
    if (Files.exists(target)) {
      if (!isEmpty(target)) {
        throw new JobFailure(
            ErrorCode.ALREADY_EXISTS, "%s is not empty: name a new folder".formatted(out));
      }
      if (target.equals(real(here))) {
        throw refused(
            "--out %s is the folder you are in, which cannot be replaced: name a new one in it"
                .formatted(out));
      }
      checkReplaceable(out, target);
    }
    return new PackFolder(target, Set.copyOf(taken));
  }

  /** A mount point, and whatever else the system holds fast, cannot be renamed. */
  private static void checkReplaceable(Path out, Path target) throws IOException {
    Path aside = target.resolveSibling("." + target.getFileName() + ".skerry-aside");
    try {
      Files.move(target, aside, StandardCopyOption.ATOMIC_MOVE);
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (FileSystemException e) {
      throw new JobFailure(
          ErrorCode.STORAGE_FAILED,
          "--out %s cannot be replaced (%s): name a new folder, in it or elsewhere"
              .formatted(out, Packaging.oneLine(e)),
          e);
    }
  }

  /** The unfinished folder. */
  PassingFolder unfinished() throws IOException {
    try {
      // A name that nobody gives a folder of his own: what lies there is removed.
      return PassingFolder.at(target.resolveSibling("." + target.getFileName() + ".skerry-part"));
    } catch (FileSystemException e) {
      throw new JobFailure(
          ErrorCode.STORAGE_FAILED,
          "--out %s cannot be made (%s): name a folder elsewhere"
              .formatted(target, Packaging.oneLine(e)),
          e);
    }
  }

  /** Lets the unfinished folder take the place. */
  void finish(Path part) throws IOException {
    Files.deleteIfExists(target);
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
  }

  /**
   * Where to write a file so that it is at last where it was asked for.
   *
   * @param folders for candidates: it is made, and in it a folder for each profile
   * @throws JobFailure if it cannot be written there
   */
  Path file(String option, Path wanted, Path part, Optional<Path> folders) throws IOException {
    Path file = real(wanted);
    Path above = file.getParent();
    Optional<Path> made = folders.isPresent() ? Optional.of(real(folders.get())) : Optional.empty();
    boolean intoMade = above != null && made.equals(Optional.of(above));
    if (made.filter(folder -> folder.startsWith(file)).isPresent()
        || (intoMade && taken.contains(file.getFileName().toString()))) {
      throw refused(
          "%s %s is where --candidates has folders of its own: name another file"
              .formatted(option, wanted));
    }
    Optional<Path> within = within(option, wanted, part);
    if (within.isPresent()) {
      return within.get();
    }
    boolean writable =
        Files.exists(file)
            ? !Files.isDirectory(file) && Files.isWritable(file)
            : intoMade || (above != null && Files.isDirectory(above) && Files.isWritable(above));
    if (!writable) {
      throw new JobFailure(
          ErrorCode.STORAGE_FAILED,
          "%s %s cannot be written: name a file in a folder that is there and yours to write"
              .formatted(option, wanted));
    }
    return wanted;
  }

  /** The same of a folder, which may be there. */
  Path folder(String option, Path wanted, Path part) throws IOException {
    Optional<Path> within = within(option, wanted, part);
    if (within.isPresent()) {
      return within.get();
    }
    Path there = existing(real(wanted));
    if (!Files.isDirectory(there) || !Files.isWritable(there)) {
      throw new JobFailure(
          ErrorCode.STORAGE_FAILED,
          "%s %s cannot be made: %s is no folder that is yours to write: name another"
              .formatted(option, wanted, there));
    }
    return wanted;
  }

  private Optional<Path> within(String option, Path wanted, Path part) throws IOException {
    Path path = real(wanted);
    if (!path.startsWith(target)) {
      return Optional.empty();
    }
    Path below = target.relativize(path);
    if (path.equals(target) || taken.contains(below.getName(0).toString())) {
      throw refused(
          "%s %s is where --out has its own files: name another".formatted(option, wanted));
    }
    return Optional.of(part.resolve(below.toString()));
  }

  private static JobFailure refused(String message) {
    return new JobFailure(ErrorCode.REQUEST_INVALID, message);
  }

  /** Links followed as far as anything is there. */
  private static Path real(Path path) throws IOException {
    Path whole = path.toAbsolutePath().normalize();
    Path there = existing(whole);
    try {
      return there.toRealPath().resolve(there.relativize(whole)).normalize();
    } catch (NoSuchFileException e) {
      // A pipe, as /dev/stdout may be one, is there and has no path.
      return whole;
    }
  }

  private static Path existing(Path whole) {
    Path there = whole;
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    return there;
  }

  private static boolean isEmpty(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }
}
