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
 * <p>P has orthonormal rows, so |z - Pᵀs|² = |z|² - |s|². Not thread-safe: keeps its last result.
 */
final class Residuals {
  private final double[] mean;
  private final double[] scale;
  private final float[] components;
  private final float[] eigenvalues;
  private final double[] standardised;
  private float squaredPredictionError;
  private float hotelling;

  Residuals(double[] mean, double[] standardDeviation, float[] components, float[] eigenvalues) {
    this.mean = mean.clone();
    this.scale = new double[mean.length];
    for (int i = 0; i < scale.length; i++) {
      // A constant feature carries no variance to explain: its deviation is taken as it is.
      scale[i] = standardDeviation[i] > 0 ? 1 / standardDeviation[i] : 1;
    }
    this.components = components.clone();
    this.eigenvalues = eigenvalues.clone();
    this.standardised = new double[mean.length];
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
    return new Residuals(mean, standardDeviation, components, eigenvalues);
  }

  void compute(float[] row) {
    int features = mean.length;
    double total = 0;
    for (int i = 0; i < features; i++) {
      double z = (row[i] - mean[i]) * scale[i];
      standardised[i] = z;
      total += z * z;
    }
    double explained = 0;
    double distance = 0;
    for (int j = 0; j < eigenvalues.length; j++) {
      double s = 0;
      for (int i = 0; i < features; i++) {
        s += components[j * features + i] * standardised[i];
      }
      explained += s * s;
      distance += s * s / eigenvalues[j];
    }
    // Math.max keeps NaN: a missing feature makes both streams missing.
    squaredPredictionError = (float) Math.max(0, total - explained);
    hotelling = (float) distance;
  }

  float squaredPredictionError() {
    return squaredPredictionError;
  }

  float hotelling() {
    return hotelling;
  }

  float[] components() {
    return components.clone();
  }

  float[] eigenvalues() {
    return eigenvalues.clone();
  }
}
