package io.skerry.packager.sign;

import com.google.gson.JsonArray;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Writes the artifact of one variant, signed where there is a key for its profile. */
public final class VariantWriter {
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
        .add(GoldenOutputs.of(loaded, goldenInputs, candidate.precision()))
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
}
