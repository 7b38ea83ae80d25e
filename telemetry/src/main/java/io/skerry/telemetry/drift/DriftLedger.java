package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
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

  /** Windows back that a window which comes late may be of. */
  public static final int LATE_WINDOWS = 64;

  // A tolerance so near to the largest possible mean could never be passed.
  static final double TOLERANCE_MAX = .9;

  // A unit's largest say is some tolerances, or a large shift would look like a small one.
  private static final double CLIP_TOLERANCES = 4;

  // Units whose bets are multiplied one by one; of more, sums are enough.
  static final int EXACT_MAX = 256;

  private static final int COMMON_STEPS_MAX = 64;

  // A version leads until fewer than one in so many devices run it.
  private static final int LEADING_SHARE = 4;

  // Another number wherever what is written, or what is made of it, is another.
  private static final int STATE_FORMAT = 2;
  // Without what devices learned of outputs alone, and which bins they added up while learning.
  private static final int STATE_FORMAT_BEFORE = 1;

  // Values of an attribute of which counts are learned before they have devices enough to be
  // judged.
  private static final int LEARNED_VALUES_MAX = 256;

  // Cohorts or devices of a state at most.
  private static final int COUNT_MAX = 10_000_000;

  private final DriftSettings settings;
  private final Map<ModelVersion, Statistics.Reader> versions = new LinkedHashMap<>();
  private final Map<String, Device> devices = new HashMap<>();
  private final Map<Cohort, Members> memberships = new HashMap<>();
  // Those of them that had devices enough to be judged.
  private final Map<Cohort, CohortState> cohorts = new TreeMap<>();
  private final Map<Cohort, Explained> explained = new TreeMap<>();
  private final Map<Cohort, LearnedCounts> learned = new TreeMap<>();
  // Of how many values of an attribute.
  private final Map<String, Integer> learnedValues = new HashMap<>();
  // What was taken off the devices of each version in the last windows.
  private final TreeMap<Long, Map<ModelVersion, float[]>> past = new TreeMap<>();
  private @Nullable FleetMoved fleetMoved;
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

  /** What was found of a cohort and is not over. */
  private static final class Explained {
    private final CohortState state;
    private final int statistic;
    private final double effect;
    private int quietWindows;

    Explained(CohortState state, int statistic, double effect) {
      this.state = state;
      this.statistic = statistic;
      this.effect = effect;
    }
  }

  /** What was found of the whole fleet and is not over; what spoke so, where it is an output. */
  private static final class FleetMoved {
    private final int statistic;
    private final double effect;
    private final @Nullable ModelVersion running;
    private int quietWindows;

    FleetMoved(int statistic, double effect, @Nullable ModelVersion running) {
      this.statistic = statistic;
      this.effect = effect;
      this.running = running;
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

  /** The versions whose streams were told, in the order in which they were. */
  public List<ModelVersion> versions() {
    return List.copyOf(versions.keySet());
  }

  /** Forgets devices: one that comes again is a new one. */
  public void retain(Predicate<DeviceId> kept) {
    devices
        .entrySet()
        .removeIf(
            entry -> {
              boolean gone = !kept.test(new DeviceId(entry.getKey()));
              if (gone) {
                entry.getValue().leave();
              }
              return gone;
            });
  }

  /**
   * Writes all that the next verdicts rest on, in parts of at most 1 MiB. A ledger that {@link
   * #read} these says the same as this one from here on, bit for bit.
   *
   * @throws IllegalStateException if no version's streams were told
   */
  public void write(Consumer<byte[]> parts) {
    State known = state;
    if (known == null) {
      throw new IllegalStateException("a ledger without streams has no state");
    }
    StateWriter to = new StateWriter(parts);
    writeHead(known, to);
    known.noise.write(to);
    known.conditionalNoise.write(to);
    to.putFloats(known.clip);
    to.putText(known.leading == null ? "" : known.leading.toString());
    CommonTrend trend = known.trend;
    to.putFlag(trend != null);
    if (trend != null) {
      trend.write(to);
    }
    if (known.fleet != null) {
      known.fleet.write(to);
    }
    to.putInt(detectors);
    to.putInt(cohorts.size());
    cohorts.forEach(
        (cohort, one) -> {
          to.putTerms(cohort);
          one.write(to);
        });
    to.putInt(learned.size());
    learned.forEach(
        (cohort, counts) -> {
          to.putTerms(cohort);
          counts.write(to);
        });
    to.putInt(explained.size());
    explained.forEach((cohort, one) -> write(cohort, one, to));
    FleetMoved moved = fleetMoved;
    to.putFlag(moved != null);
    if (moved != null) {
      to.putInt(moved.statistic);
      to.putDouble(moved.effect);
      to.putText(moved.running == null ? "" : moved.running.toString());
      to.putInt(moved.quietWindows);
    }
    to.putInt(past.size());
    past.forEach(
        (window, means) -> {
          to.putLong(window);
          to.putInt(means.size());
          // In the order of the versions, which is written already.
          for (ModelVersion version : versions.keySet()) {
            float[] row = means.get(version);
            if (row != null) {
              to.putText(version.toString());
              to.putFloats(row);
            }
          }
        });
    to.putInt(devices.size());
    new TreeMap<>(devices)
        .forEach(
            (id, device) -> {
              to.putText(id);
              device.write(to);
            });
    to.end();
  }

  // What no attribute's cohort is has a state of its own.
  private static void write(Cohort cohort, Explained one, StateWriter to) {
    to.putTerms(cohort);
    to.putInt(one.statistic);
    to.putDouble(one.effect);
    to.putInt(one.quietWindows);
    if (cohort.terms().size() > 1) {
      one.state.write(to);
    }
  }

  private void writeHead(State known, StateWriter to) {
    to.putInt(STATE_FORMAT);
    to.putText(settings.toString());
    to.putInt(versions.size());
    versions.keySet().forEach(version -> to.putText(version.toString()));
    to.putInt(known.statistics.size());
    known.statistics.streams().forEach(stream -> to.putText(stream.toString()));
  }

  /**
   * Goes on from what another ledger wrote.
   *
   * @param parts as they were written; each is asked for when it is needed
   * @throws IllegalArgumentException if they are damaged, of another format, settings or streams:
   *     this ledger is of no use then
   * @throws IllegalStateException unless this one is new, and knows the same versions, told in the
   *     same order
   */
  public void read(Iterator<byte[]> parts) {
    State known = state;
    if (known == null || !devices.isEmpty() || !cohorts.isEmpty()) {
      throw new IllegalStateException("only a new ledger that knows its streams goes on");
    }
    StateReader from = new StateReader(parts);
    int format = readHead(known, from);
    known.noise.read(from);
    known.conditionalNoise.read(from);
    from.getFloats(known.clip);
    String leading = from.getText();
    known.leading = leading.isEmpty() ? null : ModelVersion.parse(leading);
    known.trend = from.getFlag() ? CommonTrend.read(from, known.statistics.inputCount()) : null;
    if (known.fleet != null) {
      known.fleet.read(from);
    }
    detectors = from.getInt();
    for (int left = from.getCount(COUNT_MAX); left > 0; left--) {
      Cohort cohort = from.getTerms();
      CohortState one = new CohortState(cohort, known.statistics.size());
      one.read(from);
      cohorts.put(cohort, one);
    }
    for (int left = from.getCount(COUNT_MAX); left > 0; left--) {
      Cohort cohort = from.getTerms();
      learned.put(cohort, LearnedCounts.read(from, versions, format));
      cohort.terms().forEach(term -> learnedValues.merge(term.attribute(), 1, Integer::sum));
    }
    for (int left = from.getCount(COUNT_MAX); left > 0; left--) {
      readExplained(known, from);
    }
    if (from.getFlag()) {
      int statistic = from.getCount(known.statistics.size() - 1);
      double effect = from.getDouble();
      String running = from.getText();
      FleetMoved moved =
          new FleetMoved(statistic, effect, running.isEmpty() ? null : ModelVersion.parse(running));
      moved.quietWindows = from.getInt();
      fleetMoved = moved;
    }
    for (int left = from.getCount(LATE_WINDOWS); left > 0; left--) {
      long window = from.getLong();
      Map<ModelVersion, float[]> means = new HashMap<>();
      for (int each = from.getCount(versions.size()); each > 0; each--) {
        float[] row = new float[known.statistics.size()];
        ModelVersion version = ModelVersion.parse(from.getText());
        from.getFloats(row);
        means.put(version, row);
      }
      past.put(window, means);
    }
    for (int left = from.getCount(COUNT_MAX); left > 0; left--) {
      devices.put(
          from.getText(),
          Device.read(from, known.statistics, settings.seasonWindows(), this::members));
    }
    from.end();
  }

  private void readExplained(State known, StateReader from) {
    Cohort cohort = from.getTerms();
    int statistic = from.getCount(known.statistics.size() - 1);
    double effect = from.getDouble();
    int quiet = from.getInt();
    CohortState of = cohorts.get(cohort);
    if (cohort.terms().size() > 1 || of == null) {
      of = new CohortState(cohort, known.statistics.size());
      of.read(from);
    }
    Explained one = new Explained(of, statistic, effect);
    one.quietWindows = quiet;
    explained.put(cohort, one);
  }

  private int readHead(State known, StateReader from) {
    int format = from.getInt();
    if (format != STATE_FORMAT && format != STATE_FORMAT_BEFORE) {
      throw new IllegalArgumentException(
          "the state has format %d, not %d or %d"
              .formatted(format, STATE_FORMAT_BEFORE, STATE_FORMAT));
    }
    check("settings", settings.toString(), from.getText());
    check("number of versions", versions.size(), from.getInt());
    for (ModelVersion version : versions.keySet()) {
      check("version", version.toString(), from.getText());
    }
    check("number of streams", known.statistics.size(), from.getInt());
    for (Stream stream : known.statistics.streams()) {
      check("stream", stream.toString(), from.getText());
    }
    return format;
  }

  private static void check(String what, Object expected, Object found) {
    if (!expected.equals(found)) {
      throw new IllegalArgumentException(
          "the state's %s is %s, not %s".formatted(what, found, expected));
    }
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
      // What was learned before is no measure of what is right from here on.
      if (learned.remove(cohort) != null) {
        learnedValues.merge(cohort.terms().getFirst().attribute(), -1, Integer::sum);
      }
    }
  }

  // The devices' own stays what it is: it is told against the others.
  private void releaseFleet(boolean relearn) {
    State known = state;
    if (known != null && known.fleet != null && fleetMoved != null) {
      if (relearn) {
        known.fleet.settle();
      }
      known.fleet.restart();
    }
    fleetMoved = null;
  }

  /** Judges a window to which nothing came late. */
  public WindowVerdict judge(long window, List<DeviceWindow> deviceWindows) {
    return judge(window, deviceWindows, List.of());
  }

  /**
   * Judges a window, and with it what came too late for earlier ones.
   *
   * <p>What was judged is not judged again: to look twice and keep the stronger evidence would
   * break the promise. A late window is told against the fleet's mean of its own time and the
   * device's baseline at that time, and the device says the mean of its late windows and this one,
   * once. A device that still learns learns from them.
   *
   * @param window its index; windows must come in rising order
   * @param deviceWindows at most one per device; ignored when its version is not registered or its
   *     counts have another layout
   * @param late ignored too when they are not of one of the last {@value #LATE_WINDOWS} windows
   *     that were judged
   */
  public WindowVerdict judge(long window, List<DeviceWindow> deviceWindows, List<LateWindow> late) {
    return judge(window, deviceWindows, late, false);
  }

  /** The same, with the distances of all streams: they cost time, and no verdict rests on them. */
  public WindowVerdict judgeAndMeasure(
      long window, List<DeviceWindow> deviceWindows, List<LateWindow> late) {
    return judge(window, deviceWindows, late, true);
  }

  private WindowVerdict judge(
      long window, List<DeviceWindow> deviceWindows, List<LateWindow> late, boolean measured) {
    State known = state;
    if (known == null) {
      return new WindowVerdict(
          window,
          0,
          0,
          List.of(),
          List.of(),
          Optional.empty(),
          Optional.empty(),
          Set.of(),
          Set.of());
    }
    List<DeviceWindow> learners = new ArrayList<>();
    Map<String, Late> said = late(known, window, late, learners);
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
    double[] amounts = measured ? amounts(ordered) : new double[0];
    double limit = DeviceShare.limit(amounts);
    StreamDistances measures =
        new StreamDistances(known.statistics, versions, settings.cohortMin());
    List<DeviceWindow> speakers = new ArrayList<>();
    int learning = 0;
    for (int i = 0; i < seen.length; i++) {
      float[] mean = java.util.Objects.requireNonNull(means.get(ordered.get(i).version()));
      if (known.fleet != null) {
        seen[i].learnLevel(ordered.get(i).version(), mean);
      }
      boolean spoke = seen[i].hasLearnedOutputs(ordered.get(i).version());
      boolean ready =
          seen[i].residual(
              window,
              ordered.get(i).version(),
              rows[i],
              settings.learningWindows(),
              known.noise,
              known.noise);
      if (ready) {
        float[] own = rows[i];
        Late before = said.remove(ordered.get(i).device().value());
        if (before != null) {
          own = before.meanWith(own);
        }
        judged.add(new Judged(ordered.get(i), seen[i], own));
        if (!spoke) {
          speakers.add(ordered.get(i));
        }
        if (measured) {
          measure(measures, seen[i], ordered.get(i), DeviceShare.of(amounts[i], limit), spoke);
        }
        if (known.fleet != null && !isExplained(seen[i])) {
          float[] distance = seen[i].distance(rows[i], mean);
          if (!ordered.get(i).version().equals(known.leading)) {
            Arrays.fill(distance, known.statistics.inputStatistics(), distance.length, Float.NaN);
          }
          distances.add(distance);
        }
      } else {
        learners.add(ordered.get(i));
        learning++;
      }
    }
    List<StreamDistance> measurements = measures.from(learned, known.leading);
    if (!learners.isEmpty() || !speakers.isEmpty()) {
      double most = measured ? limit : DeviceShare.limit(amounts(ordered));
      learners.forEach(one -> learnCounts(one, most, false));
      speakers.forEach(one -> learnCounts(one, most, true));
    }
    said.values().stream()
        .filter(one -> one.rows > 0)
        .forEach(one -> judged.add(new Judged(one.newest, one.device, one.meanWith(new float[0]))));
    settle(known, seen);
    keepMeans(window, means);
    List<StreamVerdict> verdicts = observe(known, window, judged);
    if (known.fleet != null && known.leading != null && judged.size() >= 2 * settings.cohortMin()) {
      verdicts.addAll(known.fleet.judge(window, known.leading, distances));
    }
    return concluded(known, window, learning, judged, verdicts, measurements);
  }

  /** What a device says of windows that came late. */
  private static final class Late {
    private final Device device;
    private final float[] sum;
    private final int[] count;
    private DeviceWindow newest;
    private int rows;

    Late(Device device, DeviceWindow newest, int statistics) {
      this.device = device;
      this.newest = newest;
      this.sum = new float[statistics];
      this.count = new int[statistics];
    }

    void add(float[] residuals) {
      rows++;
      for (int s = 0; s < residuals.length; s++) {
        if (!Float.isNaN(residuals[s])) {
          sum[s] += residuals[s];
          count[s]++;
        }
      }
    }

    float[] meanWith(float[] residuals) {
      rows--;
      add(residuals);
      float[] mean = new float[sum.length];
      for (int s = 0; s < mean.length; s++) {
        mean[s] = count[s] == 0 ? Float.NaN : sum[s] / count[s];
      }
      return mean;
    }
  }

  // In the order of devices and windows, whatever order they came in.
  private Map<String, Late> late(
      State known, long window, List<LateWindow> late, List<DeviceWindow> learners) {
    Map<String, Late> said = new TreeMap<>();
    float[] conditional = new float[known.statistics.inputCount()];
    List<LateWindow> ordered =
        late.stream()
            .filter(one -> one.window() < window && isReadable(one.counts()))
            .sorted(
                Comparator.comparing((LateWindow one) -> one.counts().device().value())
                    .thenComparingLong(LateWindow::window))
            .toList();
    for (LateWindow one : ordered) {
      DeviceWindow counts = one.counts();
      float[] means = past.getOrDefault(one.window(), Map.of()).get(counts.version());
      Statistics.Reader reader = versions.get(counts.version());
      if (means == null || reader == null) {
        continue;
      }
      float[] row = new float[known.statistics.size()];
      reader.read(counts, settings.predictionsMin(), row);
      if (known.trend != null) {
        known.trend.residuals(row, conditional);
        System.arraycopy(conditional, 0, row, conditional.length, conditional.length);
      }
      Device device = device(known, counts);
      device.keep(row);
      for (int s = 0; s < row.length; s++) {
        row[s] -= means[s];
      }
      if (known.fleet != null) {
        device.learnLevelLate(counts.version(), means);
      }
      Late of =
          said.computeIfAbsent(counts.device().value(), id -> new Late(device, counts, row.length));
      of.newest = counts;
      if (device.residualLate(
          one.window(), counts.version(), row, settings.learningWindows(), known.noise)) {
        of.add(row);
      } else {
        learners.add(counts);
      }
    }
    return said;
  }

  private void keepMeans(long window, Map<ModelVersion, float[]> means) {
    past.put(window, means);
    past.keySet().removeIf(one -> one <= window - LATE_WINDOWS);
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
    device.attributes(one.attributes(), this::members);
    return device;
  }

  private List<Members> members(Map<String, String> attributes) {
    List<Members> members = new ArrayList<>();
    new TreeMap<>(attributes)
        .forEach(
            (attribute, value) ->
                members.add(
                    memberships.computeIfAbsent(
                        new Cohort(attribute, value),
                        cohort -> new Members(cohort, cohorts.get(cohort)))));
    return List.copyOf(members);
  }

  private void judgeWhereThereAreEnough(State known, List<Judged> judged) {
    memberships.values().forEach(one -> one.judged = 0);
    for (Judged one : judged) {
      for (Members members : one.device().memberships()) {
        members.judged++;
        if (members.state == null && members.judged >= settings.cohortMin()) {
          members.state = new CohortState(members.cohort, known.statistics.size());
          cohorts.put(members.cohort, members.state);
        }
      }
    }
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
      means[s] =
          count[s - from] < 2 * settings.cohortMin()
              ? Float.NaN
              : (float) (sum[s - from] / count[s - from]);
    }
    // Row by row: a column lies all over the memory.
    for (int member : members) {
      float[] row = rows[member];
      for (int s = from; s < to; s++) {
        row[s] -= means[s];
      }
    }
  }

  // As detectors are: a cohort that is explained is no part of another one.
  private void measure(
      StreamDistances measures, Device device, DeviceWindow one, double share, boolean spoke) {
    List<Cohort> out =
        explained.keySet().stream().filter(cohort -> cohort.holds(device.attributes())).toList();
    if (!out.isEmpty()) {
      out.forEach(cohort -> measures.add(cohort, one, share, spoke));
      return;
    }
    measures.add(Cohort.FLEET, one, share, spoke);
    device.memberships().forEach(of -> measures.add(of.cohort, one, share, spoke));
  }

  private void learnCounts(DeviceWindow one, double limit, boolean outputsOnly) {
    double share = DeviceShare.of(counted(one), limit);
    learnCounts(Cohort.FLEET, one, share, outputsOnly);
    one.attributes()
        .forEach(
            (attribute, value) -> {
              Cohort cohort = new Cohort(attribute, value);
              if (isLearned(cohort, attribute)) {
                learnCounts(cohort, one, share, outputsOnly);
              }
            });
  }

  // Tens of kilobytes a value: a label may have another one on each of many thousand devices.
  private boolean isLearned(Cohort cohort, String attribute) {
    if (learned.containsKey(cohort)) {
      return true;
    }
    Members members = memberships.get(cohort);
    boolean enough = members != null && members.devices >= settings.cohortMin();
    if (!enough && learnedValues.getOrDefault(attribute, 0) >= LEARNED_VALUES_MAX) {
      return false;
    }
    learnedValues.merge(attribute, 1, Integer::sum);
    return true;
  }

  private void learnCounts(Cohort cohort, DeviceWindow one, double share, boolean outputsOnly) {
    LearnedCounts counts = learned.computeIfAbsent(cohort, key -> new LearnedCounts());
    if (outputsOnly) {
      counts.addOutputs(one.version(), one.counts(), share);
    } else {
      counts.add(one.version(), one.counts(), share);
    }
  }

  private static double[] amounts(List<DeviceWindow> devices) {
    return devices.stream().mapToDouble(DriftLedger::counted).toArray();
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
    judgeWhereThereAreEnough(known, judged);
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
      State known,
      long window,
      int learning,
      List<Judged> judged,
      List<StreamVerdict> observed,
      List<StreamDistance> distances) {
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
      if (fleetMoved != null) {
        persisting.add(Cohort.FLEET);
        fleetFired.forEach(one -> fleet.restart(known.statistics.streams().indexOf(one.stream())));
      } else if (fired.isEmpty()) {
        DriftCause.Found of = cause.findFleet(window, fleetFired, withoutExplained(judged), fleet);
        int firedBy = known.statistics.streams().indexOf(of.finding().firedBy());
        evidence = Optional.of(fleet.evidence(firedBy, detectors, of));
        fleetMoved =
            new FleetMoved(
                known.statistics.streams().indexOf(of.finding().movedBy()),
                of.finding().effect().value(),
                known.leading);
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
              explainedState,
              known.statistics.streams().indexOf(finding.movedBy()),
              finding.effect().value()));
      restart(fleet);
    }
    return new WindowVerdict(
        window,
        learning,
        judged.size(),
        verdicts,
        distances,
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
          double before = Math.min(Math.abs(explanation.effect), known.clip[explanation.statistic]);
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
    FleetMoved moved = fleetMoved;
    if (moved == null || known.fleet == null) {
      return false;
    }
    Stream.Kind kind = known.statistics.stream(moved.statistic).kind();
    if (!kind.isInput() && known.leading != null && !known.leading.equals(moved.running)) {
      // What spoke so is gone.
      return true;
    }
    double effect = known.fleet.effect(moved.statistic);
    double quiet = Math.max(2 * settings.material(kind), Math.abs(moved.effect) / 4);
    moved.quietWindows = Math.abs(effect) < quiet ? moved.quietWindows + 1 : 0;
    return moved.quietWindows >= QUIET_WINDOWS;
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
