package io.skerry.simulator.demo;

import io.skerry.api.DatasetBatch;
import io.skerry.api.Incident;
import io.skerry.api.Interval;
import io.skerry.api.Packaging;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutRequest;
import io.skerry.api.Run;
import io.skerry.api.RunMetrics;
import io.skerry.api.SliceMetrics;
import io.skerry.api.SliceScore;
import io.skerry.api.TelemetryView;
import io.skerry.api.Variant;
import io.skerry.simulator.fleet.FleetPlan;
import io.skerry.simulator.machine.MachineData;
import io.skerry.simulator.machine.TrainingTable;
import io.skerry.simulator.machine.TrainingTable.Labels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The steps of the loop, in their order. */
final class Demo {
  static final String MODEL = "engine-health";

  private static final String DATASET = "engine-cycles";
  private static final String SHIFTED_SITE = FleetPlan.SITES.get(1);
  private static final List<Integer> STAGES = List.of(10, 40, 100);

  private static final int DEADLINE_WINDOWS = 24;

  // A handful of devices for some seconds, on a machine that everything shares: latencies say
  // little, and one machine near its threshold must not stop a good version.
  private static final List<RolloutRequest.GateRequest> GATES =
      List.of(
          gate("failed-predictions", .05, .05),
          gate("latency-p99", .2, .5),
          // Fewer outcomes of a stage's few devices cannot show harm of any size.
          new RolloutRequest.GateRequest("accuracy", .15, null, "NO_HARM_SHOWN", null, 80L),
          gate("accuracy-negative", .15, null),
          gate("accuracy-positive", .4, null),
          gate("prediction-distribution", .5, null),
          gate("confidence", .5, null));

  /** Half of the ordinary inputs is plenty here, and shows that not every one is needed. */
  private static final RolloutRequest.SamplingRequest SAMPLING =
      new RolloutRequest.SamplingRequest(0.5, 1);

  /** Windows in which every device learns its own baselines, and enough machines come to fail. */
  private static final int LEARNING_WINDOWS = 8;

  /** Windows of data with feedback that a retraining waits for. */
  private static final int COLLECTING_WINDOWS = 6;

  private static final int REFUSED_WITHIN_WINDOWS = 6;

  /** Outcomes of one site's few failing machines come slowly. */
  private static final int HARM_WITHIN_WINDOWS = 60;

  private final DemoOptions options;
  private final MachineData machines;
  private final ControlPlane plane;
  private final DemoFleet fleet;
  private final DemoFolder folder;
  private final Progress progress;
  private long runs;

  Demo(
      DemoOptions options,
      MachineData machines,
      ControlPlane plane,
      DemoFleet fleet,
      DemoFolder folder,
      Progress progress) {
    this.options = options;
    this.machines = machines;
    this.plane = plane;
    this.fleet = fleet;
    this.folder = folder;
    this.progress = progress;
  }

  /** Goes through all steps and tells what was measured. */
  Outcome run() throws IOException, InterruptedException {
    progress.step("ingest training data");
    DatasetBatch dataset = ingest("commissioning", Labels.TRUE);

    progress.step("train");
    Run run = trained(startRun(dataset));
    RunMetrics metrics = metrics(run);
    long version = Objects.requireNonNull(run.version());

    progress.step("package for the fleet's hardware profiles");
    List<Variant> variants = packaged(version);

    progress.step("roll out in stages");
    Rollout rollout = rolledOut(version);

    progress.step("predict on every device, with feedback");
    progress.say(fleet.described());

    progress.step("observe: samples and counters, each stored once");
    awaitWindows(LEARNING_WINDOWS, "every device learns its own baselines");
    TelemetryView telemetryView = plane.telemetry();
    progress.say(
        "stored: %,d windows, %,d samples, %,d outcomes; %,d came again and were refused"
            .formatted(
                telemetryView.windowsStored(),
                telemetryView.samplesStored(),
                telemetryView.feedbackStored(),
                telemetryView.duplicatesRefused()));

    progress.step("drift that hurts");
    SensorShift shift = worstShift(version);
    Drift drift = drift(shift);

    progress.step("retrain from what the fleet collected");
    DemoReport.Retrain retrained = retrain(drift);
    // Trained while version 2 rolls out: what comes next need not wait for it.
    Run spoiled = startRun(ingest("spoiled-labels", Labels.SPOILED));
    Run damaged = startRun(dataset);
    DemoReport.Retrain retrain = retrained.rolledOut(rolledOut(retrained.version()).state());

    progress.step("stop a bad model, refuse a corrupt one");
    DemoReport.BadModel bad = badModel(spoiled);
    DemoReport.CorruptArtifact corrupt = corruptArtifact(damaged);

    DemoReport.Predict predict = fleet.predict();
    DemoReport.Telemetry telemetry = fleet.drain(plane);
    DemoReport report =
        new DemoReport(
            new DemoReport.Dataset(
                dataset.snapshot(),
                dataset.rows(),
                dataset.train(),
                dataset.validation(),
                dataset.test()),
            new DemoReport.Training(
                version, metrics.rocAuc().value(), metrics.prAuc().value(), metrics.seconds()),
            variants.stream().map(Demo::reported).toList(),
            new DemoReport.Rollout(
                rollout.state(),
                rollout.stages().stream()
                    .map(
                        stage ->
                            new DemoReport.Stage(
                                stage.devices(), stage.committed(), stage.failed()))
                    .toList()),
            predict,
            telemetry,
            drift.reported(plane.incidents()),
            retrain,
            bad,
            corrupt,
            progress.seconds());
    return new Outcome(report, report.broken(drift.cohort(), shift.name()));
  }

