package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What the ledger keeps of one device: its baselines and how far it has been from them lately. */
final class Device {
  /** Rows of locations from which what is conditional is learned, once the trend is known. */
  static final int ROWS_MAX = 8;

  /** Windows with outcomes that a baseline is learned from where they come seldom. */
  static final int SELDOM_WINDOWS = 8;

  // Windows after which outcomes that were too few of their own are told, where no day is known.
  private static final int GATHERED_WINDOWS = 24;
  // Days after which outcomes that nobody could compare are forgotten.
  private static final int GATHERED_DAYS_MAX = 28;
  private static final int CLASSES_MAX = 1 << 16;

  private static final float NEWEST = .6f;
  private static final int ATTRIBUTES_MAX = 1 << 12;

  private final Statistics statistics;
  private final int season;
  private final float[] recent;
  private final List<float[]> rows = new ArrayList<>();
  private Baseline inputs;
  private Baseline outputs;
  // Of outcomes that were missing from half of the windows which its outputs were learned from.
  private Baseline seldom;
  // Known, right, wrong, then of each class: outcomes too few to be told as they came.
  private double @Nullable [] gathered;
  // The day in which it was last looked whether they are enough.
  private long gatheredDay;
  // Those that are told now.
  private double @Nullable [] offered;
  // The mean of the fleet's means over the windows that the baseline was learned from. None where
  // the fleet's level is not judged.
  private float @Nullable [] fleetMeans;
  // Of so many windows; kept while it learns only.
  private int @Nullable [] fleetWindows;
  private float @Nullable [] conditional;
  // Of what is conditional, where there is a season: learned after the trend is known.
  private @Nullable Baseline conditionalCourse;
  private @Nullable ModelVersion version;
  // Whose counts are part of what was learned: usually one.
  private Set<ModelVersion> learnedUnder = Set.of();
  // Windows that its counts are still learned from though it has baselines: the fleet learns anew.
  private int anew;
  // How often the whole fleet had learned anew when it began to be learned from, and when its
  // outputs alone were learned last.
  private int learnedAfter;
  private int spokeAfter;
  private long heardIn;
  private Map<String, String> attributes = Map.of();
  private List<Members> memberships = List.of();

  Device(Statistics statistics, int season) {
    this.statistics = statistics;
    this.season = season;
    this.recent = new float[statistics.size()];
    Arrays.fill(recent, Float.NaN);
    this.inputs = newInputs();
    this.outputs = newOutputs();
    this.seldom = newSeldom();
  }

  private Baseline newSeldom() {
    return new Baseline(statistics.firstOutcome(), statistics.size(), 1);
  }

  private Baseline newInputs() {
    return new Baseline(0, statistics.inputStatistics(), season);
  }

  private Baseline newOutputs() {
    return new Baseline(statistics.inputStatistics(), statistics.size(), season);
  }

  void write(StateWriter to) {
    to.putFloats(recent);
    to.putRows(rows);
    inputs.write(to);
    outputs.write(to);
    seldom.write(to);
    double[] few = gathered;
    to.putInt(few == null ? 0 : few.length);
    if (few != null) {
      to.putDoubles(few);
      to.putLong(gatheredDay);
    }
    to.putOptional(fleetMeans);
    int[] of = fleetWindows;
    to.putFlag(of != null);
    if (of != null) {
      for (int windows : of) {
        to.putInt(windows);
      }
    }
    to.putOptional(conditional);
    Baseline course = conditionalCourse;
    to.putFlag(course != null);
    if (course != null) {
      course.write(to);
    }
    to.putText(version == null ? "" : version.toString());
    to.putLong(heardIn);
    to.putInt(learnedUnder.size());
    learnedUnder.stream().map(ModelVersion::toString).sorted().forEach(to::putText);
    to.putInt(anew);
    to.putInt(learnedAfter);
    to.putInt(spokeAfter);
    to.putInt(attributes.size());
    new TreeMap<>(attributes)
        .forEach(
            (name, value) -> {
              to.putText(name);
              to.putText(value);
            });
  }

