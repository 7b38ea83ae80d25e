package io.skerry.telemetry.sketch;

import io.skerry.wire.artifact.v1.Bins;
import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.ResidualStreams;
import io.skerry.wire.artifact.v1.ScoreStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Makes monitoring manifests from reference data. */
public final class MonitoringManifests {
  /** Ordinary bins that a feature gets at most; fewer when its values tie. */
  public static final int ORDINARY_BINS = 32;

  /** Equal bins of the score over [0, 1]. */
  public static final int SCORE_BINS = 64;

  /** Share of variance that the principal subspace explains at least. */
  private static final double EXPLAINED_VARIANCE = 0.9;

  private MonitoringManifests() {}

  /**
   * One monitored scalar.
   *
   * @param offset element index within one item of the input tensor, row-major
   */
  public record Feature(String name, int offset) {}

  /**
   * Counts the baseline of every stream on reference rows.
   *
   * @param input the input tensor that the features are taken from
   * @param features one per column of {@code rows}
   * @param rows monitored values, shape [rows][features], in the order in which they occurred
   * @param scoreOutput the output tensor whose first element is the score
   * @param scores the model's score of each row, 0 to 1
   * @param threshold the score from which the positive class is predicted
   * @throws IllegalArgumentException if there is no row, or the sizes disagree
   */
  public static MonitoringManifest fromReference(
      String input,
      List<Feature> features,
      float[][] rows,
      String scoreOutput,
      float[] scores,
      double threshold) {
    checkSizes(features, rows, scores);
    MonitoringManifest.Builder manifest =
        MonitoringManifest.newBuilder().setInput(input).setBaselineRows(rows.length);
    double[] mean = new double[features.size()];
    double[] deviation = new double[features.size()];
    for (int column = 0; column < features.size(); column++) {
      float[] values = column(rows, column);
      mean[column] = mean(values);
      deviation[column] = deviation(values, mean[column]);
      manifest.addFeatures(
          FeatureStream.newBuilder()
              .setName(features.get(column).name())
              .setOffset(features.get(column).offset())
              .setBins(measuredBins(values))
              .setMean(mean[column])
              .setStandardDeviation(deviation[column]));
    }
    manifest.setScore(score(scoreOutput, scores, threshold));
    if (features.size() >= 2) {
      manifest.setResidual(residual(rows, mean, deviation));
    }
    return manifest.build();
  }

  private static void checkSizes(List<Feature> features, float[][] rows, float[] scores) {
    if (rows.length == 0 || features.isEmpty()) {
      throw new IllegalArgumentException(
          "reference data has %d rows and %d features: at least 1 of each is needed"
              .formatted(rows.length, features.size()));
    }
    if (scores.length != rows.length) {
      throw new IllegalArgumentException(
          "reference data has %d rows and %d scores".formatted(rows.length, scores.length));
    }
    for (float[] row : rows) {
      if (row.length != features.size()) {
        throw new IllegalArgumentException(
            "a reference row has %d values for %d features".formatted(row.length, features.size()));
      }
    }
  }

  private static Bins measuredBins(float[] values) {
    float[] sorted = sortedFinite(values);
    if (sorted.length == 0) {
      return counted(ReferenceBins.of(new float[0], 0, 0), values);
    }
    double low = sorted[0];
    double high = sorted[sorted.length - 1];
    // Another machine of the same kind may run a little outside what the reference saw; half a
    // range beyond it a value is no plausible measurement.
    double margin = Math.max((high - low) / 2, 1e-6 + Math.abs(high) * 0.01);
    return counted(
        ReferenceBins.of(edges(sorted), (float) (low - margin), (float) (high + margin)), values);
  }

  private static Bins derivedBins(float[] values) {
    return counted(ReferenceBins.of(edges(sortedFinite(values)), 0, Float.MAX_VALUE), values);
  }

  /**
   * Quantile edges. A value that fills whole bins by itself gets a bin of its own: an edge at the
   * value and one just below it, in place of the quantiles that fell together.
   */
  static float[] edges(float[] sorted) {
    float[] edges = new float[ORDINARY_BINS - 1];
    int count = 0;
    int quantile = 1;
    while (quantile < ORDINARY_BINS && sorted.length > 0) {
      float value = quantile(sorted, quantile);
      int ties = 1;
      while (quantile + ties < ORDINARY_BINS && quantile(sorted, quantile + ties) == value) {
        ties++;
      }
      quantile += ties;
      float below = Math.nextDown(value);
      boolean othersBelow = count == 0 ? sorted[0] < value : edges[count - 1] < below;
      if (ties > 1 && othersBelow) {
        edges[count++] = below;
      }
      if (value < sorted[sorted.length - 1]) {
        edges[count++] = value;
      }
    }
    return Arrays.copyOf(edges, count);
  }

