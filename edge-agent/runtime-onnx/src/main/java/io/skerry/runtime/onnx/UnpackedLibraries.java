package io.skerry.runtime.onnx;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where ONNX Runtime unpacked its native libraries to: 24 MB in a folder of its own for each
 * process, which it leaves behind when the process is killed, and as an empty folder otherwise. A
 * library that is loaded needs its name no more.
 */
final class UnpackedLibraries {
  private static final Path MAPS = Path.of("/proc/self/maps");
  private static final Pattern LOADED =
      Pattern.compile("(/.*/onnxruntime-java\\d+)/libonnxruntime(4j_jni)?\\.so$");

  private UnpackedLibraries() {}

  /**
   * Takes away the names of the libraries that this process has loaded, and their folder when
   * nothing else is in it: what accelerators need is loaded from there later. Where the system does
   * not tell what is loaded, nothing happens.
   */
  static void forget() {
    if (!Files.isReadable(MAPS)) {
      return;
    }
    Set<Path> folders = new TreeSet<>();
    try (Stream<String> lines = Files.lines(MAPS)) {
      for (String line : (Iterable<String>) lines::iterator) {
        Matcher loaded = LOADED.matcher(line);
        if (loaded.find()) {
          Files.deleteIfExists(Path.of(loaded.group()));
          folders.add(Path.of(loaded.group(1)));
        }
      }
      for (Path folder : folders) {
        Files.deleteIfExists(folder);
      }
    } catch (DirectoryNotEmptyException e) {
      // Libraries of accelerators.
    } catch (IOException | UncheckedIOException e) {
      // They stay until the process ends, as they would without this.
    }
  }
}
