package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleBiFunction;
import org.jspecify.annotations.Nullable;

/**
 * What the ledger keeps of the whole fleet, once it knows the first version's streams: how much its
 * devices vary, how their features move together, its level, and which version leads.
 */
final class FleetState {
  // A version leads until fewer than one in so many devices run it.
  private static final int LEADING_SHARE = 4;

  private final DriftSettings settings;
  private final Statistics statistics;
  private final Noise noise;
  private final Noise conditionalNoise;
  private final Noise seldomNoise;
  private final float[] clip;
  private final boolean seasonal;
  private final @Nullable FleetLevel level;
  private @Nullable ModelVersion leading;
  private @Nullable CommonTrend trend;
  private int detectors;

  FleetState(Statistics statistics, DriftSettings settings) {
    this.settings = settings;
    this.statistics = statistics;
    this.seasonal = settings.seasonWindows() > 1;
    int terms = seasonal ? 1 + 2 * Baseline.HARMONICS : 1;
    int inputs = statistics.inputCount();
    this.noise = noise(settings.learningWindows(), terms, 0, statistics.size());
    this.conditionalNoise =
        noise(Math.min(Device.ROWS_MAX, settings.learningWindows()), 1, inputs, 2 * inputs);
    this.seldomNoise = noise(Device.SELDOM_WINDOWS, 1, 0, statistics.size());
    this.clip = new float[statistics.size()];
    this.level = seasonal ? new FleetLevel(statistics, settings) : null;
  }

  // A device varies by no more than it may say.
  private Noise noise(int windows, int terms, int from, int to) {
    double[] least = new double[to - from];
    for (int s = from; s < to; s++) {
      double always = WindowComparison.clip(settings, 0, material(s), 0);
      least[s - from] = always * always;
    }
    double deviations = settings.clipDeviations();
    return new Noise(windows, terms, deviations * deviations, least);
  }

  void write(StateWriter to) {
    noise.write(to);
    conditionalNoise.write(to);
    seldomNoise.write(to);
    to.putFloats(clip);
    to.putText(leading == null ? "" : leading.toString());
    CommonTrend known = trend;
    to.putFlag(known != null);
    if (known != null) {
      known.write(to);
    }
    if (level != null) {
      level.write(to);
    }
    to.putInt(detectors);
  }

  void read(StateReader from, int format) {
    noise.read(from, format);
    conditionalNoise.read(from, format);
    if (format > DriftLedger.STATE_FORMAT_OFTEN) {
      seldomNoise.read(from, format);
    }
    from.getFloats(clip);
    String running = from.getText();
    leading = running.isEmpty() ? null : ModelVersion.parse(running);
    trend = from.getFlag() ? CommonTrend.read(from, statistics.inputCount()) : null;
    if (level != null) {
      level.read(from, format);
    }
    detectors = from.getInt();
  }

  Statistics statistics() {
    return statistics;
  }

  /** Of what devices learn window by window. */
  Noise noise() {
    return noise;
  }

  /** Of outcomes that come in less than half of the windows. */
  Noise seldomNoise() {
    return seldomNoise;
  }

  /** Where a season is known. */
  @Nullable FleetLevel level() {
    return level;
  }

  /** The version whose outputs are the fleet's. */
  @Nullable ModelVersion leading() {
    return leading;
  }

  /** What one device may say at most, by statistic; 0 = not known yet. */
  float[] clip() {
    return clip;
  }

  double material(int statistic) {
    return settings.material(statistics.stream(statistic).kind());
  }

  /**
   * What a device of some varies by, on average.
   *
   * @param seldom the share of them that have learned the statistic as one that comes seldom
   */
  double variance(int statistic, double seldom) {
    return mean(statistic, seldom, Noise::variance);
  }

  /** The same of their baselines' means. */
  double baselineVariance(int statistic, double seldom) {
    return mean(statistic, seldom, Noise::baselineVariance);
  }

  // Those that are told little are less certain; they make the others no less so.
  private double mean(int statistic, double seldom, ToDoubleBiFunction<Noise, Integer> of) {
    double often =
        seldom < 1 ? (1 - seldom) * of.applyAsDouble(noiseOf(statistic), placeOf(statistic)) : 0;
    return seldom > 0 ? often + seldom * of.applyAsDouble(seldomNoise, statistic) : often;
  }

  private boolean isKnown(int statistic) {
    return noiseOf(statistic).isKnown(placeOf(statistic)) || seldomNoise.isKnown(statistic);
  }

  // With a season, what is conditional is learned as everything else is.
  private boolean isConditional(int statistic) {
    return !seasonal
        && statistic >= statistics.inputCount()
        && statistic < 2 * statistics.inputCount();
  }

  private Noise noiseOf(int statistic) {
    return isConditional(statistic) ? conditionalNoise : noise;
  }

  private int placeOf(int statistic) {
    return isConditional(statistic) ? statistic - statistics.inputCount() : statistic;
  }

  /** Fixes what one device may say at most, of all that is known by now. */
  void fixClips() {
    for (int s = 0; s < clip.length; s++) {
      // Fixed when it is first needed: what one device may say must not depend on what it says.
      if (clip[s] == 0 && isKnown(s)) {
        double seldom = noiseOf(s).isKnown(placeOf(s)) ? 0 : 1;
        clip[s] = (float) WindowComparison.clip(settings, variance(s, seldom), material(s), 0);
      }
    }
  }

  /**
   * Chooses the version that leads. Another one does when hardly any device runs the one that did:
   * with two halves it would change with every device that is away, and its outputs' level would
   * never be learned.
   *
   * @param byVersion the devices of each version
   */
  void lead(Map<ModelVersion, List<Integer>> byVersion, int devices) {
    int still = byVersion.getOrDefault(leading, List.of()).size();
    if (leading == null || LEADING_SHARE * still < devices) {
      byVersion.entrySet().stream()
          .max(
              Comparator.comparingInt(
                      (Map.Entry<ModelVersion, List<Integer>> entry) -> entry.getValue().size())
                  .thenComparing(entry -> entry.getKey().version()))
          .ifPresent(most -> leading = most.getKey());
    }
  }

  /** Writes into a row what its features are, given the others. */
  void condition(float[] row) {
    CommonTrend known = trend;
    if (known != null) {
      int features = statistics.inputCount();
      float[] conditional = new float[features];
      known.residuals(row, conditional);
      System.arraycopy(conditional, 0, row, features, features);
    }
  }

  /** Fits the trend, once, when half of the fleet seen in a window has learned. */
  void settle(Device[] seen) {
    if (trend == null) {
      List<Device> ready = new ArrayList<>();
      for (Device device : seen) {
        if (device.hasLearnedInputs()) {
          ready.add(device);
        }
      }
      if (ready.size() >= Math.max(2 * settings.cohortMin(), (seen.length + 1) / 2)) {
        List<float[]> rows =
            ready.stream()
                .flatMap(device -> device.rows().stream())
                .limit(CommonTrend.ROWS_MAX)
                .toList();
        if (!rows.isEmpty()) {
          trend = CommonTrend.fit(rows);
        }
      }
    }
    CommonTrend known = trend;
    if (known != null) {
      for (Device device : seen) {
        device.settle(known, conditionalNoise);
      }
    }
  }

  /**
   * Logarithm of the evidence at which a detector fires. At most as many detectors as were ever
   * told apart can raise a false alarm.
   */
  double threshold(int observed) {
    detectors = Math.max(detectors, observed);
    return Math.log((double) settings.windowsPerFalseAlarm() * Math.max(1, detectors));
  }

  /** As many as were ever told apart in one window. */
  int detectors() {
    return detectors;
  }
}
