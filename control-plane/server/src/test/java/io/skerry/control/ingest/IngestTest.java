package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.TelemetryView;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.control.TestControlPlane;
import io.skerry.control.TestDevice;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.sql.Database;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.fleet.v1.CoMoments;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Sample;
import io.skerry.wire.fleet.v1.StratumSamples;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import jakarta.inject.Singleton;
import java.io.RandomAccessFile;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class IngestTest {
  private static final String POISON = "ingest-poison";
  private static final Duration REFUSED_WITHIN = Duration.ofSeconds(20);
  private static final Duration POLL = Duration.ofMillis(20);

  private final TestControlPlane plane = TestControlPlane.shared();
  private final TelemetryCounts counts = plane.bean(TelemetryCounts.class);
  private final Digest manifest =
      plane
          .bean(ArtifactStore.class)
          .put(
              new ArtifactManifest(
                      ModelVersion.parse("ingest-model@3"),
                      new ProfileId("x86-64-avx2"),
                      Engine.ONNXRUNTIME,
                      Precision.FP32,
                      1,
                      new ModelSignature(
                          List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 2L))),
                          List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))),
                      List.of(
                          new Layer(
                              LayerType.MODEL_ONNX,
                              "model.onnx",
                              Digest.of(new byte[] {1}),
                              1,
                              List.of(Digest.of(new byte[] {1})))))
                  .toJson());

  /** Fails on whatever one device sends, as a mistake of ours would. */
  @Singleton
  static final class Mistaken {
    @EventListener
    void onStoring(RecordsStoring storing) {
      if (storing.windows().stream().anyMatch(one -> one.device().value().equals(POISON))) {
        throw new IllegalStateException("nobody thought of this");
      }
    }
  }

  @Test
  void countsARepeatedBatchOnceAndCommitsItBothTimes() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-1").connect()) {
      TelemetryView before = counts.now();
      RecordBatch batch = batch(window(1, 7), window(2, 8));

      device.send("windows", batch);
      assertThat(device.committed()).containsExactly(through(2));
      device.send("windows", batch);
      assertThat(device.committed()).containsExactly(through(2));

      TelemetryView after = counts.now();
      assertThat(after.windowsStored() - before.windowsStored()).isEqualTo(2);
      assertThat(after.duplicatesRefused() - before.duplicatesRefused()).isEqualTo(2);
      assertThat(storedCounts("ingest-1", 1)).containsExactly(3L, 0L, 4L);
    }
  }

  /**
   * Drift judges a window from what was received until then: a transaction may have begun long
   * before.
   */
  @Test
  void receivesWindowsWhenTheyAreStored() {
    TestDevice.enrolled(plane, "ingest-late");
    Topics.DeviceTopic topic =
        new Topics.DeviceTopic(new TenantId("default"), new DeviceId("ingest-late"), "windows");

    long late =
        plane
            .bean(Database.class)
            .call(
                transaction -> {
                  transaction.update(
                      "create temporary table asked on commit drop as select clock_timestamp() as at");
                  plane
                      .bean(BatchStore.class)
                      .store(
                          transaction,
                          List.of(
                              new InboundMessage(
                                  topic,
                                  batch(window(1, 7)).toByteString(),
                                  () -> false,
                                  () -> {})));
                  return transaction.number(
                      """
                      select count(*) from telemetry_window, asked
                      where device = 'ingest-late' and received_at > asked.at
                      """);
                });

    assertThat(late).isEqualTo(1);
  }

  @Test
  void foldsBootsThatEndedAndStillRefusesWhatComesAgainOfThem() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-folded").connect()) {
      Database database = plane.bean(Database.class);
      device.send("windows", batch(window(1, 7), window(2, 8)));
      device.committed();
      device.send(
          "windows", batch(window(1, 9)).toBuilder().setBootEpoch(2).setOldestEpoch(2).build());
      List<CommittedRange> told = device.committed();
      TelemetryView before = counts.now();
      assertThat(told)
          .contains(new CommittedRange(RecordStream.WINDOWS, 1, 2, OptionalLong.of(0), true));

      int tooEarly = database.call(transaction -> Ledgers.fold(transaction, Duration.ofDays(1)));
      int folded = database.call(transaction -> Ledgers.fold(transaction, Duration.ZERO));
      device.send("windows", batch(window(1, 7), window(2, 8)));
      device.committed();

      assertThat(tooEarly).isZero();
      assertThat(folded).isPositive();
      long rows =
          database.call(
              transaction ->
                  transaction.number(
                      "select count(*) from ingest_ledger where device = 'ingest-folded'"));
      assertThat(rows).isEqualTo(1);
      TelemetryView after = counts.now();
      assertThat(after.windowsStored()).isEqualTo(before.windowsStored());
      assertThat(after.duplicatesRefused() - before.duplicatesRefused()).isEqualTo(2);
      assertThat(after.missing()).isEqualTo(before.missing());
    }
  }

  @Test
  void commitsOnlyWhatIsStored() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-2").connect()) {
      device.send("windows", batch(window(1, 1)));

      CommittedRange range = device.committed().getFirst();

      assertThat(range.through()).isEqualTo(1);
      assertThat(storedCounts("ingest-2", 1)).isNotEmpty();
    }
  }

  @Test
  void countsAGapAsMissingUntilItClosesOrTheDeviceGivesItUp() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-3").connect()) {
      TelemetryView start = counts.now();
      long before = start.missing();

      device.send("windows", batch(window(1, 1), window(4, 4)));
      assertThat(device.committed()).containsExactly(through(1));
      assertThat(counts.now().missing() - before).isEqualTo(2);
      device.send("windows", batch(window(2, 2)));
      assertThat(device.committed()).containsExactly(through(2));
      assertThat(counts.now().missing() - before).isEqualTo(1);

      RecordBatch last = batch(window(5, 5)).toBuilder().setFirstKept(4).build();
      device.send("windows", last);
      assertThat(device.committed()).containsExactly(through(5, 1));
      device.send("windows", last);
      assertThat(device.committed()).containsExactly(through(5, 1));
      assertThat(counts.now().missing() - before).isZero();
      assertThat(counts.now().givenUp() - start.givenUp()).isEqualTo(1);
      assertThat(counts.now().damaged()).isEqualTo(start.damaged());
    }
  }

  @Test
  void countsWhatWasDamagedOnTheDeviceOnceAndCommitsIt() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-8").connect()) {
      TelemetryView before = counts.now();
      RecordBatch batch =
          batch(window(1, 1), window(4, 4)).toBuilder()
              .addGaps(RecordBatch.Gap.newBuilder().setFirst(2).setLast(3))
              .build();

      for (int i = 0; i < 2; i++) {
        device.send("windows", batch);
        assertThat(device.committed()).containsExactly(through(4));
      }

      TelemetryView after = counts.now();
      assertThat(after.damaged() - before.damaged()).isEqualTo(2);
      assertThat(after.missing()).isEqualTo(before.missing());
      assertThat(after.givenUp()).isEqualTo(before.givenUp());
    }
  }

  @Test
  void givesUpWhatIsMissingOfEpochsThatTheDeviceHasNoMore() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-9").connect()) {
      TelemetryView before = counts.now();
      device.send("windows", batch(window(1, 1), window(4, 4)));
      device.committed();
      assertThat(counts.now().missing() - before.missing()).isEqualTo(2);

      device.send(
          "windows", batch(window(1, 9)).toBuilder().setBootEpoch(3).setOldestEpoch(3).build());
      device.committed();

      assertThat(counts.now().missing()).isEqualTo(before.missing());
      assertThat(counts.now().givenUp() - before.givenUp()).isEqualTo(2);
      device.send("windows", batch(window(2, 2)));
      device.committed();
      assertThat(counts.now().windowsStored() - before.windowsStored()).isEqualTo(3);
    }
  }

  @Test
  void setsHostileBatchesAsideAndGoesOn() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-10").connect()) {
      TelemetryView before = counts.now();
      device.send("windows", batch(window(1, 1), window(1L << 60, 2), window(1L << 30, 3)));
      assertThat(device.committed()).containsExactly(through(1));
      device.send("windows", batch(window(2, 2)).toBuilder().setFirstKept(1L << 60).build());
      assertThat(device.committed()).containsExactly(through(2));
      device.send("windows", batch(window(3, 3)).toBuilder().setFirstKept(1).build());
      assertThat(device.committed()).containsExactly(through(3));
      device.send("windows", batch(window(1, 1)).toBuilder().setBootEpoch(1L << 40).build());
      device.send(
          "windows",
          batch(window(4, 4)).toBuilder()
              .addGaps(RecordBatch.Gap.newBuilder().setFirst(5).setLast(1L << 50))
              .build());
      assertThat(device.committed()).containsExactly(through(4));
      Record[] many = new Record[100];
      for (int i = 0; i < many.length; i++) {
        many[i] = window((1L << 50) + i, i);
      }
      device.send("windows", batch(many));
      assertThat(device.committed()).containsExactly(through(4));
      device.send("windows", batch(window(5, 5)));
      assertThat(device.committed()).containsExactly(through(5));

      TelemetryView after = counts.now();
      assertThat(after.quarantined() - before.quarantined()).isEqualTo(2 + 1 + 1 + 1 + 100);
      assertThat(after.missing()).isEqualTo(before.missing());
      assertThat(after.givenUp()).isEqualTo(before.givenUp());
      assertThat(after.windowsStored() - before.windowsStored()).isEqualTo(5);
      long kept =
          plane
              .bean(Database.class)
              .call(
                  transaction ->
                      transaction.number(
                          "select count(*) from telemetry_quarantine where device = 'ingest-10'"));
      assertThat(kept).isEqualTo(2 + 1 + 1 + 1 + BatchStore.SET_ASIDE_MAX);
    }
  }

  @Test
  void setsMalformedRecordsAsideAndKeepsTheirNeighbours() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-4").connect()) {
      TelemetryView before = counts.now();
      Record nameless =
          window(2, 2).toBuilder()
              .setWindow(Window.newBuilder().setModel(ModelRef.newBuilder().setModel("A B")))
              .build();

      device.send("windows", batch(window(1, 1), nameless, window(3, 3)));
      assertThat(device.committed()).containsExactly(through(3));
      assertThat(device.publish("windows", new byte[] {(byte) 0xff}, false)).isEmpty();
      device.send("windows", batch(window(4, 4)));
      assertThat(device.committed()).containsExactly(through(4));

      TelemetryView after = counts.now();
      assertThat(after.windowsStored() - before.windowsStored()).isEqualTo(3);
      assertThat(after.quarantined() - before.quarantined()).isEqualTo(2);
    }
  }

  @Test
  void setsWindowsAsideThatCannotBe() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-11").connect()) {
      TelemetryView before = counts.now();
      long ahead = Instant.now().plusSeconds(3600).toEpochMilli() / 5000;
      Window good = window(1, 1).getWindow();
      Record[] bad = {
        window(1, ahead),
        changed(2, good.toBuilder().setStartMillis(1)),
        changed(3, good.toBuilder().setEndMillis(9999)),
        changed(4, good.toBuilder().setPredictionsFailed(5).setSkipped(3)),
        changed(5, good.toBuilder().setPredictionsFailed(-1)),
        changed(6, good.toBuilder().addStreams(good.getStreams(0))),
        changed(7, good.toBuilder().addStreams(StreamCounts.newBuilder().addCounts(-1))),
        changed(8, good.toBuilder().setEndMillis(20).setStartMillis(10)),
        changed(9, good.toBuilder().clearStreams().setPredictions(Long.MAX_VALUE)),
        changed(
            10,
            good.toBuilder()
                .clearStreams()
                .setPredictions(0)
                .setPredictionsFailed(Long.MAX_VALUE)
                .setSkipped(Long.MAX_VALUE)),
        changed(
            11,
            good.toBuilder().setStreams(0, good.getStreams(0).toBuilder().setCounts(0, 1L << 41))),
        changed(12, named(good, "nonsense", 3)),
        changed(13, named(good, "sha256:" + "0".repeat(64), 3)),
        changed(14, named(good, manifest.toString(), 4)),
        changed(15, good.toBuilder().setCoMoments(CoMoments.newBuilder().setCount(1L << 62))),
        changed(
            16,
            good.toBuilder()
                .setCoMoments(
                    CoMoments.newBuilder().addFeatures(0).addMean(1).addProducts(0).setCount(7))),
      };

      device.send("windows", batch(bad));
      assertThat(device.committed()).containsExactly(through(bad.length));

      TelemetryView after = counts.now();
      assertThat(after.quarantined() - before.quarantined()).isEqualTo(bad.length);
      assertThat(after.windowsStored()).isEqualTo(before.windowsStored());
      assertThat(reasons("ingest-11"))
          .hasSize(bad.length)
          .anySatisfy(reason -> assertThat(reason).contains("in the future"))
          .anySatisfy(reason -> assertThat(reason).contains("does not add up"))
          .anySatisfy(reason -> assertThat(reason).contains("does not start with 'sha256:'"))
          .anySatisfy(reason -> assertThat(reason).contains("no artifact with manifest"))
          .anySatisfy(reason -> assertThat(reason).contains("which is of ingest-model@3"))
          .anySatisfy(
              reason ->
                  assertThat(reason).contains("co-moments count 4611686018427387904 predictions"))
          .anySatisfy(reason -> assertThat(reason).contains("co-moments: feature 0 of 0"));
    }
  }

  @Test
  void storesWhichSamplesADeviceChoseAndDidNotKeep() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-refusing").connect()) {
      Window window =
          window(1, 1).getWindow().toBuilder().addSamplesRefused(refused("base", 4)).build();

      device.send("windows", batch(changed(1, window.toBuilder())));

      assertThat(device.committed()).containsExactly(through(1));
      assertThat(
              plane
                  .bean(Database.class)
                  .<List<String>>call(
                      transaction ->
                          transaction.list(
                              """
                              select samples_refused::text as refused from telemetry_window
                              where device = 'ingest-refusing'
                              """,
                              row -> row.text("refused"))))
          .containsExactly("{\"base\": 4}");
      assertThat(
              plane
                  .get("/v1/models/ingest-model/samples-refused.csv?device=ingest-refusing")
                  .body())
          .contains("ingest-refusing,ingest-model,3,base,0,4");
      device.send(
          "windows",
          batch(
              changed(2, window.toBuilder().addSamplesRefused(refused("base", 1))),
              changed(3, window.toBuilder().addSamplesRefused(refused("rare", Long.MAX_VALUE)))));
      assertThat(device.committed()).containsExactly(through(3));
      assertThat(reasons("ingest-refusing"))
          .hasSize(2)
          .allMatch(reason -> reason.startsWith("samples refused of stratum '"));
    }
  }

  @Test
  void storesHowManyInputsWereAnomalous() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-anomalous").connect()) {
      Window window = window(1, 1).getWindow();

      device.send(
          "windows",
          batch(
              changed(1, window.toBuilder().setAnomalous(5)),
              changed(2, window.toBuilder().setAnomalous(Long.MAX_VALUE))));

      assertThat(device.committed()).containsExactly(through(2));
      assertThat(
              plane
                  .bean(Database.class)
                  .<Long>call(
                      transaction ->
                          transaction.number(
                              """
                              select sum(anomalous) from telemetry_window
                              where device = 'ingest-anomalous'
                              """)))
          .isEqualTo(5);
      assertThat(reasons("ingest-anomalous"))
          .singleElement()
          .satisfies(reason -> assertThat(reason).contains("anomalous inputs, at most"));
    }
  }

  private static StratumSamples refused(String stratum, long samples) {
    return StratumSamples.newBuilder().setStratum(stratum).setSamples(samples).build();
  }

  @Test
  void readsNoBlobAsAManifestThatIsTooLargeForOne() throws Exception {
    Digest huge = new Digest("a".repeat(64));
    Path blob = plane.data().resolve("blobs").resolve("sha256").resolve(huge.hex());
    try (RandomAccessFile file = new RandomAccessFile(blob.toFile(), "rw")) {
      file.setLength(3L << 30);
    }
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-12").connect()) {
      Window window = window(1, 1).getWindow();

      device.send("windows", batch(changed(1, named(window, huge.toString(), 3)), window(2, 2)));

      assertThat(device.committed()).containsExactly(through(2));
      assertThat(reasons("ingest-12"))
          .singleElement()
          .satisfies(reason -> assertThat(reason).contains("more than a manifest"));
      long id =
          plane
              .bean(Database.class)
              .call(transaction -> Quarantine.newest(transaction, Long.MAX_VALUE, "ingest-12", 1))
              .getFirst()
              .id();
      HttpResponse<String> kept = plane.get("/v1/quarantine/%d/payload".formatted(id));
      assertThat(kept.statusCode()).isEqualTo(200);
      assertThat(kept.body()).contains(huge.toString());
      assertThat(plane.get("/v1/quarantine/0/payload").statusCode()).isEqualTo(404);
    }
    Files.delete(blob);
  }

  @Test
  void setsAMessageAsideThatMakesStoringFailAndStoresTheOthers() throws Exception {
    try (TestDevice bad = TestDevice.enrolled(plane, POISON).connect();
        TestDevice good = TestDevice.enrolled(plane, "ingest-13").connect()) {
      bad.send("windows", batch(window(1, 1)));
      good.send("windows", batch(window(1, 1)));

      assertThat(good.committed()).containsExactly(through(1));
      bad.send("windows", batch(window(1, 1)));
      good.send("windows", batch(window(2, 2)));
      assertThat(good.committed()).containsExactly(through(2));
      assertThat(reasons(POISON))
          .hasSize(2)
          .allSatisfy(reason -> assertThat(reason).contains("nobody thought of this"));
    }
  }

  @Test
  void waitsWithAMessageThatCannotEvenBeSetAside() throws Exception {
    Database database = plane.bean(Database.class);
    database.run(
        transaction -> {
          transaction.update("create sequence refusal");
          transaction.update(
              """
              create function refuse() returns trigger language plpgsql as $$
              begin
                if new.device = 'ingest-20' then
                  perform nextval('refusal');
                  raise exception 'no room';
                end if;
                return new;
              end $$
              """);
          transaction.update(
              """
              create trigger refuse before insert on telemetry_quarantine
              for each row execute function refuse()
              """);
        });
    try (TestDevice bad = TestDevice.enrolled(plane, "ingest-20").connect();
        TestDevice good = TestDevice.enrolled(plane, "ingest-21").connect()) {
      bad.publish("windows", new byte[] {1}, false);
      // A value of a sequence outlives its transaction: storing it alone, then setting it aside.
      long deadline = System.nanoTime() + REFUSED_WITHIN.toNanos();
      while (database.<Long>call(t -> t.number("select last_value from refusal")) < 2) {
        assertThat(System.nanoTime())
            .as("storing alone, then setting aside, is tried within %s", REFUSED_WITHIN)
            .isLessThan(deadline);
        Thread.sleep(POLL);
      }
      good.send("windows", batch(window(1, 1)));

      database.run(
          transaction -> transaction.update("drop trigger refuse on telemetry_quarantine"));

      assertThat(good.committed()).containsExactly(through(1));
      assertThat(reasons("ingest-20")).hasSize(1);
    }
  }

  private static Window.Builder named(Window window, String manifest, long version) {
    return window.toBuilder()
        .setModel(window.getModel().toBuilder().setManifestDigest(manifest).setVersion(version));
  }

  /** A device whose days have few bytes counts up to a week together. */
  @ParameterizedTest
  @ValueSource(longs = {5000, 3_600_000})
  void storesAsManyWindowsAsADeviceCountsTogether(long millis) throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-18-" + millis).connect()) {
      TelemetryView before = counts.now();
      long end = Math.floorDiv(Instant.now().toEpochMilli(), millis) * millis;
      Window last = window(1, end / millis - 1).getWindow().toBuilder().setEndMillis(end).build();
      long aDay = end - Duration.ofDays(1).toMillis();
      long aWeek = Math.ceilDiv(end - Duration.ofDays(7).toMillis(), millis) * millis;

      device.send(
          "windows",
          batch(
              changed(1, last.toBuilder().setStartMillis(aDay)),
              changed(2, last.toBuilder().setStartMillis(aWeek)),
              changed(3, last.toBuilder().setStartMillis(aWeek - millis))));
      assertThat(device.committed()).containsExactly(through(3));

      TelemetryView after = counts.now();
      assertThat(after.windowsStored() - before.windowsStored()).isEqualTo(2);
      assertThat(after.quarantined() - before.quarantined()).isEqualTo(1);
    }
  }

  @Test
  void storesTheLatenciesOfADeviceThatCannotReadItsPlan() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-unread").connect()) {
      WindowSketch sketch = new WindowSketch(MonitoringPlan.unread());
      for (int i = 0; i < 100; i++) {
        sketch.observe(new float[0], Float.NaN, 0, 5000);
      }
      Window of = window(1, 1).getWindow();
      Window latencies =
          sketch.seal(model(), of.getWindow(), of.getStartMillis(), of.getEndMillis());

      device.send("windows", batch(changed(1, latencies.toBuilder()), window(2, 2)));
      assertThat(device.committed()).containsExactly(through(2));

      assertThat(reasons("ingest-unread")).isEmpty();
      long counted =
          plane
              .bean(Database.class)
              .call(
                  transaction ->
                      transaction.number(
                          "select counts[25] from telemetry_window_stream where device = 'ingest-unread' and sequence = 1"));
      assertThat(counted).isEqualTo(100);
    }
  }

  private static Record changed(long sequence, Window.Builder window) {
    return Record.newBuilder().setSequence(sequence).setWindow(window).build();
  }

  private List<String> reasons(String device) {
    return plane
        .bean(Database.class)
        .call(
            transaction ->
                transaction.list(
                    "select reason from telemetry_quarantine where device = ?",
                    row -> row.text("reason"),
                    device));
  }

  @Test
  void joinsFeedbackToItsPrediction() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-5").connect()) {
      Record feedback =
          Record.newBuilder()
              .setSequence(1)
              .setFeedback(
                  Feedback.newBuilder()
                      .setPredictionId("p-1")
                      .setActual(1)
                      .setOutcomeAtMillis(2000)
                      .setJoined(true)
                      .setModel(model())
                      .setScore(0.75)
                      .setPredictedAtMillis(1000))
              .build();

      device.send("feedback", batch(feedback));
      device.committed();

      List<List<Object>> stored =
          plane
              .bean(Database.class)
              .call(
                  transaction ->
                      transaction.list(
                          "select * from telemetry_feedback where device = ?",
                          row ->
                              List.<Object>of(
                                  row.text("prediction_id"),
                                  row.text("model"),
                                  row.bigint("version"),
                                  row.number("score"),
                                  row.number("actual"),
                                  row.instant("predicted_at")),
                          "ingest-5"));
      assertThat(stored)
          .containsExactly(
              List.of("p-1", "ingest-model", 3L, 0.75, 1.0, Instant.ofEpochMilli(1000)));
    }
  }

  /** A client that counts in another unit, and devices whose clock runs ahead. */
  @Test
  void setsOutcomesAndEventsOfNoPossibleTimeAsideAndKeepsTheirNeighbours() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-moments").connect()) {
      TelemetryView before = counts.now();
      long now = Instant.now().toEpochMilli();
      long ahead = now + Duration.ofHours(1).toMillis();

      device.send(
          "feedback",
          batch(
              outcome(1, now, now),
              outcome(2, 1_000_000 * now, now),
              outcome(3, 1000 * now, now),
              outcome(4, ahead, now),
              outcome(5, now, ahead),
              outcome(6, -1, now),
              outcome(7, now, now)));
      assertThat(device.committed().getFirst().through()).isEqualTo(7);
      device.send("events", batch(event(1, now), event(2, 1_000_000 * now), event(3, now)));
      device.committed();

      TelemetryView after = counts.now();
      assertThat(after.feedbackStored() - before.feedbackStored()).isEqualTo(2);
      assertThat(after.quarantined() - before.quarantined()).isEqualTo(5 + 1);
      assertThat(reasons("ingest-moments"))
          .hasSize(5 + 1)
          .anySatisfy(
              reason -> assertThat(reason).startsWith("its outcome is of +").contains("future"))
          .anySatisfy(reason -> assertThat(reason).startsWith("its prediction is of "))
          .anySatisfy(reason -> assertThat(reason).startsWith("it is of +"));
    }
  }

  /** Of windows nothing else is taken; of what they are judged by it must be the same. */
  @Test
  void setsSamplesAndOutcomesAsideOfVersionsThatNobodyReleased() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-invented").connect()) {
      TelemetryView before = counts.now();
      ModelRef unknown = model().toBuilder().setManifestDigest("sha256:" + "0".repeat(64)).build();
      ModelRef other = model().toBuilder().setVersion(4).build();
      ModelRef none = model().toBuilder().clearManifestDigest().build();
      long now = Instant.now().toEpochMilli();
      List<Record> samples = new ArrayList<>();
      List<Record> outcomes = new ArrayList<>();
      for (ModelRef invented : List.of(unknown, other, none)) {
        long sequence = samples.size() + 1L;
        Record sample = sample(sequence, "invented-" + sequence);
        Record outcome = outcome(sequence, now, now);
        samples.add(
            sample.toBuilder()
                .setSample(sample.getSample().toBuilder().setModel(invented))
                .build());
        outcomes.add(
            outcome.toBuilder()
                .setFeedback(outcome.getFeedback().toBuilder().setModel(invented))
                .build());
      }
      outcomes.add(outcome(4, now, now));

      device.send("samples", batch(samples.toArray(Record[]::new)));
      assertThat(device.committed().getFirst().through()).isEqualTo(3);
      device.send("feedback", batch(outcomes.toArray(Record[]::new)));
      device.committed();

      TelemetryView after = counts.now();
      assertThat(after.samplesStored()).isEqualTo(before.samplesStored());
      assertThat(after.feedbackStored() - before.feedbackStored()).isEqualTo(1);
      assertThat(reasons("ingest-invented"))
          .hasSize(6)
          .anySatisfy(reason -> assertThat(reason).startsWith("sample: no artifact with manifest"))
          .anySatisfy(reason -> assertThat(reason).startsWith("feedback: no artifact with"))
          .anySatisfy(
              reason -> assertThat(reason).startsWith("sample of ingest-model@4 names manifest"));
    }
  }

  @Test
  void setsIdsAsideThatNoIndexHolds() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-ids").connect()) {
      byte[] noise = new byte[2000];
      new Random(7).nextBytes(noise);
      String huge = HexFormat.of().formatHex(noise);

      device.send("samples", batch(sample(1, huge)));
      assertThat(device.committed().getFirst().through()).isEqualTo(1);
      TelemetryView before = counts.now();
      long now = Instant.now().toEpochMilli();
      device.send("feedback", batch(outcome(1, now, now), told(outcome(2, now, now), huge)));
      device.committed();

      assertThat(counts.now().feedbackStored() - before.feedbackStored()).isEqualTo(1);
      assertThat(reasons("ingest-ids"))
          .hasSize(2)
          .allSatisfy(reason -> assertThat(reason).contains("prediction id is longer than"));
    }
  }

  /** Whatever the database does not take, and nobody thought of. */
  @Test
  void storesTheNeighboursOfRecordsThatTheDatabaseRefuses() throws Exception {
    Database database = plane.bean(Database.class);
    database.run(
        transaction -> {
          transaction.update(
              """
              create function out_of_range() returns trigger language plpgsql as $$
              begin
                if new.prediction_id like 'impossible%' then
                  raise exception 'out of range' using errcode = '22003';
                end if;
                return new;
              end $$
              """);
          transaction.update(
              """
              create trigger out_of_range before insert on telemetry_feedback
              for each row execute function out_of_range()
              """);
        });
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-refused").connect()) {
      long now = Instant.now().toEpochMilli();
      Record[] some = new Record[20];
      for (int i = 0; i < some.length; i++) {
        Record good = outcome(i + 1, now, now);
        some[i] = i == 4 || i == 17 ? told(good, "impossible-" + i) : good;
      }
      TelemetryView before = counts.now();

      device.send("feedback", batch(some));
      List<CommittedRange> committed = device.committed();
      while (committed.getFirst().through() < some.length) {
        committed = device.committed();
      }

      TelemetryView after = counts.now();
      assertThat(after.feedbackStored() - before.feedbackStored()).isEqualTo(18);
      assertThat(after.quarantined() - before.quarantined()).isEqualTo(2);
      assertThat(reasons("ingest-refused"))
          .hasSize(2)
          .allSatisfy(
              reason ->
                  assertThat(reason).startsWith("the database refused it: ERROR: out of range"));
      // More than are looked for one by one: what is left is not taken, and comes again.
      Record[] many = new Record[500];
      for (int i = 0; i < many.length; i++) {
        Record good = outcome(some.length + i + 1, now, now);
        many[i] = i % 5 == 0 ? told(good, "impossible-" + i) : good;
      }
      long through = 0;
      long window = 0;
      for (int sends = 0; through < some.length + many.length; sends++) {
        assertThat(sends).as("each finds some more").isLessThan(many.length / 5);
        long known = through;
        device.send("feedback", batch(many));
        device.send("windows", batch(window(++window, window)));
        List<CommittedRange> ranges = new ArrayList<>();
        while (!ranges.contains(through(window))) {
          ranges.addAll(device.committed());
        }
        through =
            ranges.stream()
                .filter(range -> range.stream() == RecordStream.FEEDBACK)
                .mapToLong(CommittedRange::through)
                .max()
                .orElse(known);
        assertThat(through).isGreaterThan(known);
      }
      assertThat(counts.now().feedbackStored() - before.feedbackStored())
          .isEqualTo(18 + many.length * 4L / 5);
    } finally {
      database.run(
          transaction -> transaction.update("drop trigger out_of_range on telemetry_feedback"));
    }
  }

  private Record outcome(long sequence, long outcomeAtMillis, long predictedAtMillis) {
    return Record.newBuilder()
        .setSequence(sequence)
        .setFeedback(
            Feedback.newBuilder()
                .setPredictionId("o-" + sequence)
                .setActual(1)
                .setOutcomeAtMillis(outcomeAtMillis)
                .setJoined(true)
                .setModel(model())
                .setScore(0.75)
                .setPredictedAtMillis(predictedAtMillis))
        .build();
  }

  private static Record told(Record outcome, String predictionId) {
    return outcome.toBuilder()
        .setFeedback(outcome.getFeedback().toBuilder().setPredictionId(predictionId))
        .build();
  }

  private static Record event(long sequence, long atMillis) {
    return Record.newBuilder()
        .setSequence(sequence)
        .setAtMillis(atMillis)
        .setEvent(Event.newBuilder().setCode("MODEL_STARTED").setDetail("it runs"))
        .build();
  }

  @Test
  void readsEachSampleOnceBeforeAndAfterItMovesToTheLake() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-6").connect()) {
      device.send("samples", batch(sample(1, "a"), sample(2, "b")));
      device.committed();
      List<StoredSample> before = samples();

      plane.bean(LakeWriter.class).move();

      assertThat(before).extracting(StoredSample::predictionId).containsExactlyInAnyOrder("a", "b");
      assertThat(before.getFirst().inputShape()).containsExactly(1L, 2L);
      assertThat(before.getFirst().score()).contains(0.5);
      assertThat(samples()).containsExactlyInAnyOrderElementsOf(before);
      long waiting =
          plane
              .bean(Database.class)
              .call(
                  transaction ->
                      transaction.number(
                          "select count(*) from telemetry_sample where model = 'ingest-model'"));
      assertThat(waiting).isZero();
      device.send("samples", batch(sample(2, "b"), sample(3, "c")));
      device.committed();
      assertThat(samples())
          .extracting(StoredSample::predictionId)
          .containsExactlyInAnyOrder("a", "b", "c");
    }
  }

  @Test
  void setsASampleAsideWhoseOutcomeWouldOutweighAllOthers() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-19").connect()) {
      device.send("samples", batch(chosenBy(1, Double.MIN_VALUE)));
      device.committed();

      assertThat(reasons("ingest-19"))
          .singleElement()
          .satisfies(
              reason -> assertThat(reason).contains("probability 4.9E-324 is outside 1.0E-6 to 1"));
    }
  }

  private Record chosenBy(long sequence, double probability) {
    Record sample = sample(sequence, "chosen-" + sequence);
    return sample.toBuilder()
        .setSample(sample.getSample().toBuilder().setInclusionProbability(probability))
        .build();
  }

  @Test
  void believesADeathOnlyOfTheCurrentBootEpoch() throws Exception {
    try (TestDevice device = TestDevice.enrolled(plane, "ingest-7").connect()) {
      status(device, true, 2);
      status(device, false, 1);
      settle(device, 1);
      assertThat(plane.get("/v1/devices/ingest-7").body()).contains("\"online\":true");

      status(device, false, 2);
      settle(device, 2);

      assertThat(plane.get("/v1/devices/ingest-7").body()).contains("\"online\":false");
    }
  }

  @Test
  void dropsWhatTheBrokerGivesAgain() throws Exception {
    TestDevice.enrolled(plane, "ingest-void");
    DeviceStatus dead = new DeviceStatus(false, 2, Instant.EPOCH, "");
    DeviceStatus born = new DeviceStatus(true, 2, Instant.EPOCH, "");
    Ingest ingest = plane.bean(Ingest.class);

    ingest.storeUntilSafe(List.of(status("ingest-void", born, false)));
    ingest.storeUntilSafe(List.of(status("ingest-void", dead, true)));
    assertThat(online("ingest-void")).isTrue();

    ingest.storeUntilSafe(
        List.of(status("ingest-void", born, true), status("ingest-void", dead, false)));
    assertThat(online("ingest-void")).as("what came with it counts").isFalse();
  }

  private static InboundMessage status(String device, DeviceStatus status, boolean isVoid) {
    return new InboundMessage(
        new Topics.DeviceTopic(new TenantId("default"), new DeviceId(device), Topics.STATUS),
        ByteString.copyFrom(ProtocolCodec.encode(status)),
        () -> isVoid,
        () -> {});
  }

  private boolean online(String device) {
    return plane
        .bean(Database.class)
        .call(
            transaction ->
                transaction.number(
                        "select count(*) from device_presence where device = ? and online", device)
                    == 1);
  }

  private static void status(TestDevice device, boolean online, long epoch) {
    byte[] payload = ProtocolCodec.encode(new DeviceStatus(online, epoch, Instant.EPOCH, ""));
    assertThat(device.publish(Topics.STATUS, payload, true)).isEmpty();
  }

  // What was sent before a record is stored when the record is committed: one client's messages
  // come in order.
  private void settle(TestDevice device, long sequence) throws Exception {
    device.send("windows", batch(window(sequence, sequence)));
    device.committed();
  }

  private List<StoredSample> samples() {
    List<StoredSample> samples = new ArrayList<>();
    plane
        .bean(SampleStore.class)
        .read(
            new ModelName("ingest-model"),
            Instant.EPOCH,
            Instant.parse("2100-01-01T00:00:00Z"),
            samples::add);
    return samples;
  }

  private List<Long> storedCounts(String device, long sequence) throws Exception {
    byte[] record =
        plane
            .bean(Database.class)
            .call(
                transaction ->
                    transaction
                        .first(
                            "select record from telemetry_window where device = ? and sequence = ?",
                            row -> row.bytes("record"),
                            device,
                            sequence)
                        .orElseThrow());
    return Window.parseFrom(record).getStreams(0).getCountsList();
  }

  private static CommittedRange through(long sequence) {
    return through(sequence, 0);
  }

  private static CommittedRange through(long sequence, long givenUp) {
    return new CommittedRange(RecordStream.WINDOWS, 1, sequence, OptionalLong.of(givenUp), false);
  }

  private static RecordBatch batch(Record... records) {
    return RecordBatch.newBuilder().setBootEpoch(1).addAllRecords(List.of(records)).build();
  }

  private ModelRef model() {
    return ModelRef.newBuilder()
        .setSlot("main")
        .setModel("ingest-model")
        .setVersion(3)
        .setManifestDigest(manifest.toString())
        .build();
  }

  private Record window(long sequence, long index) {
    return Record.newBuilder()
        .setSequence(sequence)
        .setWindow(
            Window.newBuilder()
                .setModel(model())
                .setWindow(index)
                .setStartMillis(5000 * index)
                .setEndMillis(5000 * (index + 1))
                .setPredictions(7)
                .addStreams(
                    StreamCounts.newBuilder()
                        .setStream("s1")
                        .addCounts(3)
                        .addCounts(0)
                        .addCounts(4)))
        .build();
  }

  private Record sample(long sequence, String prediction) {
    return Record.newBuilder()
        .setSequence(sequence)
        .setAtMillis(1_700_000_000_000L + sequence)
        .setSample(
            Sample.newBuilder()
                .setPredictionId(prediction)
                .setModel(model())
                .setInclusionProbability(0.25)
                .setStratum("base")
                .addInputs(
                    NamedTensor.newBuilder()
                        .setName("input")
                        .setDatatype("FP32")
                        .addShape(1)
                        .addShape(2)
                        .setData(floats(1.5f, 2.5f)))
                .addOutputs(
                    NamedTensor.newBuilder()
                        .setName("score")
                        .setDatatype("FP32")
                        .addShape(1)
                        .setData(floats(0.5f))))
        .build();
  }

  private static ByteString floats(float... values) {
    ByteBuffer buffer =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      buffer.putFloat(value);
    }
    return ByteString.copyFrom(buffer.flip());
  }
}
