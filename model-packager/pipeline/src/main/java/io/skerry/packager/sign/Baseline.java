package io.skerry.packager.sign;

import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Outputs;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.List;

/**
 * What a device compares its inputs with.
 *
 * @param input name of the input tensor
 * @param features monitored elements of one item
 * @param reference what these elements were in training
 * @param scoreOutput name of the output tensor
 * @param threshold the score from which the positive class is predicted
 */
public record Baseline(
    String input, List<Feature> features, Samples reference, String scoreOutput, double threshold) {
  /** Elements that are watched where nobody named any. */
  public static final int UNNAMED_FEATURES_MAX = 64;

  public Baseline {
    features = List.copyOf(features);
  }

  /** One feature per element of an item, or as many as are watched, evenly spread. */
  public static List<Feature> unnamedFeatures(String input, int itemElements) {
    int count = Math.min(itemElements, UNNAMED_FEATURES_MAX);
    List<Feature> features = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int offset = (int) ((long) i * itemElements / count);
      features.add(new Feature("%s[%d]".formatted(input, offset), offset));
    }
    return features;
  }

  /** The monitoring manifest of a variant that says this about the reference items. */
  MonitoringManifest manifest(Outputs outputs) {
    int rows = reference.count();
    float[][] values = new float[rows][features.size()];
    float[] scores = new float[rows];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < features.size(); column++) {
        values[row][column] = reference.at(row, features.get(column).offset());
      }
      // The score's bins end at 0 and 1; what is no probability counts in the outermost ones.
      scores[row] = Math.max(0, Math.min(1, outputs.at(row, 0)));
    }
    return MonitoringManifests.fromReference(
        input, features, values, scoreOutput, scores, threshold);
  }
}