  /**
   * Reads a device.
   *
   * @param of tells the memberships of its attributes
   * @param heardIn the window it was heard in, where the format does not tell
   * @param learnedUnder what it may have learned under, where the format does not tell
   */
  static Device read(
      StateReader from,
      int format,
      Statistics statistics,
      int season,
      Function<Map<String, String>, List<Members>> of,
      OptionalLong heardIn,
      Optional<Set<ModelVersion>> learnedUnder) {
    Device read = new Device(statistics, season);
    int first = statistics.inputStatistics();
    int features = statistics.inputCount();
    from.getFloats(read.recent);
    read.rows.addAll(from.getRows(ROWS_MAX, features));
    read.inputs = Baseline.read(from, format, 0, first, season);
    read.outputs = Baseline.read(from, format, first, statistics.size(), season);
    if (format > DriftLedger.STATE_FORMAT_OFTEN) {
      read.seldom = Baseline.read(from, format, statistics.firstOutcome(), statistics.size(), 1);
      int few = from.getCount(CLASSES_MAX);
      if (few > 0) {
        read.gathered = new double[few];
        from.getDoubles(read.gathered);
        read.gatheredDay = from.getLong();
      }
    }
    read.fleetMeans = from.getOptional(statistics.size());
    if (from.getFlag()) {
      int[] windows = new int[statistics.size()];
      for (int s = 0; s < windows.length; s++) {
        windows[s] = from.getInt();
      }
      read.fleetWindows = windows;
    }
    read.conditional = from.getOptional(features);
    if (from.getFlag()) {
      read.conditionalCourse = Baseline.read(from, format, features, 2 * features, season);
    }
    String running = from.getText();
    read.version = running.isEmpty() ? null : ModelVersion.parse(running);
    read.heardIn = heardIn.isPresent() ? heardIn.getAsLong() : from.getLong();
    if (learnedUnder.isPresent()) {
      read.learnedUnder = learnedUnder.get();
    } else {
      Set<ModelVersion> under = new HashSet<>();
      for (int left = from.getCount(DriftLedger.COUNT_MAX); left > 0; left--) {
        under.add(ModelVersion.parse(from.getText()));
      }
      read.learnedUnder = Set.copyOf(under);
      read.anew = from.getInt();
      read.learnedAfter = from.getInt();
      read.spokeAfter = from.getInt();
    }
    Map<String, String> attributes = new HashMap<>();
    int count = from.getCount(ATTRIBUTES_MAX);
    for (int i = 0; i < count; i++) {
      attributes.put(from.getText(), from.getText());
    }
    read.attributes(Map.copyOf(attributes), of);
    return read;
  }

  /** The window under judgement when it told something the last time. */
  long heardIn() {
    return heardIn;
  }

  void heardIn(long window) {
    heardIn = window;
  }

  Map<String, String> attributes() {
    return attributes;
  }

  List<Members> memberships() {
    return memberships;
  }

  /** The cohorts that are judged. */
  List<CohortState> cohorts() {
    List<CohortState> cohorts = new ArrayList<>(memberships.size());
    for (Members one : memberships) {
      if (one.state != null) {
        cohorts.add(one.state);
      }
    }
    return cohorts;
  }

  /** Takes over the attributes; {@code of} tells the memberships when they have changed. */
  void attributes(Map<String, String> latest, Function<Map<String, String>, List<Members>> of) {
    if (memberships.isEmpty() || !latest.equals(attributes)) {
      leave();
      attributes = latest;
      memberships = of.apply(latest);
      memberships.forEach(one -> one.devices++);
    }
  }

  /** Is no member of anything any more. */
  void leave() {
    memberships.forEach(one -> one.devices--);
    memberships = List.of();
  }

  void relearn() {
    fleetMeans = null;
    fleetWindows = null;
    inputs = newInputs();
    outputs = newOutputs();
    seldom = newSeldom();
    gathered = null;
    conditional = null;
    conditionalCourse = null;
    rows.clear();
    Arrays.fill(recent, Float.NaN);
    learnedUnder = Set.of();
    anew = 0;
  }

