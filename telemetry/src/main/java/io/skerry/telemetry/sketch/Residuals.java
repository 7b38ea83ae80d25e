package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.ResidualStreams;

/**
 * Squared prediction error and Hotelling's T² of a row in the principal subspace of the reference.
 *
 * <pre>{@code
 * z = (x - mean) / sd     s = P z     SPE = |z|² - |s|²     T² = Σ sⱼ² / λⱼ
 * }</pre>
 *
 * <p>P has orthonormal rows, so |z - Pᵀs|² = |z|² - |s|². Immutable: devices of one version share
 * it.
 */
final class Residuals {
  // Up to here a score after the other is faster: loops over neighbours have hardly begun.
  private static final int FEW = 8;

  private final float[] mean;
  private final float[] scale;
  // An array a feature: the inner loop then runs over neighbours and needs no sum across them.
  private final float[][] byFeature;
  // The same, an array a score.
  private final float[][] byScore;
  private final float[] precision;
  private final float errorLimit;
  private final float distanceLimit;

  /** Where a result is put, and what is needed on the way; one a thread. */
  static final class Scratch {
    private final float[] scores;
    private final float[] deviations;
    float squaredPredictionError;
    float hotelling;

    Scratch(Residuals residuals) {
      scores = new float[residuals.precision.length];
      deviations = new float[residuals.mean.length];
    }
  }

  /**
   * @param components row-major, components x features
   */
  Residuals(double[] mean, double[] standardDeviation, float[] components, float[] eigenvalues) {
    this(mean, standardDeviation, components, eigenvalues, 0, 0);
  }

  private Residuals(
      double[] mean,
      double[] standardDeviation,
      float[] components,
      float[] eigenvalues,
      float errorLimit,
      float distanceLimit) {
    this.errorLimit = errorLimit > 0 ? errorLimit : Float.POSITIVE_INFINITY;
    this.distanceLimit = distanceLimit > 0 ? distanceLimit : Float.POSITIVE_INFINITY;
    int features = mean.length;
    int rank = eigenvalues.length;
    this.mean = new float[features];
    this.scale = new float[features];
    this.byFeature = new float[features][rank];
    this.byScore = new float[rank][features];
    this.precision = new float[rank];
    for (int i = 0; i < features; i++) {
      this.mean[i] = (float) mean[i];
      // A constant feature carries no variance to explain: its deviation is taken as it is.
      scale[i] = standardDeviation[i] > 0 ? (float) (1 / standardDeviation[i]) : 1;
      for (int j = 0; j < rank; j++) {
        byFeature[i][j] = components[j * features + i];
        byScore[j][i] = byFeature[i][j];
      }
    }
    for (int j = 0; j < rank; j++) {
      precision[j] = 1 / eigenvalues[j];
    }
  }

  static Residuals of(double[] mean, double[] standardDeviation, ResidualStreams wire)
      throws MalformedDocumentException {
    int features = mean.length;
    int rank = wire.getEigenvaluesCount();
    if (rank < 1 || rank > features || wire.getComponentsCount() != rank * features) {
      throw new MalformedDocumentException(
          "monitoring manifest: %d components of %d features have %d elements"
              .formatted(rank, features, wire.getComponentsCount()));
    }
    float[] components = new float[rank * features];
    for (int i = 0; i < components.length; i++) {
      components[i] = wire.getComponents(i);
    }
    float[] eigenvalues = new float[rank];
    for (int i = 0; i < rank; i++) {
      eigenvalues[i] = wire.getEigenvalues(i);
      if (!(eigenvalues[i] > 0)) {
        throw new MalformedDocumentException(
            "monitoring manifest: eigenvalue %d is %s".formatted(i, eigenvalues[i]));
      }
    }
    return new Residuals(
        mean,
        standardDeviation,
        components,
        eigenvalues,
        wire.getSquaredPredictionErrorLimit(),
        wire.getHotellingLimit());
  }

