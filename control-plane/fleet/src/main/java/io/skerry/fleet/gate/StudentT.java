package io.skerry.fleet.gate;

final class StudentT {
  // Quantiles .995 for 1 to 30 degrees of freedom; beyond, the expansion in 1/df is exact to 1e-3.
  private static final double[] QUANTILE_995 = {
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012,
    2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779,
    2.771, 2.763, 2.756, 2.750
  };
  private static final double NORMAL_995 = 2.5758;

  private StudentT() {}

  /** Times the deviation grows for being estimated; above 0 degrees of freedom. */
  static double widening(double degreesOfFreedom) {
    return quantile995(degreesOfFreedom) / NORMAL_995;
  }

  // Between whole degrees the chord lies above the convex quantile: on the safe side. Below one the
  // tail falls with the power of the degrees.
  private static double quantile995(double degreesOfFreedom) {
    if (degreesOfFreedom < 1) {
      return Math.pow(quantile995(1), 1 / degreesOfFreedom);
    }
    int whole = (int) Math.floor(degreesOfFreedom);
    double part = degreesOfFreedom - whole;
    return (1 - part) * quantile995(whole) + part * quantile995(whole + 1);
  }

  private static double quantile995(int degreesOfFreedom) {
    return degreesOfFreedom <= QUANTILE_995.length
        ? QUANTILE_995[degreesOfFreedom - 1]
        : NORMAL_995 + (Math.pow(NORMAL_995, 3) + NORMAL_995) / (4.0 * degreesOfFreedom);
  }
}