  /** What happened, and what of it is not as promised. */
  record Outcome(DemoReport report, List<String> broken) {}

  private DatasetBatch ingest(String batch, Labels labels) {
    DatasetBatch dataset =
        plane.ingest(
            DATASET,
            batch,
            MachineData.WINDOW,
            TrainingTable.csv(machines.sensors(), machines.training(), labels));
    progress.say(
        "%,d cycles of %d machines: %,d windows to train, %,d to validate, %,d to test; snapshot %.19s"
            .formatted(
                dataset.rows(),
                dataset.devices(),
                dataset.train(),
                dataset.validation(),
                dataset.test(),
                dataset.snapshot()));
    return dataset;
  }

  private Run startRun(DatasetBatch dataset) {
    return plane.startRun(MODEL, dataset.snapshot(), options.machines().seed() + runs++);
  }

  private Run trained(Run started) throws InterruptedException {
    Run run = plane.finished(started);
    RunMetrics metrics = metrics(run);
    progress.say(
        "version %d: ROC AUC %.4f (%.4f to %.4f), PR AUC %.4f, accuracy %.4f, in %.1f s"
            .formatted(
                run.version(),
                metrics.rocAuc().value(),
                metrics.rocAuc().low(),
                metrics.rocAuc().high(),
                metrics.prAuc().value(),
                metrics.accuracy().value(),
                metrics.seconds()));
    return run;
  }

  private static RunMetrics metrics(Run run) {
    return Objects.requireNonNull(run.metrics(), "a run that succeeded has metrics");
  }

  private List<Variant> packaged(long version) throws InterruptedException {
    Packaging packaging = plane.packaged(MODEL, version);
    for (Variant variant : packaging.variants()) {
      if (variant.winner()) {
        progress.say(
            "%-14s %s %s, %,d bytes, ROC AUC %.4f, p50 %s"
                .formatted(
                    variant.profile(),
                    variant.engine(),
                    variant.precision(),
                    variant.bytes(),
                    rocAuc(variant),
                    variant.timing() == null
                        ? "not measured here"
                        : "%.1f us".formatted(variant.timing().p50Micros())));
      }
    }
    return packaging.variants();
  }

  private Rollout rolledOut(long version) throws InterruptedException {
    return plane.ended(plane.startRollout(rollout(version, STAGES, null)), fleet::requireAlive);
  }

  private RolloutRequest rollout(
      long version, List<Integer> percents, @Nullable String onFailedDevices) {
    return new RolloutRequest(
        MODEL,
        version,
        null,
        null,
        null,
        null,
        null,
        percents.stream().map(RolloutRequest.StageRequest::ofPercent).toList(),
        null,
        null,
        DemoOptions.SOAK_WINDOWS,
        (int) options.window().toMillis(),
        null,
        null,
        null,
        null,
        deadlines(),
        onFailedDevices,
        GATES,
        SAMPLING,
        null,
        null);
  }

  private static RolloutRequest.GateRequest gate(
      String metric, double tolerance, @Nullable Double limit) {
    return new RolloutRequest.GateRequest(metric, tolerance, limit, "NO_HARM_SHOWN", null, null);
  }

  private RolloutRequest.DeadlinesRequest deadlines() {
    long stageMillis =
        options.window().multipliedBy(DEADLINE_WINDOWS).plus(Duration.ofMinutes(1)).toMillis();
    return new RolloutRequest.DeadlinesRequest("30s", "1m", "1m", stageMillis + "ms");
  }

  private void awaitWindows(int windows, String why) throws InterruptedException {
    progress.say(
        "%d windows of %.1f s: %s".formatted(windows, options.window().toMillis() / 1e3, why));
    Thread.sleep(options.window().multipliedBy(windows));
  }

  private SensorShift worstShift(long version) throws IOException {
    Path file = Files.write(folder.file("tried.onnx"), plane.modelFile(MODEL, version));
    try (LocalModel model = LocalModel.load(file, machines.sensors().size())) {
      return SensorShift.worstFor(model, machines);
    }
  }

