package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The devices of one window: those that learn from it, and those with a baseline, which are judged;
 * how far these are from where they learned, and where it is asked for, how far their counts are.
 */
final class WindowDevices {
  private final DriftSettings settings;
  private final FleetState fleet;
  private final Explanations explanations;
  private final LearnedCohorts learned;
  private final List<DeviceWindow> windows;
  private final boolean measured;
  private final double[] amounts;
  private final double limit;
  private final StreamDistances measures;
  private final List<Judged> judged;
  private final List<float[]> distances = new ArrayList<>();
  private final List<DeviceWindow> learners = new ArrayList<>();
  // That have learned their inputs, and learn outputs alone.
  private final List<DeviceWindow> speakers = new ArrayList<>();
  private int learning;

  /**
   * None is taken yet.
   *
   * @param windows one per device, in the order of the devices
   * @param measured whether the distances of all streams are asked for
   */
  WindowDevices(
      DriftSettings settings,
      FleetState fleet,
      Map<ModelVersion, Statistics.Reader> versions,
      Explanations explanations,
      LearnedCohorts learned,
      List<DeviceWindow> windows,
      boolean measured) {
    this.settings = settings;
    this.fleet = fleet;
    this.explanations = explanations;
    this.learned = learned;
    this.windows = windows;
    this.measured = measured;
    this.amounts = measured ? amounts(windows) : new double[0];
    this.limit = DeviceShare.limit(amounts);
    this.measures = new StreamDistances(fleet.statistics(), versions, settings.cohortMin());
    this.judged = new ArrayList<>(windows.size());
  }

  private static double[] amounts(List<DeviceWindow> windows) {
    return windows.stream().mapToDouble(DeviceWindow::counted).toArray();
  }

  /** A late window of a device that had no baseline. */
  void learnsLate(Device device, DeviceWindow late) {
    learners.add(late);
    device.learnsUnder(late.version(), learned.relearned());
  }

  /**
   * Takes them all.
   *
   * @param rows of statistics, less the means
   * @param means by version
   * @param said of windows that came late, by device
   */
  void take(
      long window,
      Device[] devices,
      float[][] rows,
      Map<ModelVersion, float[]> means,
      Map<String, LateSay> said) {
    for (int i = 0; i < devices.length; i++) {
      DeviceWindow one = windows.get(i);
      float[] mean = Objects.requireNonNull(means.get(one.version()));
      take(i, window, devices[i], rows[i], mean, said);
    }
    said.values().stream().filter(LateSay::isSomething).forEach(late -> judged.add(late.alone()));
  }

  private void take(
      int at, long window, Device device, float[] row, float[] mean, Map<String, LateSay> said) {
    DeviceWindow one = windows.get(at);
    if (fleet.level() != null) {
      device.learnLevel(one.version(), mean);
    }
    boolean spoke = device.hasLearnedOutputs(one.version());
    Noise noise = fleet.noise();
    if (!device.residual(
        window, one.version(), row, settings.learningWindows(), noise, fleet.seldomNoise())) {
      learners.add(one);
      device.learnsUnder(one.version(), learned.relearned());
      learning++;
      return;
    }
    LateSay late = said.remove(one.device().value());
    Judged is = new Judged(one, device, late == null ? row : late.meanWith(row));
    judged.add(is);
    if (device.isLearnedAnew() && !explanations.hold(device.attributes())) {
      learners.add(one);
      device.learnsUnder(one.version(), learned.relearned());
    } else if (!spoke) {
      speakers.add(one);
      device.speaksAfter(learned.relearned());
    }
    if (measured) {
      measure(device, one, DeviceShare.of(amounts[at], limit), spoke);
    }
    if (fleet.level() != null && !explanations.hold(device.attributes())) {
      float[] distance = device.distance(row, mean);
      if (!one.version().equals(fleet.leading())) {
        Arrays.fill(distance, fleet.statistics().inputStatistics(), distance.length, Float.NaN);
      }
      distances.add(distance);
      judged.set(judged.size() - 1, is.at(distance));
    }
  }

  // As detectors are: a cohort that is explained is no part of another one.
  private void measure(Device device, DeviceWindow one, double share, boolean spoke) {
    List<Cohort> out = explanations.holding(device.attributes());
    if (!out.isEmpty()) {
      out.forEach(cohort -> measures.add(cohort, one, share, spoke));
      return;
    }
    measures.add(Cohort.FLEET, one, share, spoke);
    device.memberships().forEach(of -> measures.add(of.cohort, one, share, spoke));
  }

  /** How far the counts of each cohort are from what it learned, where it is asked for. */
  List<StreamDistance> distances() {
    return measures.from(learned.counts(), fleet.leading());
  }

  /** Adds what is learned from to what the cohorts have learned. */
  void learn() {
    if (!learners.isEmpty() || !speakers.isEmpty()) {
      double most = measured ? limit : DeviceShare.limit(amounts(windows));
      learned.learn(learners, speakers, most);
    }
  }

  /** Devices of this window that have no baseline yet. */
  int learning() {
    return learning;
  }

  /** Those that have one, and those of which only earlier windows came. */
  List<Judged> judged() {
    return judged;
  }

  /** What the detectors of the fleet's level say. */
  List<StreamVerdict> judgeLevel(long window) {
    FleetLevel level = fleet.level();
    @Nullable ModelVersion leading = fleet.leading();
    return level == null || leading == null || judged.size() < 2 * settings.cohortMin()
        ? List.of()
        : level.judge(window, leading, distances);
  }
}
