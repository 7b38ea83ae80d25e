package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DeviceHistory.Noise;
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
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Judges the windows of one model in one slot over a whole fleet, window by window.
 *
 * <ol>
 *   <li>Each device learns its own baseline from its first windows; the first learners also show
 *       how the features move together.
 *   <li>Afterwards a device-window is a residual per stream: against the own baseline, then less
 *       the mean of the peers, the devices outside the cohort in the same window.
 *   <li>Per cohort (devices with one attribute value) and stream an e-detector gathers evidence.
 *       The threshold is windows-per-false-alarm times the number of detectors.
 *   <li>When one reaches it, the cohort and input feature with the largest effect are the cause. A
 *       cohort so explained is neither peer nor part of another cohort until released, and every
 *       detector starts again: one cause opens one incident.
 * </ol>
 *
 * <p>No I/O, no clock, no chance. Not safe for use by several threads.
 */
public final class DriftLedger {
  /** Windows without the effect after which an explained cohort has ended. */
  public static final int QUIET_WINDOWS = 8;

  private final DriftSettings settings;
  private final Map<ModelVersion, StreamPositions> versions = new HashMap<>();
  private final Map<String, DeviceHistory> devices = new TreeMap<>();
  private final Map<Cohort, CohortCounts> counts = new TreeMap<>();
  private final Map<Cohort, Map<Stream, CohortStream>> cohortStreams = new TreeMap<>();
  private final Map<Cohort, Explained> explained = new TreeMap<>();
  private @Nullable StreamPositions scale;
  private @Nullable CommonTrend trend;
  private @Nullable Noises noises;

  private record Noises(Noise location, Noise conditional, Noise output) {}

  private static final class Explained {
    private final DriftFinding finding;
    private int quietWindows;

    Explained(DriftFinding finding) {
      this.finding = finding;
    }
  }

  /** One device in the window under judgement; parts are null where it has no baseline yet. */
  private static final class Residual {
    private final DeviceWindow window;
    private final double @Nullable [] inputs;
    private final double @Nullable [] conditionals;
    private final double @Nullable [] outputs;

    Residual(
        DeviceWindow window,
        double @Nullable [] inputs,
        double @Nullable [] conditionals,
        double @Nullable [] outputs) {
      this.window = window;
      this.inputs = inputs;
      this.conditionals = conditionals;
      this.outputs = outputs;
    }

    double of(Kinds kinds, Stream stream) {
      double[] values =
          switch (stream.kind()) {
            case LOCATION -> inputs;
            case CONDITIONAL -> conditionals;
            case OUTPUT -> outputs;
          };
      return values == null ? Double.NaN : values[kinds.index(stream)];
    }
  }

  private record Kinds(List<String> inputs, List<String> outputs) {
    int index(Stream stream) {
      return (stream.kind() == Stream.Kind.OUTPUT ? outputs : inputs).indexOf(stream.name());
    }

    List<Stream> streams() {
      List<Stream> streams = new ArrayList<>();
      inputs.forEach(name -> streams.add(new Stream(name, Stream.Kind.LOCATION)));
      inputs.forEach(name -> streams.add(new Stream(name, Stream.Kind.CONDITIONAL)));
      outputs.forEach(name -> streams.add(new Stream(name, Stream.Kind.OUTPUT)));
      return streams;
    }
  }

  /** An empty ledger. */
  public DriftLedger(DriftSettings settings) {
    this.settings = settings;
  }

  /**
   * Tells the streams of a version, once, before its first window. The first version's training
   * data is the scale that the inputs of every version are placed on.
   */
  public void register(ModelVersion version, MonitoredStreams streams) {
    if (scale == null) {
      scale = StreamPositions.first(streams);
      noises =
          new Noises(
              new Noise(scale.inputs().size()),
              new Noise(scale.inputs().size()),
              new Noise(scale.outputs().size()));
    }
    versions.put(version, scale.onThisScale(streams));
  }

  /** Whether the version's streams were told. */
  public boolean knows(ModelVersion version) {
    return versions.containsKey(version);
  }

  /** Ends an explanation; with {@code relearn} the cohort's devices learn their baselines anew. */
  public void release(Cohort cohort, boolean relearn) {
    explained.remove(cohort);
    cohortStreams.remove(cohort);
    if (relearn) {
      devices.values().stream()
          .filter(history -> cohort.holds(history.attributes()))
          .forEach(DeviceHistory::relearn);
    }
  }

