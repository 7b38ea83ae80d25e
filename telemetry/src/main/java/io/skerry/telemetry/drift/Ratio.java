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

  /** Sums of any number of devices, of which none is kept. Not thread-safe. */
  static final class Sums {
    private double x;
    private double w;
    private double xx;
    private double xw;
    private double ww;
    private int n;

    void add(double part, double whole) {
      x += part;
      w += whole;
      xx += part * part;
      xw += part * whole;
      ww += whole * whole;
      n += whole > 0 ? 1 : 0;
    }

    Ratio ratio() {
      if (w == 0) {
        return new Ratio(Double.NaN, Double.NaN, 0);
      }
      double ratio = x / w;
      if (n < SliceReport.DEVICES_MIN) {
        return new Ratio(ratio, Double.NaN, n);
      }
      // Sums of rests' squares, multiplied out; what rounding leaves of none is none.
      double squares = xx - 2 * ratio * xw + ratio * ratio * ww;
      double rounding = n * Math.ulp(Math.max(xx, ratio * ratio * ww));
      return new Ratio(
          ratio,
          squares <= rounding ? 0 : Math.sqrt((double) n / (n - 1) * squares) / w,
          w * w / ww);
    }
  }

  static <T> Ratio of(List<T> devices, ToDoubleFunction<T> part, ToDoubleFunction<T> whole) {
    Sums sums = new Sums();
    for (T one : devices) {
      sums.add(part.applyAsDouble(one), whole.applyAsDouble(one));
    }
    return sums.ratio();
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