  /** The versions that it ran while what it counted was learned. */
  Set<ModelVersion> learnedUnder() {
    return learnedUnder;
  }

  /**
   * What it counted while it ran this one is learned.
   *
   * @param relearned how often the whole fleet has learned anew
   */
  void learnsUnder(ModelVersion running, int relearned) {
    anew = Math.max(0, anew - 1);
    if (learnedUnder.isEmpty()) {
      learnedAfter = relearned;
    }
    if (!learnedUnder.contains(running)) {
      Set<ModelVersion> under = new HashSet<>(learnedUnder);
      under.add(running);
      learnedUnder = Set.copyOf(under);
    }
  }

  /**
   * What it counted is learned no more, but what it counts in the next windows that it tells of,
   * whenever they come. Its baselines stay.
   */
  void learnAnew(int windows) {
    learnedUnder = Set.of();
    anew = windows;
  }

  /** Whether what it counts is learned though it has baselines. */
  boolean isLearnedAnew() {
    return anew > 0;
  }

  /** Outputs that it counted are learned alone. */
  void speaksAfter(int relearned) {
    spokeAfter = relearned;
  }

  /** How often the whole fleet had learned anew when it began to be learned from. */
  int learnedAfter() {
    return learnedAfter;
  }

  /** How often it had when outputs of this device were learned alone, the last time. */
  int spokeAfter() {
    return spokeAfter;
  }

  /** Whether it runs a version whose outputs it has learned, or learns, alone. */
  boolean speaks(ModelVersion running) {
    return running.equals(version) && !learnedUnder.isEmpty() && !learnedUnder.contains(running);
  }

  @Nullable ModelVersion version() {
    return version;
  }

  /** Whether it has a baseline of what a version makes. */
  boolean hasLearnedOutputs(ModelVersion running) {
    return running.equals(version) && outputs.isLearned();
  }

  boolean hasLearnedInputs() {
    return inputs.isLearned();
  }

  List<float[]> rows() {
    return rows;
  }

  /** Keeps the locations of a row that is learned from. */
  void keep(float[] row) {
    if (!inputs.isLearned() && conditional == null) {
      if (rows.size() == ROWS_MAX) {
        rows.removeFirst();
      }
      rows.add(Arrays.copyOf(row, statistics.inputCount()));
    }
  }

  /** Learns what is conditional, once the trend is known. */
  void settle(CommonTrend trend, Noise noise) {
    if (conditional != null || conditionalCourse != null || !inputs.isLearned()) {
      return;
    }
    if (season > 1) {
      conditionalCourse =
          new Baseline(statistics.inputCount(), 2 * statistics.inputCount(), season);
      rows.clear();
      return;
    }
    int features = statistics.inputCount();
    Baseline learned = new Baseline(0, features, 1);
    float[] residuals = new float[features];
    for (int i = 0; i < rows.size(); i++) {
      trend.residuals(rows.get(i), residuals);
      learned.learn(i, residuals, rows.size(), noise);
    }
    float[] mean = new float[features];
    learned.subtract(0, mean);
    conditional = mean;
    rows.clear();
  }

  /**
   * Turns a row of statistics, less the fleet's mean, into residuals against the own baseline, or
   * learns from it.
   *
   * @param row in place; unknown where there is no baseline yet
   * @return whether the inputs have a baseline
   */
  boolean residual(
      long window,
      ModelVersion running,
      float[] row,
      int learningWindows,
      Noise noise,
      Noise seldomNoise) {
    changeTo(running);
    return against(window, running, row, learningWindows, noise, seldomNoise);
  }

  /**
   * The same of a window that came late: outputs of another version than the device runs say
   * nothing.
   */
  boolean residualLate(
      long window,
      ModelVersion ran,
      float[] row,
      int learningWindows,
      Noise noise,
      Noise seldomNoise) {
    if (version == null) {
      changeTo(ran);
    }
    return against(window, ran, row, learningWindows, noise, seldomNoise);
  }

