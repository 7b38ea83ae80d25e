package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Judges the windows of one model in one slot over a whole fleet, window by window.
 *
 * <ol>
 *   <li>A device-window becomes one number per statistic ({@link Stream.Kind}), less the fleet's
 *       mean in the same window: what moves everybody is no drift of somebody.
 *   <li>Each device learns its own baseline from its first windows, with its course through the
 *       season where there is one; the first learners also show how the features move together.
 *   <li>Afterwards it is a residual against the own baseline, then less the mean of the peers, the
 *       devices outside the cohort. Per cohort (devices with one attribute value) and statistic an
 *       e-detector gathers evidence beyond the tolerance: what is material, and 3.9 standard errors
 *       of the baselines. Its threshold is windows-per-false-alarm times the number of detectors.
 *   <li>What moves the whole fleet at once no cohort shows: where a season is known, the fleet's
 *       level is judged against its own past ({@link FleetLevel}), with detectors that count among
 *       the others.
 *   <li>When one reaches it, the conjunction of at most two attributes that explains most of the
 *       shift and the input feature that moved most there are the cause. A cohort so explained is
 *       neither peer nor part of another cohort until released, and every detector starts again:
 *       one cause opens one incident.
 * </ol>
 *
 * <p>No I/O, no clock, no chance. Not safe for use by several threads.
 */
public final class DriftLedger {
  /** Windows without the effect after which an explained cohort has ended. */
  public static final int QUIET_WINDOWS = 8;

  // A tolerance so near to the largest possible mean could never be passed.
  static final double TOLERANCE_MAX = .9;

  // A unit's largest say is some tolerances, or a large shift would look like a small one.
  private static final double CLIP_TOLERANCES = 4;

  // Units whose bets are multiplied one by one; of more, sums are enough.
  static final int EXACT_MAX = 256;

  private static final int COMMON_STEPS_MAX = 64;

  // A version leads until fewer than one in so many devices run it.
  private static final int LEADING_SHARE = 4;

  private final DriftSettings settings;
  private final Map<ModelVersion, Statistics.Reader> versions = new HashMap<>();
  private final Map<String, Device> devices = new HashMap<>();
  private final Map<Cohort, CohortState> cohorts = new TreeMap<>();
  private final Map<Cohort, Explained> explained = new TreeMap<>();
  private final Map<Cohort, LearnedCounts> learned = new TreeMap<>();
  private @Nullable DriftFinding fleetFinding;
  private @Nullable ModelVersion fleetFindingOf;
  private int fleetQuietWindows;
  private @Nullable State state;
  private @Nullable String unit;
  private int detectors;
  private float[][] pool = new float[0][];

  /** What is known once the first version is. */
  private static final class State {
    private final Statistics statistics;
    private final Noise noise;
    private final Noise conditionalNoise;
    private final float[] clip;
    private final float[] common;
    private final boolean[] judged;
    private final Totals totals;
    private final boolean seasonal;
    private final @Nullable FleetLevel fleet;
    private @Nullable ModelVersion leading;
    private @Nullable CommonTrend trend;

    State(Statistics statistics, DriftSettings settings) {
      this.statistics = statistics;
      this.seasonal = settings.seasonWindows() > 1;
      int terms = seasonal ? 1 + 2 * Baseline.HARMONICS : 1;
      this.noise = new Noise(statistics.size(), settings.learningWindows(), terms);
      this.conditionalNoise =
          new Noise(
              statistics.inputCount(), Math.min(Device.ROWS_MAX, settings.learningWindows()), 1);
      this.clip = new float[statistics.size()];
      this.common = new float[statistics.size()];
      this.judged = new boolean[statistics.size()];
      this.totals = new Totals(statistics.size());
      this.fleet = seasonal ? new FleetLevel(statistics, settings) : null;
    }

    double baselineVariance(int statistic) {
      return noiseOf(statistic).baselineVariance(placeOf(statistic));
    }

    double variance(int statistic) {
      return noiseOf(statistic).variance(placeOf(statistic));
    }