  /**
   * Judges a window.
   *
   * @param window its index; windows must come in rising order
   * @param deviceWindows at most one per device; of versions that are not registered, ignored
   */
  public WindowVerdict judge(long window, List<DeviceWindow> deviceWindows) {
    if (scale == null || noises == null) {
      return new WindowVerdict(window, 0, 0, List.of(), Optional.empty(), Set.of(), Set.of());
    }
    Kinds kinds = new Kinds(scale.inputs(), scale.outputs());
    List<DeviceWindow> ordered =
        deviceWindows.stream()
            .filter(one -> versions.containsKey(one.version()))
            .sorted(Comparator.comparing(one -> one.device().value()))
            .toList();
    List<Residual> residuals = new ArrayList<>();
    int learning = 0;
    for (DeviceWindow one : ordered) {
      Residual residual = residual(window, one, noises);
      if (residual.inputs == null) {
        learning++;
      }
      residuals.add(residual);
    }
    settle(ordered.size(), noises);
    List<StreamVerdict> verdicts = new ArrayList<>();
    for (Cohort cohort : cohorts(ordered)) {
      verdicts.addAll(observe(window, cohort, residuals, kinds, noises));
    }
    return concluded(window, learning, residuals.size() - learning, verdicts, kinds);
  }

  private Residual residual(long window, DeviceWindow one, Noises noise) {
    StreamPositions positions = versions.get(one.version());
    DeviceHistory history =
        devices.computeIfAbsent(one.device().value(), id -> new DeviceHistory());
    history.attributes(one.attributes());
    double[] row =
        positions == null ? null : positions.inputMeans(one.counts(), settings.predictionsMin());
    if (positions == null || row == null) {
      return new Residual(one, null, null, null);
    }
    boolean learned = history.hasLearnedInputs(settings.learningWindows());
    count(window, one, positions, learned);
    double[] outputRow = positions.outputMeans(one.counts(), settings.predictionsMin());
    double[] outputs =
        outputRow == null
            ? null
            : minus(
                outputRow,
                history.outputBaseline(
                    one.version(), outputRow, settings.learningWindows(), noise.output()));
    if (!learned) {
      history.learn(row);
      return new Residual(one, null, null, outputs);
    }
    double[] location = history.location();
    double[] conditional = history.conditional();
    if (trend == null || location == null || conditional == null) {
      return new Residual(one, null, null, outputs);
    }
    double[] left = new double[row.length];
    for (int f = 0; f < row.length; f++) {
      left[f] = trend.residual(f, row);
    }
    return new Residual(one, minus(row, location), minus(left, conditional), outputs);
  }

  private static double @Nullable [] minus(double[] row, double @Nullable [] baseline) {
    if (baseline == null) {
      return null;
    }
    double[] difference = new double[row.length];
    for (int i = 0; i < row.length; i++) {
      difference[i] = row[i] - baseline[i];
    }
    return difference;
  }

  private void count(long window, DeviceWindow one, StreamPositions positions, boolean learned) {
    one.attributes()
        .forEach(
            (attribute, value) -> {
              CohortCounts cohort =
                  counts.computeIfAbsent(
                      new Cohort(attribute, value),
                      key -> new CohortCounts(positions.inputs().size()));
              for (int f = 0; f < positions.inputs().size(); f++) {
                List<Long> observed =
                    one.counts().getOrDefault(positions.inputs().get(f), List.of());
                if (learned) {
                  cohort.observe(
                      window, f, observed, positions.inputPositions(f), positions.inputValues(f));
                } else {
                  cohort.learn(f, observed, positions.inputPositions(f), positions.inputValues(f));
                }
              }
            });
  }

  // The trend is fitted once, when half of the fleet seen in a window has learned.
  private void settle(int seen, Noises noise) {
    List<DeviceHistory> ready =
        devices.values().stream()
            .filter(
                history ->
                    history.conditional() == null
                        && history.hasLearnedInputs(settings.learningWindows()))
            .toList();
    if (trend == null && ready.size() >= Math.max(2 * settings.cohortMin(), (seen + 1) / 2)) {
      trend =
          CommonTrend.fit(ready.stream().flatMap(history -> history.inputRows().stream()).toList());
    }
    if (trend != null) {
      for (DeviceHistory history : ready) {
        history.settle(trend, noise.location(), noise.conditional());
      }
    }
  }

  private static Set<Cohort> cohorts(List<DeviceWindow> windows) {
    Set<Cohort> cohorts = new TreeSet<>();
    for (DeviceWindow one : windows) {
      one.attributes().forEach((name, value) -> cohorts.add(new Cohort(name, value)));
    }
    return cohorts;
  }

  private boolean isExplained(DeviceWindow one, Cohort except) {
    return explained.keySet().stream()
        .anyMatch(cohort -> !cohort.equals(except) && cohort.holds(one.attributes()));
  }

