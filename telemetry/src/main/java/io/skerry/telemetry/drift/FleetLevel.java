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
 * level(t) = median over devices d of  (position of d in window t - what it was while d learned)
 * }</pre>
 *
 * <p>Each device is told by its own distance, so the level does not move when other devices are
 * there, also none that stand elsewhere; and half of the fleet may move without moving the median
 * by more than the others' noise: that is a cohort's matter. It has a course through the season
 * like a device, learned over a week, so that weekdays and weekends are both in what it strays by.
 * Without a known season nothing is judged: nobody could tell a shift from the time of day.
 *
 * <p>Windows of one fleet share weather, trade and holidays: that they are independent given the
 * baseline is an assumption, and what is found here is empirical, whatever is proved of cohorts.
 */
final class FleetLevel {
  /** Seasons that are learned from. */
  static final int SEASONS = 7;

  private static final int WINDOWS_KEPT = 32;

  // As many as lie beside each other in a line of a processor's cache.
  private static final int COLUMNS = 16;

  // The 1 % quantile of the normal distribution: a deviation that was learned from few windows is
  // taken for the largest that it may be.
  private static final double SURE = -2.326;

  private final Statistics statistics;
  private final DriftSettings settings;
  private final int learningWindows;
  private final Noise inputNoise;
  private final LevelDetectors detectors;
  private Baseline inputs;
  private Noise outputNoise;
  private Baseline outputs;
  private @Nullable ModelVersion leading;
  // What was found and is the level now.
  private final float[] raised;
  // Values of some statistics, in any order.
  private float[][] columns = new float[COLUMNS][0];
  private final float[][] effects = new float[WINDOWS_KEPT][];
  private final long[] windows = new long[WINDOWS_KEPT];
  private int kept;
  // Of the last window.
  private final double[] tolerances;
  private final float[] courses;

  FleetLevel(Statistics statistics, DriftSettings settings) {
    this.statistics = statistics;
    this.settings = settings;
    this.learningWindows = SEASONS * settings.seasonWindows();
    this.inputNoise = newNoise();
    this.outputNoise = newNoise();
    this.detectors = new LevelDetectors(statistics.size());
    this.inputs = new Baseline(0, statistics.inputStatistics(), settings.seasonWindows());
    this.outputs = newOutputs();
    this.raised = new float[statistics.size()];
    this.tolerances = new double[statistics.size()];
    this.courses = new float[statistics.size()];
    Arrays.fill(courses, Float.NaN);
  }

  void write(StateWriter to) {
    inputNoise.write(to);
    outputNoise.write(to);
    detectors.write(to);
    inputs.write(to);
    outputs.write(to);
    to.putText(leading == null ? "" : leading.toString());
    to.putFloats(raised);
    for (float[] row : effects) {
      to.putOptional(row);
    }
    to.putLongs(windows);
    to.putInt(kept);
  }

  void read(StateReader from, int format) {
    inputNoise.read(from, format);
    outputNoise.read(from, format);
    detectors.read(from);
    int first = statistics.inputStatistics();
    inputs = Baseline.read(from, format, 0, first, settings.seasonWindows());
    outputs = Baseline.read(from, format, first, statistics.size(), settings.seasonWindows());
    String running = from.getText();
    leading = running.isEmpty() ? null : ModelVersion.parse(running);
    from.getFloats(raised);
    for (int i = 0; i < WINDOWS_KEPT; i++) {
      float[] row = from.getOptional(statistics.size());
      if (row != null) {
        effects[i] = row;
      }
    }
    from.getLongs(windows);
    kept = from.getCount(WINDOWS_KEPT - 1);
  }

  private Noise newNoise() {
    return new Noise(statistics.size(), learningWindows, 1 + 2 * Baseline.HARMONICS);
  }

  private Baseline newOutputs() {
    return new Baseline(statistics.inputStatistics(), statistics.size(), settings.seasonWindows());
  }

  /**
   * The means of all devices' positions, less what was found and is the level now: what devices
   * learn, and are told by.
   *
   * @param means in place
   */
  void settled(float[] means) {
    for (int s = 0; s < means.length; s++) {
      means[s] -= raised[s];
    }
  }

