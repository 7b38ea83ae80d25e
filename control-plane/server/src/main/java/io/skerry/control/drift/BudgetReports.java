package io.skerry.control.drift;

import io.skerry.api.BudgetStep;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DetectableShift;
import io.skerry.telemetry.drift.DetectableShift.Spread;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.WindowBudget;
import io.skerry.telemetry.sketch.WindowCounts;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What bytes a day buy: the size of windows as devices send them, and the smallest shift that the
 * last stored verdict's figures leave to be found.
 */
@Singleton
public final class BudgetReports {
  /** Windows within which a shift shall be found. */
  static final int WINDOWS = 4;

  private static final List<Integer> COHORTS = List.of(20, 50, 200, 1000);
  private static final long DAY_MILLIS = 86_400_000;
  private static final int COUNTED_DEVICES = 12;
  private static final int COUNTED_WINDOWS = 6;

  // Reference, times and tags of a record besides its packed counts.
  private static final int HEAD_BYTES = 160;

  private final Database database;
  private final Monitoring monitoring;
  private final WindowReader reader;

  BudgetReports(Database database, Monitoring monitoring, WindowLayouts layouts) {
    this.database = database;
    this.monitoring = monitoring;
    this.reader = new WindowReader(layouts, monitoring);
  }

  /** Every step of a model's order, in each slot for the version that most devices run. */
  public List<BudgetStep> of(String model) {
    return database.call(
        transaction ->
            DriftStore.latest(transaction).stream()
                .filter(latest -> latest.track().model().equals(model))
                .flatMap(latest -> of(transaction, latest).stream())
                .toList());
  }

  private List<BudgetStep> of(Transaction transaction, DriftStore.Latest latest) {
    Track track = latest.track();
    WindowReader.Window last = reader.read(transaction, track, latest.window(), Instant.now());
    Optional<ModelVersion> running =
        last.devices().stream()
            .collect(Collectors.groupingBy(DeviceWindow::version, Collectors.counting()))
            .entrySet()
            .stream()
            .max(
                Map.Entry.<ModelVersion, Long>comparingByValue()
                    .thenComparing(
                        Map.Entry.comparingByKey(Comparator.comparing(ModelVersion::version))))
            .map(Map.Entry::getKey);
    return running
        .flatMap(version -> Optional.ofNullable(last.manifests().get(version)))
        .flatMap(monitoring::of)
        .map(monitored -> steps(transaction, latest, running.get(), monitored))
        .orElse(List.of());
  }

  private List<BudgetStep> steps(
      Transaction transaction,
      DriftStore.Latest latest,
      ModelVersion version,
      Monitoring.Monitored monitored) {
    Track track = latest.track();
    List<List<WindowCounts>> counts = counts(transaction, latest, version);
    DriftSettings settings = DriftSettings.forWindows(track.windowMillis());
    Optional<Typical> typical = typical(settings, latest.verdicts(), monitored.streams());
    int fleet = latest.judged();
    List<BudgetStep> steps = new ArrayList<>();
    boolean chosen = false;
    for (Degradation step : Degradation.ORDER) {
      long perDay = perDay(counts, step, track.windowMillis());
      boolean fits = monitored.windowBytesPerDay() <= 0 || perDay <= monitored.windowBytesPerDay();
      steps.add(
          new BudgetStep(
              track.slot(),
              track.model(),
              version.version(),
              steps.size(),
              track.windowMillis() * step.windows(),
              Math.max(1, ordinary(monitored.streams()) / step.fold()),
              step.features(monitored.streams().inputs().size()),
              perDay,
              WINDOWS,
              fits && !chosen,
              shifts(settings, typical, step, fleet)));
      chosen |= fits;
    }
    return steps;
  }

  private static int ordinary(MonitoredStreams streams) {
    return streams.inputs().values().stream()
        .mapToInt(input -> input.bins().ordinary())
        .max()
        .orElse(0);
  }

