package io.skerry.runtime.onnx;

import ai.onnxruntime.OrtEnvironment;
import io.skerry.artifact.onnx.OutsideWeights;
import io.skerry.artifact.onnx.WeightsRefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Where an execution provider keeps what it compiled from a model for this machine: a folder named
 * by the model's bytes and those of the files that it keeps weights in, the runtime, the driver,
 * the chip, and the provider's library and devices where those are no part of the runtime. A change
 * of any of them compiles anew.
 */
final class CompileCache {
  /** Compiled models that are kept. */
  static final int FOLDERS_MAX = 16;

  private static final String CONTEXT = "context.onnx";
  private static final String PART = ".part";

  // What this process is writing. Every other part was left by one that was killed meanwhile.
  private static final Set<Path> WRITING = ConcurrentHashMap.newKeySet();
  private static final AtomicLong PARTS = new AtomicLong();

  private final Path root;
  private final Path model;
  private final String runtime;

  CompileCache(Path root, Path model, String runtime) {
    this.root = root;
    this.model = model;
    this.runtime = runtime;
  }

  static CompileCache of(Path root, Path model, OrtEnvironment environment) {
    return new CompileCache(root, model, environment.getVersion());
  }

  /**
   * The provider's folder, made if need be; empty when the disk does not allow it.
   *
   * @param parts what makes the provider another one: its library and devices; none of one that is
   *     part of the runtime
   */
  Optional<Path> folder(String provider, List<String> parts) {
    try {
      Path folder = Files.createDirectories(root.resolve(ofModel(provider) + here(parts)));
      forgetOldest(folder);
      return Optional.of(folder);
    } catch (IOException e) {
      // Without a cache the model is compiled at every load: slower, not wrong.
      return Optional.empty();
    }
  }

  /** The model that this provider compiled, whole; empty when there is none. */
  static Optional<Path> compiled(Path folder) {
    return Optional.of(folder.resolve(CONTEXT)).filter(Files::isRegularFile);
  }

  /** A new file for a provider to write to; {@link #publish} or {@link #drop} follows. */
  static Path part(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (file.toString().endsWith(PART) && !WRITING.contains(file)) {
          Files.deleteIfExists(file);
        }
      }
    }
    Path part = folder.resolve(CONTEXT + "." + PARTS.getAndIncrement() + PART);
    WRITING.add(part);
    return part;
  }

  /** From now on the part is what was compiled, also after the power fails. */
  static void publish(Path part) {
    try {
      // Some providers have nothing that they could write.
      if (Files.exists(part)) {
        force(part, StandardOpenOption.WRITE);
        Files.move(part, part.resolveSibling(CONTEXT), StandardCopyOption.ATOMIC_MOVE);
        force(part.resolveSibling(""), StandardOpenOption.READ);
      }
    } catch (IOException e) {
      // Without a cache the model is compiled at every load: slower, not wrong.
    } finally {
      drop(part);
    }
  }

  /** The part is not wanted. */
  static void drop(Path part) {
    try {
      Files.deleteIfExists(part);
    } catch (IOException e) {
      // The next part takes it away.
    } finally {
      WRITING.remove(part);
    }
  }

  /** Deletes what these providers compiled from the model. */
  void forget(List<String> providers) {
    for (String provider : providers) {
      try (Stream<Path> folders = Files.list(root)) {
        String prefix = ofModel(provider);
        for (Path folder : folders.toList()) {
          if (folder.getFileName().toString().startsWith(prefix)) {
            delete(folder);
          }
        }
      } catch (IOException e) {
        // It is tried again when it fails again.
      }
    }
  }

  private static void force(Path path, StandardOpenOption option) throws IOException {
    try (FileChannel channel = FileChannel.open(path, option)) {
      channel.force(true);
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
        delete(folder);
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  private static long usedAt(Path folder) {
    try {
      return Files.getLastModifiedTime(folder).toMillis();
    } catch (IOException e) {
      return 0;
    }
  }

  /** How the names of a model's folders begin. */
  private String ofModel(String provider) throws IOException {
    MessageDigest sha256 = sha256();
    add(model, sha256);
    try {
      for (Map.Entry<Path, Path> file : OutsideWeights.files(model, Long.MAX_VALUE).entrySet()) {
        sha256.update((file.getKey() + "\n").getBytes(StandardCharsets.UTF_8));
        add(file.getValue(), sha256);
      }
    } catch (WeightsRefusedException e) {
      throw new IOException("nothing is compiled from what is no model", e);
    }
    return "%s-%s-".formatted(provider, hex(sha256));
  }

  private static void add(Path file, MessageDigest sha256) throws IOException {
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha256)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
  }

  private String here(List<String> parts) {
    MessageDigest sha256 = sha256();
    List<String> all = new ArrayList<>(parts);
    all.add(runtime);
    all.add(System.getProperty("os.arch"));
    all.add(line("/proc/driver/nvidia/version"));
    all.add(chip());
    all.forEach(part -> sha256.update((part + "\n").getBytes(StandardCharsets.UTF_8)));
    return hex(sha256);
  }

  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest(), 0, 16);
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