  private Drift drift(SensorShift shift) throws InterruptedException {
    long onset = System.currentTimeMillis() / options.window().toMillis();
    fleet.shift(SHIFTED_SITE, shift);
    String cohort = "site=" + SHIFTED_SITE;
    progress.say("shifted %s by %+.3f at %s".formatted(shift.name(), shift.amount(), cohort));
    Incident incident =
        plane.await(
            "an incident whose harm feedback confirms",
            options.window().multipliedBy(HARM_WITHIN_WINDOWS),
            () -> {
              fleet.requireAlive();
              return plane.incidents().stream()
                  .filter(found -> found.state().equals("HARM_CONFIRMED"))
                  .filter(found -> found.cohort().equals(cohort))
                  .findFirst();
            });
    Drift drift = new Drift(cohort, shift.name(), onset, incident);
    progress.say(drift.described());
    return drift;
  }

  private DemoReport.Retrain retrain(Drift drift) throws InterruptedException {
    long collected = System.currentTimeMillis() / options.window().toMillis() - drift.onset();
    if (collected < COLLECTING_WINDOWS) {
      awaitWindows((int) (COLLECTING_WINDOWS - collected), "data with feedback is collected");
    }
    Run run = plane.retrained(drift.incident().id());
    RunMetrics metrics = metrics(run);
    SliceMetrics slice =
        Objects.requireNonNull(metrics.slice(), "a retraining is compared on its incident's slice");
    double champion = rocAuc(Optional.ofNullable(slice.champion()));
    double challenger = rocAuc(Optional.ofNullable(slice.challenger()));
    long version = Objects.requireNonNull(run.version());
    progress.say(
        "version %d: ROC AUC %.4f; on held-out devices of %s %.4f, version 1 has %.4f there"
            .formatted(version, metrics.rocAuc().value(), slice.name(), challenger, champion));
    packaged(version);
    return new DemoReport.Retrain(
        version, metrics.rocAuc().value(), champion, challenger, "NOT_STARTED");
  }

  private static double rocAuc(Optional<SliceScore> score) {
    return score
        .map(SliceScore::rocAuc)
        .map(Interval::value)
        .orElseThrow(
            () ->
                new DemoException("the held-out devices of the shifted site saw one outcome only"));
  }

  private DemoReport.BadModel badModel(Run started) throws InterruptedException {
    long failedBefore = fleet.predict().failed();
    long version = Objects.requireNonNull(trained(started).version());
    packaged(version);
    Rollout rollout = rolledOut(version);
    return new DemoReport.BadModel(
        rollout.state(),
        1 + (int) rollout.stages().stream().filter(stage -> stage.state().equals("PASSED")).count(),
        rollout.touched(),
        fleet.predict().failed() - failedBefore);
  }

  private DemoReport.CorruptArtifact corruptArtifact(Run started)
      throws IOException, InterruptedException {
    long version = Objects.requireNonNull(trained(started).version());
    plane.corruptBlobs(packaged(version));
    // Paused, not rolled back, so that every device gets the order and can show that it refuses.
    Rollout rollout = plane.startRollout(rollout(version, List.of(100), "PAUSE"));
    int offered = rollout.eligible();
    int refused =
        plane.await(
            "every device's answer to version " + version,
            options.window().multipliedBy(REFUSED_WITHIN_WINDOWS),
            () -> Optional.of(plane.refusals(rollout.id())).filter(n -> n >= offered),
            () -> plane.refusals(rollout.id()));
    progress.say("%d of %d devices refused version %d".formatted(refused, offered, version));
    plane.rollBack(rollout.id(), "its artifact is damaged");
    plane.ended(rollout, fleet::requireAlive);
    return new DemoReport.CorruptArtifact(offered, refused);
  }

  private static DemoReport.Variant reported(Variant variant) {
    return new DemoReport.Variant(
        variant.profile(),
        variant.engine(),
        variant.precision(),
        variant.bytes(),
        rocAuc(variant),
        variant.timing() == null ? null : variant.timing().p50Micros(),
        variant.measured(),
        variant.winner());
  }

  // What the demo trains has labels, and their ROC AUC decides.
  private static double rocAuc(Variant variant) {
    return variant.quality() == null ? Double.NaN : variant.quality().value().value();
  }

  /** A shift, and the incident that it led to. */
  private record Drift(String cohort, String feature, long onset, Incident incident) {
    String described() {
      Incident.Harm harm = Objects.requireNonNull(incident.harm());
      return "incident %s: %s of %s, %s, on %d devices, found after %d windows; %s fell from %.3f to %.3f"
          .formatted(
              incident.id(),
              incident.feature(),
              incident.cohort(),
              incident.effect().words(),
              incident.devices(),
              windowsToDetect(),
              harm.metric(),
              harm.before(),
              harm.after());
    }

    long windowsToDetect() {
      return incident.openedWindow() - onset;
    }

    DemoReport.Drift reported(List<Incident> all) {
      Incident.Harm harm = Objects.requireNonNull(incident.harm());
      int right =
          (int)
              all.stream()
                  .filter(other -> other.cohort().equals(cohort) && other.feature().equals(feature))
                  .count();
      return new DemoReport.Drift(
          right,
          incident.cohort(),
          incident.feature(),
          windowsToDetect(),
          harm.before(),
          harm.after(),
          all.size() - right);
    }
  }
}
