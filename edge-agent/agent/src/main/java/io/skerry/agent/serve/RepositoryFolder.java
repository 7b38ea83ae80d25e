package io.skerry.agent.serve;

import io.skerry.agent.model.Pipelines;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.runtime.EngineException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** The files of a model repository. */
final class RepositoryFolder {
  static final String LABELS = "labels.txt";

  private static final int VERSION_FILES_MAX = 1_000;
  private static final int VERSION_DEPTH_MAX = 4;
  private static final long LABELS_BYTES_MAX = 4 << 20;

  private final Path folder;
  private final int childrenMax;

  RepositoryFolder(Path folder, int childrenMax) {
    this.folder = folder;
    this.childrenMax = childrenMax;
  }

  List<Path> models() throws IOException {
    return subfolders(folder).stream()
        .filter(child -> !Files.exists(child.resolve(Pipelines.FILE)))
        .toList();
  }

  List<Path> versions(Path model) throws IOException {
    return subfolders(model);
  }

  /** The folder of a model. A model's name has no separator and begins with no dot. */
  Path model(ModelName model) {
    return folder.resolve(model.value());
  }

  static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  static String noVersion(Path model) {
    return "has no version: expected %s/1/model.onnx".formatted(name(model));
  }

  static long number(Path version) {
    try {
      return Long.parseLong(name(version));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'%s' is no version number".formatted(name(version)), e);
    }
  }

  static Path modelFile(Path version) throws EngineException {
    List<Path> found =
        Stream.of("model.onnx", "model.tflite")
            .map(version::resolve)
            .filter(Files::isRegularFile)
            .toList();
    if (found.size() != 1) {
      throw new EngineException(
          EngineException.Reason.MODEL_INVALID,
          "version folder '%s' must hold either model.onnx or model.tflite"
              .formatted(name(version)));
    }
    return found.getFirst();
  }

  static List<String> labels(Path model) throws IOException {
    Path file = model.resolve(LABELS);
    if (!Files.isRegularFile(file)) {
      return List.of();
    }
    if (Files.size(file) > LABELS_BYTES_MAX) {
      throw new IOException("%s has more than %d bytes".formatted(LABELS, LABELS_BYTES_MAX));
    }
    return Files.readAllLines(file).stream().map(String::strip).toList();
  }

  /**
   * The digest of a model: of its file, or of all that its version's folder holds where there is
   * more, since a file may keep its weights in others.
   *
   * @throws IOException if it cannot be read, or is more than {@link #VERSION_FILES_MAX} files
   */
  static Digest digest(Path file) throws IOException {
    Path version = Objects.requireNonNull(file.getParent(), "a model lies in a version's folder");
    List<Path> files;
    try (Stream<Path> all = Files.walk(version, VERSION_DEPTH_MAX)) {
      files = all.filter(Files::isRegularFile).limit(VERSION_FILES_MAX + 1L).sorted().toList();
    }
    if (files.size() > VERSION_FILES_MAX) {
      throw new IOException(
          "version folder '%s' holds more than %d files"
              .formatted(name(version), VERSION_FILES_MAX));
    }
    MessageDigest sha256 = Digest.newMessageDigest();
    for (Path each : files) {
      if (files.size() > 1) {
        String header = "%s %d\n".formatted(version.relativize(each), Files.size(each));
        sha256.update(header.getBytes(StandardCharsets.UTF_8));
      }
      try (InputStream in = new DigestInputStream(Files.newInputStream(each), sha256)) {
        in.transferTo(OutputStream.nullOutputStream());
      }
    }
    return Digest.of(sha256);
  }

  private List<Path> subfolders(Path parent) throws IOException {
    try (Stream<Path> children = Files.list(parent)) {
      return children
          .filter(Files::isDirectory)
          .filter(child -> !name(child).startsWith("."))
          .sorted()
          .limit(childrenMax + 1L)
          .toList();
    }
  }

  @Override
  public String toString() {
    return folder.toString();
  }
}
