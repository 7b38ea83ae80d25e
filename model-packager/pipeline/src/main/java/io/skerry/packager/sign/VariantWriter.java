package io.skerry.packager.sign;

import com.google.gson.JsonArray;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.Tolerance;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Writes the artifact of one variant, signed where there is a key for its profile. */
public final class VariantWriter {
  private static final int GOLDEN_CASES = 8;
  private static final Tolerance FLOAT_TOLERANCE = new Tolerance(1e-4, 1e-3);
  private static final double HALF_TOLERANCE = 0.01;
  private static final double INTEGER_TOLERANCE = 0.05;

  private final ModelVersion model;
  private final long releaseCounter;
  private final Samples goldenInputs;
  private final Baseline baseline;
  private final Map<String, SigningKey> keys;
  private final List<String> classes;

  /**
   * A writer for all variants of a model version.
   *
   * @param goldenInputs where the golden inputs are taken from
   * @param keys who signs, by the profile's id; without one, an artifact stays unsigned
   * @param classes names of the classes that the score's elements are; none where nobody named any
   */
  public VariantWriter(
      ModelVersion model,
      long releaseCounter,
      Samples goldenInputs,
      Baseline baseline,
      Map<String, SigningKey> keys,
      List<String> classes) {
    this.classes = List.copyOf(classes);
    this.model = model;
    this.releaseCounter = releaseCounter;
    this.goldenInputs = goldenInputs;
    this.baseline = baseline;
    this.keys = Map.copyOf(keys);
  }

  /**
   * Writes one.
   *
   * @param folder made anew
   * @param content the model file
   * @param loaded the same file, loaded
   * @param referenceOutputs what it says about the baseline's reference items
   * @param measurements JSON of all candidates
   */
  public OciLayout write(
      Path folder,
      ProfileId profile,
      Candidate candidate,
      byte[] content,
      LoadedModel loaded,
      Outputs referenceOutputs,
      byte[] measurements)
      throws IOException, EngineException {
    boolean tflite = candidate.engine() == Engine.TFLITE;
    SigningKey key = keys.get(profile.value());
    ArtifactWriter artifact =
        new ArtifactWriter(
            model,
            profile,
            candidate.engine(),
            candidate.precision(),
            releaseCounter,
            loaded.signature());
    artifact
        .add(
            tflite ? LayerType.MODEL_TFLITE : LayerType.MODEL_ONNX,
            tflite ? "model.tflite" : "model.onnx",
            content)
        .add(golden(loaded, candidate.precision()))
        .add(
            LayerType.MONITORING,
            "monitoring.pb",
            baseline.manifest(referenceOutputs).toByteArray())
        .add(LayerType.MEASUREMENTS, "measurements.json", measurements);
    if (!classes.isEmpty()) {
      JsonArray labels = new JsonArray();
      classes.forEach(labels::add);
      artifact.add(
          LayerType.LABELS, "labels.json", labels.toString().getBytes(StandardCharsets.UTF_8));
    }
    return artifact.write(folder, key == null ? List.of() : List.of(key));
  }

  private GoldenSet golden(LoadedModel loaded, Precision precision) throws EngineException {
    List<GoldenCase> cases = new ArrayList<>();
    double largest = 1;
    int count = Math.min(GOLDEN_CASES, goldenInputs.count());
    for (int i = 0; i < count; i++) {
      int item = (int) ((long) i * goldenInputs.count() / count);
      List<Tensor> inputs = List.of(Bench.input(loaded, goldenInputs, item));
      List<GoldenTensor> outputs = new ArrayList<>();
      for (Tensor output : loaded.run(inputs)) {
        outputs.add(golden(output));
        largest = Math.max(largest, magnitude(output));
      }
      cases.add(new GoldenCase(inputs.stream().map(VariantWriter::golden).toList(), outputs));
    }
    return new GoldenSet(tolerance(precision, largest), cases);
  }

  /**
   * Integer kernels round differently from CPU to CPU, by steps of the output's range; outputs that
   * are probabilities have a range of 1.
   */
  private static Tolerance tolerance(Precision precision, double largestOutput) {
    return switch (precision) {
      case FP32, INT8_WEIGHTS -> FLOAT_TOLERANCE;
      case FP16 -> new Tolerance(HALF_TOLERANCE * largestOutput, HALF_TOLERANCE);
      case INT8 -> new Tolerance(INTEGER_TOLERANCE * largestOutput, 0);
    };
  }

  private static double magnitude(Tensor tensor) {
    double largest = 0;
    if (tensor.type() == ElementType.FP32) {
      for (float value : tensor.floats()) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
    return largest;
  }

  private static GoldenTensor golden(Tensor tensor) {
    return new GoldenTensor(tensor.name(), tensor.type(), tensor.shape(), tensor.data());
  }
}
