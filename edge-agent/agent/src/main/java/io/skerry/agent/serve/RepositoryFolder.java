package io.skerry.agent.serve;

import io.skerry.agent.model.Pipelines;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.runtime.EngineException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.stream.Stream;

/** The files of a model repository. */
final class RepositoryFolder {
  static final String LABELS = "labels.txt";

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

  static Digest digest(Path file) throws IOException {
    MessageDigest sha256 = Digest.newMessageDigest();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha256)) {
      in.transferTo(OutputStream.nullOutputStream());
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
