package io.skerry.telemetry.drift;

import java.util.Arrays;
import java.util.List;

/**
 * How the input features of the fleet move together, learned from healthy device-windows.
 *
 * <p>Each feature is regressed on the median of the other features, standardised and turned to the
 * same sign by their first principal component. The median keeps one feature that is off from
 * dragging the expectation of the others with it. A feature that the others do not explain has no
 * residual.
 */
final class CommonTrend {
  /** Rows that the trend is learned from at most. */
  static final int ROWS_MAX = 4096;

  private static final int FEATURES_MIN = 4;
  private static final int ITERATIONS = 60;

  /** Share of a feature's variance that the others must explain. */
  private static final double EXPLAINED_MIN = .2;

  private final double[] mean;
  private final double[] scale;
  private final double[] sign;
  private final double[] slope;
  private final double[] intercept;
  private final boolean[] active;

  private CommonTrend(double[] mean, double[] scale, double[] sign) {
    this.mean = mean;
    this.scale = scale;
    this.sign = sign;
    this.slope = new double[mean.length];
    this.intercept = new double[mean.length];
    this.active = new boolean[mean.length];
  }

  static CommonTrend fit(List<float[]> rows) {
    int features = rows.getFirst().length;
    double[] mean = new double[features];
    double[] scale = new double[features];
    for (int f = 0; f < features; f++) {
      int at = f;
      mean[f] =
          rows.stream()
              .mapToDouble(row -> row[at])
              .filter(x -> !Double.isNaN(x))
              .average()
              .orElse(.5);
      double m = mean[f];
      double variance =
          rows.stream()
              .mapToDouble(row -> (row[at] - m) * (row[at] - m))
              .filter(x -> !Double.isNaN(x))
              .average()
              .orElse(0);
      scale[f] = variance > 1e-6 ? Math.sqrt(variance) : 0;
    }
    CommonTrend trend = new CommonTrend(mean, scale, firstComponentSigns(rows, mean, scale));
    double[][] others = new double[rows.size()][features];
    for (int i = 0; i < others.length; i++) {
      trend.others(rows.get(i), others[i]);
    }
    for (int f = 0; f < features; f++) {
      trend.regress(f, rows, others);
    }
    return trend;
  }

  private void regress(int feature, List<float[]> rows, double[][] others) {
    double sumX = 0;
    double sumY = 0;
    double sumXx = 0;
    double sumXy = 0;
    double sumYy = 0;
    int n = 0;
    for (int i = 0; i < others.length; i++) {
      double x = others[i][feature];
      double y = rows.get(i)[feature];
      if (!Double.isNaN(x + y)) {
        sumX += x;
        sumY += y;
        sumXx += x * x;
        sumXy += x * y;
        sumYy += y * y;
        n++;
      }
    }
    double spreadX = sumXx - sumX * sumX / Math.max(1, n);
    double spreadY = sumYy - sumY * sumY / Math.max(1, n);
    double together = sumXy - sumX * sumY / Math.max(1, n);
    slope[feature] = spreadX > 1e-9 ? together / spreadX : 0;
    intercept[feature] = n == 0 ? 0 : (sumY - slope[feature] * sumX) / n;
    active[feature] =
        spreadX > 1e-9
            && spreadY > 1e-9
            && together * together / spreadX / spreadY >= EXPLAINED_MIN;
  }

  void write(StateWriter to) {
    for (double[] values : List.of(mean, scale, sign, slope, intercept)) {
      to.putDoubles(values);
    }
    for (boolean one : active) {
      to.putFlag(one);
    }
  }

  static CommonTrend read(StateReader from, int features) {
    CommonTrend read =
        new CommonTrend(new double[features], new double[features], new double[features]);
    for (double[] values : List.of(read.mean, read.scale, read.sign, read.slope, read.intercept)) {
      from.getDoubles(values);
    }
    for (int f = 0; f < features; f++) {
      read.active[f] = from.getFlag();
    }
    return read;
  }

  /** Whether any feature is explained by the others. */
  boolean isActive() {
    for (boolean one : active) {
      if (one) {
        return true;
      }
    }
    return false;
  }

  boolean isActive(int feature) {
    return active[feature];
  }

  /** Residuals of a row of locations; NaN where the others do not explain a feature. */
  void residuals(float[] row, float[] into) {
    double[] others = new double[mean.length];
    others(row, others);
    for (int f = 0; f < mean.length; f++) {
      into[f] = active[f] ? (float) (row[f] - intercept[f] - slope[f] * others[f]) : Float.NaN;
    }
  }

  // The median of all but one, for each one: from the sorted row, at the cost of one sort.
  private void others(float[] row, double[] into) {
    double[] sorted = new double[mean.length];
    int count = 0;
    for (int f = 0; f < mean.length; f++) {
      if (scale[f] > 0 && !Float.isNaN(row[f])) {
        sorted[count++] = standardised(row, f);
      }
    }
    Arrays.sort(sorted, 0, count);
    for (int f = 0; f < mean.length; f++) {
      boolean own = scale[f] > 0 && !Float.isNaN(row[f]);
      int left = own ? count - 1 : count;
      if (left < FEATURES_MIN - 1) {
        into[f] = 0;
        continue;
      }
      int without = own ? Arrays.binarySearch(sorted, 0, count, standardised(row, f)) : count;
      into[f] =
          left % 2 == 1
              ? at(sorted, left / 2, without)
              : (at(sorted, left / 2 - 1, without) + at(sorted, left / 2, without)) / 2;
    }
  }

  private static double at(double[] sorted, int place, int without) {
    return sorted[place >= without ? place + 1 : place];
  }

  private double standardised(float[] row, int feature) {
    return sign[feature] * (row[feature] - mean[feature]) / scale[feature];
  }

  private static double[] firstComponentSigns(List<float[]> rows, double[] mean, double[] scale) {
    int features = mean.length;
    double[] component = new double[features];
    Arrays.fill(component, 1);
    // A start that is not orthogonal to the component: features are seldom exactly balanced.
    for (int f = 0; f < features; f++) {
      component[f] += f * 1e-3;
    }
    for (int i = 0; i < ITERATIONS; i++) {
      double[] next = new double[features];
      for (float[] row : rows) {
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

  private static double standardised(float value, double mean, double scale) {
    return scale > 0 && !Float.isNaN(value) ? (value - mean) / scale : 0;
  }
}