  private List<StreamVerdict> observe(
      long window, Cohort cohort, List<Residual> residuals, Kinds kinds, Noises noise) {
    List<Residual> considered =
        residuals.stream().filter(one -> !isExplained(one.window, cohort)).toList();
    List<StreamVerdict> verdicts = new ArrayList<>();
    for (Stream stream : kinds.streams()) {
      double[] members =
          considered.stream()
              .filter(one -> cohort.holds(one.window.attributes()))
              .mapToDouble(one -> one.of(kinds, stream))
              .filter(value -> !Double.isNaN(value))
              .toArray();
      double[] peers =
          considered.stream()
              .filter(one -> !cohort.holds(one.window.attributes()))
              .mapToDouble(one -> one.of(kinds, stream))
              .filter(value -> !Double.isNaN(value))
              .toArray();
      if (members.length >= settings.cohortMin() && peers.length >= settings.cohortMin()) {
        double peerMean = Arrays.stream(peers).average().orElse(0);
        for (int i = 0; i < members.length; i++) {
          members[i] -= peerMean;
        }
        Noise error =
            switch (stream.kind()) {
              case LOCATION -> noise.location();
              case CONDITIONAL -> noise.conditional();
              case OUTPUT -> noise.output();
            };
        double tolerance =
            settings.material()
                + settings.baselineZ()
                    * error.standardError(kinds.index(stream), members.length, peers.length);
        CohortStream state =
            cohortStreams
                .computeIfAbsent(cohort, key -> new TreeMap<>())
                .computeIfAbsent(stream, key -> new CohortStream());
        state.observe(window, members, tolerance, settings.clip());
        verdicts.add(
            new StreamVerdict(
                cohort,
                stream,
                members.length,
                peers.length,
                state.effect(),
                tolerance,
                state.detector().logM(),
                0));
      }
    }
    return verdicts;
  }

  private WindowVerdict concluded(
      long window, int learning, int judged, List<StreamVerdict> observed, Kinds kinds) {
    long detectors = cohortStreams.values().stream().mapToLong(Map::size).sum();
    double threshold = Math.log((double) settings.windowsPerFalseAlarm() * Math.max(1, detectors));
    List<StreamVerdict> verdicts =
        observed.stream()
            .map(
                one ->
                    new StreamVerdict(
                        one.cohort(),
                        one.stream(),
                        one.devices(),
                        one.peers(),
                        one.effect(),
                        one.tolerance(),
                        one.logEvidence(),
                        threshold))
            .toList();
    Set<Cohort> persisting = new HashSet<>();
    List<StreamVerdict> fired = new ArrayList<>();
    for (StreamVerdict verdict : verdicts) {
      if (verdict.fired()) {
        if (explained.containsKey(verdict.cohort())) {
          persisting.add(verdict.cohort());
          stream(verdict).ifPresent(state -> state.detector().restart());
        } else {
          fired.add(verdict);
        }
      }
    }
    Set<Cohort> ended = ended(kinds);
    Optional<DriftFinding> found =
        fired.isEmpty() || scale == null
            ? Optional.empty()
            : new DriftCause(settings, scale, cohortStreams, counts)
                .find(window, fired, verdicts, explained.keySet());
    found.ifPresent(
        finding -> {
          explained.put(finding.cohort(), new Explained(finding));
          cohortStreams
              .values()
              .forEach(streams -> streams.values().forEach(one -> one.detector().restart()));
        });
    return new WindowVerdict(window, learning, judged, verdicts, found, persisting, ended);
  }

  private Set<Cohort> ended(Kinds kinds) {
    Set<Cohort> ended = new HashSet<>();
    explained.forEach(
        (cohort, explanation) -> {
          boolean input = kinds.inputs().contains(explanation.finding.feature());
          Stream stream =
              new Stream(
                  explanation.finding.feature(),
                  input ? Stream.Kind.CONDITIONAL : Stream.Kind.OUTPUT);
          CohortStream state = cohortStreams.getOrDefault(cohort, Map.of()).get(stream);
          boolean quiet = state != null && Math.abs(state.effect()) < settings.material();
          explanation.quietWindows = quiet ? explanation.quietWindows + 1 : 0;
          if (explanation.quietWindows >= QUIET_WINDOWS) {
            ended.add(cohort);
          }
        });
    return ended;
  }

  private Optional<CohortStream> stream(StreamVerdict verdict) {
    return Optional.ofNullable(
        cohortStreams.getOrDefault(verdict.cohort(), Map.of()).get(verdict.stream()));
  }
}