    boolean isKnown(int statistic) {
      return noiseOf(statistic).isKnown(placeOf(statistic));
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
  }

  private static final class Totals {
    private final float[] sum;
    private final float[] units;

    Totals(int statistics) {
      sum = new float[statistics];
      units = new float[statistics];
    }
  }

  private static final class Explained {
    private final DriftFinding finding;
    private final CohortState state;
    private final int statistic;
    private int quietWindows;

    Explained(DriftFinding finding, CohortState state, int statistic) {
      this.finding = finding;
      this.state = state;
      this.statistic = statistic;
    }
  }

  /** A device with a baseline, in the window under judgement. */
  static final class Judged {
    private final DeviceWindow window;
    private final Device device;
    private final float[] residuals;

    private Judged(DeviceWindow window, Device device, float[] residuals) {
      this.window = window;
      this.device = device;
      this.residuals = residuals;
    }

    DeviceWindow window() {
      return window;
    }

    Device device() {
      return device;
    }
  }

  /** An empty ledger. */
  public DriftLedger(DriftSettings settings) {
    this.settings = settings;
  }

  /**
   * Tells the streams of a version, once, before its first window. The first version's training
   * data is the scale that the inputs of every version are placed on; the last version's unit is
   * what all are judged by.
   */
  public void register(ModelVersion version, MonitoredStreams streams) {
    State known = state;
    if (known == null) {
      known = new State(Statistics.of(streams), settings);
      state = known;
    }
    versions.put(version, known.statistics.reader(streams));
    unit = streams.unit().orElse(null);
  }

  /** Whether the version's streams were told. */
  public boolean knows(ModelVersion version) {
    return versions.containsKey(version);
  }

  /** Ends an explanation; with {@code relearn} the cohort's devices learn their baselines anew. */
  public void release(Cohort cohort, boolean relearn) {
    if (cohort.equals(Cohort.FLEET)) {
      releaseFleet(relearn);
      return;
    }
    Explained ended = explained.remove(cohort);
    if (ended != null) {
      ended.state.detectors().restart();
    }
    if (relearn) {
      devices.values().stream()
          .filter(device -> cohort.holds(device.attributes()))
          .forEach(Device::relearn);
    }
  }

  // The devices' own stays what it is: it is told against the others.
  private void releaseFleet(boolean relearn) {
    State known = state;
    if (known != null && known.fleet != null && fleetFinding != null) {
      if (relearn) {
        known.fleet.settle();
      }
      known.fleet.restart();
    }
    fleetFinding = null;
  }

  /**
   * Judges a window.
   *
   * @param window its index; windows must come in rising order
   * @param deviceWindows at most one per device; ignored when its version is not registered or its
   *     counts have another layout
   */
  public WindowVerdict judge(long window, List<DeviceWindow> deviceWindows) {
    State known = state;
    if (known == null) {
      return new WindowVerdict(
          window, 0, 0, List.of(), Optional.empty(), Optional.empty(), Set.of(), Set.of());
    }
    List<DeviceWindow> ordered =
        deviceWindows.stream()
            .filter(this::isReadable)
            .sorted(Comparator.comparing(one -> one.device().value()))
            .toList();
    float[][] rows = rows(known, ordered);
    List<Judged> judged = new ArrayList<>(ordered.size());
    Device[] seen = new Device[ordered.size()];
    for (int i = 0; i < seen.length; i++) {
      seen[i] = device(known, ordered.get(i));
      seen[i].keep(rows[i]);
    }
    Map<ModelVersion, float[]> means = center(known, ordered, rows);
    List<float[]> distances = new ArrayList<>();
    List<DeviceWindow> learners = new ArrayList<>();
    for (int i = 0; i < seen.length; i++) {
      float[] mean = java.util.Objects.requireNonNull(means.get(ordered.get(i).version()));
      if (known.fleet != null) {
        seen[i].learnLevel(ordered.get(i).version(), mean);
      }
      boolean ready =
          seen[i].residual(
              window,
              ordered.get(i).version(),
              rows[i],
              settings.learningWindows(),
              known.noise,
              known.noise);
      if (ready) {
        judged.add(new Judged(ordered.get(i), seen[i], rows[i]));
        if (known.fleet != null && !isExplained(seen[i])) {
          float[] distance = seen[i].distance(rows[i], mean);
          if (!ordered.get(i).version().equals(known.leading)) {
            Arrays.fill(distance, known.statistics.inputStatistics(), distance.length, Float.NaN);
          }
          distances.add(distance);
        }
      } else {
        learners.add(ordered.get(i));
      }
    }
    if (!learners.isEmpty()) {
      double limit =
          DeviceShare.limit(ordered.stream().mapToDouble(DriftLedger::counted).toArray());
      learners.forEach(one -> learnCounts(one, limit));
    }
    settle(known, seen);
    List<StreamVerdict> verdicts = observe(known, window, judged);
    if (known.fleet != null && known.leading != null && judged.size() >= 2 * settings.cohortMin()) {
      verdicts.addAll(known.fleet.judge(window, known.leading, distances));
    }
    return concluded(known, window, ordered.size() - judged.size(), judged, verdicts);
  }

