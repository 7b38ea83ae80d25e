package io.skerry.control.packaging;

import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;
import org.jspecify.annotations.Nullable;

/** Unpacks a ZIP that somebody sent; nothing in it is trusted. */
final class Archive {
  private static final int DEPTH_MAX = 16;
  private static final int NAME_BYTES_MAX = 255;
  private static final Path ITSELF = Path.of("");

  private final ModelImport.Upload upload;
  private final Path folder;
  private final long bytesMax;
  private final Set<Path> files = new HashSet<>();
  private final Set<Path> folders = new HashSet<>();
  private long left;

  private Archive(ModelImport.Upload upload, Path folder, long bytesMax) {
    this.upload = upload;
    this.folder = folder;
    this.bytesMax = bytesMax;
    this.left = bytesMax;
  }

  /**
   * Unpacks.
   *
   * @param folder gets the files and nothing else
   * @param entriesMax files and folders that it may hold
   * @param bytesMax bytes that all may have together, those that are left out as well: they are
   *     unpacked to be passed over
   * @param place where in the folder a file of this path lies; empty to leave it out
   * @throws ProblemException with one line that says what is wrong
   */
  static void unpack(
      ModelImport.Upload upload,
      Path folder,
      int entriesMax,
      long bytesMax,
      Function<Path, Optional<Path>> place)
      throws IOException {
    new Archive(upload, folder, bytesMax).unpack(entriesMax, place);
  }

  private void unpack(int entriesMax, Function<Path, Optional<Path>> place) throws IOException {
    int entries = 0;
    try (ZipInputStream zip = new ZipInputStream(upload.content())) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        if (++entries > entriesMax) {
          throw invalid("'%s' has more than %d files".formatted(upload.name(), entriesMax));
        }
        Path within = within(entry);
        Optional<Path> kept = within.equals(ITSELF) ? Optional.empty() : place.apply(within);
        if (kept.isPresent()) {
          check(kept.get(), entry.isDirectory());
        }
        if (kept.isPresent() && !entry.isDirectory()) {
          write(zip, folder.resolve(kept.get()));
        } else {
          copy(zip, OutputStream.nullOutputStream());
        }
      }
    } catch (ZipException | EOFException | IllegalArgumentException e) {
      // A name that is no text is an illegal argument.
      throw damaged(e);
    }
    if (entries == 0) {
      throw damaged(null);
    }
  }

  // Of one name there is one file, or a folder: told by the names, before anything is written.
  private void check(Path path, boolean isFolder) {
    for (Path above = path.getParent(); above != null; above = above.getParent()) {
      folders.add(above);
    }
    if (isFolder) {
      folders.add(path);
    } else if (!files.add(path)) {
      throw invalid("'%s' holds '%.200s' twice".formatted(upload.name(), path));
    }
    for (Path one = path; one != null; one = one.getParent()) {
      if (files.contains(one) && folders.contains(one)) {
        throw invalid(
            "'%s' holds '%.200s' both as a file and as a folder".formatted(upload.name(), one));
      }
    }
  }

  private void write(InputStream zip, Path file) throws IOException {
    try {
      Files.createDirectories(file.resolveSibling(""));
      Files.createFile(file);
    } catch (FileAlreadyExistsException e) {
      // On a disk that takes two names for one.
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "'%s' holds '%s' twice".formatted(upload.name(), folder.relativize(Path.of(e.getFile()))),
          e);
    }
    try (OutputStream out = DiskRoom.create(file)) {
      copy(zip, out);
    }
  }

  private void copy(InputStream zip, OutputStream out) throws IOException {
    left -= ModelImport.copy(zip, out, upload.name(), left, bytesMax);
  }

  private Path within(ZipEntry entry) {
    String name = entry.getName();
    Path within;
    try {
      within = Path.of(name);
    } catch (InvalidPathException e) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "'%s' holds a file without a name".formatted(upload.name()),
          e);
    }
    Path normal = within.normalize();
    if (entry.isDirectory() && !within.isAbsolute() && normal.equals(ITSELF)) {
      // "./": many archivers name the folder itself first.
      return ITSELF;
    }
    if (within.isAbsolute() || normal.toString().isEmpty() || normal.startsWith("..")) {
      throw invalid("'%s' holds '%.200s', which leaves its folder".formatted(upload.name(), name));
    }
    if (normal.getNameCount() > DEPTH_MAX || longest(normal) > NAME_BYTES_MAX) {
      throw invalid(
          "'%s' holds '%.200s': names have up to %d bytes and lie up to %d folders deep"
              .formatted(upload.name(), name, NAME_BYTES_MAX, DEPTH_MAX - 1));
    }
    return normal;
  }

  private static int longest(Path path) {
    int longest = 0;
    for (Path name : path) {
      longest = Math.max(longest, name.toString().getBytes(StandardCharsets.UTF_8).length);
    }
    return longest;
  }

  private ProblemException damaged(@Nullable Exception e) {
    String detail = "'%s' is no ZIP file, or it is damaged".formatted(upload.name());
    return e == null ? invalid(detail) : new ProblemException(ErrorCode.REQUEST_INVALID, detail, e);
  }

  private static ProblemException invalid(String detail) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, detail);
  }
}
