package io.skerry.control.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.api.LabelDecision;
import io.skerry.api.LabelTask;
import io.skerry.api.OutcomeReceipt;
import io.skerry.api.ToldOutcome;
import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.audit.Actor;
import io.skerry.control.ingest.Outcomes;
import io.skerry.control.ingest.RecordStore;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
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
import java.util.OptionalDouble;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Outcomes that people and systems tell, joined to predictions and queued for labelling. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OutcomesTest {
  private static final Labelling.Reading HALF = version -> OptionalDouble.of(.5);
  private static final Actor ANA = new Actor("ana", "");
  private static final Instant NOON = Instant.parse("2026-11-20T12:00:00Z");

  private final TestPlane plane;
  private final Outcomes outcomes;
  private final Labelling labelling;
  private long sequence;

  OutcomesTest(@TempDir Path folder) throws IOException {
    plane = TestPlane.start(folder.resolve("data"));
    outcomes = plane.bean(Outcomes.class);
    labelling = plane.bean(Labelling.class);
    for (String device : List.of("cam-1", "cam-2")) {
      sql(
          "insert into device (id, tenant, labels, facts, enrolled_at) values"
              + " (?, 'default', jsonb_build_object('site', ?::text), '{}', now())",
          device,
          device.endsWith("1") ? "a" : "b");
    }
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void empty() {
    sql(
        "truncate telemetry_sample, telemetry_prediction, telemetry_feedback, label_task, telemetry_quarantine");
  }

  @Test
  void joinsAnOutcomeToItsPredictionWhicheverComesFirst() {
    sample("cam-1", "p1", "", .9f);
    assertThat(tell(outcome("cam-1", "p1", 1))).isEqualTo(new OutcomeReceipt(1, 1, 0, 1));

    assertThat(tell(outcome("cam-1", "p2", 0))).isEqualTo(new OutcomeReceipt(1, 1, 0, 0));
    sample("cam-1", "p2", "", .2f);
    assertThat(tell(outcome("cam-1", "p1", 1)).joined()).isEqualTo(1);

    List<String> joined =
        rows(
            """
            select prediction_id, model, version, score, inclusion_probability, predicted_at
            from telemetry_feedback where joined order by prediction_id
            """,
            row ->
                "%s %s@%d %.1f %.2f %s"
                    .formatted(
                        row.text("prediction_id"),
                        row.text("model"),
                        row.bigint("version"),
                        row.number("score"),
                        row.number("inclusion_probability"),
                        row.instant("predicted_at")));
    assertThat(joined).containsExactly("p1 m@1 0.9 0.25 " + NOON, "p2 m@1 0.2 0.25 " + NOON);
  }

  @Test
  void countsWhatIsToldTwiceOnce() {
    sample("cam-1", "p1", "", .9f);
    ToldOutcome outcome = outcome("cam-1", "p1", 1);

    tell(outcome);
    OutcomeReceipt again = tell(outcome);

    assertThat(again.duplicates()).isEqualTo(1);
    assertThat(count("select count(*) from telemetry_feedback")).isEqualTo(1);
  }

  @Test
  void findsThePredictionByTheIdThatTheApplicationGave() {
    sample("cam-1", "p1", "ticket-77", .9f);

    OutcomeReceipt receipt = tell(new ToldOutcome("cam-1", null, "ticket-77", 0, NOON));

    assertThat(receipt.joined()).isEqualTo(1);
    assertThat(count("select count(*) from telemetry_prediction where subject = 'ticket-77'"))
        .isZero();
  }

  /** A customer is predicted of again and again; what came true was said of the last one before. */
  @Test
  void findsAClientsLastPredictionBeforeTheOutcome() {
    sample("cam-1", "p1", "customer-7", .9f);
    sample("cam-1", "p2", "customer-7", .1f);
    sql(
        "update telemetry_prediction set at = ? where prediction_id = 'p2'",
        NOON.plus(Duration.ofHours(2)));

    tell(new ToldOutcome("cam-1", null, "customer-7", 0, NOON.plusSeconds(60)));
    tell(new ToldOutcome("cam-1", null, "customer-7", 1, NOON.plus(Duration.ofHours(3))));

    assertThat(joined()).containsExactly("p1 0.0", "p2 1.0");
  }

  /** By a device's clock that is a little ahead, what came true comes before its prediction. */
  @Test
  void takesAPredictionJustAfterTheOutcomeBeforeOneOfLongAgo() {
    sample("cam-1", "p1", "customer-7", .9f);
    sample("cam-1", "p2", "customer-7", .1f);
    sql(
        "update telemetry_prediction set at = ? where prediction_id = 'p1'",
        NOON.minus(Duration.ofDays(30)));

    tell(new ToldOutcome("cam-1", null, "customer-7", 0, NOON.minusSeconds(30)));

    assertThat(joined()).containsExactly("p2 0.0");
  }

  @Test
  void joinsAnOutcomeOfAClientThatCameBeforeItsPrediction() {
    tell(new ToldOutcome("cam-1", null, "ticket-78", 1, NOON.plusSeconds(60)));
    tell(new ToldOutcome("cam-1", null, "ticket-79", 1, NOON.plusSeconds(60)));
    sample("cam-1", "p1", "ticket-78", .9f);

    RecordStore.of(plane).nameOutcomes();
    tell();

    assertThat(joined()).containsExactly("p1 1.0");
  }

  /** One that nobody predicts would count as another. */
  @Test
  void refusesAnOutcomeThatIsNoneOfTheClasses() {
    sample("cam-1", "p1", "", .9f);
    classes("p1", 2);

    assertThatThrownBy(() -> tell(outcome("cam-1", "p1", 99)))
        .hasMessageContaining("outcome 1: actual 99.0 is none of the 2 classes of prediction 'p1'");
    assertThatThrownBy(() -> tell(outcome("cam-1", "p1", -1))).hasMessageContaining("0 to 1");
    assertThat(tell(outcome("cam-1", "p1", .7)).joined()).isEqualTo(1);
  }

  @Test
  void setsAsideAnOutcomeOfNoClassThatCameBeforeItsPrediction() {
    tell(outcome("cam-1", "p1", 99), outcome("cam-1", "p2", 1));
    sample("cam-1", "p1", "", .9f);
    sample("cam-1", "p2", "", .9f);
    classes("p1", 3);
    classes("p2", 3);

    tell();

    assertThat(joined()).containsExactly("p2 1.0");
    assertThat(count("select count(*) from telemetry_feedback")).isEqualTo(1);
    assertThat(rows("select reason from telemetry_quarantine", row -> row.text("reason")))
        .containsExactly("outcome's actual 99.0 is none of the 3 classes of m@1, 0 to 2");
  }

  private void classes(String prediction, int classes) {
    sql("update telemetry_prediction set classes = ? where prediction_id = ?", classes, prediction);
  }

  private List<String> joined() {
    return rows(
        "select prediction_id, actual from telemetry_feedback where joined order by 1",
        row -> row.text("prediction_id") + " " + row.number("actual"));
  }

  /** Drift judges a window by what was joined in it: the start of a long transaction is past. */
  @Test
  void isKnownFromWhenItIsJoined() {
    sample("cam-1", "p1", "", .9f);

    long late =
        plane
            .database()
            .call(
                transaction -> {
                  transaction.update(
                      "create temporary table asked on commit drop as select clock_timestamp() as at");
                  outcomes.tell(
                      transaction, List.of(outcome("cam-1", "p1", 1)), Outcomes.Source.API);
                  return transaction.number(
                      "select count(*) from telemetry_feedback, asked where joined_at > asked.at");
                });

    assertThat(late).isEqualTo(1);
  }

  @Test
  void storesAllOfThemOrNone() {
    assertThatThrownBy(
            () ->
                outcomes.tell(
                    List.of(
                        outcome("cam-1", "p1", 1),
                        outcome("cam-9", "p1", 1),
                        new ToldOutcome("cam-1", null, null, 1, null),
                        outcome("cam-1", "p1", Double.NaN),
                        new ToldOutcome("cam-1", "p1", null, 1, Instant.now().plusSeconds(86_400))),
                    Outcomes.Source.API))
        .hasMessageContaining("nothing was stored")
        .hasMessageContaining("outcome 2: no device 'cam-9'")
        .hasMessageContaining("outcome 3: names neither")
        .hasMessageContaining("outcome 4: actual")
        .hasMessageContaining("outcome 5: outcome at")
        .hasMessageNotContaining("outcome 1:");
    assertThat(count("select count(*) from telemetry_feedback")).isZero();
  }

  @Test
  void queuesACohortsPredictionsAndLearnsWhatPeopleSayOfThem() {
    sample("cam-1", "p1", "", .9f);
    sample("cam-2", "p2", "", .9f);
    sample("cam-2", "p3", "", .1f);
    sample("cam-2", "p4", "", .6f);
    tell(outcome("cam-2", "p4", 1));
    Labelling.Wanted wanted =
        new Labelling.Wanted("m", "site=b", NOON.minusSeconds(1), 10, "incident-1", HALF);

    Labelling.Wanted one =
        new Labelling.Wanted("m", "site=b", NOON.minusSeconds(1), 1, "incident-1", HALF);
    assertThat(labelling.queue(one)).isEqualTo(1);
    assertThat(labelling.queue(one)).isEqualTo(1);
    assertThat(labelling.queue(wanted)).isZero();
    List<LabelTask> open = labelling.list("OPEN", "", 10);
    assertThat(open)
        .extracting(task -> task.predictionId() + " " + task.predicted())
        .containsExactlyInAnyOrder("p2 1.0", "p3 0.0");
    LabelTask right = task(open, "p2");
    LabelTask wrong = task(open, "p3");
    assertThat(labelling.input(right.id()).orElseThrow().values()).containsExactly(1.5, 2.5);

    labelling.decide(ANA, right.id(), new LabelDecision("accept", null));
    labelling.decide(ANA, wrong.id(), new LabelDecision("correct", 1.0));

    assertThat(labelling.open()).isZero();
    List<String> labelled =
        rows(
            """
            select prediction_id, actual from telemetry_feedback
            where source = 'label' and joined order by prediction_id
            """,
            row -> row.text("prediction_id") + " " + row.number("actual"));
    assertThat(labelled).containsExactly("p2 1.0", "p3 1.0");
    assertThatThrownBy(() -> labelling.decide(ANA, wrong.id(), new LabelDecision("reject", null)))
        .hasMessageContaining("corrected by ana already");
  }

  @Test
  void rejectsWithoutAnOutcomeAndSaysWhatIsMissing() {
    sample("cam-2", "p1", "", .9f);
    labelling.queue(new Labelling.Wanted("m", "", NOON.minusSeconds(1), 10, "asked", HALF));
    String id = labelling.list("OPEN", "", 1).getFirst().id();

    assertThatThrownBy(() -> labelling.decide(ANA, id, new LabelDecision("correct", null)))
        .hasMessageContaining("label is missing");
    assertThatThrownBy(() -> labelling.decide(ANA, id, new LabelDecision("perhaps", null)))
        .hasMessageContaining("accept, correct or reject");
    labelling.decide(ANA, id, new LabelDecision("reject", null));

    assertThat(count("select count(*) from telemetry_feedback")).isZero();
  }

  private static LabelTask task(List<LabelTask> tasks, String prediction) {
    return tasks.stream()
        .filter(one -> one.predictionId().equals(prediction))
        .findFirst()
        .orElseThrow();
  }

  private OutcomeReceipt tell(ToldOutcome... told) {
    return outcomes.tell(List.of(told), Outcomes.Source.API);
  }

  private static ToldOutcome outcome(String device, String prediction, double actual) {
    return new ToldOutcome(device, prediction, null, actual, NOON);
  }

  private void sample(String device, String prediction, String client, float score) {
    RecordStore.of(plane)
        .store(
            new DeviceId(device),
            1,
            Record.newBuilder()
                .setSequence(++sequence)
                .setAtMillis(NOON.toEpochMilli())
                .setSample(
                    Sample.newBuilder()
                        .setPredictionId(prediction)
                        .setClientId(client)
                        .setModel(TestArtifacts.named(plane, "m@1"))
                        .setInclusionProbability(.25)
                        .setStratum("base")
                        .addInputs(tensor("input", 1.5f, 2.5f))
                        .addOutputs(tensor("score", score)))
                .build());
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
        .addShape(values.length)
        .setData(ByteString.copyFrom(data.flip()))
        .build();
  }

  private List<String> rows(String sql, Function<Row, String> reader) {
    return plane.database().call(transaction -> transaction.list(sql, reader));
  }

  private long count(String sql) {
    return plane.database().<Long>call(transaction -> transaction.number(sql));
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
