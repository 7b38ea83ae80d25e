package io.skerry.telemetry.drift;

/** A value with its 95 % interval. */
public record Estimate(double value, double low, double high) {
  static final double Z = 1.96;

  /** A value with the interval that a standard error gives. */
  public static Estimate around(double value, double standardError) {
    return new Estimate(value, value - Z * standardError, value + Z * standardError);
  }

  /** This within bounds. */
  Estimate within(double lowest, double highest) {
    return new Estimate(
        Math.clamp(value, lowest, highest),
        Math.clamp(low, lowest, highest),
        Math.clamp(high, lowest, highest));
  }

  /** Half of the interval's width. */
  public double halfWidth() {
    return (high - low) / 2;
  }

  /** Whether 0 lies outside. */
  public boolean isBeyondZero() {
    return low > 0 || high < 0;
  }
}
