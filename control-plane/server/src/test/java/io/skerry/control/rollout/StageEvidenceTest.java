package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ARM;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.Rollout;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.device.DeviceRemoved;
import io.skerry.control.ingest.RecordsStoring;
import io.skerry.control.ingest.StoredFeedback;
import io.skerry.control.rollout.RolloutTables.Stored;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StageEvidenceTest {
  private static final int STEPS = 60;
  private static final int LATENCY_BINS = 32;
  private static final Duration ADMITTED = Duration.ofSeconds(15);

  // What gates read before there were sums: of all arms, the stage by the device's row.
  private static final String OF_ALL_ARMS =
      """
      select arm.slot, arm.profile, arm.newer, coalesce(d.stage = arm.stage, false) as own,
        m.i as metric, count(*) as devices, sum(m.t) as trials, sum(m.h) as hits,
        sum(m.t * m.t) as trials2, sum(m.t * m.h) as product, sum(m.h * m.h) as hits2, 1 as rows
      from rollout_arm arm
      left join deployment d on d.rollout = arm.rollout and d.device = arm.device
      cross join unnest(arm.trials, arm.hits) with ordinality as m (t, h, i)
      where arm.rollout = ? and arm.stage = ? and m.t > 0
      group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
      """;

  // In another order, doubles add up to the same but for the last places.
  private static final Comparator<Double> ROUNDED =
      (left, right) ->
          Math.abs(left - right) <= 1e-9 * Math.max(Math.abs(left), Math.abs(right))
              ? 0
              : Double.compare(left, right);

  private final RolloutFleet fleet;

  StageEvidenceTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime", ARM, "tflite"));
    fleet.version(2, Map.of(X86, "onnxruntime", ARM, "tflite"));
    for (int device = 0; device < 12; device++) {
      enrol("d" + device, device % 3 == 0 ? ARM : X86);
    }
    String before =
        fleet
            .create("{\"model\": \"tested\", \"version\": 1, \"stages\": [{\"percent\": 100}]}")
            .id();
    fleet.report(before, "COMMITTED");
    fleet.act(before, RolloutAct.PROMOTE);
    fleet.look();
  }

  private void enrol(String device, String profile) {
    fleet.enrol(device, profile, "onnxruntime/cpu", "tflite/cpu");
  }

  private String rollout(String kind) {
    return fleet
        .create(
            """
            {"model": "tested", "version": 2, "kind": "%s", "dynamic": true,
              "stages": [{"percent": 30}, {"percent": 70}, {"percent": 100}],
              "deadlines": {"start": "5h", "step": "5h", "progress": "5h", "stage": "5h"}}
            """
                .formatted(kind))
        .id();
  }

  @Test
  void whatIsSeenBeforeTheWindowOpensIsOfAnotherTimeOfDay() {
    String from =
        LocalTime.ofInstant(fleet.now().plus(Duration.ofMinutes(3)), ZoneOffset.UTC)
            .truncatedTo(ChronoUnit.MINUTES)
            .toString();
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 2, "stages": [{"percent": 100}],
                  "windows": [{"from": "%s", "length": "5m", "zone": "UTC"}]}
                """
                    .formatted(from))
            .id();
    fleet.look();
    assertThat(fleet.find(id).pause()).isEqualTo("WINDOW");
    fleet.predict(100, 50, 1);
    assertThat(arms()).isEqualTo(12);
    // Who comes back meanwhile was ordered nothing all the same.
    fleet.online("d1", false);
    fleet.online("d1", true);

    fleet.pass(Duration.ofMinutes(4));
    assertThat(fleet.find(id).state()).isEqualTo("RUNNING");
    assertThat(arms()).isZero();
    assertThat(fleet.number("select count(*) from rollout_arm_sum")).isZero();

    fleet.report(id, "COMMITTED", List.of("d1"));
    fleet.predict(100, 0, 1);
    assertThat(arms()).isPositive();
    fleet.act(id, RolloutAct.PAUSE);
    fleet.act(id, RolloutAct.RESUME);
    assertThat(arms()).as("somebody was ordered it").isPositive();
  }

  private long arms() {
    return fleet.number("select count(*) from rollout_arm");
  }

  private void count(List<RecordsStoring.Window> windows, List<StoredFeedback> feedback) {
    fleet.plane.database().run(transaction -> count(transaction, windows, feedback));
  }

  private void count(
      Transaction transaction, List<RecordsStoring.Window> windows, List<StoredFeedback> feedback) {
    fleet.plane.bean(Arms.class).onRecords(new RecordsStoring(transaction, windows, feedback));
  }

  private RecordsStoring.Window window(
      String device, String slot, long version, long epoch, int predictions, int failed) {
    List<Long> latency = new ArrayList<>(Collections.nCopies(LATENCY_BINS, 0L));
    latency.set(10 + failed % 20, (long) predictions);
    return new RecordsStoring.Window(
        new DeviceId(device),
        epoch,
        new SlotId(slot),
        ModelVersion.parse("tested@" + version),
        RolloutFleet.manifest(version, X86),
        fleet.now().plusSeconds(1),
        predictions,
        failed,
        0,
        Map.of(
            "$latency",
            whole(latency),
            MonitoringPlan.CONFIDENCE,
            whole(List.of(0L, (long) failed, 0L, (long) predictions)),
            MonitoringPlan.CLASS,
            whole(List.of((long) failed, (long) predictions, 1L))));
  }

  private static RecordsStoring.Counts whole(List<Long> bins) {
    return new RecordsStoring.Counts(bins, 1);
  }

  private StoredFeedback outcome(String device, String slot, long version, double actual) {
    return new StoredFeedback(
        new DeviceId(device),
        "p",
        actual,
        fleet.now(),
        Optional.of(
            new StoredFeedback.Prediction(
                new SlotId(slot),
                ModelVersion.parse("tested@" + version),
                Optional.of(.9),
                OptionalInt.empty(),
                fleet.now().plusSeconds(1))));
  }

  private Digest positiveFrom(double threshold, Path layout) throws Exception {
    float[][] rows = new float[100][];
    List<float[]> scores = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new float[] {i};
      scores.add(new float[] {i / 100f});
    }
    new ArtifactWriter(
            ModelVersion.parse("tested@1"),
            new ProfileId(X86),
            Engine.ONNXRUNTIME,
            Precision.FP32,
            1,
            new ModelSignature(
                List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 1L))),
                List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
        .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1})
        .add(
            LayerType.MONITORING,
            "monitoring.bin",
            MonitoringManifests.fromReference(
                    "input",
                    List.of(new MonitoringManifests.Feature("f", 0)),
                    rows,
                    new MonitoringManifests.Scores(
                        "score", scores, false, threshold, List.of(), Optional.empty()))
                .toByteArray())
        .write(layout, SigningKey.generate());
    return fleet.plane.bean(ArtifactStore.class).importLayout(layout).model();
  }

  @Test
  void holdsPredictionsToTheThresholdOfTheirVersion(@TempDir Path folder) throws Exception {
    String id = rollout("REPLACE");
    String control =
        fleet
            .texts(
                """
                select id as name, id as text from device where profile = '%s'
                  and id not in (select device from deployment where live)
                """
                    .formatted(X86))
            .keySet()
            .iterator()
            .next();

    count(List.of(), List.of(outcome(control, "main", 1, 0)));
    assertThat(rightOf(id, control)).as("a score of .9 says yes").isZero();

    String strict = positiveFrom(.95, folder).toString();
    fleet
        .plane
        .database()
        .run(
            transaction ->
                transaction.update("update variant set manifest = ? where version = 1", strict));
    count(List.of(), List.of(outcome(control, "main", 1, 0)));
    assertThat(rightOf(id, control)).as("and no where it takes .95").isEqualTo(1);
  }

  private long rightOf(String rollout, String device) {
    return fleet
        .plane
        .database()
        .<Long>call(
            transaction ->
                transaction.number(
                    "select hits[?] from rollout_arm where rollout = ? and device = ?",
                    Metric.ACCURACY.number(),
                    rollout,
                    device));
  }

  private ArmSums newer(String rollout, Metric metric) {
    return evidence(rollout, 0)
        .profiles()
        .getOrDefault(new ProfileId(X86), new Evidence.OfProfile(Map.of()))
        .metrics()
        .getOrDefault(metric, new Comparison(ArmSums.NONE, ArmSums.NONE))
        .newer();
  }

  private Evidence evidence(String rollout, int stage) {
    return fleet
        .plane
        .database()
        .call(transaction -> StageEvidence.of(transaction, order(transaction, rollout), stage));
  }

  private static RolloutOrder order(Transaction transaction, String rollout) {
    return RolloutTables.find(transaction, rollout).map(Stored::order).orElseThrow();
  }

  private void readsWhatAllArmsSay(String rollout) {
    for (int stage = 0; stage < 3; stage++) {
      int of = stage;
      Evidence expected =
          fleet
              .plane
              .database()
              .call(
                  transaction -> {
                    RolloutOrder order = order(transaction, rollout);
                    List<StageEvidence.Sum> all =
                        new ArrayList<>(
                            transaction.list(OF_ALL_ARMS, StageEvidence::sum, rollout, of));
                    String slot = order.first().slot().value();
                    all.addAll(LostDevices.sums(transaction, order.id(), of, slot));
                    return StageEvidence.of(transaction, order, of, all);
                  });
      assertThat(evidence(rollout, stage))
          .as("stage %d", stage)
          .usingRecursiveComparison()
          .withComparatorForType(ROUNDED, Double.class)
          .isEqualTo(expected);
      assertThat(wrong(rollout, stage)).isZero();
    }
  }

  private int wrong(String rollout, int stage) {
    return fleet
        .plane
        .database()
        .<Integer>call(
            transaction -> StageEvidence.wrong(transaction, new RolloutId(rollout), stage));
  }

  @ParameterizedTest
  @CsvSource({"REPLACE, 1", "REPLACE, 2", "REPLACE, 3", "AB, 4", "AB, 5"})
  void readsWhatAllArmsSayWhateverHappensToDevices(String kind, long seed) {
    Random random = new Random(seed);
    String id = rollout(kind);
    String trial = kind.equals("AB") ? "main-trial" : "main";
    int newcomers = 0;
    boolean seenOnBothSides = false;
    for (int step = 0; step < STEPS; step++) {
      List<String> devices =
          List.copyOf(fleet.texts("select id as name, id as text from device").keySet());
      String device = devices.get(random.nextInt(devices.size()));
      switch (random.nextInt(12)) {
        case 0 -> {
          enrol("new" + newcomers++, random.nextBoolean() ? X86 : ARM);
          // It is a control until it has a place in the stage.
          count(List.of(window("new" + (newcomers - 1), "main", 1, 1, 10, 1)), List.of());
          readsWhatAllArmsSay(id);
          fleet.pass(ADMITTED);
        }
        case 1 -> fleet.becomes(device, ARM, "onnxruntime/cpu", "tflite/cpu");
        case 2 -> fleet.becomes(device, X86, "onnxruntime/cpu", "tflite/cpu");
        case 3 -> {
          if (devices.size() > 6) {
            fleet.sql("delete from device where id = ?", device);
            fleet
                .plane
                .bean(DeviceFollower.class)
                .onRemoved(new DeviceRemoved(new TenantId("default"), new DeviceId(device)));
          }
        }
        case 4 -> {
          if (step > STEPS / 3
              && random.nextInt(2) == 0
              && fleet.find(id).allowedActions().contains("promote")
              && fleet.number("select stage from rollout where id = ?", id) < 2) {
            fleet.act(id, RolloutAct.PROMOTE);
          }
        }
        case 5 -> fold(id);
        default -> {
          fleet.report(id, random.nextInt(4) == 0 ? "PROBATION" : "COMMITTED");
          batch(random, devices, trial);
        }
      }
      fleet.look();
      readsWhatAllArmsSay(id);
      seenOnBothSides |=
          fleet.number("select count(distinct newer) from rollout_arm where rollout = ?", id) == 2;
    }
    assertThat(seenOnBothSides).as("both versions were seen").isTrue();
  }

  private void batch(Random random, List<String> devices, String trial) {
    List<RecordsStoring.Window> windows = new ArrayList<>();
    List<StoredFeedback> feedback = new ArrayList<>();
    for (int record = random.nextInt(12); record >= 0; record--) {
      String device = devices.get(random.nextInt(devices.size()));
      boolean newer = random.nextBoolean();
      String slot = newer ? trial : "main";
      if (random.nextInt(3) == 0) {
        feedback.add(outcome(device, slot, newer ? 2 : 1, random.nextInt(2)));
      } else {
        int predictions = 1 + random.nextInt(5000);
        windows.add(
            window(
                device,
                slot,
                newer ? 2 : 1,
                1 + random.nextInt(4),
                predictions,
                random.nextInt(predictions)));
      }
    }
    count(windows, feedback);
  }

  private void fold(String id) {
    fleet
        .plane
        .database()
        .run(
            transaction ->
                StageEvidence.fold(
                    transaction,
                    new RolloutId(id),
                    (int) transaction.number("select stage from rollout where id = ?", id)));
  }

  @Test
  void losesNothingThatIsCountedAndFoldedAtOnce() throws Exception {
    String id = rollout("REPLACE");
    fleet.report(id, "COMMITTED");
    List<String> newer = fleet.in(id, "COMMITTED");
    assertThat(newer).isNotEmpty();
    List<Future<?>> writers = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int writer = 0; writer < 3; writer++) {
        Random random = new Random(writer);
        writers.add(
            threads.submit(
                () -> {
                  // Also the first rows of each device meet.
                  for (int batch = 0; batch < 40; batch++) {
                    List<RecordsStoring.Window> windows = new ArrayList<>();
                    for (String device : newer) {
                      windows.add(window(device, "main", 2, 1, 7, random.nextInt(7)));
                    }
                    windows.add(window("d" + random.nextInt(12), "main", 1, 1, 9, 0));
                    Collections.shuffle(windows, random);
                    count(windows, List.of());
                  }
                }));
      }
      writers.add(
          threads.submit(
              () -> {
                for (int fold = 0; fold < 60; fold++) {
                  fold(id);
                }
              }));
      for (Future<?> writer : writers) {
        writer.get();
      }
    }

    readsWhatAllArmsSay(id);
    assertThat(
            fleet.number(
                "select sum(trials[?])::bigint from rollout_arm_sum where newer",
                Metric.FAILED_PREDICTIONS.number()))
        .isEqualTo(3L * 40 * 7 * newer.size());
  }

  @Test
  void skipsMetricsThatANewerBuildCounts() {
    String id = rollout("REPLACE");
    fleet.report(id, "COMMITTED");
    fleet.sql(
        """
        insert into rollout_arm (rollout, stage, slot, device, newer, profile, own, trials, hits,
          boot_epoch, batch_epochs)
        values (?, 0, 'main', 'd1', true, ?, true, array_fill(7::double precision, array[40]),
          array_fill(1::double precision, array[40]), 0, '{}')
        """,
        id,
        X86);

    fleet.look();

    assertThat(Objects.requireNonNull(evidence(id, 0).profiles().get(new ProfileId(X86))).metrics())
        .hasSize(Metric.NUMBER_MAX);
  }

  @Test
  void foldsSumsAsTheEngineReadsThem() {
    String id = rollout("REPLACE");
    fleet.report(id, "COMMITTED");
    String device = fleet.in(id, "COMMITTED").getFirst();
    while (fleet.number("select count(*) from rollout_arm_sum")
        <= StageEvidence.DIFFERENCES_MAX + 20) {
      count(List.of(window(device, "main", 2, 1, 10, 1)), List.of());
    }

    fleet.pass(ADMITTED);

    assertThat(fleet.number("select count(*) from rollout_arm_sum")).isLessThan(20);
    readsWhatAllArmsSay(id);
  }

  @Test
  void mendsSumsThatDifferFromWhatDevicesSentAndSaysSo() {
    Rollout rollout = fleet.find(rollout("REPLACE"));
    fleet.report(rollout.id(), "COMMITTED");
    String device = fleet.in(rollout.id(), "COMMITTED").getFirst();
    count(List.of(window(device, "main", 2, 1, 10, 1)), List.of());
    fleet.sql(
        "update rollout_arm_sum set trials[?] = trials[?] + 1",
        Metric.FAILED_PREDICTIONS.number(),
        Metric.FAILED_PREDICTIONS.number());
    assertThat(wrong(rollout.id(), 0)).isEqualTo(1);

    fleet.pass(Duration.ofMinutes(61));

    readsWhatAllArmsSay(rollout.id());
    assertThat(
            fleet.texts(
                "select object as name, reason as text from audit_entry where act = ?",
                "rollout.evidence-mended"))
        .containsEntry("rollout/" + rollout.id(), "1 sums differed from what devices sent");
  }

  @Test
  void countsEachBootThatABatchTellsOfAsARestart() {
    String id = rollout("REPLACE");
    fleet.sql("update device set profile = ?", X86);
    fleet.report(id, "COMMITTED");
    String device = fleet.in(id, "COMMITTED").getFirst();

    count(List.of(), List.of(outcome(device, "main", 2, 1)));
    count(boots(device, 5, 6, 6, 8), List.of());
    assertThat(newer(id, Metric.RESTARTS).hits()).as("of the first batch").isEqualTo(2);

    count(boots(device, 11, 8, 9, 11, 12), List.of());
    assertThat(newer(id, Metric.RESTARTS).hits()).as("of a backlog").isEqualTo(5);

    count(boots(device, 12), List.of());
    count(boots(device, 7), List.of());
    assertThat(newer(id, Metric.RESTARTS))
        .as("those that were known, and late ones, are none")
        .satisfies(sums -> assertThat(sums.hits()).isEqualTo(5))
        .satisfies(sums -> assertThat(sums.trials()).isEqualTo(11));
  }

  private List<RecordsStoring.Window> boots(String device, long... epochs) {
    List<RecordsStoring.Window> windows = new ArrayList<>();
    for (long epoch : epochs) {
      windows.add(window(device, "main", 2, epoch, 10, 0));
    }
    return windows;
  }
}
