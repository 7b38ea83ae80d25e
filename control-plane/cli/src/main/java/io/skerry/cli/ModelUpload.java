package io.skerry.cli;

import io.skerry.artifact.onnx.OutsideWeights;
import io.skerry.artifact.onnx.WeightsRefusedException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A model as it is sent to be imported: its file, or, when an ONNX model keeps weights in files
 * beside it, a ZIP of all of them. A ZIP that is made here is gone when this is closed.
 */
final class ModelUpload implements AutoCloseable {
  private static final int LISTED_MAX = 10;

  private final Path file;
  private final String name;
  private final boolean made;

  private ModelUpload(Path file, String name, boolean made) {
    this.file = file;
    this.name = name;
    this.made = made;
  }

  /**
   * What to send of a model.
   *
   * @param given an ONNX or TFLite file, a folder that holds one, or a ZIP of such a folder, which
   *     the server looks into
   * @throws IllegalArgumentException with one line that says what is wrong: a weight file is
   *     missing, too short or outside the model's folder, or all together are too large
   */
  static ModelUpload of(Path given) throws IOException {
    Path model = Files.isDirectory(given) ? only(given) : given;
    String name = model.getFileName().toString();
    if (!name.endsWith(".onnx")) {
      return new ModelUpload(model, name, false);
    }
    try {
      SortedMap<Path, Path> weights = OutsideWeights.files(model, OutsideWeights.UPLOAD_BYTES_MAX);
      return weights.isEmpty()
          ? new ModelUpload(model, name, false)
          : new ModelUpload(zipped(model, weights), name + ".zip", true);
    } catch (WeightsRefusedException e) {
      throw new IllegalArgumentException(model + ": " + e.getMessage(), e);
    }
  }

  private static Path only(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> models = files.filter(ModelUpload::isModel).sorted().limit(LISTED_MAX).toList();
      if (models.size() != 1) {
        throw new IllegalArgumentException(
            models.isEmpty()
                ? "folder %s holds no .onnx or .tflite file".formatted(folder)
                : "folder %s holds several models, name one of them: %s"
                    .formatted(folder, models.stream().map(Path::getFileName).toList()));
      }
      return models.getFirst();
    }
  }

  private static boolean isModel(Path file) {
    return (file.toString().endsWith(".onnx") || file.toString().endsWith(".tflite"))
        && Files.isRegularFile(file);
  }

  private static Path zipped(Path model, SortedMap<Path, Path> weights) throws IOException {
    Path zip = Files.createTempFile("skerry-model-", ".zip");
    // For one that is interrupted while it sends.
    zip.toFile().deleteOnExit();
    try (OutputStream out = Files.newOutputStream(zip);
        ZipOutputStream entries = new ZipOutputStream(out)) {
      // Weights hardly get smaller.
      entries.setLevel(Deflater.NO_COMPRESSION);
      String name = model.getFileName().toString();
      add(entries, name, model);
      for (Map.Entry<Path, Path> weight : weights.entrySet()) {
        // A model may say that its weights are in its own file.
        if (!weight.getKey().toString().equals(name)) {
          add(entries, weight.getKey().toString(), weight.getValue());
        }
      }
      return zip;
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(zip);
      throw e;
    }
  }

  private static void add(ZipOutputStream entries, String name, Path file) throws IOException {
    entries.putNextEntry(new ZipEntry(name));
    Files.copy(file, entries);
    entries.closeEntry();
  }

  /** The file to send. */
  Path file() {
    return file;
  }

  /** What it is called: its kind is told by how this ends. */
  String name() {
    return name;
  }

  /** Removes what was made. */
  @Override
  public void close() throws IOException {
    if (made) {
      Files.deleteIfExists(file);
    }
  }
}