  private static float quantile(float[] sorted, int quantile) {
    int index = (int) Math.ceil((double) quantile * sorted.length / ORDINARY_BINS) - 1;
    return sorted[Math.max(0, index)];
  }

  private static Bins counted(ReferenceBins bins, float[] values) {
    long[] baseline = new long[bins.count()];
    for (int i = 0; i < values.length; i++) {
      baseline[bins.index(values[i])]++;
      if (i > 0 && Float.floatToRawIntBits(values[i]) == Float.floatToRawIntBits(values[i - 1])) {
        baseline[bins.stuck()]++;
      }
    }
    return bins.toWire(baseline);
  }

  private static ScoreStream score(String output, float[] scores, double threshold) {
    long[] baseline = new long[SCORE_BINS];
    for (float score : scores) {
      if (!Float.isNaN(score)) {
        baseline[WindowSketch.scoreBin(score)]++;
      }
    }
    ScoreStream.Builder stream =
        ScoreStream.newBuilder().setOutput(output).setOffset(0).setThreshold(threshold);
    Arrays.stream(baseline).forEach(stream::addBaseline);
    return stream.build();
  }

  private static ResidualStreams residual(float[][] rows, double[] mean, double[] deviation) {
    SymmetricEigen eigen = SymmetricEigen.of(correlation(rows, mean, deviation));
    int rank = rank(eigen.values());
    float[] components = new float[rank * mean.length];
    float[] eigenvalues = new float[rank];
    for (int j = 0; j < rank; j++) {
      eigenvalues[j] = (float) Math.max(1e-6, eigen.values()[j]);
      for (int i = 0; i < mean.length; i++) {
        components[j * mean.length + i] = (float) eigen.vectors()[j][i];
      }
    }
    Residuals residuals = new Residuals(mean, deviation, components, eigenvalues);
    float[] errors = new float[rows.length];
    float[] distances = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      residuals.compute(rows[i]);
      errors[i] = residuals.squaredPredictionError();
      distances[i] = residuals.hotelling();
    }
    ResidualStreams.Builder streams =
        ResidualStreams.newBuilder()
            .setSquaredPredictionError(derivedBins(errors))
            .setHotelling(derivedBins(distances));
    for (float component : components) {
      streams.addComponents(component);
    }
    for (float eigenvalue : eigenvalues) {
      streams.addEigenvalues(eigenvalue);
    }
    return streams.build();
  }

  /** Always leaves one direction out: without a rest there is no prediction error to watch. */
  private static int rank(double[] values) {
    double total = Arrays.stream(values).sum();
    double explained = 0;
    for (int rank = 1; rank < values.length; rank++) {
      explained += values[rank - 1];
      if (explained >= EXPLAINED_VARIANCE * total) {
        return rank;
      }
    }
    return values.length - 1;
  }

  private static double[][] correlation(float[][] rows, double[] mean, double[] deviation) {
    int features = mean.length;
    double[][] sums = new double[features][features];
    long complete = 0;
    double[] z = new double[features];
    for (float[] row : rows) {
      if (!isFinite(row)) {
        continue;
      }
      complete++;
      for (int i = 0; i < features; i++) {
        z[i] = deviation[i] > 0 ? (row[i] - mean[i]) / deviation[i] : 0;
        for (int j = 0; j <= i; j++) {
          sums[i][j] += z[i] * z[j];
        }
      }
    }
    for (int i = 0; i < features; i++) {
      for (int j = 0; j <= i; j++) {
        sums[i][j] /= Math.max(1, complete);
        sums[j][i] = sums[i][j];
      }
    }
    return sums;
  }

  private static boolean isFinite(float[] row) {
    for (float value : row) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  private static float[] column(float[][] rows, int column) {
    float[] values = new float[rows.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = rows[i][column];
    }
    return values;
  }

  private static float[] sortedFinite(float[] values) {
    List<Float> finite = new ArrayList<>(values.length);
    for (float value : values) {
      if (Float.isFinite(value)) {
        // Adding zero turns -0 into 0: the two compare equal but sort apart.
        finite.add(value + 0.0f);
      }
    }
    float[] sorted = new float[finite.size()];
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = finite.get(i);
    }
    Arrays.sort(sorted);
    return sorted;
  }

  private static double mean(float[] values) {
    double sum = 0;
    long count = 0;
    for (float value : values) {
      if (Float.isFinite(value)) {
        sum += value;
        count++;
      }
    }
    return count == 0 ? 0 : sum / count;
  }

  private static double deviation(float[] values, double mean) {
    double sum = 0;
    long count = 0;
    for (float value : values) {
      if (Float.isFinite(value)) {
        sum += (value - mean) * (value - mean);
        count++;
      }
    }
    return count == 0 ? 0 : Math.sqrt(sum / count);
  }
}
