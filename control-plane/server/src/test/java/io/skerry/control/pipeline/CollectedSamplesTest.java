package io.skerry.control.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.api.LabelTask;
import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.dataset.CollectedWindow;
import io.skerry.control.dataset.Labelling;
import io.skerry.control.dataset.Snapshot;
import io.skerry.control.ingest.RecordStore;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class CollectedSamplesTest {
  private static final Instant ONSET = Instant.parse("2026-11-20T10:00:00Z");
  private static final Snapshot BASE =
      new Snapshot(
          new Digest("a".repeat(64)),
          "engines",
          null,
          3,
          1,
          2,
          List.of("s2", "s3"),
          null,
          null,
          null,
          0,
          0,
          0,
          0,
          ONSET);

  private static final String FINDING =
      """
      {"size": {"psi": {"low": 0, "high": 1, "value": 0.5}, "shiftSigma":
        {"low": 0, "high": 2, "value": 1}, "wasserstein": {"low": 0, "high": 1, "value": 0.1},
        "expectedCount": 9, "jensenShannon":
        {"low": 0, "high": 1, "value": 0.1}, "observedCount": 9, "kolmogorovSmirnov": 0.1},
       "peers": 9, "cohort": {"terms": [{"attribute": "site", "value": "b"}]},
       "effect": {"low": 0, "high": 1, "value": 0.5}, "window": 2, "devices": 9, "feature": "f",
       "firedBy": {"kind": "LOCATION", "name": "f"},
       "firedIn": {"terms": [{"attribute": "site", "value": "b"}]},
       "movedBy": {"kind": "LOCATION", "name": "f"}, "logEvidence": 13, "onsetLatest": 1,
       "onsetWindow": 1, "predictions": 99, "logThreshold": 12, "shareExplained": 1}
      """;

  private TestPlane plane;
  private long sequence;

  @BeforeEach
  void start(@TempDir Path folder) throws IOException {
    plane = TestPlane.start(folder.resolve("data"));
    device("cam-1", "b");
    device("cam-2", "a");
  }

  @AfterEach
  void stop() throws IOException {
    plane.close();
  }

  @Test
  void joinsSamplesWithTheirOutcomesAndMarksTheCohort() {
    sample("cam-1", "p1", ONSET.plusSeconds(5), 6);
    feedback("cam-1", "p1", ONSET.plusSeconds(5), 1, true);
    sample("cam-2", "p2", ONSET.plusSeconds(6), 6);
    feedback("cam-2", "p2", ONSET.plusSeconds(6), 0, true);
    // Neither of these can be learned from: no outcome, another device's, before the onset, another
    // shape, not joined.
    sample("cam-1", "p3", ONSET.plusSeconds(7), 6);
    sample("cam-1", "p4", ONSET.plusSeconds(7), 6);
    feedback("cam-2", "p4", ONSET.plusSeconds(7), 1, true);
    sample("cam-1", "p5", ONSET.minusSeconds(7), 6);
    feedback("cam-1", "p5", ONSET.minusSeconds(7), 1, true);
    sample("cam-1", "p6", ONSET.plusSeconds(8), 4);
    feedback("cam-1", "p6", ONSET.plusSeconds(8), 1, true);
    sample("cam-1", "p7", ONSET.plusSeconds(9), 6);
    feedback("cam-1", "p7", ONSET.plusSeconds(9), 1, false);

    CollectedSamples.Found found = found(BASE);

    assertThat(found.classless()).isZero();
    assertThat(found.windows())
        .extracting(one -> one.device().value() + " " + one.label() + " " + one.slice())
        .containsExactlyInAnyOrder("cam-1 1 true", "cam-2 0 false");
  }

  @Test
  void learnsTheClassThatAnOutcomeNamesAndNoOther() {
    for (int actual = 0; actual < 4; actual++) {
      sample("cam-1", "p" + actual, ONSET.plusSeconds(5), 6);
      feedback("cam-1", "p" + actual, ONSET.plusSeconds(5), actual, true);
    }

    CollectedSamples.Found ofThree = found(withClasses(3));
    CollectedSamples.Found ofTwo = found(BASE);

    assertThat(ofThree.windows())
        .extracting(CollectedWindow::label)
        .containsExactlyInAnyOrder(0, 1, 2);
    assertThat(ofThree.classless()).isEqualTo(1);
    assertThat(ofTwo.windows()).extracting(CollectedWindow::label).containsExactlyInAnyOrder(0, 1);
    assertThat(ofTwo.classless()).isEqualTo(2);
  }

  /** One such window would end the whole run. */
  @Test
  void leavesOutWindowsWithAValueThatIsMissing() {
    sample("cam-1", "p1", ONSET.plusSeconds(5), 6);
    feedback("cam-1", "p1", ONSET.plusSeconds(5), 1, true);
    sample("cam-1", "p2", ONSET.plusSeconds(5), new float[] {1, 2, Float.NaN, 4, 5, 6});
    feedback("cam-1", "p2", ONSET.plusSeconds(5), 1, true);
    sample("cam-1", "p3", ONSET.plusSeconds(5), new float[] {1, 2, 3, 4, 5, 1 / 0f});
    feedback("cam-1", "p3", ONSET.plusSeconds(5), 1, true);

    CollectedSamples.Found found = found(BASE);

    assertThat(found.windows()).hasSize(1);
    assertThat(found.incomplete()).isEqualTo(2);
    assertThatThrownBy(() -> Retrainings.checkEnough("site=b", found, 2))
        .hasMessageContaining("2 windows with a value that is missing");
  }

  private CollectedSamples.Found found(Snapshot base) {
    return plane
        .bean(CollectedSamples.class)
        .since(ONSET, ONSET.plusSeconds(60), new ModelName("m"), "site=b", base);
  }

  private static Snapshot withClasses(int classes) {
    return new Snapshot(
        BASE.digest(),
        BASE.dataset(),
        null,
        BASE.window(),
        BASE.repeat(),
        classes,
        BASE.features(),
        null,
        null,
        null,
        0,
        0,
        0,
        0,
        ONSET);
  }

  /** Most samples come after it opened, which is also found by a server that starts anew. */
  @Test
  void queuesForAnOpenIncidentWhatComesUpToItsLimit() {
    sample("cam-1", "p1", ONSET.plusSeconds(5), 6);
    sample("cam-2", "p2", ONSET.plusSeconds(5), 6);
    open();
    LabelQueue queue = plane.bean(LabelQueue.class);

    queue.fill();
    sample("cam-1", "p3", Instant.now(), 6);
    queue.fill();
    queue.fill();

    assertThat(queued()).extracting(LabelTask::predictionId).containsExactly("p1", "p3");
    predictions("base", LabelQueue.PER_INCIDENT);
    queue.fill();
    assertThat(queued()).hasSize(LabelQueue.PER_INCIDENT / 2);
    predictions("anomaly", LabelQueue.PER_INCIDENT);
    queue.fill();
    assertThat(queued()).hasSize(LabelQueue.PER_INCIDENT);
    sql("update label_task set state = 'REJECTED'");
    queue.fill();
    assertThat(queued()).isEmpty();
  }

  @Test
  void looksAtWhatIsOlderThanAnHourOnceADay() {
    Instant now = Instant.now();
    open();
    LabelQueue queue = plane.bean(LabelQueue.class);
    queue.fill(now);
    sample("cam-1", "p1", now.minus(Duration.ofMinutes(90)), 6);
    sample("cam-1", "p2", now.minus(Duration.ofMinutes(30)), 6);

    queue.fill(now.plus(Duration.ofMinutes(2)));

    assertThat(queued()).extracting(LabelTask::predictionId).containsExactly("p2");
    queue.fill(now.plus(Duration.ofDays(1)));
    assertThat(queued()).extracting(LabelTask::predictionId).containsExactly("p2", "p1");
  }

  /** What could not be looked for is looked for once there is room, and not a day later. */
  @Test
  void looksForAllAsSoonAsNotTooManyAreOpen() {
    Instant now = Instant.now();
    open();
    sample("cam-1", "p1", now.minus(Duration.ofMinutes(90)), 6);
    LabelQueue queue = plane.bean(LabelQueue.class);
    openAsManyAsCanBe();
    queue.fill(now);
    sql("delete from label_task");

    queue.fill(now.plus(Duration.ofMinutes(2)));

    assertThat(queued()).extracting(LabelTask::predictionId).containsExactly("p1");
  }

  private void openAsManyAsCanBe() {
    sql(
        """
        insert into telemetry_prediction (device, prediction_id, subject, slot, model, version, at,
          stratum, inclusion_probability)
        select 'cam-2', 'o' || n, '', 'other', 'other', 1, now(), 'base', 1
        from generate_series(1, %d) n
        """
            .formatted(Labelling.OPEN_MAX));
    sql(
        """
        insert into label_task (device, prediction_id, model, version, at, reason, state, queued_at)
        select 'cam-2', 'o' || n, 'm', 1, now(), 'r', 'OPEN', now() from generate_series(1, %d) n
        """
            .formatted(Labelling.OPEN_MAX));
  }

  @Test
  void looksForNothingWhereTooManyAreOpen() {
    sample("cam-1", "p1", ONSET, 6);
    openAsManyAsCanBe();

    OptionalInt queued =
        plane
            .bean(Labelling.class)
            .fill(
                new Labelling.Wanted(
                    "m",
                    "",
                    ONSET,
                    5,
                    "incident-1",
                    version -> {
                      throw new AssertionError("asked how version %d is read".formatted(version));
                    }));

    assertThat(queued).isEmpty();
  }

  /** What nobody labelled leaves its room to what comes after it. */
  @Test
  void forgetsTasksThatNobodyNeedsAnyMore() {
    sample("cam-1", "p1", ONSET.plusSeconds(5), 6);
    sample("cam-1", "p2", ONSET.plusSeconds(6), 6);
    open();
    LabelQueue queue = plane.bean(LabelQueue.class);
    queue.fill();

    sql("delete from telemetry_prediction where prediction_id = 'p1'");
    queue.fill();
    assertThat(queued()).extracting(LabelTask::predictionId).containsExactly("p2");

    sql("update incident set state = 'RESOLVED'");
    queue.fill();
    assertThat(queued()).isEmpty();
  }

  @Test
  void queuesNothingForAnIncidentThatWasResolved() {
    sample("cam-1", "p1", ONSET.plusSeconds(5), 6);
    open();
    sql("update incident set state = 'RESOLVED'");

    plane.bean(LabelQueue.class).fill();

    assertThat(queued()).isEmpty();
  }

  private List<LabelTask> queued() {
    return plane.bean(Labelling.class).list("OPEN", "", 2 * LabelQueue.PER_INCIDENT);
  }

  private void predictions(String stratum, int many) {
    sql(
        """
        insert into telemetry_prediction (device, prediction_id, subject, slot, model, version, at,
          stratum, inclusion_probability)
        select 'cam-1', '%1$s' || n, '', 'main', 'm', 1, now(), '%1$s', 1
        from generate_series(1, %2$d) n
        """
            .formatted(stratum, many));
  }

  private void sql(String statement) {
    plane.database().run(transaction -> transaction.update(statement));
  }

  private void open() {
    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    """
                    insert into incident (slot, model, version, window_millis, cohort, feature,
                      state, opened_at, onset_window, opened_window, finding, confirmations,
                      resolution, relearn)
                    values ('main', 'm', 1, 60000, 'site=b', 'f', 'OPEN', now(), 1, 2, ?::jsonb, 0,
                      '', false)
                    """,
                    FINDING));
  }

  private void device(String id, String site) {
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  "insert into device (id, tenant, labels, facts, profile, enrolled_at)"
                      + " values (?, 'default', ?::jsonb, '{}'::jsonb, 'arm64-neon', now())",
                  id,
                  "{\"site\":\"" + site + "\"}");
              transaction.update(
                  "insert into device_presence (device, online, boot_epoch) values (?, true, 1)",
                  id);
            });
  }

  private void sample(String device, String prediction, Instant at, int floats) {
    float[] values = new float[floats];
    for (int i = 0; i < floats; i++) {
      values[i] = i;
    }
    sample(device, prediction, at, values);
  }

  private void sample(String device, String prediction, Instant at, float[] values) {
    ByteBuffer input =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      input.putFloat(value);
    }
    Record record =
        Record.newBuilder()
            .setSequence(++sequence)
            .setAtMillis(at.toEpochMilli())
            .setSample(
                Sample.newBuilder()
                    .setPredictionId(prediction)
                    .setModel(TestArtifacts.named(plane, "m@1"))
                    .setInclusionProbability(1)
                    .setStratum("base")
                    .addInputs(
                        NamedTensor.newBuilder()
                            .setName("input")
                            .setDatatype("FP32")
                            .addAllShape(List.of(1L, 2L, 3L))
                            .setData(ByteString.copyFrom(input.flip())))
                    .addOutputs(
                        NamedTensor.newBuilder()
                            .setName("score")
                            .setDatatype("FP32")
                            .setData(ByteString.copyFrom(new byte[4]))))
            .build();
    RecordStore.of(plane).store(new DeviceId(device), 1, record);
  }

  private void feedback(
      String device, String prediction, Instant predictedAt, double actual, boolean joined) {
    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    "insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id,"
                        + " subject, slot, model, version, actual, joined, score, predicted_at,"
                        + " outcome_at, received_at)"
                        + " values (?, 1, ?, ?, '', 'main', 'm', 1, ?, ?, 0.5, ?, ?, now())",
                    device,
                    ++sequence,
                    prediction,
                    actual,
                    joined,
                    predictedAt,
                    predictedAt.plusSeconds(1)));
  }
}