  /** Whether what was computed lies beyond what 99.9 % of the reference have. */
  boolean isErrorAnomalous(Scratch computed) {
    return computed.squaredPredictionError > errorLimit;
  }

  /** The same of T². */
  boolean isDistanceAnomalous(Scratch computed) {
    return computed.hotelling > distanceLimit;
  }

  /** Computes both of one row. A missing value makes both NaN. */
  void compute(float[] row, Scratch into) {
    if (mean.length <= FEW) {
      computeFew(row, into);
    } else {
      computeMany(row, into);
    }
  }

  // Adds up in the same order as for many, so that both give the same.
  private void computeFew(float[] row, Scratch into) {
    float[] z = into.deviations;
    int features = z.length;
    float total = 0;
    int i = 0;
    for (; i + 3 < features; i += 4) {
      z[i] = (row[i] - mean[i]) * scale[i];
      z[i + 1] = (row[i + 1] - mean[i + 1]) * scale[i + 1];
      z[i + 2] = (row[i + 2] - mean[i + 2]) * scale[i + 2];
      z[i + 3] = (row[i + 3] - mean[i + 3]) * scale[i + 3];
      total += z[i] * z[i] + z[i + 1] * z[i + 1] + z[i + 2] * z[i + 2] + z[i + 3] * z[i + 3];
    }
    for (; i < features; i++) {
      z[i] = (row[i] - mean[i]) * scale[i];
      total += z[i] * z[i];
    }
    float explained = 0;
    float distance = 0;
    for (int j = 0; j < precision.length; j++) {
      float score = score(byScore[j], z);
      float square = score * score;
      explained += square;
      distance += square * precision[j];
    }
    into.squaredPredictionError = Math.max(0, total - explained);
    into.hotelling = distance;
  }

  private static float score(float[] component, float[] z) {
    float score = 0;
    int i = 0;
    for (; i + 3 < z.length; i += 4) {
      score +=
          component[i] * z[i]
              + component[i + 1] * z[i + 1]
              + component[i + 2] * z[i + 2]
              + component[i + 3] * z[i + 3];
    }
    for (; i < z.length; i++) {
      score += component[i] * z[i];
    }
    return score;
  }

  private void computeMany(float[] row, Scratch into) {
    float[] scores = into.scores;
    int rank = scores.length;
    java.util.Arrays.fill(scores, 0);
    float total = 0;
    int i = 0;
    // Four features at a time: the scores are read and written a quarter as often.
    for (; i + 3 < mean.length; i += 4) {
      float first = (row[i] - mean[i]) * scale[i];
      float second = (row[i + 1] - mean[i + 1]) * scale[i + 1];
      float third = (row[i + 2] - mean[i + 2]) * scale[i + 2];
      float fourth = (row[i + 3] - mean[i + 3]) * scale[i + 3];
      total += first * first + second * second + third * third + fourth * fourth;
      add(scores, i, first, second, third, fourth);
    }
    for (; i < mean.length; i++) {
      float z = (row[i] - mean[i]) * scale[i];
      total += z * z;
      float[] components = byFeature[i];
      for (int j = 0; j < rank; j++) {
        scores[j] += components[j] * z;
      }
    }
    float explained = 0;
    float distance = 0;
    for (int j = 0; j < rank; j++) {
      float square = scores[j] * scores[j];
      explained += square;
      distance += square * precision[j];
    }
    // Math.max keeps NaN.
    into.squaredPredictionError = Math.max(0, total - explained);
    into.hotelling = distance;
  }

  private void add(
      float[] scores, int feature, float first, float second, float third, float fourth) {
    float[] a = byFeature[feature];
    float[] b = byFeature[feature + 1];
    float[] c = byFeature[feature + 2];
    float[] d = byFeature[feature + 3];
    for (int j = 0; j < scores.length; j++) {
      scores[j] += a[j] * first + b[j] * second + c[j] * third + d[j] * fourth;
    }
  }
}
