package io.skerry.telemetry.drift;

import java.util.List;

/**
 * Whether a rollout or another event may be the cause: the change of the devices that it touched
 * less that of the others, each against its own baseline (difference in differences).
 *
 * @param difference with its 95 % interval, in the unit of the finding's statistic
 * @param membersTouched of the finding's cohort, 0 to 1
 */
public record EventCheck(Answer answer, Estimate difference, double membersTouched) {
  /** What the comparison says. */
  public enum Answer {
    /** The touched devices moved as the cohort did, the others did not. */
    SUPPORTED,
    /** The touched devices moved by clearly less than the cohort. */
    REFUTED,
    /** Neither is certain. */
    UNCLEAR,
    /** Too few devices or units were touched, or too few were not. */
    NOT_TESTABLE
  }

  static final EventCheck NOT_TESTABLE =
      new EventCheck(Answer.NOT_TESTABLE, new Estimate(0, 0, 0), 0);

  private static final double MOST = .5;

  static EventCheck of(
      Estimate effect,
      List<Double> touched,
      List<Double> others,
      int devicesMin,
      int members,
      int membersTouched) {
    double share = members == 0 ? 0 : (double) membersTouched / members;
    if (touched.size() < devicesMin || others.size() < devicesMin) {
      return new EventCheck(Answer.NOT_TESTABLE, new Estimate(0, 0, 0), share);
    }
    double error = Math.sqrt(variance(touched) / touched.size() + variance(others) / others.size());
    Estimate difference = Estimate.around(mean(touched) - mean(others), error);
    double half = MOST * effect.value();
    boolean sameSide = difference.value() * effect.value() > 0;
    boolean atLeastHalf = sameSide && Math.abs(difference.value()) >= Math.abs(half);
    boolean belowHalf = half >= 0 ? difference.high() < half : difference.low() > half;
    Answer answer =
        atLeastHalf && difference.isBeyondZero() && share >= MOST
            ? Answer.SUPPORTED
            : belowHalf || share < MOST / 5 ? Answer.REFUTED : Answer.UNCLEAR;
    return new EventCheck(answer, difference, share);
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElse(0);
  }

  private static double variance(List<Double> values) {
    double mean = mean(values);
    return values.stream().mapToDouble(value -> (value - mean) * (value - mean)).sum()
        / Math.max(1, values.size() - 1);
  }
}
