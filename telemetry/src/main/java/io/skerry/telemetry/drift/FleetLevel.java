package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The level of the whole fleet against its own past: what moves everybody at once, which no cohort
 * shows against its peers. The unit is the fleet's window.
 *
 * <pre>{@code
 * level(t) = mean over devices d of  (position of d in window t - what is d's own)
 * }</pre>
 *
 * <p>With what is the devices' own taken off, a level does not move when other devices are there.
 * It has a course through the season like a device, learned over a week, so that weekdays and
 * weekends are both in what it strays by. Without a known season nothing is judged: nobody could
 * tell a shift from the time of day.
 *
 * <p>Windows of one fleet share weather, trade and holidays: that they are independent given the
 * baseline is an assumption, and what is found here is empirical, whatever is proved of cohorts.
 */
final class FleetLevel {
  /** Seasons that are learned from. */
  static final int SEASONS = 7;

  private static final int WINDOWS_KEPT = 32;

  // The 1 % quantile of the normal distribution: a deviation that was learned from few windows is
  // taken for the largest that it may be.
  private static final double SURE = -2.326;

  private final Statistics statistics;
  private final DriftSettings settings;
  private final int learningWindows;
  private final Noise noise;
  private final LevelDetectors detectors;
  private final Baseline inputs;
  private Baseline outputs;
  private @Nullable ModelVersion leading;
  // What was found and is the level now.
  private final float[] raised;
  private final float[][] effects = new float[WINDOWS_KEPT][];
  private final long[] windows = new long[WINDOWS_KEPT];
  private int kept;

  FleetLevel(Statistics statistics, DriftSettings settings) {
    this.statistics = statistics;
    this.settings = settings;
    this.learningWindows = SEASONS * settings.seasonWindows();
    this.noise = new Noise(statistics.size(), learningWindows, 1 + 2 * Baseline.HARMONICS);
    this.detectors = new LevelDetectors(statistics.size());
    this.inputs = new Baseline(0, statistics.inputStatistics(), settings.seasonWindows());
    this.outputs = newOutputs();
    this.raised = new float[statistics.size()];
  }

  private Baseline newOutputs() {
    return new Baseline(statistics.inputStatistics(), statistics.size(), settings.seasonWindows());
  }

  /** What the devices of one window say together. */
  static final class Window {
    private final double[] sum;
    private final double[] own;
    private final double[] ownSquares;
    private final int[] devices;

    Window(int statistics) {
      sum = new double[statistics];
      own = new double[statistics];
      ownSquares = new double[statistics];
      devices = new int[statistics];
    }

    /**
     * Adds a device.
     *
     * @param from the first statistic that counts
     * @param to the first that does not any more
     * @param centered positions, less the mean of all
     * @param residuals these less what is the device's own
     * @param clip of one device's say; 0 = not known
     */
    void add(int from, int to, float[] centered, float[] residuals, float[] clip) {
      for (int s = from; s < to; s++) {
        float residual = residuals[s];
        if (clip[s] > 0 && !Float.isNaN(residual)) {
          sum[s] += Math.max(-clip[s], Math.min(clip[s], residual));
          double itsOwn = centered[s] - residual;
          own[s] += itsOwn;
          ownSquares[s] += itsOwn * itsOwn;
          devices[s]++;
        }
      }
    }

    // By how much the mean of what is the devices' own may be off, once others are there.
    private double mixVariance(int statistic) {
      int n = devices[statistic];
      double mean = own[statistic] / n;
      return Math.max(0, ownSquares[statistic] / n - mean * mean) / n;
    }
  }

  /**
   * Learns from a window, or judges it.
   *
   * @param running the version whose outputs are in it
   * @param means of all devices' positions, which were taken off; NaN = not known
   * @param said by the devices that are judged
   */
  List<StreamVerdict> judge(long window, ModelVersion running, float[] means, Window said) {
    if (!running.equals(leading)) {
      leading = running;
      outputs = newOutputs();
      for (int s = statistics.inputStatistics(); s < statistics.size(); s++) {
        detectors.restart(s);
        raised[s] = 0;
      }
    }
    float[] row = new float[statistics.size()];
    for (int s = 0; s < row.length; s++) {
      int n = said.devices[s];
      boolean told =
          n >= 2 * settings.cohortMin() && statistics.stream(s).kind() != Stream.Kind.CONDITIONAL;
      row[s] = told ? (float) (means[s] + said.sum[s] / n) : Float.NaN;
    }
    int first = statistics.inputStatistics();
    residual(inputs, window, row, 0, first);
    residual(outputs, window, row, first, row.length);
    for (int s = 0; s < row.length; s++) {
      row[s] -= raised[s];
    }
    kept = (kept + 1) % WINDOWS_KEPT;
    effects[kept] = row;
    windows[kept] = window;
    List<StreamVerdict> verdicts = new ArrayList<>();
    for (int s = 0; s < row.length; s++) {
      if (!Float.isNaN(row[s]) && noise.isKnown(s)) {
        double tolerance = tolerance(s, said.mixVariance(s));
        double deviation = deviation(s);
        detectors.observe(s, row[s], tolerance, deviation);
        verdicts.add(
            new StreamVerdict(
                Cohort.FLEET,
                statistics.stream(s),
                said.devices[s],
                0,
                row[s],
                deviation,
                tolerance,
                detectors.logM(s),
                0));
      }
    }
    return verdicts;
  }

  private void residual(Baseline baseline, long window, float[] row, int from, int to) {
    if (baseline.isLearned()) {
      baseline.subtract(window, row);
    } else {
      baseline.learn(window, row, learningWindows, noise);
      Arrays.fill(row, from, to, Float.NaN);
    }
  }

  private double tolerance(int statistic, double mixVariance) {
    return settings.material(statistics.stream(statistic).kind())
        + settings.baselineZ() * Math.sqrt(noise.baselineVariance(statistic) + mixVariance);
  }

  // By Wilson and Hilferty: the chi-squared variable of so many degrees is hardly below this share
  // of its mean.
  private double deviation(int statistic) {
    double part = 2.0 / (9 * Math.max(1, learningWindows - 1 - 2 * Baseline.HARMONICS));
    double least = Math.pow(1 - part + SURE * Math.sqrt(part), 3);
    return Math.max(1e-6, Math.sqrt(noise.variance(statistic) / least));
  }

  void restart() {
    detectors.restart();
  }

  void restart(int statistic) {
    detectors.restart(statistic);
  }

  /** The latest distance from the baseline; NaN when it was not judged. */
  double effect(int statistic) {
    float[] row = effects[kept];
    return row == null ? Double.NaN : row[statistic];
  }

  /** Where a statistic is now is where it belongs. */
  void settle() {
    float[] sum = new float[raised.length];
    int[] count = new int[raised.length];
    for (int back = 0; back < DriftLedger.QUIET_WINDOWS; back++) {
      float[] row = effects[Math.floorMod(kept - back, WINDOWS_KEPT)];
      for (int s = 0; row != null && s < row.length; s++) {
        if (!Float.isNaN(row[s])) {
          sum[s] += row[s];
          count[s]++;
        }
      }
    }
    for (int s = 0; s < raised.length; s++) {
      raised[s] += count[s] == 0 ? 0 : sum[s] / count[s];
    }
    Arrays.fill(effects, null);
  }

  /** First and last window in which the shift may have begun: the run beyond half of it. */
  long[] onset(int statistic) {
    double half = effect(statistic) / 2;
    long first = windows[kept];
    long last = first;
    for (int back = 0; back < WINDOWS_KEPT; back++) {
      int at = Math.floorMod(kept - back, WINDOWS_KEPT);
      float[] row = effects[at];
      if (row == null || Float.isNaN(row[statistic]) || row[statistic] / half < 1) {
        break;
      }
      first = windows[at];
    }
    return new long[] {first, last};
  }
}