  private boolean against(
      long window,
      ModelVersion ran,
      float[] row,
      int learningWindows,
      Noise noise,
      Noise seldomNoise) {
    int first = statistics.inputStatistics();
    if (!ran.equals(version)) {
      Arrays.fill(row, first, row.length, Float.NaN);
    } else if (outputs.isLearned()) {
      float[] outcomes = Arrays.copyOfRange(row, statistics.firstOutcome(), row.length);
      outputs.subtract(window, row);
      seldom(window, row, outcomes, seldomNoise);
    } else {
      outputs.learn(window, row, learningWindows, noise);
      Arrays.fill(row, first, row.length, Float.NaN);
    }
    boolean learned = inputs.isLearned();
    if (learned) {
      int features = statistics.inputCount();
      float[] given = Arrays.copyOfRange(row, features, 2 * features);
      inputs.subtract(window, row);
      System.arraycopy(given, 0, row, features, features);
      conditional(window, row, learningWindows, noise);
    } else {
      inputs.learn(window, row, learningWindows, noise);
      Arrays.fill(row, 0, first, Float.NaN);
    }
    for (int s = 0; s < row.length; s++) {
      if (!Float.isNaN(row[s])) {
        recent[s] = Float.isNaN(recent[s]) ? row[s] : NEWEST * row[s] + (1 - NEWEST) * recent[s];
      }
    }
    return learned;
  }

  // What has no baseline because it was seldom there has one of the windows in which it was.
  private void seldom(long window, float[] row, float[] outcomes, Noise noise) {
    int first = statistics.firstOutcome();
    float[] told = new float[row.length];
    Arrays.fill(told, Float.NaN);
    boolean any = false;
    for (int i = 0; i < outcomes.length; i++) {
      if (Float.isNaN(row[first + i]) && !Float.isNaN(outcomes[i])) {
        told[first + i] = outcomes[i];
        any = true;
      }
    }
    if (!any) {
      return;
    }
    if (!seldom.isLearned()) {
      seldom.learn(window, told, SELDOM_WINDOWS, noise);
      return;
    }
    seldom.subtract(window, told);
    for (int s = first; s < row.length; s++) {
      row[s] = Float.isNaN(row[s]) ? told[s] : row[s];
    }
  }

  /**
   * The same window with the outcomes that it tells: all, where they are enough for a say; else
   * none, until a day is over and those of its windows are enough together. That is told in the
   * first window of a later day, whenever the device is there again.
   */
  DeviceWindow gather(long window, DeviceWindow one, DriftSettings settings) {
    DeviceWindow.Outcomes outcomes = one.outcomes();
    int windows = settings.seasonWindows() > 1 ? settings.seasonWindows() : GATHERED_WINDOWS;
    long day = Math.floorDiv(window, (long) windows);
    boolean isKept = one.version().equals(version) && day <= gatheredDay + GATHERED_DAYS_MAX;
    double[] few = isKept ? gathered : null;
    if (outcomes.known() == 0 && few == null) {
      return one;
    }
    double[] sum = new double[Math.max(few == null ? 0 : few.length, 3 + outcomes.actual().size())];
    if (few != null) {
      System.arraycopy(few, 0, sum, 0, few.length);
    }
    sum[0] += outcomes.known();
    sum[1] += outcomes.right();
    sum[2] += outcomes.wrong();
    for (int i = 0; i < outcomes.actual().size(); i++) {
      sum[3 + i] += outcomes.actual().get(i);
    }
    boolean isOver = few != null && day > gatheredDay;
    boolean isTold =
        outcomes.known() >= settings.predictionsMin()
            || (isOver && sum[0] >= settings.predictionsMin());
    changeTo(one.version());
    offered = isTold ? sum : null;
    gathered = isTold ? null : sum;
    gatheredDay = isTold && few != null ? gatheredDay : day;
    return new DeviceWindow(
        one.device(),
        one.attributes(),
        one.version(),
        one.counts(),
        isTold
            ? new DeviceWindow.Outcomes(
                (long) sum[0], sum[1], sum[2], Arrays.stream(sum, 3, sum.length).boxed().toList())
            : DeviceWindow.Outcomes.NONE);
  }