  private boolean isReadable(DeviceWindow one) {
    Statistics.Reader reader = versions.get(one.version());
    return reader != null && reader.streams().layout().bins() == one.counts().layout().bins();
  }

  private float[][] rows(State known, List<DeviceWindow> ordered) {
    int size = known.statistics.size();
    if (pool.length < ordered.size()) {
      int had = pool.length;
      pool = Arrays.copyOf(pool, ordered.size());
      for (int i = had; i < pool.length; i++) {
        pool[i] = new float[size];
      }
    }
    CommonTrend trend = known.trend;
    float[] conditional = new float[known.statistics.inputCount()];
    for (int i = 0; i < ordered.size(); i++) {
      Statistics.Reader reader = versions.get(ordered.get(i).version());
      if (reader != null) {
        reader.read(ordered.get(i), settings.predictionsMin(), pool[i]);
      }
      if (trend != null) {
        trend.residuals(pool[i], conditional);
        System.arraycopy(conditional, 0, pool[i], conditional.length, conditional.length);
      }
    }
    return pool;
  }

  private Device device(State known, DeviceWindow one) {
    Device device =
        devices.computeIfAbsent(
            one.device().value(), id -> new Device(known.statistics, settings.seasonWindows()));
    device.attributes(one.attributes(), attributes -> states(known, attributes));
    return device;
  }

  private List<CohortState> states(State known, Map<String, String> attributes) {
    List<CohortState> states = new ArrayList<>();
    new TreeMap<>(attributes)
        .forEach(
            (attribute, value) ->
                states.add(
                    cohorts.computeIfAbsent(
                        new Cohort(attribute, value),
                        cohort -> new CohortState(cohort, known.statistics.size()))));
    return List.copyOf(states);
  }

  private boolean isExplained(Device device) {
    return explained.keySet().stream().anyMatch(cohort -> cohort.holds(device.attributes()));
  }

  // Outputs are compared among devices of one version: another version speaks differently. Tells
  // the means that were taken off the devices of each version.
  private Map<ModelVersion, float[]> center(
      State known, List<DeviceWindow> ordered, float[][] rows) {
    int inputs = known.statistics.inputStatistics();
    List<Integer> all = new ArrayList<>();
    Map<ModelVersion, List<Integer>> byVersion = new HashMap<>();
    for (int i = 0; i < ordered.size(); i++) {
      all.add(i);
      byVersion.computeIfAbsent(ordered.get(i).version(), key -> new ArrayList<>()).add(i);
    }
    lead(known, byVersion, ordered.size());
    float[] common = new float[known.statistics.size()];
    center(rows, all, 0, inputs, common);
    Map<ModelVersion, float[]> means = new HashMap<>();
    byVersion.forEach(
        (version, members) -> {
          float[] own = common.clone();
          center(rows, members, inputs, known.statistics.size(), own);
          if (known.fleet != null) {
            known.fleet.settled(own);
          }
          means.put(version, own);
        });
    return means;
  }

