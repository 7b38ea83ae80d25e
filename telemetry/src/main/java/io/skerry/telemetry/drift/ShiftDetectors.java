package io.skerry.telemetry.drift;

import java.util.Arrays;

/**
 * Shiryaev-Roberts e-detectors for the means of bounded observations, in both directions; one per
 * statistic of a cohort.
 *
 * <pre>{@code
 * H0:  |E[y_d | past]| <= tau            y in [-1, 1], units d independent given the window
 * x_d = (s y_d - tau) / (1 + tau)        s = +1, -1;  x >= -1
 * e_t(s, lambda) = exp(lambda sum x - psi(lambda) sum x^2)     psi(lambda) = -ln(1 - lambda) - lambda
 * M_t(s, lambda) = (M_{t-1}(s, lambda) + 1) e_t(s, lambda);    M_t = mean over s and lambda
 * }</pre>
 *
 * <p>Of few units the exact product {@code e_t = prod (1 + lambda x_d)} is taken. Of many, sum and
 * sum of squares say enough: {@code exp(lambda x - psi(lambda) x^2) <= 1 + lambda x} for {@code x
 * >= -1} (Fan, Grama, Liu 2015). Either way E[e_t | past] <= 1 under H0 and M_t - t is a
 * supermartingale, whatever other streams do.
 *
 * <p>Units that are compared with the mean of p peers are not independent: its noise is in what
 * each of n members says, {@code n / p} times what their own noise comes to. So {@code e^(p / (p +
 * f n))} is taken of them: where noise is normal and alike, that is what makes up for it. Of that
 * noise f is fresh in each window; what lasts is in the tolerance.
 *
 * @see <a href="https://arxiv.org/abs/2203.03532">Shin, Ramdas, Rinaldo: e-detectors</a>
 */
final class ShiftDetectors {
  /** The bets that are mixed. */
  static final int BETS = 6;

  private static final double[] GRID = {.02, .06, .15, .3, .55, .9};
  private static final double[] PSI = new double[GRID.length];

  // Far above every threshold; keeps the products from overflowing.
  private static final double M_MAX = 1e280;
  private static final double M_MIN = 1e-280;
  private static final double EXPONENT_MAX = 600;

  static {
    for (int i = 0; i < GRID.length; i++) {
      PSI[i] = -Math.log1p(-GRID[i]) - GRID[i];
    }
  }

  // Per statistic, rising then falling, one value per lambda.
  private final double[] m;
  // Of each statistic, before its last window.
  private final double[] before;

  ShiftDetectors(int statistics) {
    m = new double[statistics * 2 * GRID.length];
    before = new double[m.length];
  }

  static double[] bets() {
    return GRID.clone();
  }

  /**
   * What the logarithm of e grows by with one unit.
   *
   * @param exact as the product is taken of few units
   */
  static double growth(double bet, double x, boolean exact) {
    return exact ? Math.log1p(bet * x) : bet * x - (-Math.log1p(-bet) - bet) * x * x;
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
   * Takes one window's units of a statistic, of which there are many.
   *
   * @param sum of y
   * @param squares sum of y squared
   * @param tolerance of the mean of y, 0 to below 1
   * @param part of the evidence that counts, {@link #part}
   */
  void observe(
      int statistic, int units, double sum, double squares, double tolerance, double part) {
    double scale = 1 / (1 + tolerance);
    for (int side = 0; side < 2; side++) {
      double signed = side == 0 ? sum : -sum;
      double x = (signed - units * tolerance) * scale;
      double xx =
          (squares - 2 * tolerance * signed + units * tolerance * tolerance) * scale * scale;
      int at = (2 * statistic + side) * GRID.length;
      for (int i = 0; i < GRID.length; i++) {
        double exponent = part * (GRID[i] * x - PSI[i] * xx);
        grow(at + i, Math.exp(Math.clamp(exponent, -EXPONENT_MAX, EXPONENT_MAX)));
      }
    }
  }

  /**
   * Takes one window's units of a statistic, multiplied by {@link #bet}.
   *
   * @param products per statistic 2 x {@link #BETS}
   * @param part of the evidence that counts, {@link #part}
   */
  void observe(int statistic, double[] products, double part) {
    int at = 2 * statistic * GRID.length;
    for (int i = 0; i < 2 * GRID.length; i++) {
      grow(at + i, Math.pow(products[at + i], part));
    }
  }

  /**
   * The part of the evidence that is left where members share the noise of their peers' mean.
   *
   * @param variance of a unit in a window
   * @param lasting of that what is in the tolerance
   */
  static double part(int members, int peers, double variance, double lasting) {
    double fresh = variance > 0 ? Math.max(0, 1 - lasting / variance) : 1;
    return peers / (peers + fresh * members);
  }

  /** Multiplies a unit's y into the products of a statistic. */
  static void bet(double[] products, int statistic, double y, double tolerance) {
    double scale = 1 / (1 + tolerance);
    double up = (y - tolerance) * scale;
    double down = (-y - tolerance) * scale;
    int at = 2 * statistic * BETS;
    for (int i = 0; i < BETS; i++) {
      products[at + i] *= 1 + GRID[i] * up;
      products[at + BETS + i] *= 1 + GRID[i] * down;
    }
  }

  private void grow(int at, double e) {
    before[at] = m[at];
    m[at] = Math.min(M_MAX, (m[at] + 1) * e);
  }

  double logM(int statistic) {
    double sum = 0;
    int from = 2 * statistic * GRID.length;
    for (int i = from; i < from + 2 * GRID.length; i++) {
      sum += m[i] / (2 * GRID.length);
    }
    // Evidence that has vanished is still a number, for whoever stores it.
    return Math.log(Math.max(sum, M_MIN));
  }
}
