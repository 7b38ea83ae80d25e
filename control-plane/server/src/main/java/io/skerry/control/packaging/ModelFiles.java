package io.skerry.control.packaging;

import io.skerry.artifact.onnx.OutsideWeights;
import io.skerry.artifact.onnx.WeightsRefusedException;
import io.skerry.control.packaging.ModelImport.Upload;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Stream;

/**
 * The files of a model that a user brings, unpacked and checked.
 *
 * @param model the model's own file
 * @param format {@code onnx} or {@code tflite}
 * @param weights files beside it that hold weights, by their path in its folder
 */
record ModelFiles(Path model, String format, SortedMap<Path, Path> weights) {
  static final int ENTRIES_MAX = 2_000;

  private static final String ZIP = ".zip";

  /** What macOS adds to archives. */
  private static final String RESOURCE_FORKS = "__MACOSX";

  /**
   * Takes a model in.
   *
   * @param upload a model file, or a ZIP that holds one and the files of its weights
   * @param folder an empty one, for these files
   * @throws ProblemException with one line that says what is wrong
   */
  static ModelFiles receive(Upload upload, Path folder) throws IOException {
    Path model;
    if (upload.name().endsWith(ZIP)) {
      Archive.unpack(
          upload,
          folder,
          ENTRIES_MAX,
          OutsideWeights.UPLOAD_BYTES_MAX,
          path -> path.startsWith(RESOURCE_FORKS) ? Optional.empty() : Optional.of(path));
      model = only(upload.name(), folder);
    } else {
      model = folder.resolve("model." + format(upload.name()));
      ModelImport.copy(upload.content(), model, upload.name());
    }
    String format = format(model.getFileName().toString());
    checkMagic(model, format, upload.name());
    return new ModelFiles(model, format, Collections.emptySortedMap());
  }

  /**
   * The same with the files of its weights.
   *
   * @throws ProblemException if one is missing, too short or outside the model's folder
   */
  ModelFiles withWeights(String uploaded) throws IOException {
    if (!format.equals("onnx")) {
      return this;
    }
    try {
      return new ModelFiles(
          model, format, OutsideWeights.files(model, OutsideWeights.UPLOAD_BYTES_MAX));
    } catch (WeightsRefusedException e) {
      throw new ProblemException(
          ErrorCode.MODEL_LOAD_FAILED,
          "model '%s': %s%s"
              .formatted(
                  uploaded,
                  e.getMessage(),
                  uploaded.endsWith(ZIP) ? "" : "; both are sent together as one .zip"),
          e);
    }
  }

  private static String format(String name) {
    if (name.endsWith(".onnx")) {
      return "onnx";
    }
    if (name.endsWith(".tflite")) {
      return "tflite";
    }
    throw invalid(
        "model file '%s' is neither .onnx nor .tflite, nor a .zip of one and its weight files"
            .formatted(name));
  }

  private static boolean isModel(Path file) {
    return file.toString().endsWith(".onnx") || file.toString().endsWith(".tflite");
  }

  private static Path only(String zip, Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      List<Path> models =
          files.filter(file -> Files.isRegularFile(file) && isModel(file)).sorted().toList();
      if (models.size() != 1) {
        throw invalid(
            models.isEmpty()
                ? "'%s' holds no .onnx or .tflite file".formatted(zip)
                : "'%s' holds %d models, one is needed: %s"
                    .formatted(
                        zip,
                        models.size(),
                        models.stream().limit(5).map(folder::relativize).toList()));
      }
      return models.getFirst();
    }
  }

  // An ONNX file begins with the IR version's field; a TFLite file has its identifier at byte 4.
  private static void checkMagic(Path file, String format, String name) throws IOException {
    byte[] head;
    try (InputStream in = Files.newInputStream(file)) {
      head = in.readNBytes(8);
    }
    boolean plausible =
        format.equals("onnx")
            ? head.length == 8 && head[0] == 0x08
            : head.length == 8
                && head[4] == 'T'
                && head[5] == 'F'
                && head[6] == 'L'
                && head[7] == '3';
    if (!plausible) {
      throw new ProblemException(
          ErrorCode.MODEL_LOAD_FAILED,
          "model file '%s' is not %s: its first bytes say otherwise"
              .formatted(name, format.equals("onnx") ? "ONNX" : "TFLite"));
    }
  }

  private static ProblemException invalid(String detail) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, detail);
  }
}
