package io.skerry.control.drift;

import io.skerry.api.LabelShare;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.LabelShares;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowCounts;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Classes as they are predicted, as they were, and as training knew them. */
@Singleton
public final class LabelReports {
  /** Windows whose predictions are counted. */
  static final int WINDOWS = 24;

  // Of a large fleet, so that a page is not waited for: they leave a share open by some
  // thousandths.
  private static final int DEVICES_MAX = 1000;

  /** A shift of a share that does not matter. */
  static final double MATERIAL = .02;

  private final Database database;
  private final Monitoring monitoring;
  private final VersionRecords records;

  LabelReports(Database database, Monitoring monitoring, WindowLayouts layouts) {
    this.database = database;
    this.monitoring = monitoring;
    this.records = new VersionRecords(layouts);
  }

  /** What is counted of one version: a few sums and the device that is being read. */
  static final class Counted {
    private final LabelShares.Sums sums;
    private final double[] device;
    private String name = "";
    private long predictions;
    private int devices;
    private long outcomes;

    Counted(int classes) {
      sums = new LabelShares.Sums(classes);
      device = new double[classes];
    }

    /** Adds a record; those of one device follow each other. */
    void predict(VersionRecords.Sent sent) {
      WindowCounts counts = sent.counts();
      int stream = counts.layout().indexOf(MonitoringPlan.CLASS);
      // A device that is short of bytes adds up neighbouring classes: which it was, nobody knows.
      if (stream < 0
          || !counts.has(stream)
          || counts.fold(stream) != 1
          || counts.layout().bins(stream) != device.length) {
        return;
      }
      devices += sent.device().equals(name) ? 0 : 1;
      begin(sent.device(), sums::addPredicted);
      for (int i = 0; i < device.length; i++) {
        device[i] += counts.count(stream, i);
        predictions += counts.count(stream, i);
      }
    }

    void turnOut(String of, int label, double weight, long known) {
      begin(of, sums::addActual);
      device[label] += weight;
      outcomes += known;
    }

    private void begin(String next, Consumer<List<Double>> before) {
      if (!next.equals(name)) {
        end(before);
        name = next;
      }
    }

    void endPredicted() {
      end(sums::addPredicted);
    }

    void endActual() {
      end(sums::addActual);
    }

    private void end(Consumer<List<Double>> into) {
      if (!name.isEmpty()) {
        into.accept(Arrays.stream(device).boxed().toList());
      }
      name = "";
      Arrays.fill(device, 0);
    }

    long predictions() {
      return predictions;
    }

    LabelShares shares(List<Long> training) {
      return sums.shares(training);
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
            DriftStore.latest(transaction, model).stream()
                .flatMap(latest -> of(transaction, latest.track(), latest.window(), span).stream())
                .toList());
  }

  private List<LabelShare> of(Transaction transaction, Track track, long last, Duration span) {
    return VersionRecords.running(transaction, track, last)
        .flatMap(
            running ->
                monitoring
                    .of(running.manifest())
                    .filter(monitored -> monitored.streams().classes() > 1)
                    .map(
                        monitored ->
                            of(transaction, track, running.version(), monitored, last, span)))
        .orElse(List.of());
  }

  private List<LabelShare> of(
      Transaction transaction,
      Track track,
      ModelVersion version,
      Monitoring.Monitored monitored,
      long last,
      Duration span) {
    int classes = monitored.streams().classes();
    Counted counted = new Counted(classes);
    List<String> chosen =
        VersionRecords.devices(transaction, track, version, last, DEVICES_MAX + 1);
    records.forEach(
        transaction,
        track,
        version,
        last - WINDOWS + 1,
        last,
        chosen.size() > DEVICES_MAX ? chosen.subList(0, DEVICES_MAX) : List.of(),
        counted::predict);
    counted.endPredicted();
    addOutcomes(transaction, track, version, classes, span, counted);
    counted.endActual();
    List<LabelShares.Share> shares = counted.shares(monitored.priors()).classes();
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
              counted.devices,
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
      int classes,
      Duration span,
      Counted counted) {
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
        group by device, class order by device
        """,
        row ->
            counted.turnOut(
                row.text("device"),
                row.integer("class"),
                row.number("weight"),
                row.bigint("known")),
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