  // Of some devices, the last windows of each.
  private List<List<WindowCounts>> counts(
      Transaction transaction, DriftStore.Latest latest, ModelVersion version) {
    Map<String, List<WindowCounts>> counts = new HashMap<>();
    for (int back = 0; back < COUNTED_WINDOWS; back++) {
      for (DeviceWindow one :
          reader
              .read(transaction, latest.track(), latest.window() - back, Instant.now())
              .devices()) {
        boolean wanted =
            counts.containsKey(one.device().value())
                || (back == 0 && counts.size() < COUNTED_DEVICES);
        if (wanted && one.version().equals(version) && isWhole(one.counts())) {
          counts.computeIfAbsent(one.device().value(), key -> new ArrayList<>()).add(one.counts());
        }
      }
    }
    return List.copyOf(counts.values());
  }

  // What a device has left out already, nobody can weigh.
  private static boolean isWhole(WindowCounts counts) {
    for (int stream = 0; stream < counts.layout().size(); stream++) {
      if (!counts.has(stream) || counts.fold(stream) != 1) {
        return false;
      }
    }
    return true;
  }

  private static long perDay(
      List<List<WindowCounts>> devices, Degradation step, long windowMillis) {
    double bytes =
        devices.stream()
            .mapToInt(counts -> step.packedBytes(together(counts, step.windows())))
            .average()
            .orElse(0);
    double times = (double) DAY_MILLIS / (windowMillis * step.windows());
    return Math.round((bytes + HEAD_BYTES + WindowBudget.OVERHEAD_BYTES) * times);
  }

  // More windows than are at hand are taken for the same ones again.
  private static WindowCounts together(List<WindowCounts> counts, int windows) {
    WindowCounts sum = counts.getFirst();
    try {
      for (int i = 1; i < windows; i++) {
        sum = sum.plus(counts.get(i % counts.size()));
      }
    } catch (MalformedDocumentException e) {
      // They are too large to be added up, and as large as they get.
      return sum;
    }
    return sum;
  }

  /** The feature in the middle of all by how far noise moves it. */
  private record Typical(Spread spread, double slope, double logThreshold) {
    double deviations() {
      return Math.sqrt(spread.variance()) / slope;
    }
  }

  private static Optional<Typical> typical(
      DriftSettings settings, List<StreamVerdict> verdicts, MonitoredStreams streams) {
    Map<String, Typical> byFeature =
        verdicts.stream()
            .filter(verdict -> verdict.stream().kind() == Stream.Kind.LOCATION)
            .flatMap(verdict -> typical(settings, verdict, streams).stream())
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, b) -> a));
    List<Typical> sorted =
        byFeature.values().stream()
            .sorted(Comparator.comparingDouble(Typical::deviations))
            .toList();
    return sorted.isEmpty() ? Optional.empty() : Optional.of(sorted.get(sorted.size() / 2));
  }

  private static Optional<Map.Entry<String, Typical>> typical(
      DriftSettings settings, StreamVerdict verdict, MonitoredStreams streams) {
    return Optional.ofNullable(streams.inputs().get(verdict.stream().name()))
        .map(MonitoredStreams.Input::slope)
        .filter(slope -> slope > 0)
        .flatMap(
            slope ->
                Spread.of(settings, verdict)
                    .map(spread -> new Typical(spread, slope, verdict.logThreshold())))
        .map(found -> Map.entry(verdict.stream().name(), found));
  }

  private static List<BudgetStep.Shift> shifts(
      DriftSettings settings, Optional<Typical> typical, Degradation step, int fleet) {
    TreeSet<Integer> sizes = new TreeSet<>(COHORTS);
    sizes.removeIf(size -> size > fleet / 2);
    sizes.add(Math.max(1, fleet / 2));
    Function<Integer, Optional<Double>> smallest =
        size ->
            typical
                .filter(one -> step.features(1) > 0)
                .flatMap(
                    one ->
                        DetectableShift.smallest(
                                settings,
                                Stream.Kind.LOCATION,
                                one.spread().together(step.windows()),
                                one.logThreshold(),
                                size,
                                fleet - size,
                                WINDOWS)
                            .map(shift -> shift / one.slope()));
    return sizes.stream()
        .map(size -> new BudgetStep.Shift(size, fleet - size, smallest.apply(size).orElse(null)))
        .toList();
  }
}
