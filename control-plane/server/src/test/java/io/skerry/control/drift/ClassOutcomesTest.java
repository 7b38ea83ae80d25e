package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.api.AccuracyPoint;
import io.skerry.api.LabelDecision;
import io.skerry.api.LabelTask;
import io.skerry.api.SliceRow;
import io.skerry.api.ToldOutcome;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.dataset.Labelling;
import io.skerry.control.ingest.Outcomes;
import io.skerry.control.ingest.RecordStore;
import io.skerry.control.ingest.StoredFeedback;
import io.skerry.control.sql.TestPlane;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Outcomes of models whose output names a class: a confidence says nothing of which. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ClassOutcomesTest {
  private static final DeviceId DEVICE = new DeviceId("cam-1");

  private final TestPlane plane;
  private final RecordStore records;
  private final ModelRef two;
  private final ModelRef three;
  private final ModelRef amount;
  private final ModelRef strict;
  private long sequence;

  ClassOutcomesTest(@TempDir Path folder) throws Exception {
    plane = TestPlane.start(folder.resolve("data"));
    records = RecordStore.of(plane);
    two = importModel(folder.resolve("two"), "two", 2, Optional.empty());
    three = importModel(folder.resolve("three"), "three", 3, Optional.empty());
    List<Float> hours = IntStream.range(0, 100).mapToObj(i -> 100f + i).toList();
    amount =
        importModel(
            folder.resolve("amount"),
            "amount",
            1,
            Optional.of(new MonitoringManifests.Values(hours, true)));
    strict = importModel(folder.resolve("strict"), "strict", 1, Optional.empty());
    sql(
        "insert into device (id, tenant, labels, facts, enrolled_at)"
            + " values ('cam-1', 'default', '{\"site\": \"a\"}', '{}', now())");
  }

  private ModelRef importModel(
      Path layout, String model, int classes, Optional<MonitoringManifests.Values> values)
      throws Exception {
    List<float[]> elements = new ArrayList<>();
    float[][] rows = new float[100][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new float[] {i};
      elements.add(probabilities(classes, i % classes, .8f));
    }
    var monitoring =
        MonitoringManifests.fromReference(
            "input",
            List.of(new MonitoringManifests.Feature("f", 0)),
            rows,
            new MonitoringManifests.Scores(
                "classes", elements, false, model.equals("strict") ? .3 : .5, List.of(), values));
    new ArtifactWriter(
            ModelVersion.parse(model + "@1"),
            new ProfileId("x86-64-avx2"),
            Engine.ONNXRUNTIME,
            Precision.FP32,
            1,
            new ModelSignature(
                List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 1L))),
                List.of(new TensorSpec("classes", ElementType.FP32, List.of(-1L, (long) classes)))))
        .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1})
        .add(LayerType.MONITORING, "monitoring.bin", monitoring.toByteArray())
        .write(layout, SigningKey.generate());
    return ModelRef.newBuilder()
        .setSlot("main")
        .setModel(model)
        .setVersion(1)
        .setManifestDigest(plane.bean(ArtifactStore.class).importLayout(layout).model().toString())
        .build();
  }

  private static float[] probabilities(int classes, int predicted, float confidence) {
    float[] values = new float[classes];
    for (int i = 0; i < classes; i++) {
      values[i] = i == predicted ? confidence : (1 - confidence) / Math.max(1, classes - 1);
    }
    return values;
  }

  @BeforeEach
  void empty() {
    sql("truncate telemetry_sample, telemetry_prediction, telemetry_feedback");
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void countsWhichOfTwoClassesWasPredictedAndNotHowSurelyItWas() {
    feedback(two, 0, .9, 0);
    feedback(two, 1, .9, 1);
    feedback(two, 0, .5, 0);
    feedback(two, 1, .9, 0);

    assertThat(accuracy("two").accuracy()).isEqualTo(.75);
    assertThat(stored()).containsExactly("0 0.1", "1 0.9", "0 0.5", "1 0.9");
    assertThat(slices("two")).singleElement().matches(slice -> slice.outcomes() == 4);
  }

  @Test
  void knowsTheRangeOfAnAmountAndOfNothingElse() {
    Monitoring monitoring = plane.bean(Monitoring.class);

    assertThat(monitoring.amountRange(amount.getManifestDigest()))
        .hasValueSatisfying(range -> assertThat(range).isBetween(85.0, 99.0));
    assertThat(monitoring.amountRange(two.getManifestDigest())).isEmpty();
    assertThat(monitoring.amountRange(three.getManifestDigest())).isEmpty();
    assertThat(monitoring.amountRange("")).isEmpty();
  }

  @Test
  void countsNoAmountAsRightOrWrong() {
    feedback(amount, 0, 120, 150);
    assertThat(accuracy("amount").outcomes()).isEqualTo(1);

    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, window_millis, start_at, end_at, predictions, predictions_failed, skipped,
          record, received_at)
        values ('cam-1', 1, 999, 'main', 'amount', 1, '%s', 1, 60000, now(), now(), 1, 0, 0, '',
          now())
        """
            .formatted(amount.getManifestDigest()));

    assertThat(accuracies("amount")).isEmpty();
    assertThat(slices("amount")).isEmpty();
    sql("delete from telemetry_window");
  }

  /** Outcomes are kept for 400 days, the windows that name an artifact for 90. */
  @Test
  void amountsStayAmountsAndThresholdsStayWhenWindowsAreForgotten() {
    for (ModelRef of : List.of(amount, strict)) {
      packaged(of.getModel(), of.getManifestDigest());
      sql(
          """
          insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
            window_index, window_millis, start_at, end_at, predictions, predictions_failed, skipped,
            record, received_at)
          values ('cam-1', 1, %d, 'main', '%s', 1, '%s', 1, 60000, now(), now(), 1, 0, 0, '',
            now() - interval '91 days')
          """
              .formatted(++sequence, of.getModel(), of.getManifestDigest()));
    }
    feedback(amount, 0, 120, 150);
    assertThat(accuracies("amount")).isEmpty();
    assertThat(threshold("strict")).isEqualTo(.3);

    records.removeOld();

    assertThat(count("select count(*) from telemetry_window")).isZero();
    assertThat(count("select count(*) from telemetry_feedback")).isEqualTo(1);
    assertThat(accuracies("amount")).isEmpty();
    assertThat(slices("amount")).isEmpty();
    assertThat(threshold("strict")).isEqualTo(.3);
    sql("delete from variant");
  }

  private double threshold(String model) {
    Incidents incidents = plane.bean(Incidents.class);
    return plane
        .database()
        .<Double>call(
            transaction -> incidents.threshold(transaction, new Track("main", model, 60_000), 1));
  }

  private long count(String query) {
    return plane.database().<Long>call(transaction -> transaction.number(query));
  }

  @Test
  void letsNoScoreOfAnAmountExpectAnyAccuracy() {
    packaged("amount", amount.getManifestDigest());
    long window = Instant.now().toEpochMilli() / 60_000;
    for (String model : List.of("amount", "two")) {
      sql(
          """
          insert into drift_window (slot, model, window_millis, window_index, received_until, records,
            learning, judged, verdicts)
          values ('main', '%s', 60000, %d, now(), 1, 0, 1, '[]')
          """
              .formatted(model, window));
      sql(
          """
          insert into drift_score (slot, model, window_millis, window_index, version, profile, counts)
          values ('main', '%s', 60000, %d, 1, '', array_fill(5::bigint, array[64]))
          """
              .formatted(model, window));
    }

    assertThat(accuracies("two")).singleElement().matches(point -> point.estimated() != null);
    assertThat(accuracies("amount")).isEmpty();
    sql("truncate drift_window cascade");
    sql("delete from variant");
  }

  private void packaged(String model, String manifest) {
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values ('%s', 1, 'import', 'onnx', 'x', now()) on conflict do nothing
        """
            .formatted(model));
    sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest, signature)
        values ('%s', 1, 'x86-64-avx2', 'onnxruntime', 'fp32', 1, 'none', true, '%s', 'sha256:00')
        """
            .formatted(model, manifest));
  }

  private List<AccuracyPoint> accuracies(String model) {
    return plane
        .bean(AccuracyReports.class)
        .accuracy(model, Duration.ofDays(3), Duration.ofHours(1));
  }

  @Test
  void tellsHowRightASliceOfManyClassesIs() {
    sql(
        "insert into device (id, tenant, labels, facts, enrolled_at) select 'dev-' || n, 'default',"
            + " jsonb_build_object('site', case when n <= 20 then 'b' else 'c' end), '{}', now()"
            + " from generate_series(1, 40) n");
    // Site b is right three times of four, site c always.
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject, actual,
          source, slot, model, version, predicted_class, confidence, predicted_at, outcome_at,
          received_at, joined)
        select 'dev-' || d, 1, n, 'q' || n, '', n % 3, 'device', 'main', 'three', 1,
          case when d <= 20 and n % 4 = 0 then (n + 1) % 3 else n % 3 end, .8, now(), now(), now(),
          true
        from generate_series(1, 40) d, generate_series(1, 8) n
        """);

    List<SliceRow> slices = slices("three");

    assertThat(slices).extracting(SliceRow::slice).containsExactly("site=b", "site=c");
    assertThat(slices).extracting(SliceRow::accuracy).containsExactly(.75, 1.0);
    assertThat(slices).allMatch(row -> row.balanced() == null && row.parity() == null);
    assertThat(slices).noneMatch(SliceRow::unfair);
    sql("delete from device where id like 'dev-%'");
  }

  /** And one device floods, whose name comes first. */
  @Test
  void tellsOfEveryDeviceAndSliceWhereThereAreMoreOutcomesThanAreRead() {
    sql(
        """
        insert into device (id, tenant, labels, facts, enrolled_at)
        select case when n = 0 then 'a-flood' else 'dev-' || n end, 'default',
          jsonb_build_object('site', case when n <= 20 then 'b' else 'c' end), '{}', now()
        from generate_series(0, 40) n
        """);
    // Site b is right three times of four, site c always, the flood never.
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject, actual,
          source, slot, model, version, predicted_class, confidence, predicted_at, outcome_at,
          received_at, joined)
        select id, 1, n, 'q' || n, '', n % 3, 'device', 'main', 'three', 1,
          case when id = 'a-flood' or labels ->> 'site' = 'b' and n % 4 = 0
            then (n + 1) % 3 else n % 3 end, .8, now(), now(), now(), true
        from device, generate_series(1, case when id = 'a-flood' then 20000 else 80 end) n
        where id <> 'cam-1'
        """);
    AccuracyReports reports =
        new AccuracyReports(plane.database(), plane.bean(Incidents.class), 41 * 40);

    AccuracyPoint point =
        reports.accuracy("three", Duration.ofDays(3), Duration.ofHours(1)).getLast();
    List<SliceRow> slices = reports.slices("three", Duration.ofHours(1));

    assertThat(point.outcomes()).isEqualTo(41 * 40);
    assertThat(point.devices()).isEqualTo(41);
    assertThat(point.read()).isEqualTo(41 * 40 / (20000 + 40 * 80.));
    assertThat(slices).extracting(SliceRow::slice).containsExactly("site=b", "site=c");
    assertThat(slices).extracting(SliceRow::devices).containsExactly(21, 20);
    assertThat(slices.getLast().accuracy()).isEqualTo(1);
    assertThat(slices).allMatch(slice -> slice.read() < .1);
    assertThat(accuracy("three").read()).isEqualTo(1);
    // Who moved on, or is gone, was there when these were predicted.
    sql("update device set labels = '{\"site\": \"repair\"}' where labels ->> 'site' = 'b'");
    sql("delete from device where id <> 'cam-1'");
    assertThat(slices("three").stream().map(SliceRow::slice)).containsExactly("site=b", "site=c");
    sql("delete from telemetry_feedback where device <> 'cam-1'");
  }

  @Test
  void countsManyClassesAsRightOrWrongAndInNoFigureOfPositives() {
    feedback(three, 2, .4, 2);
    feedback(three, 0, .9, 0);
    feedback(three, 1, .9, 2);
    feedback(three, 1, .4, 1);

    assertThat(accuracy("three").accuracy()).isEqualTo(.75);
    assertThat(stored()).containsExactly("2 null", "0 null", "1 null", "1 null");
    // One device is no slice to tell of.
    assertThat(slices("three")).singleElement().matches(row -> row.accuracy() == null);
  }

  @Test
  void readsTheClassOfAPredictionThatAnOutcomeIsJoinedToHere() {
    sample(two, "classes", probabilities(2, 0, .9f), "p1", 0);
    sample(two, "classes", probabilities(2, 1, .8f), "p2", 1);
    sample(three, "classes", probabilities(3, 2, .5f), "p3", 2);
    // What the model predicted, nobody here knows.
    sample(two, "other", new float[] {1, 0}, "p4", 1);

    assertThat(stored()).containsExactly("0 0.1", "1 0.8", "2 null", "null null");
    assertThat(accuracy("two").accuracy()).isEqualTo(1);
    assertThat(accuracy("three").accuracy()).isEqualTo(1);
  }

  @Test
  void tellsAccuracyAndSlicesWithoutWhatPeopleWereAskedAbout() {
    feedback(two, 1, .9, 1);
    feedback(two, 1, .9, 0);
    sql("update telemetry_feedback set source = 'label' where actual = 0");

    assertThat(accuracy("two").accuracy()).isEqualTo(1);
    assertThat(slices("two")).singleElement().matches(slice -> slice.outcomes() == 1);
  }

  /** Of a build that took any time: they would push out all that is true. */
  @Test
  void tellsNothingOfTimesThatAreNotYet() {
    feedback(two, 1, .9, 1);
    sql(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject, actual,
          source, slot, model, version, score, predicted_class, confidence, predicted_at, outcome_at,
          received_at, joined)
        select 'cam-1', 7, n, 'f' || n, '', 0, 'device', 'main', 'two', 1, .9, 1, .9,
          now() + n * interval '5 days', now(), now(), true
        from generate_series(1, 300) n
        """);

    assertThat(accuracies("two")).extracting(AccuracyPoint::accuracy).containsExactly(1.0);
    assertThat(slices("two")).singleElement().matches(slice -> slice.outcomes() == 1);
  }

  @Test
  void aRolloutCountsAClassOrASideOfTheThreshold() {
    assertThat(prediction(Optional.empty(), OptionalInt.of(2)).isRight(2, .5)).contains(true);
    assertThat(prediction(Optional.empty(), OptionalInt.of(2)).isRight(1, .5)).contains(false);
    assertThat(prediction(Optional.of(.1), OptionalInt.of(0)).isRight(0, .5)).contains(true);
    assertThat(prediction(Optional.of(.1), OptionalInt.empty()).isRight(0, .5)).contains(true);
    assertThat(prediction(Optional.empty(), OptionalInt.empty()).isRight(0, .5)).isEmpty();
  }

  private static StoredFeedback.Prediction prediction(Optional<Double> score, OptionalInt of) {
    return new StoredFeedback.Prediction(
        new SlotId("main"), ModelVersion.parse("m@1"), score, of, Instant.EPOCH);
  }

  private void feedback(ModelRef model, int predicted, double confidence, double actual) {
    long now = Instant.now().toEpochMilli();
    store(
        Record.newBuilder()
            .setFeedback(
                Feedback.newBuilder()
                    .setPredictionId("p-" + sequence)
                    .setActual(actual)
                    .setOutcomeAtMillis(now)
                    .setJoined(true)
                    .setModel(model)
                    .setScore(confidence)
                    .setPredictedClass(predicted)
                    .setPredictedAtMillis(now)));
  }

  @Test
  void asksAboutEachVersionByItsOwnThresholdAndSaysNothingOfAmounts() {
    packaged("strict", strict.getManifestDigest());
    packaged("amount", amount.getManifestDigest());
    sample(strict, "classes", new float[] {.35f}, "above");
    sample(strict, "classes", new float[] {.25f}, "below");
    sample(amount, "classes", new float[] {37.25f}, "hours");
    sample(three, "classes", probabilities(3, 2, .5f), "third");
    Labelling labelling = plane.bean(Labelling.class);
    Incidents incidents = plane.bean(Incidents.class);

    for (String model : List.of("strict", "amount", "three")) {
      labelling.queue(
          new Labelling.Wanted(
              model,
              "",
              Instant.EPOCH,
              10,
              "asked",
              version -> incidents.positiveFrom(model, version)));
    }

    List<LabelTask> tasks = labelling.list("OPEN", "", 10);
    assertThat(tasks)
        .extracting(task -> task.predictionId() + " " + task.predicted())
        .containsExactlyInAnyOrder("above 1.0", "below 0.0", "hours null", "third 2.0");
    LabelTask hours =
        tasks.stream().filter(task -> task.model().equals("amount")).findFirst().orElseThrow();
    assertThat(hours.score()).isEqualTo(37.25);
    assertThatThrownBy(
            () ->
                labelling.decide(
                    new Actor("ana", ""), hours.id(), new LabelDecision("accept", null)))
        .hasMessageContaining("correct it instead");
    sql("delete from label_task");
    sql("delete from variant");
  }

  private void sample(
      ModelRef model, String output, float[] values, String prediction, double actual) {
    sample(model, output, values, prediction);
    plane
        .bean(Outcomes.class)
        .tell(
            List.of(new ToldOutcome("cam-1", prediction, null, actual, null)), Outcomes.Source.CSV);
  }

  private void sample(ModelRef model, String output, float[] values, String prediction) {
    store(
        Record.newBuilder()
            .setSample(
                Sample.newBuilder()
                    .setPredictionId(prediction)
                    .setModel(model)
                    .setInclusionProbability(1)
                    .setStratum("base")
                    .addInputs(tensor("input", 1))
                    .addOutputs(tensor(output, values))));
  }

  private void store(Record.Builder record) {
    records.store(
        DEVICE,
        1,
        record.setSequence(++sequence).setAtMillis(Instant.now().toEpochMilli()).build());
  }

  private static NamedTensor tensor(String name, float... values) {
    ByteBuffer data =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      data.putFloat(value);
    }
    return NamedTensor.newBuilder()
        .setName(name)
        .setDatatype("FP32")
        .addShape(1)
        .addShape(values.length)
        .setData(ByteString.copyFrom(data.flip()))
        .build();
  }

  private AccuracyPoint accuracy(String model) {
    return accuracies(model).getLast();
  }

  private List<SliceRow> slices(String model) {
    return plane.bean(AccuracyReports.class).slices(model, Duration.ofHours(1));
  }

  private List<String> stored() {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    """
                    select coalesce(predicted_class::text, 'null') || ' '
                      || coalesce(round(score::numeric, 3)::float8::text, 'null') as told
                    from telemetry_feedback order by boot_epoch, sequence
                    """,
                    row -> row.text("told")));
  }

  private void sql(String sql) {
    plane.database().run(transaction -> transaction.update(sql));
  }
}
