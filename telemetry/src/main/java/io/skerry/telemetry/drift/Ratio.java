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
 * <p>With weights of one over the inclusion probability this is Hajek's estimator. Only devices
 * with something to count are counted; below {@link SliceReport#DEVICES_MIN} of them the error is
 * not known (NaN), and no interval has bounds. At 0 and 1 all devices agree and the variance is 0
 * for want of devices that do not: there Wilson's interval bounds it, on Kish's effective number.
 *
 * @param effective devices, as many of equal weight as these are worth
 */
record Ratio(double value, double error, double effective) {
  private static final double ROUNDING = 1e-9;

  static <T> Ratio of(List<T> devices, ToDoubleFunction<T> part, ToDoubleFunction<T> whole) {
    double x = 0;
    double w = 0;
    double weights = 0;
    int n = 0;
    for (T one : devices) {
      double weight = whole.applyAsDouble(one);
      x += part.applyAsDouble(one);
      w += weight;
      weights += weight * weight;
      n += weight > 0 ? 1 : 0;
    }
    if (w == 0) {
      return new Ratio(Double.NaN, Double.NaN, 0);
    }
    double ratio = x / w;
    if (n < SliceReport.DEVICES_MIN) {
      return new Ratio(ratio, Double.NaN, n);
    }
    double squares = 0;
    for (T one : devices) {
      double rest = part.applyAsDouble(one) - ratio * whole.applyAsDouble(one);
      squares += rest * rest;
    }
    return new Ratio(ratio, Math.sqrt((double) n / (n - 1) * squares) / w, w * w / weights);
  }

  private double below(double z) {
    return Math.max(z * error, Math.abs(value - 1) < ROUNDING ? wilson(z) : 0);
  }

  private double above(double z) {
    return Math.max(z * error, Math.abs(value) < ROUNDING ? wilson(z) : 0);
  }

  private double wilson(double z) {
    return z * z / (effective + z * z);
  }

  /** With its 95 % interval. */
  Estimate estimate() {
    return new Estimate(value, value - below(Estimate.Z), value + above(Estimate.Z));
  }

  /** This divided by another; NaN when that is none or 0. */
  Estimate over(Ratio other, double z) {
    double quotient = other.value > 0 ? value / other.value : Double.NaN;
    // Of a quotient's logarithm: relative errors add up in squares. What is 0 has no logarithm: its
    // own bound, over the other's lowest, bounds it from above.
    if (value <= 0) {
      double lowest = other.value - other.below(z);
      return new Estimate(quotient, 0, lowest > 0 ? above(z) / lowest : Double.NaN);
    }
    double low = Math.exp(Math.hypot(below(z) / value, other.above(z) / other.value));
    double high = Math.exp(Math.hypot(above(z) / value, other.below(z) / other.value));
    return new Estimate(quotient, quotient / low, quotient * high);
  }

  /** This less another (Newcombe: the distances to the bounds add up in squares). */
  Estimate less(Ratio other, double z) {
    double difference = value - other.value;
    return new Estimate(
        difference,
        difference - Math.hypot(below(z), other.above(z)),
        difference + Math.hypot(above(z), other.below(z)));
  }
}
