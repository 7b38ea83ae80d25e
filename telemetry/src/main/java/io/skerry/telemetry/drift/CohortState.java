package io.skerry.telemetry.drift;

import java.util.Arrays;

/** What the ledger keeps of one cohort: its detectors, and its effects of the last windows. */
final class CohortState {
  static final int WINDOWS_KEPT = 32;

  private final Cohort cohort;
  private final ShiftDetectors detectors;
  private final int statistics;
  // Effects, standard errors and windows of the last windows, in a ring.
  private final float[] effects;
  private final float[] errors;
  private final long[] windows = new long[WINDOWS_KEPT];
  private int next;

  // One window's sums; written anew for each.
  final float[] residualSum;
  final float[] units;
  // Of the fleet's rows: what is of this cohort, not of its peers.
  final float[] ownSum;
  final float[] ownUnits;
  final float[] sum;
  final float[] squares;
  final float[] peerMean;
  // Of all members and, of those among the fleet's rows, what clipping may take off their say.
  final float[] skew;
  final float[] ownSkew;
  // The devices that this is of: those that said something.
  final float[] told;
  final float[] ownTold;
  // Of those, the ones that are told it seldom.
  final float[] seldom;
  final float[] ownSeldom;
  // What one unit may say at most, and the tolerance in parts of that; 0 = not judged.
  final float[] clip;
  final float[] tolerance;
  // The part of what the units say that counts.
  final float[] part;
  final double[] products;
  int devices;

  CohortState(Cohort cohort, int statistics) {
    this.cohort = cohort;
    this.statistics = statistics;
    detectors = new ShiftDetectors(statistics);
    effects = new float[WINDOWS_KEPT * statistics];
    errors = new float[WINDOWS_KEPT * statistics];
    Arrays.fill(windows, Long.MIN_VALUE);
    residualSum = new float[statistics];
    units = new float[statistics];
    ownSum = new float[statistics];
    ownUnits = new float[statistics];
    sum = new float[statistics];
    squares = new float[statistics];
    skew = new float[statistics];
    ownSkew = new float[statistics];
    told = new float[statistics];
    ownTold = new float[statistics];
    seldom = new float[statistics];
    ownSeldom = new float[statistics];
    peerMean = new float[statistics];
    clip = new float[statistics];
    tolerance = new float[statistics];
    part = new float[statistics];
    products = new double[statistics * 2 * ShiftDetectors.BETS];
  }

  Cohort cohort() {
    return cohort;
  }

  ShiftDetectors detectors() {
    return detectors;
  }

  void write(StateWriter to) {
    detectors.write(to);
    to.putFloats(effects);
    to.putFloats(errors);
    to.putLongs(windows);
    to.putInt(next);
  }

  void read(StateReader from) {
    detectors.read(from);
    from.getFloats(effects);
    from.getFloats(errors);
    from.getLongs(windows);
    next = from.getCount(WINDOWS_KEPT - 1);
  }

  void begin() {
    devices = 0;
    Arrays.fill(residualSum, 0);
    Arrays.fill(units, 0);
    Arrays.fill(ownSum, 0);
    Arrays.fill(ownUnits, 0);
    Arrays.fill(sum, 0);
    Arrays.fill(skew, 0);
    Arrays.fill(ownSkew, 0);
    Arrays.fill(told, 0);
    Arrays.fill(ownTold, 0);
    Arrays.fill(seldom, 0);
    Arrays.fill(ownSeldom, 0);
    Arrays.fill(squares, 0);
    Arrays.fill(clip, 0);
    Arrays.fill(products, 1);
  }

  void open(long window) {
    next = (next + 1) % WINDOWS_KEPT;
    windows[next] = window;
    Arrays.fill(effects, next * statistics, (next + 1) * statistics, Float.NaN);
  }

  void effect(int statistic, double effect, double error) {
    effects[next * statistics + statistic] = (float) effect;
    errors[next * statistics + statistic] = (float) error;
  }

  /** The latest effect; NaN when it was not judged. */
  double effect(int statistic) {
    return effects[next * statistics + statistic];
  }

  /**
   * The windows in which the shift may have begun: those where a step fits the effects nearly as
   * well as at the best one.
   *
   * @return first and last window
   */
  long[] onset(int statistic) {
    int kept = 0;
    double[] effect = new double[WINDOWS_KEPT];
    double[] weight = new double[WINDOWS_KEPT];
    long[] at = new long[WINDOWS_KEPT];
    for (int back = WINDOWS_KEPT - 1; back >= 0; back--) {
      int slot = Math.floorMod(next - back, WINDOWS_KEPT);
      float value = effects[slot * statistics + statistic];
      if (windows[slot] != Long.MIN_VALUE && !Float.isNaN(value)) {
        effect[kept] = value;
        double error = errors[slot * statistics + statistic];
        weight[kept] = 1 / Math.max(1e-12, error * error);
        at[kept++] = windows[slot];
      }
    }
    double[] loss = new double[Math.max(1, kept)];
    double best = Double.POSITIVE_INFINITY;
    // No shift before the step, its mean from the step on.
    double tailWeight = 0;
    double tailSum = 0;
    double gain;
    for (int step = kept - 1; step >= 0; step--) {
      tailWeight += weight[step];
      tailSum += weight[step] * effect[step];
      gain = tailSum * tailSum / tailWeight;
      loss[step] = -gain;
      best = Math.min(best, loss[step]);
    }
    long first = windows[next];
    long last = windows[next];
    boolean found = false;
    for (int step = 0; step < kept; step++) {
      // 95 % of a chi-squared variable of one degree of freedom lie below this.
      if (loss[step] <= best + 3.84) {
        first = found ? first : at[step];
        last = at[step];
        found = true;
      }
    }
    return new long[] {first, last};
  }
}
