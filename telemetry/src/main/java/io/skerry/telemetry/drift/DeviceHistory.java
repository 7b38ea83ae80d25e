package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the ledger keeps of one device: the rows that it learns from, then its baselines. */
final class DeviceHistory {
  private final List<double[]> inputRows = new ArrayList<>();
  private final List<double[]> outputRows = new ArrayList<>();
  private double @Nullable [] location;
  private double @Nullable [] conditional;
  private double @Nullable [] output;
  private @Nullable ModelVersion version;
  private Map<String, String> attributes = Map.of();

  void attributes(Map<String, String> latest) {
    attributes = latest;
  }

  Map<String, String> attributes() {
    return attributes;
  }

  // Rows are kept after learning until the fleet's trend is known.
  boolean hasLearnedInputs(int windows) {
    return inputRows.size() >= windows || conditional != null;
  }

  void learn(double[] row) {
    inputRows.add(row);
  }

  List<double[]> inputRows() {
    return inputRows;
  }

  void settle(CommonTrend trend, Noise locationNoise, Noise conditionalNoise) {
    List<double[]> residuals = new ArrayList<>(inputRows.size());
    for (double[] row : inputRows) {
      double[] residual = new double[row.length];
      for (int f = 0; f < row.length; f++) {
        residual[f] = trend.residual(f, row);
      }
      residuals.add(residual);
    }
    location = mean(inputRows);
    conditional = mean(residuals);
    locationNoise.add(inputRows, location);
    conditionalNoise.add(residuals, conditional);
    inputRows.clear();
  }

  void relearn() {
    inputRows.clear();
    outputRows.clear();
    location = null;
    conditional = null;
    output = null;
  }

  double @Nullable [] location() {
    return location;
  }

  double @Nullable [] conditional() {
    return conditional;
  }

  // The baseline of the outputs before this row; null while the version is being learned.
  double @Nullable [] outputBaseline(
      ModelVersion running, double[] row, int windows, Noise outputNoise) {
    if (!running.equals(version)) {
      version = running;
      outputRows.clear();
      output = null;
    }
    if (output == null) {
      outputRows.add(row);
      if (outputRows.size() >= windows) {
        double[] learned = mean(outputRows);
        outputNoise.add(outputRows, learned);
        output = learned;
        outputRows.clear();
      }
      return null;
    }
    return output;
  }

  private static double[] mean(List<double[]> rows) {
    double[] mean = new double[rows.getFirst().length];
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        mean[i] += row[i] / rows.size();
      }
    }
    return mean;
  }

  /** Variance of device-windows around their device's mean, pooled over devices. */
  static final class Noise {
    private final double[] squares;
    private long freedom;

    Noise(int streams) {
      squares = new double[streams];
    }

    private void add(List<double[]> rows, double[] mean) {
      for (double[] row : rows) {
        for (int i = 0; i < row.length; i++) {
          squares[i] += (row[i] - mean[i]) * (row[i] - mean[i]);
        }
      }
      freedom += rows.size() - 1;
    }

    // Not divided by the windows learned from: neighbouring windows of a machine are much alike.
    double standardError(int stream, int devices, int peers) {
      double variance = freedom > 0 ? squares[stream] / freedom : 1;
      return Math.sqrt(variance * (1.0 / devices + 1.0 / peers));
    }
  }
}
