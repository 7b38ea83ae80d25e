package io.skerry.packager;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Quantizer;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.packager.tflite.TfliteImport;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The model as it came, and what can be made of it. */
sealed interface Source {
  /** The recipes that a profile wants and this source can follow, in the profile's order. */
  List<Recipe> recipes(HardwareProfile profile);

  /** The recipe whose accuracy the others are compared with. */
  Recipe reference();

  /** Watches the model on calibration data, where that is needed to follow recipes. */
  Source calibrated(Samples calibration);

  /**
   * The file of a recipe.
   *
   * @throws ModelRefusedException if the recipe's format cannot say what the model does
   */
  byte[] follow(Recipe recipe);

  /** An ONNX model: any recipe. */
  record Onnx(Graph graph, Optional<Observations> seen) implements Source {
    @Override
    public List<Recipe> recipes(HardwareProfile profile) {
      return profile.candidates().stream().map(candidate -> Recipe.of(profile, candidate)).toList();
    }

    @Override
    public Recipe reference() {
      return Recipe.ONNX_FLOAT;
    }

    @Override
    public Source calibrated(Samples calibration) {
      return new Onnx(graph, Optional.of(Calibrator.observe(graph, calibration)));
    }

    @Override
    public byte[] follow(Recipe recipe) {
      boolean tflite = recipe.candidate().engine() == Engine.TFLITE;
      if (recipe.scheme().isEmpty()) {
        return tflite ? TfliteExport.write(graph) : OnnxExport.write(graph);
      }
      Scheme scheme = recipe.scheme().orElseThrow();
      QuantizedGraph quantized =
          Quantizer.quantized(graph, seen.orElseThrow(), scheme, Options.of(Clipping.MSE));
      return tflite ? TfliteExport.write(quantized) : QdqExport.write(quantized);
    }
  }

  /** A TFLite model: itself, where a profile has the engine. */
  final class Tflite implements Source {
    private final byte[] content;
    private final Precision precision;

    Tflite(byte[] content) {
      this.content = content;
      this.precision = TfliteImport.precision(content);
    }

    @Override
    public List<Recipe> recipes(HardwareProfile profile) {
      return profile.engines().contains(Engine.TFLITE) && profile.precisions().contains(precision)
          ? List.of(reference())
          : List.of();
    }

    @Override
    public Recipe reference() {
      return new Recipe(new Candidate(Engine.TFLITE, precision), Optional.empty());
    }

    @Override
    public Source calibrated(Samples calibration) {
      return this;
    }

    @Override
    public byte[] follow(Recipe recipe) {
      return content.clone();
    }
  }

  /**
   * Reads a model file.
   *
   * @throws ModelRefusedException if it is none that can be packaged
   */
  static Source read(Path file) throws IOException {
    String name = file.getFileName().toString();
    if (name.endsWith(".onnx")) {
      return new Onnx(OnnxImport.read(file), Optional.empty());
    }
    if (!name.endsWith(".tflite")) {
      throw new ModelRefusedException(
          file + ": the name ends neither in .onnx nor in .tflite: rename it by what it is");
    }
    if (Files.size(file) > OnnxImport.MODEL_BYTES_MAX) {
      throw new ModelRefusedException(
          "%s: the file has %d bytes, the limit is %d"
              .formatted(file, Files.size(file), OnnxImport.MODEL_BYTES_MAX));
    }
    try {
      return new Tflite(Files.readAllBytes(file));
    } catch (ModelRefusedException e) {
      throw new ModelRefusedException(file + ": " + e.getMessage(), e);
    }
  }
}
