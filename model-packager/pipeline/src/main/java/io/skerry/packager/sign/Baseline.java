package io.skerry.packager.sign;

import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Outputs;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringManifests.Scores;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.MonitoringSettings;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.List;

/**
 * What a device compares its inputs with.
 *
 * @param input name of the input tensor
 * @param features monitored elements of one item
 * @param reference what these elements were in training
 * @param output what is read of the answer
 * @param settings privacy rules and budget
 */
public record Baseline(
    String input,
    List<Feature> features,
    Samples reference,
    Output output,
    MonitoringSettings settings) {
  /** Elements that are watched where nobody named any. */
  public static final int UNNAMED_FEATURES_MAX = 64;

  private static final double SUM_TOLERANCE = 0.02;

  /**
   * What is read of the answer.
   *
   * @param name of the output tensor
   * @param threshold the score from which the positive class is predicted, where it holds a score
   * @param classes how many of its elements are classes; 0 where its first element is a score
   * @param logits whether a softmax makes probabilities of the classes' elements
   */
  public record Output(String name, double threshold, int classes, boolean logits) {
    /** One whose first element is the score. */
    public static Output score(String name, double threshold) {
      return new Output(name, threshold, 0, false);
    }

    /**
     * One whose elements are classes, if a manifest can hold as many.
     *
     * @param said by the float model; whether it says probabilities is seen by their sum
     */
    public static Output classes(String name, double threshold, Outputs said) {
      if (said.perItem() < 2 || said.perItem() > MonitoringPlan.CLASSES_MAX) {
        return score(name, threshold);
      }
      boolean probabilities = true;
      for (int item = 0; item < said.items(); item++) {
        double sum = 0;
        for (int i = 0; i < said.perItem(); i++) {
          sum += said.at(item, i);
          probabilities &= said.at(item, i) >= -SUM_TOLERANCE;
        }
        probabilities &= Math.abs(sum - 1) <= SUM_TOLERANCE;
      }
      return new Output(name, threshold, said.perItem(), !probabilities);
    }
  }

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
    List<float[]> said = new ArrayList<>(rows);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < features.size(); column++) {
        values[row][column] = reference.at(row, features.get(column).offset());
      }
      said.add(said(outputs, row));
    }
    return MonitoringManifests.fromReference(
        input,
        features,
        values,
        new Scores(output.name(), said, output.logits(), output.threshold(), List.of()),
        settings);
  }

  private float[] said(Outputs outputs, int row) {
    if (output.classes() == 0) {
      // The score's bins end at 0 and 1; what is no probability counts in the outermost ones.
      return new float[] {Math.max(0, Math.min(1, outputs.at(row, 0)))};
    }
    float[] said = new float[output.classes()];
    for (int i = 0; i < said.length; i++) {
      said[i] = outputs.at(row, i);
    }
    return said;
  }
}
