package io.skerry.fleet.rollout;

/**
 * How fast devices are given orders: a rate that grows by a factor with every so many devices that
 * were told or succeeded.
 *
 * @param perMinute rate at the beginning, above 0; infinite for no limit
 * @param factor by which the rate grows, 1 to 5
 * @param every devices after which it grows, at least 1
 * @param by what is counted for that
 * @param perMinuteMax the rate never exceeds this
 */
public record Pace(double perMinute, double factor, int every, Growth by, double perMinuteMax) {
  /** What makes the rate grow. Names are wire values. */
  public enum Growth {
    NOTIFIED,
    SUCCEEDED
  }

  /** As fast as the other limits allow. */
  public static final Pace UNLIMITED =
      new Pace(Double.POSITIVE_INFINITY, 1, 1, Growth.SUCCEEDED, Double.POSITIVE_INFINITY);

  private static final double FACTOR_MAX = 5;
  private static final int STEPS_MAX = 1000;

  /**
   * Checks the ranges.
   *
   * @throws InvalidFieldException naming the field that leaves its range
   */
  public Pace {
    if (!(perMinute > 0)) {
      throw new InvalidFieldException("pace.perMinute", perMinute + " must be above 0");
    }
    if (!(factor >= 1 && factor <= FACTOR_MAX)) {
      throw new InvalidFieldException("pace.factor", factor + " must be 1 to 5");
    }
    if (every < 1) {
      throw new InvalidFieldException("pace.every", every + " must be at least 1");
    }
    if (!(perMinuteMax >= perMinute)) {
      throw new InvalidFieldException(
          "pace.perMinuteMax",
          "%s must be at least perMinute, %s".formatted(perMinuteMax, perMinute));
    }
  }

  boolean isUnlimited() {
    return Double.isInfinite(perMinute);
  }

  /** Devices per minute after so many. */
  double rate(int notified, int succeeded) {
    int steps = (by == Growth.NOTIFIED ? notified : succeeded) / every;
    return Math.min(perMinuteMax, perMinute * Math.pow(factor, Math.min(STEPS_MAX, steps)));
  }
}