  /**
   * Learns from a window, or judges it.
   *
   * @param running the version whose outputs are judged
   * @param distances of the devices that have learned, a row each; NaN = not known, as outputs of
   *     other versions
   */
  List<StreamVerdict> judge(long window, ModelVersion running, List<float[]> distances) {
    if (!running.equals(leading)) {
      leading = running;
      outputs = newOutputs();
      outputNoise = newNoise();
      for (int s = statistics.inputStatistics(); s < statistics.size(); s++) {
        detectors.restart(s);
        raised[s] = 0;
      }
    }
    float[] row = new float[statistics.size()];
    float[] mix = new float[row.length];
    int[] devices = new int[row.length];
    for (int s = 0; s < row.length; s++) {
      if (s % COLUMNS == 0) {
        gather(distances, s, devices);
      }
      row[s] = Float.NaN;
      if (devices[s] >= 2 * settings.cohortMin()) {
        float[] sorted = columns[s % COLUMNS];
        row[s] = Median.of(sorted, devices[s]);
        mix[s] = mixVariance(sorted, row[s], devices[s]);
      }
    }
    int first = statistics.inputStatistics();
    System.arraycopy(row, 0, courses, 0, row.length);
    residual(inputs, inputNoise, window, row, 0, first);
    residual(outputs, outputNoise, window, row, first, row.length);
    for (int s = 0; s < row.length; s++) {
      courses[s] -= row[s];
    }
    kept = (kept + 1) % WINDOWS_KEPT;
    effects[kept] = row;
    windows[kept] = window;
    List<StreamVerdict> verdicts = new ArrayList<>();
    for (int s = 0; s < row.length; s++) {
      if (!Float.isNaN(row[s]) && noise(s).isKnown(s)) {
        double tolerance = tolerance(s, mix[s]);
        double deviation = deviation(s);
        detectors.observe(s, row[s], tolerance, deviation);
        tolerances[s] = tolerance;
        verdicts.add(
            new StreamVerdict(
                Cohort.FLEET,
                statistics.stream(s),
                devices[s],
                0,
                row[s],
                deviation,
                tolerance,
                statistics.slopeOf(s),
                detectors.logM(s),
                0));
      }
    }
    return verdicts;
  }

  // What is known of some statistics, from one on; a row is looked at once for all of them.
  private void gather(List<float[]> distances, int first, int[] devices) {
    if (columns[0].length < distances.size()) {
      columns = new float[COLUMNS][distances.size()];
    }
    int end = Math.min(first + COLUMNS, devices.length);
    for (float[] row : distances) {
      for (int s = first; s < end; s++) {
        if (!Float.isNaN(row[s])) {
          columns[s - first][devices[s]++] = row[s];
        }
      }
    }
    for (int s = first; s < end; s++) {
      if (statistics.stream(s).kind() == Stream.Kind.CONDITIONAL) {
        devices[s] = 0;
      }
    }
  }

  // By how much the median may be off once others are there: pi / 2 times what a mean would be.
  static float mixVariance(float[] sorted, float median, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Math.abs(sorted[i] - median);
    }
    double deviation = Math.sqrt(Math.PI / 2) * sum / count;
    return (float) (Math.PI / 2 * deviation * deviation / count);
  }

  private Noise noise(int statistic) {
    return statistic < statistics.inputStatistics() ? inputNoise : outputNoise;
  }

  private void residual(
      Baseline baseline, Noise noise, long window, float[] row, int from, int to) {
    if (baseline.isLearned()) {
      baseline.subtract(window, row);
    } else {
      baseline.learn(window, row, learningWindows, noise);
      Arrays.fill(row, from, to, Float.NaN);
    }
  }

  private double tolerance(int statistic, double mixVariance) {
    return settings.material(statistics.stream(statistic).kind())
        + settings.baselineZ()
            * Math.sqrt(noise(statistic).baselineVariance(statistic) + mixVariance);
  }

  // By Wilson and Hilferty: the chi-squared variable of so many degrees is hardly below this share
  // of its mean.
  private double deviation(int statistic) {
    double part = 2.0 / (9 * Math.max(1, learningWindows - 1 - 2 * Baseline.HARMONICS));
    double least = Math.pow(1 - part + SURE * Math.sqrt(part), 3);
    return Math.max(1e-6, Math.sqrt(noise(statistic).variance(statistic) / least));
  }

  /** Where the level of the last window belongs; NaN when it was not judged. */
  double course(int statistic) {
    return courses[statistic];
  }

  /** How much the level strays from there. */
  double variance(int statistic) {
    return noise(statistic).variance(statistic) + noise(statistic).baselineVariance(statistic);
  }

  /** What the last window of a statistic rests on. */
  DriftEvidence evidence(int statistic, int watched, DriftCause.Found found) {
    double level = effect(statistic);
    return new DriftEvidence(
        true,
        Arrays.stream(LevelDetectors.bets()).boxed().toList(),
        Arrays.stream(detectors.before(statistic)).boxed().toList(),
        1,
        List.of(level),
        level,
        level * level,
        tolerances[statistic],
        deviation(statistic),
        1,
        settings.windowsPerFalseAlarm(),
        watched,
        found.edges(),
        found.expected(),
        found.observed());
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