  /**
   * What was told of a window, had it a mean to be compared with? It is gathered else, and told
   * again when the day is over.
   *
   * @param means of the devices of its version, in this window
   */
  void heard(float[] means) {
    boolean any = false;
    for (int s = statistics.firstOutcome(); s < means.length; s++) {
      any |= !Float.isNaN(means[s]);
    }
    if (!any && offered != null) {
      gathered = offered;
    }
    offered = null;
  }

  private void changeTo(ModelVersion running) {
    if (!running.equals(version)) {
      version = running;
      outputs = newOutputs();
      seldom = newSeldom();
      gathered = null;
      if (fleetMeans != null) {
        Arrays.fill(fleetMeans, statistics.inputStatistics(), statistics.size(), Float.NaN);
        fleetWindows = null;
      }
    }
  }

  /** The same of a window that came late, before {@link #residualLate}. */
  void learnLevelLate(ModelVersion ran, float[] means) {
    if (version == null || ran.equals(version)) {
      learnLevel(ran, means);
    }
  }

  /**
   * Takes the fleet's means while it learns, before {@link #residual}: a device's own level is its
   * baseline and these.
   *
   * @param means of the devices of its version; NaN = not known
   */
  void learnLevel(ModelVersion running, float[] means) {
    changeTo(running);
    if (inputs.isLearned() && outputs.isLearned()) {
      fleetWindows = null;
      return;
    }
    if (fleetMeans == null) {
      fleetMeans = new float[statistics.size()];
      Arrays.fill(fleetMeans, Float.NaN);
    }
    if (fleetWindows == null) {
      fleetWindows = new int[fleetMeans.length];
    }
    int first = statistics.inputStatistics();
    int to = outputs.isLearned() ? first : fleetMeans.length;
    for (int s = inputs.isLearned() ? first : 0; s < to; s++) {
      if (!Float.isNaN(means[s])) {
        int windows = ++fleetWindows[s];
        fleetMeans[s] =
            windows == 1 ? means[s] : fleetMeans[s] + (means[s] - fleetMeans[s]) / windows;
      }
    }
  }

  /**
   * How far the device is from where it learned, wherever the others are.
   *
   * @param residuals of this window
   * @param means of the devices of its version, in this window
   */
  float[] distance(float[] residuals, float[] means) {
    float[] distance = new float[residuals.length];
    for (int s = 0; s < distance.length; s++) {
      distance[s] = fleetMeans == null ? Float.NaN : residuals[s] + means[s] - fleetMeans[s];
    }
    return distance;
  }

  private void conditional(long window, float[] row, int learningWindows, Noise noise) {
    int features = statistics.inputCount();
    Baseline course = conditionalCourse;
    float[] mean = conditional;
    if (course != null && course.isLearned()) {
      course.subtract(window, row);
    } else if (course == null && mean != null) {
      for (int f = 0; f < features; f++) {
        // The mean was taken off nothing, so its sign is turned.
        row[features + f] += mean[f];
      }
    } else {
      if (course != null) {
        course.learn(window, row, learningWindows, noise);
      }
      Arrays.fill(row, features, 2 * features, Float.NaN);
    }
  }

  /** What a statistic varied by while it was learned; 0 = not known. */
  float variance(int statistic) {
    if (statistic < statistics.inputStatistics()) {
      return inputs.variance(statistic);
    }
    return (isSeldom(statistic) ? seldom : outputs).variance(statistic);
  }

  /** Whether it has a baseline of a statistic only from the few windows in which it was told. */
  boolean isSeldom(int statistic) {
    return statistic >= statistics.firstOutcome() && outputs.lacks(statistic);
  }

  /** Residual of a statistic, the latest windows counting most. */
  float recent(int statistic) {
    return recent[statistic];
  }
}
