package io.skerry.telemetry.drift;

import java.util.Arrays;
import java.util.List;

/**
 * How the input features of the fleet move together, learned from healthy device-windows.
 *
 * <p>Each feature is regressed on the median of the other features, standardised and turned to the
 * same sign by their first principal component. The median keeps one feature that is off from
 * dragging the expectation of the others with it.
 */
final class CommonTrend {
  private static final int FEATURES_MIN = 4;
  private static final int ITERATIONS = 60;

  private final double[] mean;
  private final double[] scale;
  private final double[] sign;
  private final double[] slope;
  private final double[] intercept;

  private CommonTrend(double[] mean, double[] scale, double[] sign) {
    this.mean = mean;
    this.scale = scale;
    this.sign = sign;
    this.slope = new double[mean.length];
    this.intercept = new double[mean.length];
  }

  static CommonTrend fit(List<double[]> rows) {
    int features = rows.getFirst().length;
    double[] mean = new double[features];
    double[] scale = new double[features];
    for (int f = 0; f < features; f++) {
      int at = f;
      mean[f] = rows.stream().mapToDouble(row -> row[at]).average().orElse(.5);
      double m = mean[f];
      double variance =
          rows.stream().mapToDouble(row -> (row[at] - m) * (row[at] - m)).average().orElse(0);
      scale[f] = variance > 1e-6 ? Math.sqrt(variance) : 0;
    }
    CommonTrend trend = new CommonTrend(mean, scale, firstComponentSigns(rows, mean, scale));
    for (int f = 0; f < features; f++) {
      trend.regress(f, rows);
    }
    return trend;
  }

  private void regress(int feature, List<double[]> rows) {
    double sumX = 0;
    double sumY = 0;
    double sumXx = 0;
    double sumXy = 0;
    for (double[] row : rows) {
      double x = others(feature, row);
      sumX += x;
      sumY += row[feature];
      sumXx += x * x;
      sumXy += x * row[feature];
    }
    int n = rows.size();
    double variance = sumXx - sumX * sumX / n;
    slope[feature] = variance > 1e-9 ? (sumXy - sumX * sumY / n) / variance : 0;
    intercept[feature] = (sumY - slope[feature] * sumX) / n;
  }

  double residual(int feature, double[] row) {
    return row[feature] - intercept[feature] - slope[feature] * others(feature, row);
  }

  private double others(int feature, double[] row) {
    double[] values = new double[row.length];
    int count = 0;
    for (int f = 0; f < row.length; f++) {
      if (f != feature && scale[f] > 0) {
        values[count++] = sign[f] * (row[f] - mean[f]) / scale[f];
      }
    }
    if (count < FEATURES_MIN - 1) {
      return 0;
    }
    Arrays.sort(values, 0, count);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
  }

  private static double[] firstComponentSigns(List<double[]> rows, double[] mean, double[] scale) {
    int features = mean.length;
    double[] component = new double[features];
    Arrays.fill(component, 1);
    // A start that is not orthogonal to the component: features are seldom exactly balanced.
    for (int f = 0; f < features; f++) {
      component[f] += f * 1e-3;
    }
    for (int i = 0; i < ITERATIONS; i++) {
      double[] next = new double[features];
      for (double[] row : rows) {
        double score = 0;
        for (int f = 0; f < features; f++) {
          score += component[f] * standardised(row[f], mean[f], scale[f]);
        }
        for (int f = 0; f < features; f++) {
          next[f] += score * standardised(row[f], mean[f], scale[f]);
        }
      }
      double norm = 0;
      for (double value : next) {
        norm += value * value;
      }
      if (norm == 0) {
        break;
      }
      for (int f = 0; f < features; f++) {
        component[f] = next[f] / Math.sqrt(norm);
      }
    }
    double[] signs = new double[features];
    for (int f = 0; f < features; f++) {
      signs[f] = component[f] < 0 ? -1 : 1;
    }
    return signs;
  }

  private static double standardised(double value, double mean, double scale) {
    return scale > 0 ? (value - mean) / scale : 0;
  }
}
