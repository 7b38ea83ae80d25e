package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.api.DataRetention;
import io.skerry.api.Erasure;
import io.skerry.api.ErasureRequest;
import io.skerry.control.artifact.TestArtifacts;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.dataset.Erasures;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Samples at rest: sealed, moved, merged, forgotten, erased. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LakeTest {
  private static final TenantId TENANT = new TenantId("default");
  private static final String SECRET = "a face that nobody may see";
  private static final Instant NOON = Instant.parse("2026-03-01T12:00:00Z");
  private static final Actor ANA = new Actor("ana", "");

  private final Path folder;
  private final TestPlane plane;
  private final LakeWriter lake;
  private long sequence;

  LakeTest(@TempDir Path folder) throws IOException {
    this.folder = folder;
    plane = TestPlane.start(folder.resolve("data"));
    lake = plane.bean(LakeWriter.class);
    for (String device : List.of("cam-1", "cam-2")) {
      sql(
          "insert into device (id, tenant, labels, facts, enrolled_at)"
              + " values (?, 'default', '{}', '{}', now())",
          device);
    }
  }

  @AfterAll
  void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void empty() throws IOException {
    sql("update lake_file set replaced_at = now() - interval '1 day'");
    lake.removeReplaced(Duration.ZERO);
    sql(
        "truncate telemetry_sample, telemetry_feedback, telemetry_event, erasure, erasure_order, telemetry_quarantine, telemetry_prediction");
    Files.deleteIfExists(folder.resolve("data/erasures.jsonl"));
  }

  @Test
  void keepsNothingReadableInTableOrLakeWithoutTheKey() throws IOException {
    sample("cam-1", "p1", "anna", NOON);
    assertThat(sealed("select sealed from telemetry_sample")).doesNotContain(SECRET);

    lake.move();

    assertThat(files()).hasSize(1);
    String file = Files.readString(files().getFirst(), StandardCharsets.ISO_8859_1);
    assertThat(file).contains("cam-1").doesNotContain(SECRET, "anna");
    assertThat(read()).containsExactly("cam-1/p1/anna");
  }

  @Test
  void opensASampleOnlyUnderItsOwnNameAndKey() {
    SealedSample seals = plane.bean(SealedSample.class);
    SealedSample.Name name = new SealedSample.Name(TENANT, "cam-1", 1, 7);
    byte[] sealed = seals.seal(name, Sample.getDefaultInstance());

    assertThat(seals.open(name, sealed)).isEqualTo(Sample.getDefaultInstance());
    assertThatThrownBy(() -> seals.open(new SealedSample.Name(TENANT, "cam-1", 1, 8), sealed))
        .hasMessageContaining("cannot be opened");
    assertThatThrownBy(
            () -> seals.open(new SealedSample.Name(new TenantId("other"), "cam-1", 1, 7), sealed))
        .hasMessageContaining("keys/samples-other.key");
    sealed[sealed.length - 1] ^= 1;
    assertThatThrownBy(() -> seals.open(name, sealed)).hasMessageContaining("was changed");
  }

  @Test
  void mergesManySmallFilesAndLosesNoSample() {
    for (int i = 0; i < LakeWriter.MERGE_FROM; i++) {
      sample("cam-1", "p" + i, "", NOON);
      lake.move();
    }
    List<String> before = read();

    lake.merge();

    assertThat(read()).hasSize(LakeWriter.MERGE_FROM).containsExactlyInAnyOrderElementsOf(before);
    assertThat(count("select count(*) from lake_file where replaced_at is null")).isEqualTo(1);
    lake.removeReplaced(Duration.ZERO);
    assertThat(files()).hasSize(1);
    assertThat(read()).containsExactlyInAnyOrderElementsOf(before);
  }

  @Test
  void leavesAFileThatAnotherServerIsWriting() throws Exception {
    Path file = folder.resolve("data/lake/samples/being-written.parquet");
    Thread starting = new Thread(lake::removeUnnamed);
    plane
        .database()
        .run(
            transaction -> {
              LakeWriter.lock(transaction);
              write(file);
              starting.start();
              while (starting.isAlive()
                  && transaction.number(
                          "select count(*) from pg_locks where locktype = 'advisory' and not granted")
                      == 0) {
                Thread.onSpinWait();
              }
              transaction.update(
                  "insert into lake_file (path, tenant, model, version, day, rows, bytes, written_at)"
                      + " values ('samples/being-written.parquet', 'default', 'm', 1, now(), 1, 1,"
                      + " now())");
            });
    starting.join();

    assertThat(file).exists();

    sql("delete from lake_file where path = 'samples/being-written.parquet'");
    lake.removeUnnamed();
    assertThat(file).doesNotExist();
  }

  private static void write(Path file) {
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, "half of it");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void forgetsWhatIsOlderThanItIsToBeKept() {
    sample("cam-1", "old", "", NOON);
    sample("cam-1", "new", "", Instant.now());
    lake.move();
    sql(
        "insert into telemetry_event (device, boot_epoch, sequence, at, code, detail, attributes,"
            + " received_at) select 'cam-1', 1, n, now(), 'x', '', '{}',"
            + " now() - n * interval '1 day' from generate_series(1, 200) n");

    plane.bean(Retention.class).removeOld();

    assertThat(count("select count(*) from telemetry_event")).isEqualTo(89);
    assertThat(read()).containsExactly("cam-1/new/");
  }

  @Test
  void keepsTheDataOfAModelAsLongAsItSays() {
    ModelRetention retention = plane.bean(ModelRetention.class);
    Actor admin = new Actor("ana", "");
    for (String model : List.of("short", "usual", "long", "m")) {
      sql("insert into telemetry_track values ('main', ?, 5000)", model);
    }
    retention.change(admin, "short", new DataRetention(30, 10, null));
    retention.change(admin, "long", new DataRetention(400, null, null));
    for (String model : List.of("short", "usual", "long")) {
      for (int days : new int[] {5, 40, 100}) {
        sql(
            """
            insert into telemetry_window (device, boot_epoch, sequence, slot, model, version,
              manifest, window_index, start_at, end_at, predictions, predictions_failed, skipped,
              received_at)
            values ('cam-%s', 1, %d, 'main', '%s', 1, '', 1, now(), now(), 1, 0, 0,
              now() - interval '%d days')
            """
                .formatted(model, days, model, days));
      }
    }
    sample("cam-1", "old", "", Instant.now().minus(Duration.ofDays(20)));
    lake.move();
    assertThat(read()).containsExactly("cam-1/old/");

    plane.bean(Retention.class).removeOld();

    assertThat(count("select count(*) from telemetry_window where model = 'short'")).isEqualTo(1);
    assertThat(count("select count(*) from telemetry_window where model = 'usual'")).isEqualTo(2);
    assertThat(count("select count(*) from telemetry_window where model = 'long'")).isEqualTo(3);
    // No longer one of its own: what was passed over before is looked at again.
    retention.change(admin, "long", new DataRetention(null, null, null));
    plane.bean(Retention.class).removeOld();
    assertThat(count("select count(*) from telemetry_window where model = 'long'")).isEqualTo(2);
    // The samples' own model keeps what it always did, until it says otherwise.
    assertThat(read()).containsExactly("cam-1/old/");
    retention.change(admin, "m", new DataRetention(null, 10, null));
    plane.bean(Retention.class).removeOld();
    assertThat(read()).isEmpty();
    assertThat(retention.change(admin, "m", new DataRetention(null, null, null)).samplesDays())
        .isNull();
    assertThatThrownBy(() -> retention.change(admin, "m", new DataRetention(0, null, null)))
        .hasMessageContaining("windowsDays is 0: must be 1 to 7300");
    sql("truncate model_retention, telemetry_window, telemetry_track");
  }

  @Test
  void keepsNothingForAModelThatNobodyKnows() {
    ModelRetention retention = plane.bean(ModelRetention.class);
    DataRetention wanted = new DataRetention(30, null, null);

    assertThatThrownBy(() -> retention.change(ANA, "typo", wanted))
        .isInstanceOfSatisfying(
            ProblemException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND))
        .hasMessageContaining("model 'typo' is not registered");
    assertThatThrownBy(() -> retention.of("typo")).hasMessageContaining("model 'typo'");
    assertThat(count("select count(*) from model_retention")).isZero();

    sql(
        "insert into model_version (model, version, source, format, blob, created_at)"
            + " values ('registered', 1, 'import', 'onnx', 'x', now())");
    assertThat(retention.change(ANA, "registered", wanted)).isEqualTo(wanted);
    sql("delete from model_version where model = 'registered'");
    // What was set before can be taken back.
    retention.change(ANA, "registered", new DataRetention(null, null, null));
    assertThat(count("select count(*) from model_retention")).isZero();
  }

  @Test
  void keepsWindowsUntilTheyAreJudged() {
    IngestConfig waiting = waiting(Duration.ofDays(3), IngestConfig.DEFAULTS.retention().windows());
    ModelRetention retention =
        new ModelRetention(plane.database(), plane.bean(AuditLog.class), waiting);

    assertThatThrownBy(() -> retention.change(ANA, "m", new DataRetention(3, null, null)))
        .hasMessageContaining(
            "windowsDays is 3: must be longer than ingest.windows-wait, which is 72 h");
    assertThatThrownBy(() -> waiting(Duration.ofDays(3), Duration.ofDays(3)))
        .hasMessageContaining("retention.windows is 72 h: must be longer than windows-wait");
    assertThat(waiting(Duration.ofDays(3), Duration.ofDays(4)).windowsWait()).hasDays(3);
  }

  @Test
  void startsNotWhereWindowsWaitForLongerThanAModelKeepsThem() {
    for (String model : List.of("a", "b", "c", "d")) {
      sql(
          "insert into model_retention (model, what, kept_days, changed_by, changed_at)"
              + " values ('%s', 'windows', 3, 'ana', now())".formatted(model));
    }
    AuditLog audit = plane.bean(AuditLog.class);
    Duration usual = Duration.ofDays(90);

    assertThatThrownBy(
            () ->
                new ModelRetention(plane.database(), audit, waiting(Duration.ofDays(3), usual))
                    .checkOutlasting())
        .isInstanceOf(StartException.class)
        .hasMessageStartingWith(
            "ingest.windows-wait is 72 h, but windows are kept of model a for 3 days, of b for 3"
                + " days, of c for 3 days and of 1 more");
    new ModelRetention(plane.database(), audit, waiting(Duration.ofHours(71), usual))
        .checkOutlasting();
    sql("truncate model_retention");
  }

  private static IngestConfig waiting(Duration wait, Duration windows) {
    IngestConfig usual = IngestConfig.DEFAULTS;
    RetentionConfig kept = usual.retention();
    return new IngestConfig(
        usual.batchMessages(),
        usual.batchEvery(),
        usual.lakeRows(),
        usual.lakeEvery(),
        wait,
        usual.judgedWindow(),
        new RetentionConfig(
            windows, kept.samples(), kept.feedback(), kept.events(), kept.quarantine()));
  }

  @Test
  void erasesADeviceEverywhereAndAgainAfterABackupCameBack() throws IOException {
    sample("cam-1", "p1", "", NOON);
    sample("cam-2", "p2", "", NOON);
    lake.move();
    sample("cam-1", "p3", "", NOON);
    feedback("cam-1", "p1", "");

    Erasure erased = erase(new ErasureRequest("cam-1", null, "returned to its owner"));

    assertThat(erased.samples()).isEqualTo(2);
    assertThat(erased.feedback()).isEqualTo(1);
    assertThat(read()).containsExactly("cam-2/p2/");
    assertThat(files()).hasSize(1);

    sql("truncate erasure, erasure_order");
    sample("cam-1", "p1", "", NOON);
    plane.bean(Erasures.class).carryOutAgain();
    assertThat(read()).containsExactly("cam-2/p2/");
    assertThat(count("select count(*) from erasure")).isEqualTo(1);
  }

  @Test
  void erasesASubjectAndNamesItInNoFile() throws IOException {
    sample("cam-1", "p1", "anna", NOON);
    sample("cam-2", "p2", "bert", NOON);
    lake.move();
    feedback("cam-1", "p1", "");
    feedback("cam-2", "p9", "anna");
    feedback("cam-2", "p2", "bert");
    Quarantine quarantine = plane.bean(Quarantine.class);
    plane
        .database()
        .run(
            transaction ->
                quarantine.put(
                    transaction,
                    new Topics.DeviceTopic(TENANT, new DeviceId("cam-2"), "windows"),
                    1L,
                    9L,
                    "no output",
                    ByteString.copyFromUtf8(SECRET + " of anna")));
    assertThat(quarantined()).contains(SECRET + " of anna");
    assertThat(sealed("select sealed from telemetry_quarantine")).doesNotContain("anna", SECRET);
    assertThat(count("select count(*) from telemetry_feedback where subject in ('anna', 'bert')"))
        .isZero();

    Erasure erased = erase(new ErasureRequest(null, "anna", "asked for it"));

    assertThat(erased.samples()).isEqualTo(1);
    assertThat(erased.feedback()).isEqualTo(2);
    assertThat(read()).containsExactly("cam-2/p2/bert");
    assertThat(quarantined()).isEmpty();
    assertThat(count("select count(*) from telemetry_quarantine")).isEqualTo(1);
    assertThat(Files.readString(folder.resolve("data/erasures.jsonl"))).doesNotContain("anna");
    assertThatThrownBy(() -> erase(new ErasureRequest("cam-1", "anna", "both")))
        .hasMessageContaining("either");
  }

  @Test
  void keepsWhatCannotBeSealedWithoutItsBytes() throws IOException {
    Files.writeString(folder.resolve("data/keys/samples-broken.key"), "nonsense");

    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(Quarantine.class)
                    .put(
                        transaction,
                        new Topics.DeviceTopic(
                            new TenantId("broken"), new DeviceId("cam-2"), "samples"),
                        1L,
                        9L,
                        "no output",
                        ByteString.copyFromUtf8(SECRET)));

    assertThat(quarantined()).isEmpty();
    assertThat(
            plane
                .database()
                .call(transaction -> Quarantine.newest(transaction, Long.MAX_VALUE, "cam-2", 1))
                .getFirst())
        .satisfies(
            row -> {
              assertThat(row.bytes()).isZero();
              assertThat(row.reason())
                  .contains("samples-broken.key is no key", "no output")
                  .doesNotContain(SECRET);
            });
  }

  @Test
  void erasesASubjectWhoseSamplesAreForgottenAndWhoseDeviceIsGone() {
    sample("cam-1", "p1", "anna", NOON);
    feedback("cam-1", "p1", "");
    sql("truncate telemetry_sample");
    sql("delete from device where id = 'cam-1'");

    assertThat(erase(new ErasureRequest(null, "anna", "asked for it")).feedback()).isEqualTo(1);
  }

  private Optional<String> quarantined() {
    return plane
        .database()
        .call(
            transaction ->
                plane
                    .bean(Quarantine.class)
                    .payload(
                        transaction,
                        Quarantine.newest(transaction, Long.MAX_VALUE, "cam-2", 1).getFirst().id()))
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8));
  }

  private Erasure erase(ErasureRequest request) {
    return plane.bean(Erasures.class).erase(ANA, request);
  }

  private void sample(String device, String prediction, String client, Instant at) {
    Record record =
        Record.newBuilder()
            .setSequence(++sequence)
            .setAtMillis(at.toEpochMilli())
            .setSample(
                Sample.newBuilder()
                    .setPredictionId(prediction)
                    .setClientId(client)
                    .setModel(TestArtifacts.named(plane, "m@1"))
                    .setInclusionProbability(1)
                    .setStratum("base")
                    .addInputs(
                        NamedTensor.newBuilder()
                            .setName("input")
                            .setDatatype("UINT8")
                            .setData(ByteString.copyFromUtf8(SECRET)))
                    .addOutputs(NamedTensor.newBuilder().setName("out").setDatatype("FP32")))
            .build();
    RecordStore.of(plane).store(new DeviceId(device), 1, record);
  }

  private void feedback(String device, String prediction, String client) {
    Record record =
        Record.newBuilder()
            .setSequence(++sequence)
            .setFeedback(
                Feedback.newBuilder()
                    .setPredictionId(prediction)
                    .setClientId(client)
                    .setOutcomeAtMillis(NOON.toEpochMilli()))
            .build();
    RecordStore.of(plane).store(new DeviceId(device), 1, record);
  }

  private List<String> read() {
    List<String> read = new ArrayList<>();
    plane
        .bean(SampleStore.class)
        .read(
            new ModelName("m"),
            Instant.EPOCH,
            Instant.parse("2100-01-01T00:00:00Z"),
            one ->
                read.add("%s/%s/%s".formatted(one.device(), one.predictionId(), one.clientId())));
    return read;
  }

  private List<Path> files() {
    try (Stream<Path> files = Files.walk(folder.resolve("data/lake"))) {
      return files.filter(Files::isRegularFile).toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private String sealed(String sql) {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    sql, row -> new String(row.bytes("sealed"), StandardCharsets.ISO_8859_1)))
        .toString();
  }

  private long count(String sql) {
    return plane.database().<Long>call(transaction -> transaction.number(sql));
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
