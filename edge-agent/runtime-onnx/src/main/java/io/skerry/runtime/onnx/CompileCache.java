package io.skerry.runtime.onnx;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where an execution provider keeps what it compiled from a model for this machine: a folder named
 * by the model's bytes, the runtime, the driver and the chip, so that a change of any of them
 * compiles anew.
 */
final class CompileCache {
  /** Compiled models that are kept. */
  static final int FOLDERS_MAX = 16;

  private final Path root;
  private final Path model;
  private final String runtime;

  CompileCache(Path root, Path model, String runtime) {
    this.root = root;
    this.model = model;
    this.runtime = runtime;
  }

  /** The provider's folder, made if need be; empty when the disk does not allow it. */
  Optional<Path> folder(String provider) {
    try {
      Path folder = Files.createDirectories(root.resolve(provider + "-" + key(provider)));
      forgetOldest(folder);
      return Optional.of(folder);
    } catch (IOException e) {
      // Without a cache the model is compiled at every load: slower, not wrong.
      return Optional.empty();
    }
  }

  /** Deletes what was compiled for models, drivers and runtimes of long ago. */
  private void forgetOldest(Path used) throws IOException {
    Files.setLastModifiedTime(used, FileTime.from(Instant.now()));
    try (Stream<Path> folders = Files.list(root)) {
      List<Path> oldest =
          folders
              .filter(Files::isDirectory)
              .sorted(Comparator.comparing(CompileCache::usedAt).reversed())
              .skip(FOLDERS_MAX)
              .toList();
      for (Path folder : oldest) {
        try (Stream<Path> files = Files.list(folder)) {
          for (Path file : files.toList()) {
            Files.delete(file);
          }
        }
        Files.delete(folder);
      }
    }
  }

  private static long usedAt(Path folder) {
    try {
      return Files.getLastModifiedTime(folder).toMillis();
    } catch (IOException e) {
      return 0;
    }
  }

  private String key(String provider) throws IOException {
    MessageDigest sha256 = sha256();
    for (String part :
        new String[] {
          provider,
          runtime,
          System.getProperty("os.arch"),
          line("/proc/driver/nvidia/version"),
          chip()
        }) {
      sha256.update((part + "\n").getBytes(StandardCharsets.UTF_8));
    }
    try (InputStream in = new DigestInputStream(Files.newInputStream(model), sha256)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(sha256.digest(), 0, 16);
  }

  /** What Linux calls the board or the processor. */
  private static String chip() {
    String board = line("/proc/device-tree/model");
    if (!board.isEmpty()) {
      return board;
    }
    try {
      return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
          .filter(line -> line.startsWith("model name"))
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      return "";
    }
  }

  private static String line(String file) {
    try {
      return Files.readString(Path.of(file)).strip();
    } catch (IOException e) {
      return "";
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
