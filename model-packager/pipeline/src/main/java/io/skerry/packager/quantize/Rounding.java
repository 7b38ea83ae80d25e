package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Moments;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Rounds the weights of a layer so that its output, not each weight, comes out closest: one input
 * after the other, and what rounding one adds to the output's error is taken back by those that are
 * still to be rounded.
 *
 * <pre>{@code
 * least Σ (w − ŵ)ᵀ C (w − ŵ),  C the covariance of what the layer reads
 * }</pre>
 *
 * <p>The mean is left to the bias, which takes back its whole error. Inputs that vary most come
 * first.
 *
 * @see <a href="https://arxiv.org/abs/2210.17323">Frantar et al. 2022, GPTQ</a>
 */
final class Rounding {
  /** Share of the mean variance that is added to each, so that none is taken for certain. */
  private static final double DAMPING = 0.01;

  private final int length;
  private final int[][] orders;
  private final double[][] factors;

  /** Prepares for a layer of so many groups. */
  Rounding(Moments moments, int groups) {
    this.length = moments.length();
    this.orders = new int[groups][];
    this.factors = new double[groups][];
    for (int group = 0; group < groups; group++) {
      double[] covariance = moments.covariance(group);
      orders[group] = order(covariance);
      factors[group] = inverseFactor(covariance, orders[group]);
    }
  }

  /**
   * Rounds what one output weighs.
   *
   * @param weights of the layer, outputs first
   * @param integers of the same layout; those of this output are set
   * @return the error that is left
   */
  double round(float[] weights, int output, int group, float scale, byte[] integers) {
    int[] order = orders[group];
    double[] factor = factors[group];
    double[] rest = new double[length];
    for (int i = 0; i < length; i++) {
      rest[i] = weights[output * length + order[i]];
    }
    double left = 0;
    for (int i = 0; i < length; i++) {
      byte integer = QuantizationRules.weight((float) rest[i], scale);
      integers[output * length + order[i]] = integer;
      double error = (rest[i] - (double) integer * scale) / factor[i * length + i];
      left += error * error;
      for (int k = i + 1; k < length; k++) {
        rest[k] -= error * factor[i * length + k];
      }
    }
    return left;
  }

  private int[] order(double[] covariance) {
    return IntStream.range(0, length)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> -covariance[i * length + i]))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** The upper triangle U with UᵀU = C⁻¹, of C damped and in this order. */
  private double[] inverseFactor(double[] covariance, int[] order) {
    double trace = 0;
    for (int i = 0; i < length; i++) {
      trace += covariance[i * length + i];
    }
    double damping = trace > 0 ? DAMPING * trace / length : 1;
    // C = VVᵀ with V upper triangular, and U = V⁻¹.
    double[] factor = new double[length * length];
    for (int j = length - 1; j >= 0; j--) {
      for (int i = j; i >= 0; i--) {
        double sum = covariance[order[i] * length + order[j]] + (i == j ? damping : 0);
        for (int k = j + 1; k < length; k++) {
          sum -= factor[i * length + k] * factor[j * length + k];
        }
        factor[i * length + j] =
            i == j ? Math.sqrt(Math.max(sum, damping)) : sum / factor[j * length + j];
      }
    }
    return inverse(factor);
  }

  private double[] inverse(double[] upper) {
    double[] inverse = new double[length * length];
    for (int i = length - 1; i >= 0; i--) {
      double diagonal = upper[i * length + i];
      inverse[i * length + i] = 1 / diagonal;
      for (int k = i + 1; k < length; k++) {
        double by = upper[i * length + k] / diagonal;
        for (int j = k; j < length; j++) {
          inverse[i * length + j] -= by * inverse[k * length + j];
        }
      }
    }
    return inverse;
  }
}
