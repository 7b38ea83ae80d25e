package io.skerry.telemetry.drift;

import java.util.Arrays;

/**
 * Shiryaev-Roberts e-detectors for the level of a series of which one value comes a window, in both
 * directions; one per statistic.
 *
 * <pre>{@code
 * H0:  E[exp(l (s x - tau) / sd)  | past] <= exp(l^2 / 2)      s = +1, -1
 * e_t(s, l) = min(cap, exp(l (s x - tau) / sd - l^2 / 2))
 * M_t(s, l) = (M_{t-1}(s, l) + 1) e_t(s, l);    M_t = mean over s and l
 * }</pre>
 *
 * <p>The condition is that the level strays as a normal variable would, with the deviation that was
 * learned, around a mean within the tolerance: an assumption about the fleet's surroundings, which
 * a bounded say of many devices does not need. Where it holds E[e_t | past] <= 1 and M_t - t is a
 * supermartingale, as of {@link ShiftDetectors}. The cap only lowers e_t: no single window, however
 * strange, says enough.
 */
final class LevelDetectors {
  private static final double[] GRID = {.5, 1, 2, 4};
  private static final double CAP = 5;
  private static final double M_MAX = 1e280;
  private static final double M_MIN = 1e-280;

  private final double[] m;
  // Of each statistic, before its last window.
  private final double[] before;

  LevelDetectors(int statistics) {
    m = new double[statistics * 2 * GRID.length];
    before = new double[m.length];
  }

  /** What each bet had come to before the last window of a statistic. */
  double[] before(int statistic) {
    return Arrays.copyOfRange(
        before, statistic * 2 * GRID.length, (statistic + 1) * 2 * GRID.length);
  }

  /** Goes on from what each bet of a statistic had come to. */
  void take(int statistic, double[] had) {
    System.arraycopy(had, 0, m, statistic * 2 * GRID.length, 2 * GRID.length);
  }

  static double[] bets() {
    return GRID.clone();
  }

  void write(StateWriter to) {
    to.putDoubles(m);
  }

  void read(StateReader from) {
    from.getDoubles(m);
  }

  void restart() {
    Arrays.fill(m, 0);
  }

  void restart(int statistic) {
    Arrays.fill(m, statistic * 2 * GRID.length, (statistic + 1) * 2 * GRID.length, 0);
  }

  /**
   * Takes one window's value.
   *
   * @param value less its baseline
   * @param tolerance of its mean, at least 0
   * @param deviation above 0
   */
  void observe(int statistic, double value, double tolerance, double deviation) {
    for (int side = 0; side < 2; side++) {
      double z = ((side == 0 ? value : -value) - tolerance) / deviation;
      int at = (2 * statistic + side) * GRID.length;
      for (int i = 0; i < GRID.length; i++) {
        double exponent = Math.min(CAP, GRID[i] * z - GRID[i] * GRID[i] / 2);
        before[at + i] = m[at + i];
        m[at + i] = Math.min(M_MAX, (m[at + i] + 1) * Math.exp(exponent));
      }
    }
  }

  double logM(int statistic) {
    double sum = 0;
    int from = 2 * statistic * GRID.length;
    for (int i = from; i < from + 2 * GRID.length; i++) {
      sum += m[i] / (2 * GRID.length);
    }
    return Math.log(Math.max(sum, M_MIN));
  }
}
