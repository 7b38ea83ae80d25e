package io.skerry.packager.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/** Files with their paths, in a folder or in an archive that is read as a stream. */
interface FileTree {
  /** The largest file that is read. */
  int FILE_BYTES_MAX = 64 << 20;

  /** Takes one file. */
  @FunctionalInterface
  interface Visitor {
    void visit(String path, byte[] content) throws IOException;
  }

  /** Paths of the files that are wanted, in order of name, separated by slashes. */
  List<String> names(Predicate<String> wanted) throws IOException;

  /** Reads these files, in any order. */
  void read(Set<String> names, Visitor visitor) throws IOException;

  static FileTree ofFolder(Path folder) {
    return new FileTree() {
      @Override
      public List<String> names(Predicate<String> wanted) throws IOException {
        // Data sets are often made of links: to a folder elsewhere, or to files shared by several.
        try (Stream<Path> files = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
          return files
              .filter(Files::isRegularFile)
              .map(file -> folder.relativize(file).toString().replace('\\', '/'))
              .filter(wanted)
              .sorted()
              .toList();
        } catch (UncheckedIOException e) {
          if (e.getCause() instanceof FileSystemLoopException loop) {
            throw new DataRefusedException(
                "%s: the link '%s' leads back to a folder that it lies in: remove it"
                    .formatted(folder, loop.getFile()),
                e);
          }
          throw e;
        }
      }

      @Override
      public void read(Set<String> names, Visitor visitor) throws IOException {
        for (String name : names) {
          try (InputStream in = Files.newInputStream(folder.resolve(name))) {
            visitor.visit(name, bounded(name, in));
          }
        }
      }
    };
  }

  static FileTree ofTarGz(Path archive) {
    return new FileTree() {
      @Override
      public List<String> names(Predicate<String> wanted) throws IOException {
        try (TarArchiveInputStream tar = open()) {
          // An archive may hold a file more than once; the last one counts.
          TreeSet<String> names = new TreeSet<>();
          for (TarArchiveEntry entry = tar.getNextEntry();
              entry != null;
              entry = tar.getNextEntry()) {
            if (entry.isFile() && wanted.test(entry.getName())) {
              names.add(entry.getName());
              DataReader.checkSize(archive, names.size(), 1);
            }
          }
          return List.copyOf(names);
        }
      }

      @Override
      public void read(Set<String> names, Visitor visitor) throws IOException {
        try (TarArchiveInputStream tar = open()) {
          for (TarArchiveEntry entry = tar.getNextEntry();
              entry != null;
              entry = tar.getNextEntry()) {
            if (entry.isFile() && names.contains(entry.getName())) {
              visitor.visit(entry.getName(), bounded(entry.getName(), tar));
            }
          }
        }
      }

      private TarArchiveInputStream open() throws IOException {
        return new TarArchiveInputStream(
            new GZIPInputStream(Files.newInputStream(archive), 1 << 16));
      }
    };
  }

  private static byte[] bounded(String name, InputStream in) throws IOException {
    byte[] content = in.readNBytes(FILE_BYTES_MAX + 1);
    if (content.length > FILE_BYTES_MAX) {
      throw new IOException("'%s' has more than %d bytes".formatted(name, FILE_BYTES_MAX));
    }
    return content;
  }
}