  // Another version leads when hardly any device runs the one that did: with two halves it would
  // change with every device that is away, and its outputs' level would never be learned.
  private static void lead(State known, Map<ModelVersion, List<Integer>> byVersion, int devices) {
    int still = byVersion.getOrDefault(known.leading, List.of()).size();
    if (known.leading == null || LEADING_SHARE * still < devices) {
      byVersion.entrySet().stream()
          .max(
              Comparator.comparingInt(
                      (Map.Entry<ModelVersion, List<Integer>> entry) -> entry.getValue().size())
                  .thenComparing(entry -> entry.getKey().version()))
          .ifPresent(most -> known.leading = most.getKey());
    }
  }

  private void center(float[][] rows, List<Integer> members, int from, int to, float[] means) {
    double[] sum = new double[to - from];
    int[] count = new int[to - from];
    for (int member : members) {
      float[] row = rows[member];
      for (int s = from; s < to; s++) {
        if (!Float.isNaN(row[s])) {
          sum[s - from] += row[s];
          count[s - from]++;
        }
      }
    }
    for (int s = from; s < to; s++) {
      float mean =
          count[s - from] < 2 * settings.cohortMin()
              ? Float.NaN
              : (float) (sum[s - from] / count[s - from]);
      means[s] = mean;
      for (int member : members) {
        rows[member][s] -= mean;
      }
    }
  }

  private void learnCounts(DeviceWindow one, double limit) {
    double share = DeviceShare.of(counted(one), limit);
    learned
        .computeIfAbsent(Cohort.FLEET, cohort -> new LearnedCounts())
        .add(one.version(), one.counts(), share);
    one.attributes()
        .forEach(
            (attribute, value) ->
                learned
                    .computeIfAbsent(new Cohort(attribute, value), cohort -> new LearnedCounts())
                    .add(one.version(), one.counts(), share));
  }

  private static double counted(DeviceWindow one) {
    long most = 0;
    for (int stream = 0; stream < one.counts().layout().size(); stream++) {
      most = Math.max(most, one.counts().total(stream));
    }
    return most;
  }

