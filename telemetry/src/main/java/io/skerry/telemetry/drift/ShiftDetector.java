package io.skerry.telemetry.drift;

import java.util.Arrays;

/**
 * A Shiryaev-Roberts e-detector for the mean of bounded observations, in both directions.
 *
 * <pre>{@code
 * H0:  |E[y | past]| <= tau            y in [-1, 1], devices independent given the window
 * e_t(s, lambda) = prod_d (1 + lambda (s y_d - tau))        0 < lambda < 1 / (1 + tau)
 * M_t(s, lambda) = (M_{t-1}(s, lambda) + 1) e_t(s, lambda);  M_t = mean over s and lambda
 * }</pre>
 *
 * <p>M_t - t is a supermartingale under H0, so that M reaches a threshold A before window t with a
 * chance of at most t / A, whatever other streams do.
 *
 * @see <a href="https://arxiv.org/abs/2203.03532">Shin, Ramdas, Rinaldo: e-detectors</a>
 */
final class ShiftDetector {
  private static final double[] GRID = {.1, .25, .5, .8, .97};
  private static final double LOG_WEIGHT = -Math.log(2.0 * GRID.length);

  private final double[] logM = new double[2 * GRID.length];
  private double evidence;
  private long onset;
  private boolean rising;

  ShiftDetector() {
    restart();
  }

  void restart() {
    Arrays.fill(logM, Double.NEGATIVE_INFINITY);
    evidence = 0;
  }

  void observe(long window, double[] y, double tolerance) {
    double largest = 1 / (1 + tolerance);
    double[] logE = new double[logM.length];
    double best = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < logM.length; i++) {
      double sign = i < GRID.length ? 1 : -1;
      double lambda = GRID[i % GRID.length] * largest;
      double sum = 0;
      for (double value : y) {
        sum += Math.log1p(lambda * (sign * value - tolerance));
      }
      logE[i] = sum;
      // log(M + 1) without overflow.
      double grown =
          logM[i] > 0 ? logM[i] + Math.log1p(Math.exp(-logM[i])) : Math.log1p(Math.exp(logM[i]));
      logM[i] = grown + sum;
      if (logM[i] > best) {
        best = logM[i];
        rising = sign > 0;
      }
    }
    double mixture = logMean(logE);
    if (evidence <= 0) {
      onset = window;
    }
    evidence = Math.max(0, evidence + mixture);
  }

  double logM() {
    return logMean(logM);
  }

  // First window of the present run of evidence, by the CUSUM of the same e-values.
  long onset() {
    return onset;
  }

  boolean isRising() {
    return rising;
  }

  private static double logMean(double[] logs) {
    double largest = Double.NEGATIVE_INFINITY;
    for (double value : logs) {
      largest = Math.max(largest, value);
    }
    if (largest == Double.NEGATIVE_INFINITY) {
      return largest;
    }
    double sum = 0;
    for (double value : logs) {
      sum += Math.exp(value - largest);
    }
    return largest + Math.log(sum) + LOG_WEIGHT;
  }
}
