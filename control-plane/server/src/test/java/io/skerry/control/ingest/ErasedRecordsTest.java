package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.Erasure;
import io.skerry.api.ErasureRequest;
import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.audit.Actor;
import io.skerry.control.dataset.Erasures;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
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
          telemetry_quarantine, telemetry_prediction, erasure_order, device_removed
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
              awaitLock(transaction, erasing);
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

  private void awaitEndOrLock(Thread other) {
    plane.database().run(transaction -> awaitLock(transaction, other));
  }

  private static void awaitLock(Transaction transaction, Thread other) {
    while (other.isAlive()
        && transaction.number(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted")
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