  // The trend is fitted once, when half of the fleet seen in a window has learned.
  private void settle(State known, Device[] seen) {
    if (known.trend == null) {
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
          known.trend = CommonTrend.fit(rows);
        }
      }
    }
    CommonTrend trend = known.trend;
    if (trend != null) {
      for (Device device : seen) {
        device.settle(trend, known.conditionalNoise);
      }
    }
  }

  private List<StreamVerdict> observe(State known, long window, List<Judged> judged) {
    if (judged.size() < 2 * settings.cohortMin()) {
      return List.of();
    }
    for (int s = 0; s < known.clip.length; s++) {
      // Fixed when it is first needed: what one device may say must not depend on what it says.
      if (known.clip[s] == 0 && known.isKnown(s)) {
        double material = settings.material(known.statistics.stream(s).kind());
        known.clip[s] = (float) clip(settings, known.variance(s), material, 0);
      }
      known.judged[s] = known.clip[s] > 0;
    }
    List<CohortState> states = new ArrayList<>(cohorts.values());
    explained.values().stream()
        .map(one -> one.state)
        .filter(one -> !states.contains(one))
        .forEach(states::add);
    states.forEach(CohortState::begin);
    List<Unit> units = units(known, judged);
    Arrays.fill(known.common, 0);
    addUp(known, units);
    if (findCommon(known, units)) {
      states.forEach(CohortState::begin);
      addUp(known, units);
    }
    states.forEach(cohort -> compare(known, cohort, explained.containsKey(cohort.cohort())));
    for (Unit unit : units) {
      for (CohortState cohort : unit.cohorts) {
        addScaled(unit.residuals, known.common, cohort);
      }
    }
    List<StreamVerdict> verdicts = new ArrayList<>();
    for (CohortState cohort : states) {
      cohort.open(window);
      if (cohort.devices >= settings.cohortMin()) {
        judge(known, cohort, explained.containsKey(cohort.cohort()), verdicts);
      }
    }
    return verdicts;
  }

  private static void addUp(State known, List<Unit> units) {
    Arrays.fill(known.totals.sum, 0);
    Arrays.fill(known.totals.units, 0);
    for (Unit unit : units) {
      if (!unit.isExplained) {
        addClipped(unit.residuals, known, known.totals.sum, known.totals.units);
      }
      for (CohortState cohort : unit.cohorts) {
        cohort.devices += unit.devices;
        addClipped(unit.residuals, known, cohort.residualSum, cohort.units);
      }
    }
  }

  // A cohort that moved far moves the fleet's mean, and by it all others alike. Where that is much
  // of
  // the clip, their clipped mean is no mean of them any more, and each would differ from it.
  private static boolean findCommon(State known, List<Unit> units) {
    boolean any = false;
    for (int s = 0; s < known.clip.length; s++) {
      float clip = known.clip[s];
      float step = known.totals.units[s] == 0 ? 0 : known.totals.sum[s] / known.totals.units[s];
      if (Math.abs(step) <= clip / 4) {
        continue;
      }
      any = true;
      for (int i = 0; i < COMMON_STEPS_MAX && Math.abs(step) > clip / 64; i++) {
        known.common[s] += step;
        float sum = 0;
        for (Unit unit : units) {
          float value = unit.residuals[s] - known.common[s];
          if (!unit.isExplained && !Float.isNaN(value)) {
            sum += Math.max(-clip, Math.min(clip, value));
          }
        }
        step = sum / known.totals.units[s];
      }
    }
    return any;
  }

  /** What has one say: a device, or all devices of one value of the unit attribute together. */
  private static final class Unit {
    private final float[] residuals;
    private final int devices;
    private final List<CohortState> cohorts;
    private final boolean isExplained;

    Unit(float[] residuals, int devices, List<CohortState> cohorts, boolean isExplained) {
      this.residuals = residuals;
      this.devices = devices;
      this.cohorts = cohorts;
      this.isExplained = isExplained;
    }
  }

  private List<Unit> units(State known, List<Judged> judged) {
    List<Unit> units = new ArrayList<>(judged.size());
    Map<String, List<Judged>> shared = new TreeMap<>();
    for (Judged one : judged) {
      String attribute = unit;
      String value = attribute == null ? null : one.window().attributes().get(attribute);
      if (value != null) {
        shared.computeIfAbsent(value, key -> new ArrayList<>()).add(one);
      } else {
        units.add(unit(one.residuals, 1, one.device()));
      }
    }
    for (List<Judged> members : shared.values()) {
      // Members that differ in another attribute still share what disturbs them: one row per
      // cohort.
      Map<CohortState, List<Judged>> byCohort = new HashMap<>();
      Map<Boolean, List<Judged>> byExplained = new HashMap<>();
      for (Judged one : members) {
        Unit single = unit(one.residuals, 1, one.device());
        single.cohorts.forEach(
            cohort -> byCohort.computeIfAbsent(cohort, key -> new ArrayList<>()).add(one));
        byExplained.computeIfAbsent(single.isExplained, key -> new ArrayList<>()).add(one);
      }
      byCohort.entrySet().stream()
          .sorted(Comparator.comparing(entry -> entry.getKey().cohort()))
          .forEach(
              entry ->
                  units.add(
                      new Unit(
                          mean(known, entry.getValue()),
                          entry.getValue().size(),
                          List.of(entry.getKey()),
                          true)));
      List<Judged> peers = byExplained.getOrDefault(false, List.of());
      if (!peers.isEmpty()) {
        units.add(new Unit(mean(known, peers), peers.size(), List.of(), false));
      }
    }
    return units;
  }

  private static float[] mean(State known, List<Judged> members) {
    float[] mean = new float[known.statistics.size()];
    for (int s = 0; s < mean.length; s++) {
      float sum = 0;
      int count = 0;
      for (Judged one : members) {
        if (!Float.isNaN(one.residuals[s])) {
          sum += one.residuals[s];
          count++;
        }
      }
      mean[s] = count == 0 ? Float.NaN : sum / count;
    }
    return mean;
  }

  private Unit unit(float[] residuals, int count, Device device) {
    if (!explained.isEmpty()) {
      List<CohortState> out =
          explained.entrySet().stream()
              .filter(entry -> entry.getKey().holds(device.attributes()))
              .map(entry -> entry.getValue().state)
              .toList();
      if (!out.isEmpty()) {
        return new Unit(residuals, count, out, true);
      }
    }
    return new Unit(residuals, count, device.cohorts(), false);
  }

  private static void addClipped(float[] residuals, State known, float[] sum, float[] units) {
    float[] clip = known.clip;
    for (int s = 0; s < clip.length; s++) {
      float value = residuals[s] - known.common[s];
      if (!Float.isNaN(value)) {
        sum[s] += Math.max(-clip[s], Math.min(clip[s], value));
        units[s]++;
      }
    }
  }

  // What the peers did, and how far beyond that a cohort must be.
  private void compare(State known, CohortState cohort, boolean isOut) {
    for (int s = 0; s < known.clip.length; s++) {
      int members = (int) cohort.units[s];
      int peers = (int) known.totals.units[s] - (isOut ? 0 : members);
      if (!known.judged[s] || members < settings.cohortMin() || peers < settings.cohortMin()) {
        continue;
      }
      float sum = known.totals.sum[s] - (isOut ? 0 : cohort.residualSum[s]);
      cohort.peerMean[s] = sum / peers;
      double tolerance = tolerance(known, s, members, peers);
      cohort.clip[s] = (float) Math.min(1, Math.max(known.clip[s], CLIP_TOLERANCES * tolerance));
      cohort.tolerance[s] = (float) (tolerance / cohort.clip[s]);
    }
  }

  /** What one unit may say at most. */
  static double clip(DriftSettings settings, double variance, double material, double tolerance) {
    double widest = settings.clipDeviations() * Math.sqrt(variance);
    return Math.min(1, Math.max(Math.max(widest, 4 * material), CLIP_TOLERANCES * tolerance));
  }

  private double tolerance(State known, int statistic, int members, int peers) {
    double share = 1.0 / members + 1.0 / peers;
    return settings.material(known.statistics.stream(statistic).kind())
        + settings.baselineZ() * Math.sqrt(known.baselineVariance(statistic) * share);
  }

  private static float scaled(float[] residuals, float[] common, CohortState cohort, int s) {
    float value = residuals[s] - common[s] - cohort.peerMean[s];
    return Math.max(-1, Math.min(1, value / cohort.clip[s]));
  }

  private static void addScaled(float[] residuals, float[] common, CohortState cohort) {
    float[] clip = cohort.clip;
    for (int s = 0; s < clip.length; s++) {
      float y = clip[s] > 0 ? scaled(residuals, common, cohort, s) : Float.NaN;
      if (!Float.isNaN(y)) {
        if (cohort.units[s] <= EXACT_MAX) {
          ShiftDetectors.bet(cohort.products, s, y, cohort.tolerance[s]);
        } else {
          cohort.sum[s] += y;
          cohort.squares[s] += y * y;
        }
      }
    }
  }

  private void judge(State known, CohortState cohort, boolean isOut, List<StreamVerdict> verdicts) {
    for (int s = 0; s < known.clip.length; s++) {
      if (cohort.clip[s] == 0) {
        continue;
      }
      int members = (int) cohort.units[s];
      int peers = (int) known.totals.units[s] - (isOut ? 0 : members);
      double error = Math.sqrt(known.variance(s) * (1.0 / members + 1.0 / peers));
      double effect = cohort.residualSum[s] / members - cohort.peerMean[s];
      cohort.effect(s, effect, error);
      if (cohort.tolerance[s] < TOLERANCE_MAX) {
        if (members <= EXACT_MAX) {
          cohort.detectors().observe(s, cohort.products);
        } else {
          cohort
              .detectors()
              .observe(s, members, cohort.sum[s], cohort.squares[s], cohort.tolerance[s]);
        }
      }
      verdicts.add(
          new StreamVerdict(
              cohort.cohort(),
              known.statistics.stream(s),
              members,
              peers,
              effect,
              error,
              tolerance(known, s, members, peers),
              known.statistics.slopeOf(s),
              cohort.detectors().logM(s),
              0));
    }
  }

  private WindowVerdict concluded(
      State known, long window, int learning, List<Judged> judged, List<StreamVerdict> observed) {
    double threshold = threshold(observed.size());
    List<StreamVerdict> verdicts = new ArrayList<>(observed.size());
    Set<Cohort> persisting = new HashSet<>();
    List<StreamVerdict> fired = new ArrayList<>();
    List<StreamVerdict> fleetFired = new ArrayList<>();
    for (StreamVerdict one : observed) {
      StreamVerdict verdict = one.withThreshold(threshold);
      verdicts.add(verdict);
      if (verdict.fired() && verdict.cohort().equals(Cohort.FLEET)) {
        fleetFired.add(verdict);
      } else if (verdict.fired()) {
        Explained out = explained.get(verdict.cohort());
        if (out == null) {
          fired.add(verdict);
        } else {
          persisting.add(verdict.cohort());
          out.state.detectors().restart(known.statistics.streams().indexOf(verdict.stream()));
        }
      }
    }
    Set<Cohort> ended = ended(known);
    FleetLevel fleet = known.fleet;
    Optional<DriftCause.Found> found = Optional.empty();
    Optional<DriftEvidence> evidence = Optional.empty();
    DriftCause cause = new DriftCause(settings, known.statistics, cohorts, learned, versions);
    if (fleet != null && !fleetFired.isEmpty()) {
      if (fleetFinding != null) {
        persisting.add(Cohort.FLEET);
        fleetFired.forEach(one -> fleet.restart(known.statistics.streams().indexOf(one.stream())));
      } else if (fired.isEmpty()) {
        DriftCause.Found of = cause.findFleet(window, fleetFired, withoutExplained(judged), fleet);
        int firedBy = known.statistics.streams().indexOf(of.finding().firedBy());
        evidence = Optional.of(fleet.evidence(firedBy, detectors, of));
        fleetFinding = of.finding();
        fleetFindingOf = known.leading;
        fleetQuietWindows = 0;
        found = Optional.of(of);
        restart(fleet);
      }
    }
    if (!fired.isEmpty()) {
      DriftCause.Found of = cause.find(window, fired, withoutExplained(judged));
      DriftFinding finding = of.finding();
      found = Optional.of(of);
      evidence = Optional.of(evidence(known, of, judged));
      CohortState explainedState =
          finding.cohort().terms().size() == 1
              ? java.util.Objects.requireNonNull(cohorts.get(finding.cohort()))
              : new CohortState(finding.cohort(), known.statistics.size());
      explained.put(
          finding.cohort(),
          new Explained(
              finding, explainedState, known.statistics.streams().indexOf(finding.movedBy())));
      restart(fleet);
    }
    return new WindowVerdict(
        window,
        learning,
        judged.size(),
        verdicts,
        found.map(DriftCause.Found::finding),
        evidence,
        persisting,
        ended);
  }

  private DriftEvidence evidence(State known, DriftCause.Found found, List<Judged> judged) {
    int s = known.statistics.streams().indexOf(found.finding().firedBy());
    CohortState state = java.util.Objects.requireNonNull(cohorts.get(found.finding().firedIn()));
    boolean isExact = state.units[s] <= EXACT_MAX;
    List<Double> values = new ArrayList<>();
    double sum = 0;
    double squares = 0;
    for (Unit one : units(known, judged)) {
      float y =
          one.cohorts.contains(state) ? scaled(one.residuals, known.common, state, s) : Float.NaN;
      if (!Float.isNaN(y)) {
        values.add((double) y);
        sum += y;
        squares += y * y;
      }
    }
    return new DriftEvidence(
        false,
        Arrays.stream(ShiftDetectors.bets()).boxed().toList(),
        Arrays.stream(state.detectors().before(s)).boxed().toList(),
        (int) state.units[s],
        isExact ? values : List.of(),
        isExact ? sum : state.sum[s],
        isExact ? squares : state.squares[s],
        state.tolerance[s],
        state.clip[s],
        settings.windowsPerFalseAlarm(),
        detectors,
        found.edges(),
        found.expected(),
        found.observed());
  }

  private void restart(@Nullable FleetLevel fleet) {
    cohorts.values().forEach(cohort -> cohort.detectors().restart());
    if (fleet != null) {
      fleet.restart();
    }
  }

  // At most as many detectors as were ever told apart can raise a false alarm.
  private double threshold(int observed) {
    detectors = Math.max(detectors, observed);
    return Math.log((double) settings.windowsPerFalseAlarm() * Math.max(1, detectors));
  }

  private List<Judged> withoutExplained(List<Judged> judged) {
    return explained.isEmpty()
        ? judged
        : judged.stream()
            .filter(
                one ->
                    explained.keySet().stream()
                        .noneMatch(cohort -> cohort.holds(one.window().attributes())))
            .toList();
  }

  private Set<Cohort> ended(State known) {
    Set<Cohort> ended = new HashSet<>();
    if (fleetHasEnded(known)) {
      ended.add(Cohort.FLEET);
    }
    explained.forEach(
        (cohort, explanation) -> {
          double effect = explanation.state.effect(explanation.statistic);
          // Effects are means of clipped residuals: a larger shift looks no larger than the clip.
          double before =
              Math.min(
                  Math.abs(explanation.finding.effect().value()),
                  known.clip[explanation.statistic]);
          double quiet =
              Math.max(
                  2 * settings.material(known.statistics.stream(explanation.statistic).kind()),
                  before / 4);
          explanation.quietWindows = Math.abs(effect) < quiet ? explanation.quietWindows + 1 : 0;
          if (explanation.quietWindows >= QUIET_WINDOWS) {
            ended.add(cohort);
          }
        });
    return ended;
  }

  private boolean fleetHasEnded(State known) {
    DriftFinding finding = fleetFinding;
    if (finding == null || known.fleet == null) {
      return false;
    }
    if (!finding.movedBy().kind().isInput()
        && known.leading != null
        && !known.leading.equals(fleetFindingOf)) {
      // What spoke so is gone.
      return true;
    }
    double effect = known.fleet.effect(known.statistics.streams().indexOf(finding.movedBy()));
    double quiet =
        Math.max(
            2 * settings.material(finding.movedBy().kind()),
            Math.abs(finding.effect().value()) / 4);
    fleetQuietWindows = Math.abs(effect) < quiet ? fleetQuietWindows + 1 : 0;
    return fleetQuietWindows >= QUIET_WINDOWS;
  }

  /**
   * Compares the devices that an event touched with those that it did not: how far each has moved
   * from its own baseline, lately.
   *
   * @param touched by the event
   */
  public EventCheck check(DriftFinding finding, Set<DeviceId> touched) {
    State known = state;
    int statistic = known == null ? -1 : known.statistics.streams().indexOf(finding.movedBy());
    if (known == null || statistic < 0) {
      return EventCheck.NOT_TESTABLE;
    }
    List<Double> inside = new ArrayList<>();
    List<Double> outside = new ArrayList<>();
    int members = 0;
    int membersTouched = 0;
    for (Map.Entry<String, Device> entry : new TreeMap<>(devices).entrySet()) {
      boolean isTouched = touched.contains(new DeviceId(entry.getKey()));
      if (finding.cohort().holds(entry.getValue().attributes())) {
        members++;
        membersTouched += isTouched ? 1 : 0;
      }
      double moved = entry.getValue().recent(statistic);
      if (entry.getValue().hasLearnedInputs() && !Double.isNaN(moved)) {
        (isTouched ? inside : outside).add(moved);
      }
    }
    return EventCheck.of(
        finding.effect(), inside, outside, settings.cohortMin(), members, membersTouched);
  }
}
