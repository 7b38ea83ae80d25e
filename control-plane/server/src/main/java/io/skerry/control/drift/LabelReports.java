package io.skerry.control.drift;

import io.skerry.api.LabelShare;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.LabelShares;
import io.skerry.telemetry.drift.LabelShares.DeviceShares;
import io.skerry.telemetry.sketch.MonitoringPlan;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Classes as they are predicted, as they were, and as training knew them. */
@Singleton
public final class LabelReports {
  /** Windows whose predictions are counted. */
  static final int WINDOWS = 24;

  /** A shift of a share that does not matter. */
  static final double MATERIAL = .02;

  private final Database database;
  private final Monitoring monitoring;
  private final WindowReader reader;

  LabelReports(Database database, Monitoring monitoring, WindowLayouts layouts) {
    this.database = database;
    this.monitoring = monitoring;
    this.reader = new WindowReader(layouts, monitoring);
  }

  /** What is counted of one version. */
  private static final class Counted {
    private final Map<String, double[]> predicted = new TreeMap<>();
    private final Map<String, double[]> actual = new TreeMap<>();
    private final double[] none;
    private long predictions;
    private long outcomes;

    Counted(int classes) {
      none = new double[classes];
    }

    void predict(String device, List<Long> counts) {
      double[] sums = predicted.computeIfAbsent(device, key -> new double[none.length]);
      for (int i = 0; i < sums.length; i++) {
        sums[i] += counts.get(i);
        predictions += counts.get(i);
      }
    }

    List<DeviceShares> devices() {
      List<DeviceShares> devices = new ArrayList<>();
      Map<String, double[]> all = new TreeMap<>(predicted);
      all.putAll(actual);
      for (String device : all.keySet()) {
        devices.add(new DeviceShares(of(predicted, device), of(actual, device)));
      }
      return devices;
    }

    private List<Double> of(Map<String, double[]> sums, String device) {
      return Arrays.stream(sums.getOrDefault(device, none)).boxed().toList();
    }
  }

  /**
   * The classes of a model, in every slot for the version that most of its devices run.
   *
   * @param span how far back outcomes are counted
   */
  public List<LabelShare> of(String model, Duration span) {
    return database.call(
        transaction ->
            DriftStore.latest(transaction).stream()
                .filter(latest -> latest.track().model().equals(model))
                .flatMap(latest -> of(transaction, latest.track(), latest.window(), span).stream())
                .toList());
  }

  private List<LabelShare> of(Transaction transaction, Track track, long last, Duration span) {
    List<WindowReader.Window> windows = new ArrayList<>();
    Map<ModelVersion, Integer> devices = new HashMap<>();
    Map<ModelVersion, Digest> manifests = new HashMap<>();
    for (long window = last - WINDOWS + 1; window <= last; window++) {
      WindowReader.Window read = reader.read(transaction, track, window, Instant.now());
      windows.add(read);
      manifests.putAll(read.manifests());
      read.devices().forEach(one -> devices.merge(one.version(), 1, Integer::sum));
    }
    Optional<ModelVersion> version =
        devices.entrySet().stream()
            .max(
                Map.Entry.<ModelVersion, Integer>comparingByValue()
                    .thenComparing(
                        Map.Entry.comparingByKey(Comparator.comparing(ModelVersion::version))))
            .map(Map.Entry::getKey);
    return version
        .flatMap(
            running ->
                Optional.ofNullable(manifests.get(running))
                    .flatMap(monitoring::of)
                    .filter(monitored -> monitored.streams().classes() > 1)
                    .map(monitored -> of(transaction, track, running, monitored, windows, span)))
        .orElse(List.of());
  }

  private static List<LabelShare> of(
      Transaction transaction,
      Track track,
      ModelVersion version,
      Monitoring.Monitored monitored,
      List<WindowReader.Window> windows,
      Duration span) {
    int classes = monitored.streams().classes();
    Counted counted = new Counted(classes);
    for (WindowReader.Window window : windows) {
      for (DeviceWindow one : window.devices()) {
        int stream = one.counts().layout().indexOf(MonitoringPlan.CLASS);
        if (one.version().equals(version)
            && stream >= 0
            && one.counts().has(stream)
            && one.counts().layout().bins(stream) == classes) {
          counted.predict(one.device().value(), one.counts().counts(stream));
        }
      }
    }
    addOutcomes(transaction, track, version, monitored, span, counted);
    List<Long> training =
        monitored.priors().isEmpty() ? Collections.nCopies(classes, 0L) : monitored.priors();
    List<LabelShares.Share> shares = LabelShares.of(counted.devices(), training).classes();
    double said = monitored.trainingPredicted().stream().mapToLong(Long::longValue).sum();
    List<LabelShare> rows = new ArrayList<>();
    for (int i = 0; i < classes; i++) {
      LabelShares.Share share = shares.get(i);
      rows.add(
          new LabelShare(
              track.slot(),
              track.model(),
              version.version(),
              i,
              known(share.training()),
              said > 0 ? known(monitored.trainingPredicted().get(i) / said) : null,
              known(share.predicted().value()),
              known(share.predicted().low()),
              known(share.predicted().high()),
              counted.predictions,
              known(share.actual().value()),
              known(share.actual().low()),
              known(share.actual().high()),
              counted.outcomes,
              known(share.shift().value()),
              known(share.shift().low()),
              known(share.shift().high()),
              share.hasDrifted(MATERIAL)));
    }
    return rows;
  }

  // Labels are left out: people are asked about what seems wrong.
  private static void addOutcomes(
      Transaction transaction,
      Track track,
      ModelVersion version,
      Monitoring.Monitored monitored,
      Duration span,
      Counted counted) {
    int classes = monitored.streams().classes();
    transaction.forEach(
        """
        select device, class, sum(weight) as weight, count(*) as known from (
          select distinct on (device, prediction_id) device,
            case when ? = 2 then (actual >= .5)::int
              when actual > -.5 and actual < ? then round(actual)::int else -1 end as class,
            1 / coalesce(inclusion_probability, 1) as weight
          from telemetry_feedback
          where source <> 'label' and slot = ? and model = ? and version = ? and joined
            and predicted_at >= ?
          order by device, prediction_id, received_at desc, boot_epoch, sequence) newest
        where class >= 0 and class < ?
        group by device, class
        """,
        row -> {
          counted
                  .actual
                  .computeIfAbsent(row.text("device"), key -> new double[classes])[
                  row.integer("class")] +=
              row.number("weight");
          counted.outcomes += row.bigint("known");
        },
        classes,
        classes,
        track.slot(),
        track.model(),
        version.version(),
        Instant.now().minus(span),
        classes);
  }

  private static @Nullable Double known(double figure) {
    return Double.isFinite(figure) ? (Double) figure : null;
  }
}
