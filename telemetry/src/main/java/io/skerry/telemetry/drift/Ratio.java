package io.skerry.telemetry.drift;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A ratio of sums over devices, with the error that comes from which devices there are.
 *
 * <pre>{@code
 * R = sum x_d / sum w_d      variance = n / (n - 1) sum (x_d - R w_d)^2 / (sum w_d)^2
 * }</pre>
 *
 * <p>With weights of one over the inclusion probability this is Hajek's estimator.
 */
record Ratio(double value, double error) {
  static <T> Ratio of(List<T> devices, ToDoubleFunction<T> part, ToDoubleFunction<T> whole) {
    double x = 0;
    double w = 0;
    for (T one : devices) {
      x += part.applyAsDouble(one);
      w += whole.applyAsDouble(one);
    }
    if (w == 0) {
      return new Ratio(Double.NaN, Double.NaN);
    }
    double ratio = x / w;
    double squares = 0;
    for (T one : devices) {
      double rest = part.applyAsDouble(one) - ratio * whole.applyAsDouble(one);
      squares += rest * rest;
    }
    int n = devices.size();
    return new Ratio(ratio, n < 2 ? .5 : Math.sqrt((double) n / (n - 1) * squares) / w);
  }

  Estimate estimate() {
    return Estimate.around(value, error);
  }

  /** This divided by another; NaN when that is none or 0. */
  Estimate over(Ratio other) {
    double quotient = other.value > 0 ? value / other.value : Double.NaN;
    // Of a quotient's logarithm: relative errors add up in squares. What is 0 has no logarithm: its
    // own error bounds it from above.
    if (value <= 0) {
      return new Estimate(quotient, 0, Estimate.around(0, error / other.value).high());
    }
    double relative = Math.hypot(error / value, other.error / other.value);
    double factor = Math.exp(Estimate.around(0, relative).high());
    return new Estimate(quotient, quotient / factor, quotient * factor);
  }

  Estimate less(Ratio other) {
    return Estimate.around(value - other.value, Math.hypot(error, other.error));
  }
}
