package io.skerry.control.drift;

import io.skerry.api.BudgetStep;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DetectableShift;
import io.skerry.telemetry.drift.DetectableShift.Spread;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.WindowBudget;
import io.skerry.telemetry.sketch.WindowCounts;
import jakarta.inject.Singleton;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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

  // As many as devices ever count together.
  private static final int COUNTED_WINDOWS = 24;

  // Reference, times and tags of a record besides its packed counts.
  private static final int HEAD_BYTES = 160;

  private final Database database;
  private final Monitoring monitoring;
  private final VersionRecords versions;

  BudgetReports(Database database, Monitoring monitoring, WindowLayouts layouts) {
    this.database = database;
    this.monitoring = monitoring;
    this.versions = new VersionRecords(layouts);
  }

  /** Every step of a model's order, in each slot for the version that most devices run. */
  public List<BudgetStep> of(String model) {
    return database.call(
        transaction ->
            DriftStore.latest(transaction, model).stream()
                .flatMap(latest -> of(transaction, latest).stream())
                .toList());
  }

  private List<BudgetStep> of(Transaction transaction, DriftStore.Latest latest) {
    return VersionRecords.running(transaction, latest.track(), latest.window())
        .flatMap(
            running ->
                monitoring
                    .of(running.manifest())
                    .map(monitored -> steps(transaction, latest, running.version(), monitored)))
        .orElse(List.of());
  }

  private List<BudgetStep> steps(
      Transaction transaction,
      DriftStore.Latest latest,
      ModelVersion version,
      Monitoring.Monitored monitored) {
    Track track = latest.track();
    Collection<Deque<Told>> devices = told(transaction, latest, version);
    int now = now(devices);
    long told = toldMillis(devices, track);
    DriftSettings settings = DriftSettings.forWindows(track.windowMillis());
    Optional<Typical> typical = typical(settings, latest.verdicts(), monitored.streams());
    int fleet = latest.judged();
    List<BudgetStep> steps = new ArrayList<>();
    for (int place = 0; place < Degradation.ORDER.size(); place++) {
      Degradation step = Degradation.ORDER.get(place);
      // The noise that verdicts know is that of windows as devices tell them now.
      Optional<Typical> together =
          now < 0 || place < now
              ? Optional.empty()
              : typical.map(
                  one ->
                      one.together(
                          (double) judged(track, told, step)
                              / judged(track, told, Degradation.ORDER.get(now))));
      steps.add(
          new BudgetStep(
              track.slot(),
              track.model(),
              version.version(),
              place,
              told * step.windows(),
              Math.max(1, ordinary(monitored.streams()) / step.fold()),
              step.features(monitored.streams().inputs().size()),
              perDay(devices, place, told),
              WINDOWS,
              place == now,
              shifts(settings, together, step, fleet)));
    }
    return steps;
  }

  // What is told in shorter windows than are judged is counted together before it is judged.
  private static long judged(Track track, long told, Degradation step) {
    return Math.max(track.windowMillis(), told * step.windows());
  }

  // Rollouts may have given devices windows of several lengths: that of most devices' last records.
  private static long toldMillis(Collection<Deque<Told>> devices, Track track) {
    return devices.stream()
        .collect(
            Collectors.groupingBy(
                records -> records.getLast().sent().windowMillis(), Collectors.counting()))
        .entrySet()
        .stream()
        .max(
            Map.Entry.<Long, Long>comparingByValue()
                .thenComparing(Map.Entry.<Long, Long>comparingByKey().reversed()))
        .map(Map.Entry::getKey)
        .orElse(track.windowMillis());
  }

  private static int ordinary(MonitoredStreams streams) {
    return streams.inputs().values().stream()
        .mapToInt(input -> input.bins().ordinary())
        .max()
        .orElse(0);
  }

  /** A record, and the place in the published order that it was told by. */
  private record Told(VersionRecords.Sent sent, int step) {}

  // Of some devices, chosen by a hash of their names, the last records of each.
  private Collection<Deque<Told>> told(
      Transaction transaction, DriftStore.Latest latest, ModelVersion version) {
    Track track = latest.track();
    long from = latest.window() - COUNTED_WINDOWS + 1;
    List<String> chosen =
        VersionRecords.devices(transaction, track, version, latest.window(), COUNTED_DEVICES);
    if (chosen.isEmpty()) {
      return List.of();
    }
    Map<String, Deque<Told>> told = new TreeMap<>();
    versions.forEach(
        transaction,
        track,
        version,
        from,
        latest.window(),
        chosen,
        sent -> {
          Deque<Told> last = told.computeIfAbsent(sent.device(), key -> new ArrayDeque<>());
          last.add(new Told(sent, Degradation.stepOf(sent.windows(), sent.counts())));
          if (last.size() > COUNTED_WINDOWS) {
            last.removeFirst();
          }
        });
    return told.values();
  }

  // As most devices' last records were told; of as many, the one that tells less.
  private static int now(Collection<Deque<Told>> devices) {
    return devices.stream()
        .collect(Collectors.groupingBy(records -> records.getLast().step(), Collectors.counting()))
        .entrySet()
        .stream()
        .max(Map.Entry.<Integer, Long>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
        .map(Map.Entry::getKey)
        .orElse(-1);
  }

  // What a device has left out already, nobody can weigh.
  private static @Nullable Long perDay(
      Collection<Deque<Told>> devices, int place, long windowMillis) {
    Degradation step = Degradation.ORDER.get(place);
    OptionalDouble bytes =
        devices.stream()
            .map(records -> records.stream().filter(one -> one.step() <= place).toList())
            .filter(records -> !records.isEmpty())
            .mapToInt(records -> step.packedBytes(together(records, step.windows())))
            .average();
    double times = (double) DAY_MILLIS / (windowMillis * step.windows());
    return bytes.isEmpty()
        ? null
        : (Long)
            Math.round((bytes.getAsDouble() + HEAD_BYTES + WindowBudget.OVERHEAD_BYTES) * times);
  }

  // More windows than are at hand are taken for the same ones again.
  private static WindowCounts together(List<Told> records, int windows) {
    WindowCounts sum = records.getFirst().sent().counts();
    long counted = records.getFirst().sent().windows();
    try {
      for (int i = 1; counted < windows; i++) {
        VersionRecords.Sent next = records.get(i % records.size()).sent();
        sum = sum.plus(next.counts());
        counted += next.windows();
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

    Typical together(double windows) {
      return new Typical(spread.together(windows), slope, logThreshold);
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
                                one.spread(),
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
