package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.api.Erasure;
import io.skerry.api.ErasureRequest;
import io.skerry.api.LabelDecision;
import io.skerry.api.LabelTask;
import io.skerry.api.ToldOutcome;
import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.audit.Actor;
import io.skerry.control.dataset.Erasures;
import io.skerry.control.dataset.Labelling;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Erasures beside devices that go on sending, and what else goes on. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ErasedRecordsTest {
  private static final Actor ANA = new Actor("ana", "");
  private static final long MINUTE = Duration.ofMinutes(1).toMillis();

  private final Path folder;
  private final TestPlane plane;
  private final ModelRef model;
  private final Instant madeBefore = Instant.now().minus(Duration.ofHours(2));
  private final Instant madeAfter = Instant.now().plus(Duration.ofMinutes(8));
  private long sequence;

  ErasedRecordsTest(@TempDir Path folder) throws IOException {
    this.folder = folder;
    plane = TestPlane.start(folder.resolve("data"));
    model = TestArtifacts.named(plane, "m@1");
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void empty() throws IOException {
    sql("truncate device cascade");
    for (String device : List.of("cam-1", "cam-2")) {
      sql(
          "insert into device (id, tenant, labels, facts, enrolled_at)"
              + " values (?, 'default', '{}', '{}', now())",
          device);
    }
    sql(
        """
        truncate telemetry_sample, telemetry_feedback, telemetry_event, telemetry_window, erasure,
          telemetry_quarantine, telemetry_prediction, erasure_order, device_removed,
          label_task
        """);
    Files.deleteIfExists(folder.resolve("data/erasures.jsonl"));
  }

  @Test
  void takesNothingOfAnErasedDeviceThatItHadNotSent() {
    erase(new ErasureRequest("cam-1", null, "returned"));
    long before = count("select value from telemetry_counter where name = 'erased'");

    for (String device : List.of("cam-1", "cam-2")) {
      for (Instant at : List.of(madeBefore, madeAfter)) {
        store(device, sample("", at));
        store(device, feedback("", at));
        store(
            device,
            Record.newBuilder()
                .setAtMillis(at.toEpochMilli())
                .setEvent(Event.newBuilder().setCode("x")));
      }
      store(device, window(madeBefore));
    }

    for (String table : List.of("telemetry_sample", "telemetry_feedback", "telemetry_event")) {
      assertThat(count("select count(*) from %s where device = 'cam-1'".formatted(table)))
          .as(table)
          .isEqualTo(1);
      assertThat(count("select count(*) from %s where device = 'cam-2'".formatted(table)))
          .as(table)
          .isEqualTo(2);
    }
    assertThat(count("select count(*) from telemetry_window where device = 'cam-1'")).isZero();
    assertThat(count("select count(*) from telemetry_window where device = 'cam-2'")).isEqualTo(1);
    assertThat(count("select value from telemetry_counter where name = 'erased'") - before)
        .isEqualTo(4);
  }

  @Test
  void takesNothingOfAnErasedSubjectThatDevicesHadNotSent() {
    erase(new ErasureRequest(null, "anna", "asked for it"));

    for (String client : List.of("anna", "bert", "")) {
      for (Instant at : List.of(madeBefore, madeAfter)) {
        store("cam-1", sample(client, at));
        store("cam-1", feedback(client, at));
      }
    }

    for (String table : List.of("telemetry_sample", "telemetry_feedback", "telemetry_prediction")) {
      assertThat(count("select count(*) from " + table)).as(table).isEqualTo(5);
    }
  }

  @Test
  void waitsForWhatIsBeingStored() throws Exception {
    Thread erasing = new Thread(() -> erase(new ErasureRequest("cam-1", null, "returned")));

    RecordStore.of(plane)
        .store(
            new DeviceId("cam-1"),
            1,
            sample("", madeBefore).setSequence(++sequence).build(),
            () -> {
              erasing.start();
              awaitEndOrLock(erasing);
            });
    erasing.join();

    assertThat(count("select count(*) from telemetry_sample")).isZero();
    assertThat(count("select count(*) from erasure")).isEqualTo(1);
  }

  @Test
  void erasesADeviceThatWasRemoved() {
    store("cam-1", feedback("", madeBefore));
    sql(
        """
        insert into device_removed (id, tenant, boot_epoch, term, counter, removed_at)
        values ('cam-1', 'default', 1, 0, 0, now())
        """);
    sql("delete from device where id = 'cam-1'");

    erase(new ErasureRequest("cam-1", null, "sold"));

    assertThat(count("select count(*) from telemetry_feedback")).isZero();
    assertThatThrownBy(() -> erase(new ErasureRequest("cam-9", null, "typo")))
        .hasMessageContaining("no device 'cam-9' is here, and none was removed");
  }

  @Test
  void saysThatADeviceMayHoldWhatItHasNotSent() {
    assertThat(erase(new ErasureRequest("cam-1", null, "returned")).beyond())
        .contains("'cam-1' may still hold what it has not sent");
    sql("delete from device where id = 'cam-2'");
    sql("insert into device_removed values ('cam-2', 'default', 1, 0, 0, now())");
    assertThat(erase(new ErasureRequest("cam-2", null, "sold")).beyond()).isNull();
  }

  /** Who moves samples to the lake holds it before it takes rows; in another order both wait. */
  @Test
  void touchesNoRowBeforeItHasTheLake() throws Exception {
    store("cam-1", sample("anna", madeBefore));
    Thread erasing = new Thread(() -> erase(new ErasureRequest("cam-1", null, "returned")));

    plane
        .database()
        .run(
            transaction -> {
              LakeWriter.lock(transaction);
              erasing.start();
              awaitLock(transaction, erasing, "advisory");
              assertThat(
                      transaction.list(
                          "select 1 from telemetry_sample for update skip locked", row -> true))
                  .hasSize(1);
            });
    erasing.join();

    assertThat(count("select count(*) from telemetry_sample")).isZero();
  }

  /** Moving them failed once they were written: what they hold may be of whom is erased. */
  @Test
  void removesFilesThatWereWrittenAndNeverNamed() throws IOException {
    Path unnamed = folder.resolve("data/lake/samples/tenant=default/unnamed.parquet");
    Files.createDirectories(unnamed.getParent());
    Files.writeString(unnamed, "of anna");

    erase(new ErasureRequest(null, "anna", "asked for it"));

    assertThat(unnamed).doesNotExist();
  }

  @Test
  void takesASubjectsPredictionsOutOfTheAnomaliesOfWindows() {
    String prediction = "p-" + sequence;
    store("cam-1", sample("anna", madeBefore));
    Record.Builder window = window(madeBefore);
    window
        .getWindowBuilder()
        .setAnomalous(2)
        .addAnomalies(Anomaly.newBuilder().setPredictionId(prediction))
        .addAnomalies(Anomaly.newBuilder().setPredictionId("of-bert"));
    store("cam-1", window);
    store("cam-2", window);

    erase(new ErasureRequest(null, "anna", "asked for it"));

    assertThat(anomalies("cam-1")).containsExactly("of-bert");
    assertThat(anomalies("cam-2")).containsExactly(prediction, "of-bert");
  }

  private List<String> anomalies(String device) {
    return plane
        .database()
        .call(
            transaction ->
                transaction.first(
                    "select record from telemetry_window where device = ?",
                    row -> row.bytes("record"),
                    device))
        .map(ErasedRecordsTest::predictions)
        .orElseThrow();
  }

  private static List<String> predictions(byte[] window) {
    try {
      return Window.parseFrom(window).getAnomaliesList().stream()
          .map(Anomaly::getPredictionId)
          .toList();
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  /** An order that fails keeps neither the later ones nor the start. */
  @Test
  void carriesOutWhatComesAfterAnOrderThatFails() throws IOException {
    store("cam-1", feedback("", madeBefore));
    String order =
        "{\"id\":\"%s\",\"tenant\":\"default\",\"device\":\"cam-1\",\"reason\":\"r\",\"by\":\"ana\",\"at\":\"%s\"}\n";
    Files.writeString(
        folder.resolve("data/erasures.jsonl"),
        order.formatted("first", "nonsense") + order.formatted("second", madeAfter));

    plane.bean(Erasures.class).carryOutAgain();

    assertThat(count("select count(*) from telemetry_feedback")).isZero();
    assertThat(count("select count(*) from erasure where id = 'second'")).isEqualTo(1);
  }

  /** An outcome that somebody tells while its prediction is erased goes with it. */
  @Test
  void erasesWhatIsLabelledMeanwhile() throws Exception {
    String prediction = labelTask();
    Thread erasing = new Thread(() -> erase(new ErasureRequest(null, "anna", "asked for it")));

    plane
        .database()
        .run(
            transaction -> {
              transaction.list("select 1 from label_task for update", row -> true);
              erasing.start();
              awaitLock(transaction, erasing, "transactionid");
              plane
                  .bean(Outcomes.class)
                  .tell(
                      transaction,
                      List.of(new ToldOutcome("cam-1", prediction, null, 1, madeBefore)),
                      Outcomes.Source.LABEL);
            });
    erasing.join();

    assertThat(count("select count(*) from telemetry_feedback")).isZero();
    assertThat(count("select count(*) from label_task")).isZero();
  }

  /** Whoever labels holds orders back before any row: in another order both wait. */
  @Test
  void labelsNothingThatIsErased() throws Exception {
    labelTask();
    String task = "label-" + count("select id from label_task");
    FutureTask<LabelTask> labelling =
        new FutureTask<>(
            () -> plane.bean(Labelling.class).decide(ANA, task, new LabelDecision("correct", 1.0)));
    Thread thread = new Thread(labelling);

    plane
        .database()
        .run(
            transaction -> {
              ErasureOrders.tell(
                  transaction, "order", new TenantId("default"), "cam-1", null, madeAfter);
              thread.start();
              awaitLock(transaction, thread, "advisory");
              transaction.update("delete from label_task");
            });

    assertThatThrownBy(labelling::get).hasMessageContaining("no label task '" + task + "'");
    assertThat(count("select count(*) from telemetry_feedback")).isZero();
  }

  private String labelTask() {
    String prediction = "p-" + sequence;
    store("cam-1", sample("anna", madeBefore));
    sql(
        """
        insert into label_task (device, prediction_id, model, version, at, reason, state, queued_at)
        values ('cam-1', ?, 'm', 1, now(), 'unsure', 'OPEN', now())
        """,
        prediction);
    return prediction;
  }

  private void awaitEndOrLock(Thread other) {
    plane.database().run(transaction -> awaitLock(transaction, other, "advisory"));
  }

  private static void awaitLock(Transaction transaction, Thread other, String kind) {
    while (other.isAlive()
        && transaction.number(
                "select count(*) from pg_locks where locktype = ? and not granted", kind)
            == 0) {
      Thread.onSpinWait();
    }
  }

  private Erasure erase(ErasureRequest request) {
    return plane.bean(Erasures.class).erase(ANA, request);
  }

  private void store(String device, Record.Builder record) {
    RecordStore.of(plane)
        .store(new DeviceId(device), 1, record.setSequence(++sequence).build(), () -> {});
  }

  private Record.Builder window(Instant end) {
    long index = end.toEpochMilli() / MINUTE;
    return Record.newBuilder()
        .setWindow(
            Window.newBuilder()
                .setModel(model)
                .setWindow(index)
                .setStartMillis(index * MINUTE)
                .setEndMillis((index + 1) * MINUTE)
                .setPredictions(60));
  }

  private Record.Builder sample(String client, Instant at) {
    return Record.newBuilder()
        .setAtMillis(at.toEpochMilli())
        .setSample(
            Sample.newBuilder()
                .setPredictionId("p-" + sequence)
                .setClientId(client)
                .setModel(model)
                .setInclusionProbability(1)
                .setStratum("base")
                .addInputs(NamedTensor.newBuilder().setName("input").setDatatype("UINT8"))
                .addOutputs(NamedTensor.newBuilder().setName("out").setDatatype("FP32")));
  }

  private static Record.Builder feedback(String client, Instant at) {
    return Record.newBuilder()
        .setFeedback(
            Feedback.newBuilder()
                .setPredictionId("f")
                .setClientId(client)
                .setOutcomeAtMillis(at.toEpochMilli()));
  }

  private long count(String sql) {
    return plane.database().<Long>call(transaction -> transaction.number(sql));
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
