package io.skerry.packager;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.quantize.TensorScale;
import io.skerry.packager.tflite.DetectionEnd;
import io.skerry.packager.tflite.TfliteImport;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Precision;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A float TFLite model that ends in TFLite's detection operator. It becomes TFLite files only, for
 * ONNX has no such operator: that of floats is the file as it came, that of integers has integers
 * up to the operator, which stays as it is.
 */
final class DetectorSource implements Source {
  private static final Candidate FLOATS = new Candidate(Engine.TFLITE, Precision.FP32);

  private final byte[] content;
  private final Source head;
  private final DetectionEnd end;

  /**
   * A detector.
   *
   * @param head what comes before the operator
   */
  DetectorSource(byte[] content, Source head, DetectionEnd end) {
    this.content = content.clone();
    this.head = head;
    this.end = end;
  }

  @Override
  public List<Recipe> recipes(HardwareProfile profile) {
    List<Recipe> recipes =
        head.recipes(profile).stream()
            .filter(recipe -> recipe.candidate().engine() == Engine.TFLITE)
            .toList();
    if (recipes.isEmpty()) {
      throw new ModelRefusedException(
          "the model ends in %s, which ONNX has not, and profile '%s' names no TFLite candidate: name a profile that does, or export the model without that operator and use --boxes centres"
              .formatted(DetectionEnd.NAME, profile.id()));
    }
    return recipes;
  }

  @Override
  public Recipe reference() {
    return new Recipe(FLOATS, Optional.empty(), Optional.empty());
  }

  @Override
  public Engine originalEngine() {
    return Engine.TFLITE;
  }

  @Override
  public double formTolerance() {
    return 0;
  }

  @Override
  public Optional<Graph> graph() {
    return head.graph();
  }

  @Override
  public Map<String, TensorScale> ends() {
    return Map.of();
  }

  @Override
  public List<String> boxOutputs() {
    return TfliteImport.detectionOutputs(content);
  }

  @Override
  public Source calibrated(Samples calibration, Set<String> unjudged) {
    return new DetectorSource(content, head.calibrated(calibration, unjudged), end);
  }

  @Override
  public byte[] follow(Recipe recipe) {
    return recipe.equals(reference()) ? content.clone() : end.behind(head.follow(recipe));
  }
}
