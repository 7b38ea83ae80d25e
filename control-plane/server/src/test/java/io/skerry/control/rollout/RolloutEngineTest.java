package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutRequest;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.device.Presence;
import io.skerry.control.device.PresenceStoring;
import io.skerry.control.device.ReportsStoring;
import io.skerry.control.ingest.RecordsStoring;
import io.skerry.control.ingest.StoredFeedback;
import io.skerry.control.link.ControlLink;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.rollout.FencedOutException;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.WindowSketch;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** One fleet through its versions: good, bad, corrupt, better. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RolloutEngineTest {
  private static final Actor ANA = new Actor("ana", "request-1");
  private static final long MEMORY_BYTES = 1_000_000_000;
  private static final int DEVICES = 40;
  private static final List<RolloutRequest.GateRequest> GATES =
      List.of(
          new RolloutRequest.GateRequest("accuracy", .2, null, "NO_HARM_SHOWN", null, null),
          new RolloutRequest.GateRequest(
              "failed-predictions", .05, null, "NO_HARM_SHOWN", null, null));

  private TestPlane plane;
  private RolloutEngine engine;
  private Rollouts rollouts;

  RolloutEngineTest(@TempDir Path folder) throws Exception {
    plane = TestPlane.start(folder);
    engine = plane.bean(RolloutEngine.class);
    rollouts = plane.bean(Rollouts.class);
  }

  @BeforeAll
  void enrol() {
    for (int device = 0; device < DEVICES; device++) {
      String id = "device-%02d".formatted(device);
      String profile = device % 2 == 0 ? "x86-64-avx2" : "arm64-neon";
      sql(
          """
          insert into device (id, tenant, labels, facts, profile, enrolled_at)
          values (?, 'default', '{"site":"a"}', jsonb_build_object('memoryBytes', ?::bigint), ?,
            now())
          """,
          id,
          MEMORY_BYTES,
          profile);
      sql("insert into device_presence (device, online, boot_epoch) values (?, true, 1)", id);
    }
    sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values ('stranger', 'default', '{}', '{}', null, now())
        """);
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values ('alone', 1, 'import', 'onnx', 'x', now())
        """);
    for (String profile : List.of("x86-64-avx2", "arm64-neon")) {
      sql(
          """
          insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
            manifest, signature)
          values ('alone', 1, ?, 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
          """,
          profile,
          manifest(100, profile),
          manifest(101, profile));
    }
    for (long version = 1; version <= 4; version++) {
      sql(
          """
          insert into model_version (model, version, source, format, blob, created_at)
          values ('engine-health', ?, 'import', 'onnx', 'x', now())
          """,
          version);
      for (String profile : List.of("x86-64-avx2", "arm64-neon")) {
        sql(
            """
            insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
              manifest, signature)
            values ('engine-health', ?, ?, 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
            """,
            version,
            profile,
            manifest(version, profile),
            Digest.of(("signature" + version).getBytes(StandardCharsets.UTF_8)).toString());
      }
    }
  }

  @AfterAll
  void close() throws Exception {
    plane.close();
  }

  @Test
  @Order(1)
  void refusesAVersionThatNobodyPackaged() {
    assertThatThrownBy(() -> start(9))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("no packaged variant");
  }

  @Test
  @Order(2)
  void bringsAFirstVersionEverywhereStageByStage() {
    Rollout first = start(1);
    assertThat(first.stages()).extracting(Rollout.Stage::devices).containsExactly(4, 12, 24);
    assertThat(ordered(1)).isEqualTo(4);

    Rollout ended = untilEnded(first.id(), 1, "COMMITTED", false);

    assertThat(ended.state()).isEqualTo("SUCCEEDED");
    assertThat(ended.touched()).isEqualTo(DEVICES);
    assertThat(ended.stages()).allMatch(stage -> stage.committed() == stage.devices());
  }

  @Test
  @Order(3)
  void goesOnWithDevicesThatRanTheVersionBefore() {
    Rollout again = untilEnded(start(1).id(), 1, "COMMITTED", false);

    assertThat(again.state()).isEqualTo("SUCCEEDED");
    assertThat(states(again.id(), "ALREADY_INSTALLED")).isEqualTo(DEVICES);
  }

  @Test
  @Order(4)
  void stopsAModelThatIsWrongLiveInItsFirstStageAndRollsItBack() {
    Rollout second = start(2);
    outcomes(1, DEVICES, true);

    Rollout ended = untilEnded(second.id(), 2, "COMMITTED", true);

    assertThat(ended.state()).isEqualTo("ROLLED_BACK");
    assertThat(ended.reason()).contains("accuracy").contains("control devices");
    assertThat(ended.touched()).isEqualTo(4);
    assertThat(ended.stages().getFirst().state()).isEqualTo("FAILED");
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(5)
  void rollsBackWhatEveryDeviceRefuses() {
    Rollout third = start(3);

    Rollout ended = untilEnded(third.id(), 3, "REJECTED", false);

    assertThat(ended.state()).isEqualTo("ROLLED_BACK");
    assertThat(ended.reason()).contains("device-failures");
    assertThat(ended.stages().getFirst().failed()).isEqualTo(4);
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(6)
  void rollsBackWhatTakesMoreOfTheDevicesMemory() {
    Rollout second =
        create(
            request(2, new RolloutRequest.GateRequest("memory", .1, null, null, "ROLLBACK", null)));
    report(2, "COMMITTED");
    for (int window = 0; window < 20; window++) {
      predictions(1, MEMORY_BYTES / 5);
      predictions(2, MEMORY_BYTES / 2);
    }

    engine.moveOn(new RolloutId(second.id()));

    assertThat(rollouts.find(second.id()).orElseThrow().reason())
        .contains("memory", "50.00% of 8000 on 4 devices against 20.00% on 36 control devices");
    assertThat(untilEnded(second.id(), 2, "COMMITTED", false).state()).isEqualTo("ROLLED_BACK");
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(6)
  void rollsBackWhatIsOverItsProfilesBudgetHoweverMuchSlowerItMayBe() {
    Rollout second =
        create(
            request(2, new RolloutRequest.GateRequest("latency-p99", 1.0, null, null, null, null)));
    report(2, "COMMITTED");
    for (int window = 0; window < 20; window++) {
      predictions(1, 0, Map.of("$latency", latencies(20)));
      predictions(2, 0, Map.of("$latency", latencies(WindowSketch.LATENCY_BINS - 1)));
    }

    engine.moveOn(new RolloutId(second.id()));

    assertThat(rollouts.find(second.id()).orElseThrow().reason())
        .contains("latency-budget", "100.00% of 3200 on 4 devices against 1.00% allowed")
        .doesNotContain("latency-p99");
    assertThat(untilEnded(second.id(), 2, "COMMITTED", false).state()).isEqualTo("ROLLED_BACK");
  }

  @Test
  @Order(6)
  void rollsBackWhatPredictsOtherClassesAndIsLessSureOfThem() {
    Rollout second =
        create(
            request(
                2,
                new RolloutRequest.GateRequest(
                    "prediction-distribution", .05, null, null, "ROLLBACK", null),
                new RolloutRequest.GateRequest("confidence", .05, null, null, "ROLLBACK", null)));
    report(2, "COMMITTED");
    for (int window = 0; window < 20; window++) {
      predictions(1, 0, classes(9, 10L, 20L, 10L));
      predictions(2, 0, classes(5, 40L, 0L, 0L));
    }

    engine.moveOn(new RolloutId(second.id()));

    assertThat(rollouts.find(second.id()).orElseThrow().reason())
        .contains("prediction-distribution", "confidence");
    assertThat(untilEnded(second.id(), 2, "COMMITTED", false).state()).isEqualTo("ROLLED_BACK");
  }

  @Test
  @Order(6)
  void judgesAnAmountByItsErrorAndNotAsRightOrWrong() {
    Rollout second =
        create(request(2, new RolloutRequest.GateRequest("error", .1, null, null, null, null)));
    sql(
        "update rollout_stage set amounts = '{\"main\": 10}' where rollout = ? and stage = 0",
        second.id());
    report(2, "COMMITTED");
    // Both lie above a half, as all that is true does: no threshold tells them apart.
    for (int window = 0; window < 20; window++) {
      amounts(1, DEVICES, 37.5, 37);
      amounts(2, DEVICES, 41, 37);
    }

    engine.moveOn(new RolloutId(second.id()));

    assertThat(rollouts.find(second.id()).orElseThrow().reason())
        .contains("error", "40.00% of 1600 on 4 devices against 5.00% on 36 control devices")
        .doesNotContain("accuracy");
    assertThat(untilEnded(second.id(), 2, "COMMITTED", false).state()).isEqualTo("ROLLED_BACK");
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(6)
  void keepsTheMembersOfAStaticRolloutWhateverBecomesOfTheirLabels() {
    sql(
        """
        insert into cohort (name, selector, created_by, created_at)
        values ('moved', '{"moved":"yes"}', 'ana', now())
        """);
    moved("yes", "device-00", "device-02");
    String id = create(draft(2, cohort("moved"), percent(100))).id();
    moved("no", "device-00");
    moved("yes", "device-04");

    act(id, RolloutAct.SUBMIT, "now");
    act(id, RolloutAct.START, "now");

    assertThat(membersOfTheFirstStage(id)).containsExactly("device-00", "device-02");
    act(id, RolloutAct.ABORT, "seen");
    moved("no", "device-02", "device-04");
  }

  private void moved(String yesOrNo, String... devices) {
    sql(
        "update device set labels = labels || jsonb_build_object('moved', ?::text)"
            + " where id = any(?)",
        yesOrNo,
        List.of(devices));
  }

  private List<String> membersOfTheFirstStage(String rollout) {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    "select device from deployment where rollout = ? and stage = 0 order by 1",
                    row -> row.text("device"),
                    rollout));
  }

  private static RecordsStoring.Counts latencies(int bin) {
    List<Long> counts = new ArrayList<>(Collections.nCopies(WindowSketch.LATENCY_BINS, 0L));
    counts.set(bin, 40L);
    return new RecordsStoring.Counts(counts, 1);
  }

  private static Map<String, RecordsStoring.Counts> classes(int tenthSure, Long... counts) {
    List<Long> confidences =
        new ArrayList<>(Collections.nCopies(MonitoringManifests.SCORE_BINS, 0L));
    confidences.set(tenthSure * MonitoringManifests.SCORE_BINS / 10, 40L);
    return Map.of(
        "$class",
        new RecordsStoring.Counts(List.of(counts), 1),
        "$confidence",
        new RecordsStoring.Counts(confidences, 1));
  }

  @Test
  @Order(7)
  void leavesTheOrderStandingWhenFailedDevicesShallOnlyPause() {
    Rollout third = start(3, "PAUSE");
    report(3, "REJECTED");

    engine.moveOn(new RolloutId(third.id()));

    Rollout paused = rollouts.find(third.id()).orElseThrow();
    assertThat(paused.state()).isEqualTo("PAUSED");
    assertThat(paused.reason()).contains("device-failures");
    assertThat(ordered(3)).isEqualTo(4);
    act(third.id(), RolloutAct.ROLLBACK, "damaged");
    assertThat(untilEnded(third.id(), 3, "REJECTED", false).state()).isEqualTo("ROLLED_BACK");
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(7)
  void refusesForAnotherDecisionAndNotForAVerdictThatMoved() {
    Rollout second = create(request(2));
    report(2, "COMMITTED");
    engine.moveOn(new RolloutId(second.id()));
    Rollout seen = rollouts.find(second.id()).orElseThrow();
    assertThat(seen.stages().getFirst().state()).isEqualTo("SOAKING");
    long events = events(second.id());
    predictions(1);
    predictions(2);

    engine.moveOn(new RolloutId(second.id()));

    assertThat(events(second.id())).as("a verdict is another one").isGreaterThan(events);
    Rollout next =
        rollouts.act(
            ANA, second.id(), RolloutAct.PROMOTE, "fine", OptionalLong.of(seen.revision()));
    assertThat(next.stages().get(1).state()).isEqualTo("RUNNING");
    String stale = Long.toString(seen.revision());
    assertThatThrownBy(() -> rollouts.act(ANA, second.id(), "promote", "on", stale))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> assertThat(problem.code()).isEqualTo(ErrorCode.CHANGED_MEANWHILE));
    assertThat(rollouts.act(ANA, second.id(), "pause", "smoke", stale).state()).isEqualTo("PAUSED");
    assertThat(rollouts.act(ANA, second.id(), "abort", "fire", "").state()).isEqualTo("ABORTING");
    act(second.id(), RolloutAct.ROLLBACK, "as before");
    assertThat(untilEnded(second.id(), 1, "COMMITTED", false).state()).isEqualTo("ROLLED_BACK");
  }

  private long events(String rollout) {
    return number("select count(*) from rollout_event where rollout = ?", rollout);
  }

  @Test
  @Order(8)
  void doesAsOperatorsSayAndKeepsWhoSaidIt() {
    Rollout fourth = start(4);

    assertThat(act(fourth.id(), RolloutAct.PAUSE, "lunch").state()).isEqualTo("PAUSED");
    assertThatThrownBy(() -> act(fourth.id(), RolloutAct.PAUSE, "again"))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("PAUSED cannot be paused");
    Rollout newer = start(1);

    assertThat(rollouts.find(fourth.id()).orElseThrow().state()).isEqualTo("SUPERSEDED");
    assertThat(rollouts.find(newer.id()).orElseThrow().allowedActions()).contains("pause");
    assertThat(
            plane
                .database()
                .<Long>call(
                    transaction ->
                        transaction.number(
                            """
                            select count(*) from audit_entry
                            where act = 'rollout.paused' and actor = 'ana' and reason = 'lunch'
                            """)))
        .isEqualTo(1);
  }

  @Test
  @Order(9)
  void takesBackFirstOrdersThatNoDeviceHasBegun() {
    Rollout first = create(request("alone", 1, "spare", null));
    assertThat(ordered("spare", "ACTIVE")).isEqualTo(4);

    act(first.id(), RolloutAct.ABORT, "wrong slot");
    engine.moveOn(new RolloutId(first.id()));

    assertThat(rollouts.find(first.id()).orElseThrow().state()).isEqualTo("ABORTED");
    assertThat(ordered("spare", "ACTIVE")).isZero();
    assertThat(ordered("spare", "OFF")).isEqualTo(4);
    assertThat(states(first.id(), "CANCELLED")).isEqualTo(4);
  }

  @Test
  @Order(10)
  void offersDevicesThatWereAwayWhenTheyComeBack() {
    String away = firstOf(create(draft(2)).id());
    online(away, false);
    Rollout second = start(2);
    assertThat(states(second.id(), "PENDING") + states(second.id(), "OFFERED")).isEqualTo(4);
    long offered = states(second.id(), "OFFERED");
    List<String> pending = devices(second.id(), "PENDING");

    pending.forEach(device -> online(device, true));
    engine.moveOn(new RolloutId(second.id()));

    assertThat(states(second.id(), "OFFERED")).isEqualTo(4);
    assertThat(offered).isLessThanOrEqualTo(4);
    online(away, true);
    act(second.id(), RolloutAct.ABORT, "enough");
  }

  @Test
  @Order(11)
  void needsFourEyesAndTheRevisionThatWasSeen() {
    Rollout waiting = create(approval(2));
    assertThat(waiting.state()).isEqualTo("WAITING_FOR_APPROVAL");

    assertThatThrownBy(() -> act(waiting.id(), RolloutAct.APPROVE, "mine"))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> {
              assertThat(problem.code()).isEqualTo(ErrorCode.NOT_ALLOWED);
              assertThat(problem.errors())
                  .singleElement()
                  .matches(e -> e.field().equals("approver"));
            });
    Actor ben = new Actor("ben", "request-2");
    assertThatThrownBy(
            () ->
                rollouts.act(
                    ben,
                    waiting.id(),
                    RolloutAct.APPROVE,
                    "fine",
                    OptionalLong.of(waiting.revision() - 1)))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> assertThat(problem.code()).isEqualTo(ErrorCode.CHANGED_MEANWHILE));
    Rollout started =
        rollouts.act(
            ben, waiting.id(), RolloutAct.APPROVE, "fine", OptionalLong.of(waiting.revision()));

    assertThat(started.state()).isEqualTo("RUNNING");
    assertThat(audited("rollout.approved", "ben")).isEqualTo(1);
    act(waiting.id(), RolloutAct.ABORT, "enough");
    engine.moveOn(new RolloutId(waiting.id()));
  }

  @Test
  @Order(12)
  void previewsExactlyWhoGetsItAndWhoNot() {
    RolloutPreview preview = rollouts.preview(ANA, request("engine-health", 2, "main", null));

    assertThat(preview.eligible()).isEqualTo(DEVICES);
    assertThat(preview.outsiders()).singleElement().matches(one -> one.device().equals("stranger"));
    assertThat(preview.stages()).extracting(RolloutPreview.Stage::count).containsExactly(4, 12, 24);
    for (RolloutPreview.Stage stage : preview.stages()) {
      assertThat(stage.gates().stream().anyMatch(sight -> sight.profile().equals("stage")))
          .as("a later stage is judged alone, too: %d", stage.index())
          .isEqualTo(stage.index() > 0);
      assertThat(stage.gates())
          .as("no amount is said")
          .noneMatch(one -> one.gate().equals("error"));
    }
    assertThat(preview.stages().getFirst().gates())
        .anyMatch(sight -> sight.gate().equals("device-failures") && sight.excludes() > .5);
  }

  @Test
  @Order(12)
  void previewsNoOutcomesOfAVersionThatOnlyShadows() {
    RolloutPreview preview = rollouts.preview(ANA, trial(2, "SHADOW", "failed-predictions"));

    assertThat(preview.stages().getFirst().gates())
        .isNotEmpty()
        .noneMatch(sight -> sight.gate().startsWith("accuracy"));
  }

  @Test
  @Order(13)
  void schemaNamesTheGates() throws Exception {
    JsonObject schema;
    try (InputStream in = RolloutRequest.class.getResourceAsStream("rollout.schema.json")) {
      schema =
          JsonParser.parseString(new String(in.readAllBytes(), StandardCharsets.UTF_8))
              .getAsJsonObject();
    }
    for (String step : List.of("properties", "gates", "items", "properties", "metric")) {
      schema = schema.getAsJsonObject(step);
    }

    assertThat(schema.getAsJsonArray("enum"))
        .extracting(JsonElement::getAsString)
        .containsExactlyInAnyOrderElementsOf(
            Stream.concat(
                    Stream.of("device-failures"),
                    GateSettings.DEFAULTS.metrics().stream().map(gate -> gate.metric().wireName()))
                .toList());
  }

  @Test
  @Order(13)
  void refusesWhatCannotBeWithTheField() {
    refused("stages[1].percent", stages(percent(40), percent(10), percent(100)));
    refused("stages[0].percent", stages(percent(10)));
    refused("stages[0].cohort", stages(cohort("nobody"), percent(100)));
    refused("stages[0].profile", stages(profile("esp32"), percent(100)));
    refused("stages[1].profile", stages(profile("arm64-neon"), profile("arm64-neon")));
    refused(
        "gates[0].metric",
        request(
            "alone",
            1,
            "main",
            null,
            null,
            null,
            null,
            List.of(new RolloutRequest.GateRequest("power", .1, null, null, null, null))));
    refused("gates[0].metric", trial(2, "SHADOW", false, List.of(gate("accuracy-negative"))));
    assertThat(rollouts.preview(ANA, trial(2, "SHADOW", "accuracy-negative")).stages())
        .as("judged when it is promoted")
        .isNotEmpty();
    sql("update variant set signature = null where version = 4");
    assertThatThrownBy(() -> start(4))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem ->
                assertThat(problem.errors())
                    .singleElement()
                    .matches(error -> error.field().equals("version")));
  }

  @Test
  @Order(42)
  void refusesWhatIsNullOrTooLongWithTheField() {
    refused("stages[1]", stages(percent(10), null));
    refused("windows[0]", timed(null, null));
    refused("windows[0].length", timed(window("25h"), null));
    refused("windows[0].length", timed(window("999999999d"), null));
    refused("windows[0].days[1]", timed(window("1h", "MONDAY", null), null));
    refused("deadlines.start", timed(window("1h"), "999999999d"));
    refused("deadlines.start", timed(window("1h"), "0s"));
  }

  @Test
  @Order(14)
  void fencesAReplicaOutThatLostItsLease() {
    Rollout second = start(2);
    RolloutId id = new RolloutId(second.id());
    SqlBooks books = plane.bean(SqlBooks.class);
    // The server's own loop holds no lease here: nobody started it.
    Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    Lease first = books.lease(id, "a", now).orElseThrow();
    assertThat(books.lease(id, "b", now)).isEmpty();
    Instant later = now.plus(Lease.LENGTH);
    Lease second2 = books.lease(id, "b", later).orElseThrow();

    assertThatThrownBy(() -> RolloutDriver.moveOn(books, first, Instant.EPOCH, later))
        .isInstanceOf(FencedOutException.class);
    RolloutDriver.moveOn(books, second2, Instant.EPOCH, later);
  }

  @Test
  @Order(15)
  void countsAgreeWithTheDevicesAndStatesWithTheEvents() {
    for (Rollout one : rollouts.newest()) {
      RolloutId id = new RolloutId(one.id());
      assertThat(
              plane.database().<Integer>call(transaction -> RolloutTables.sweep(transaction, id)))
          .isZero();
      assertThat(rollouts.replayed(one.id()))
          .isEqualTo(
              plane
                  .database()
                  .call(
                      transaction ->
                          RolloutTables.find(transaction, one.id()).orElseThrow().state()));
    }
    assertThat(plane.bean(AuditLog.class).firstBroken()).isEmpty();
  }

  @Test
  @Order(16)
  void triesAVersionBesideTheActiveOneAndThenMakesItActive() {
    rollouts.newest().stream()
        .filter(one -> one.allowedActions().contains("abort"))
        .forEach(one -> act(one.id(), RolloutAct.ABORT, "make room"));
    Rollout trial = create(trial(3));
    assertThat(ordered("main-trial", "AB")).isEqualTo(4);

    Rollout now = trial;
    for (int step = 0; step < 40 && !now.ended(); step++) {
      report(3, "COMMITTED");
      compared();
      engine.moveOn(new RolloutId(trial.id()));
      now = rollouts.find(trial.id()).orElseThrow();
    }

    assertThat(now.state()).as(now.toString()).isEqualTo("SUCCEEDED");
    assertThat(now.reason()).contains("promoted", "failed-predictions");
    engine.look(Instant.now());
    report(3, "COMMITTED");
    engine.look(Instant.now());
    assertThat(number("select count(*) from rollout where id = ? and released", trial.id()))
        .as("its devices were followed to their ends")
        .isEqualTo(1);
    assertThat(ordered("main-trial", "OFF")).isEqualTo(DEVICES);
    assertThat(
            number(
                "select count(*) from desired_slot where slot = 'main' and version = 3"
                    + " and mode = 'ACTIVE'"))
        .isEqualTo(DEVICES);
  }

  @Test
  @Order(16)
  void leavesATrialThatEndsByItselfOnWhoWaitsForThePromotionThoughOneFailedIt() {
    Rollout trial =
        create(
            trial(
                2,
                "AB",
                List.of(
                    new RolloutRequest.GateRequest(
                        "failed-predictions", .05, null, "NO_HARM_SHOWN", null, null),
                    new RolloutRequest.GateRequest("device-failures", null, .9, null, null, 1L))));

    for (int step = 0; step < 40 && promotion(trial.id()).isEmpty(); step++) {
      report(2, "COMMITTED");
      sql(
          """
          update deployment set state = 'FAILED' where rollout = ? and device = (
            select min(device) from deployment where rollout = ? and stage = 0)
          """,
          trial.id(),
          trial.id());
      compared();
      engine.moveOn(new RolloutId(trial.id()));
    }

    assertThat(promotion(trial.id())).isPresent();
    assertThat(ordered("main-trial", "AB"))
        .as("until they are ordered it: one failed it, and three are of the first stage")
        .isEqualTo(DEVICES - 4);
    Rollout now = rollouts.find(trial.id()).orElseThrow();
    for (int step = 0; step < 40 && !now.ended(); step++) {
      report(2, "COMMITTED");
      engine.look(Instant.now());
      now = act(trial.id(), RolloutAct.PROMOTE, "tested");
      engine.look(Instant.now());
    }
    assertThat(now.state()).as(now.toString()).isEqualTo("SUCCEEDED");
    assertThat(ordered("main-trial", "AB")).isZero();
    report(2, "COMMITTED");
    engine.look(Instant.now());
  }

  private Optional<RolloutState.Promotion> promotion(String id) {
    return plane
        .database()
        .call(transaction -> RolloutTables.find(transaction, id).orElseThrow().state().promotion());
  }

  @Test
  @Order(17)
  void holdsNoSilenceOfItsOwnSideAgainstDevices() {
    RolloutId id = new RolloutId(create(request("alone", 1, "silent", null)).id());
    late(id);

    engine.tick();
    assertThat(states(id.value(), "NOT_REACHED")).as("without a broker").isZero();
    RolloutEngine next = unheard("1 day");
    assertThat(states(id.value(), "OFFERED")).as("after a gap").isEqualTo(4);
    assertThat(
            number(
                "select count(*) from deployment where rollout = ?"
                    + " and ordered_at > now() - interval '1 minute'",
                id.value()))
        .isEqualTo(4);

    late(id);
    next.look(Instant.now());
    assertThat(states(id.value(), "NOT_REACHED")).as("while it is heard").isEqualTo(4);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(18)
  void countsNoTimeThatADeviceIsAway() {
    RolloutId id = new RolloutId(create(request("alone", 1, "away", null)).id());
    String away = devices(id.value(), "OFFERED").getFirst();
    online(away, false);
    late(id);
    online(away, true);

    report(1, "DOWNLOADING");
    engine.look(Instant.now());

    assertThat(devices(id.value(), "DOWNLOADING")).contains(away);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(19)
  void knowsTheOrderOfAnEarlierAttempt() {
    RolloutId id = timedOut("again");
    act(id.value(), RolloutAct.RETRY, "mended");
    act(id.value(), RolloutAct.ABORT, "wrong after all");
    assertThat(ordered("again", "ACTIVE")).as("orders that stand").isZero();

    id = timedOut("again");
    act(id.value(), RolloutAct.RETRY, "mended");
    report(1, "COMMITTED");
    engine.moveOn(id);
    assertThat(states(id.value(), "COMMITTED")).as("by its own order").isEqualTo(4);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(25)
  void takesBackTheOrdersOfDevicesThatWereTooLate() {
    RolloutId id = timedOut("late");
    assertThat(ordered("late", "ACTIVE")).isEqualTo(4);

    act(id.value(), RolloutAct.ABORT, "enough");

    assertThat(ordered("late", "ACTIVE")).as("orders that stand").isZero();
    assertThat(states(id.value(), "CANCELLED")).isEqualTo(4);
  }

  @Test
  @Order(26)
  void leavesTheVersionToDevicesThatWereTooLateAndRunIt() {
    RolloutId id = timedOut("kept");
    report(1, "COMMITTED");
    act(id.value(), RolloutAct.ABORT, "enough");
    assertThat(ordered("kept", "ACTIVE")).as("too late").isEqualTo(4);

    id = timedOut("kept-again");
    act(id.value(), RolloutAct.RETRY, "mended");
    report(1, "COMMITTED");
    act(id.value(), RolloutAct.ABORT, "enough");
    assertThat(ordered("kept-again", "ACTIVE")).as("not ordered again yet").isEqualTo(4);
    assertThat(states(id.value(), "COMMITTED")).isEqualTo(4);
  }

  @Test
  @Order(27)
  void seesAGapInsideALook() {
    RolloutId id = new RolloutId(create(request("alone", 1, "hanging", null)).id());
    SlowClock clock = new SlowClock();
    RolloutEngine hanging = engine(clock.withZone(ZoneOffset.UTC));
    hanging.look(clock.now);
    clock.step = Duration.ofSeconds(11);
    hanging.look(clock.now);
    clock.step = Duration.ZERO;
    pass(id, "290 seconds");

    hanging.look(clock.now);

    assertThat(states(id.value(), "NOT_REACHED")).isZero();
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(28)
  void addsUpTheTimeThatADeviceIsThere() {
    RolloutId id = new RolloutId(create(request("alone", 1, "flapping", "PAUSE")).id());
    String device = devices(id.value(), "OFFERED").getFirst();
    for (int time = 0; time < 2; time++) {
      pass(id, "2 minutes");
      online(device, false);
      pass(id, "1 hour");
      online(device, true);
    }
    engine.moveOn(id);
    assertThat(devices(id.value(), "OFFERED")).as("after 4 of 5 minutes").contains(device);

    pass(id, "2 minutes");
    // The first look pauses for the three that were late before.
    engine.moveOn(id);
    engine.moveOn(id);

    assertThat(devices(id.value(), "NOT_REACHED")).contains(device);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(29)
  void knowsOfADeviceThatWasForgottenOnlyUntilItHeardLast() {
    RolloutId id = new RolloutId(create(request("alone", 1, "forgotten", "PAUSE")).id());
    String device = devices(id.value(), "OFFERED").getFirst();
    late(id);
    sql("update heard set at = now() - interval '1 day'");
    plane.bean(Presence.class).forgetAll();
    sql("update device_presence set online = true");
    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(DeviceFollower.class)
                    .onPresence(new PresenceStoring(transaction, everybody(transaction))));

    engine.moveOn(id);

    assertThat(devices(id.value(), "OFFERED")).contains(device);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(30)
  void knowsOfADeviceThatLeftInAGapOnlyUntilItHeardLast() {
    RolloutId id = new RolloutId(create(request("alone", 1, "deaf", "PAUSE")).id());
    String device = devices(id.value(), "OFFERED").getFirst();
    pass(id, "10 minutes");
    // It left in the gap; its death is stored only when we hear again, before the first look.
    online(device, false);
    RolloutEngine next = unheard("10 minutes");
    online(device, true);

    next.look(Instant.now());

    assertThat(devices(id.value(), "OFFERED")).contains(device);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(31)
  void seesNoGapInItsOwnWorkAfterAGap() {
    RolloutId id = new RolloutId(create(request("alone", 1, "slow", null)).id());
    Instant begun = Instant.now().truncatedTo(ChronoUnit.MICROS);
    Instant ended = begun.plusSeconds(11);
    RolloutEngine slow = engine(Clock.fixed(ended, ZoneOffset.UTC));
    slow.look(begun);
    late(id);

    slow.look(ended.plusMillis(500));

    assertThat(states(id.value(), "NOT_REACHED")).isEqualTo(4);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(36)
  void seesNoGapBetweenSlowLooks() {
    RolloutId id = new RolloutId(create(request("alone", 1, "slower", null)).id());
    SlowClock clock = new SlowClock();
    clock.step = Duration.ofSeconds(4);
    RolloutEngine slow = engine(clock.withZone(ZoneOffset.UTC));
    for (int look = 0; look < 2; look++) {
      Instant begun = clock.now;
      slow.look(begun);
      clock.reach(begun.plusSeconds(12));
    }
    late(id);

    slow.look(clock.now);

    assertThat(states(id.value(), "NOT_REACHED")).isEqualTo(4);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  private RolloutEngine engine(Clock clock) {
    return new RolloutEngine(
        plane.database(),
        plane.bean(SqlBooks.class),
        plane.bean(AuditLog.class),
        plane.bean(ControlLink.class),
        plane.bean(RolloutEndings.class),
        clock);
  }

  /** Time that passes whenever somebody asks for it, as if what came before had taken it. */
  private static final class SlowClock implements InstantSource {
    private Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    private Duration step = Duration.ZERO;

    void reach(Instant least) {
      now = now.isBefore(least) ? least : now;
    }

    @Override
    public Instant instant() {
      now = now.plus(step);
      return now;
    }
  }

  @Test
  @Order(20)
  void switchesOffWhatARollbackFindsNothingBefore() {
    sql(
        """
        insert into device_slot_report (device, slot, revision, phase, running_model,
          running_version, running_manifest, predictions, predictions_failed)
        values ('device-00', 'part', 0, 'COMMITTED', 'engine-health', 1, ?, 0, 0)
        """,
        manifest(1, "x86-64-avx2"));
    String id =
        create(
                unit(
                    request("engine-health", 2, "part", List.of(percent(100)), null, null, null),
                    new RolloutRequest.PartRequest("other", "alone", 1)))
            .id();
    report(2, "COMMITTED");

    act(id, RolloutAct.ROLLBACK, "wrong");

    assertThat(devices(id, "RESTORING")).containsExactly("device-00");
    assertThat(states(id, "CANCELLED")).isEqualTo(DEVICES - 1);
    assertThat(ordered("part", "OFF")).isEqualTo(DEVICES - 1);
    assertThat(ordered("other", "OFF")).isEqualTo(DEVICES);
    report(2, "COMMITTED");
    assertThat(devices(id, "RESTORED")).containsExactly("device-00");
    engine.moveOn(new RolloutId(id));
  }

  @Test
  @Order(21)
  void endsATrialOnItsDevicesWhenItIsAbortedOrSuperseded() {
    Rollout aborted = create(trial(2));
    report(2, "COMMITTED");
    act(aborted.id(), RolloutAct.ABORT, "enough");
    engine.moveOn(new RolloutId(aborted.id()));
    assertThat(rollouts.find(aborted.id()).orElseThrow().state()).isEqualTo("ABORTED");
    assertThat(ordered("main-trial", "AB")).as("after an abort").isZero();

    create(trial(2));
    report(2, "COMMITTED");
    assertThat(ordered("main-trial", "AB")).isEqualTo(4);
    Rollout newer = start(1);
    assertThat(ordered("main-trial", "AB")).as("after a newer rollout").isZero();
    act(newer.id(), RolloutAct.ABORT, "enough");
  }

  @Test
  @Order(22)
  void foldsCountsAlsoWhereNothingIsDecided() {
    RolloutId id = new RolloutId(create(request("alone", 1, "count", null)).id());
    for (int sign : List.of(1, -1)) {
      sql(
          """
          insert into deployment_count
          select ?, 0, 'x86-64-avx2', 'OFFERED', false, false, ? from generate_series(1, ?)
          """,
          id.value(),
          (long) sign,
          (long) RolloutTables.COUNTS_MAX);
    }
    SqlBooks books = plane.bean(SqlBooks.class);

    assertThat(books.sweep(books.lease(id, "sweeper", Instant.now()).orElseThrow())).isZero();

    assertThat(number("select count(*) from deployment_count where rollout = ?", id.value()))
        .isLessThan(RolloutTables.COUNTS_MAX);
    act(id.value(), RolloutAct.ABORT, "seen");
  }

  @Test
  @Order(23)
  void tellsOfAnEndThatAKilledProcessHadOnlyStored() {
    String id = create(request("alone", 1, "told", null)).id();
    act(id, RolloutAct.ABORT, "wrong slot");
    engine.moveOn(new RolloutId(id));
    assertThat(alerts(id)).isEqualTo(1);
    sql("delete from alert where object = ?", id);
    sql("update rollout set tell_at = now() where id = ?", id);

    engine.tick();
    assertThat(alerts(id)).as("by the next process").isEqualTo(1);

    sql("update rollout set tell_at = now() where id = ?", id);
    engine.tick();
    assertThat(alerts(id)).as("told twice").isEqualTo(1);
    assertThat(number("select count(*) from rollout where tell_at is not null")).isZero();
  }

  @Test
  @Order(24)
  void givesItToThoseThatThePreviewNamed() {
    RolloutRequest request = request("alone", 1, "named", null);
    List<String> named = rollouts.preview(ANA, request).stages().getFirst().devices();

    Rollout first = create(request);

    assertThat(devices(first.id(), "OFFERED")).containsExactlyInAnyOrderElementsOf(named);
    assertThat(create(request).id()).as("of the next one").isNotEqualTo(first.id());
  }

  @Test
  @Order(37)
  void goesBackAfterSuccessWhileNothingElseIsInItsPlace() {
    Rollout before = everywhere(1, "later");
    Rollout after = everywhere(2, "later");
    assertThat(before.allowedActions()).contains("rollback");
    assertThatThrownBy(() -> act(before.id(), RolloutAct.ROLLBACK, "too late"))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("no device is ordered any more what it brought");

    Rollout back = act(after.id(), RolloutAct.ROLLBACK, "field report");
    assertThat(back.state()).isEqualTo("ROLLING_BACK");
    assertThat(ordered("later", 1)).isEqualTo(DEVICES);
    report(1, "COMMITTED");
    engine.look(Instant.now());

    assertThat(rollouts.find(after.id()).orElseThrow().state()).isEqualTo("ROLLED_BACK");
    assertThat(states(after.id(), "RESTORED")).isEqualTo(DEVICES);
    assertThat(audits("rollout.rolling_back", "field report")).isEqualTo(1);
  }

  @Test
  @Order(38)
  void goesNotBackUnderARolloutThatIsUnderWay() {
    Rollout one = everywhere(2, "under-way");
    create(request("engine-health", 1, "under-way", null));

    assertThatThrownBy(() -> act(one.id(), RolloutAct.ROLLBACK, "no"))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("is under way in its place");
  }

  @Test
  @Order(39)
  void keepsWhatPeopleSaidOfEachAct() {
    Rollout draft = create(request("engine-health", 1, "said", null, null, true, true));
    act(draft.id(), RolloutAct.SUBMIT, "please look");
    rollouts.act(
        new Actor("ben", "request-3"),
        draft.id(),
        RolloutAct.APPROVE,
        "looks fine",
        OptionalLong.empty());
    act(draft.id(), RolloutAct.RETRY, "network mended");
    act(draft.id(), RolloutAct.PAUSE, "lunch break");
    act(draft.id(), RolloutAct.RESUME, "fed");
    act(draft.id(), RolloutAct.ABORT, "tested");

    assertThat(audits("rollout.waiting_for_approval", "please look")).isEqualTo(1);
    assertThat(audits("rollout.approved", "looks fine")).isEqualTo(1);
    assertThat(audits("rollout.retried", "network mended")).isEqualTo(1);
    assertThat(audits("rollout.running", "fed")).isEqualTo(1);
  }

  @Test
  @Order(40)
  void startsOneOfTwoThatAreStartedTogether() throws Exception {
    for (int round = 0; round < 3; round++) {
      List<String> ids = List.of(ready("together").id(), ready("together").id());
      CyclicBarrier together = new CyclicBarrier(2);
      try (ExecutorService people = Executors.newFixedThreadPool(2)) {
        for (Future<Rollout> started :
            people.invokeAll(
                ids.stream()
                    .<Callable<Rollout>>map(
                        id ->
                            () -> {
                              together.await();
                              return act(id, RolloutAct.START, "now");
                            })
                    .toList())) {
          assertThat(started.get().state()).isEqualTo("RUNNING");
        }
      }
      assertThat(ids.stream().map(id -> rollouts.find(id).orElseThrow().state()))
          .containsExactlyInAnyOrder("RUNNING", "SUPERSEDED");
    }
  }

  @Test
  @Order(41)
  void startsWhileTheEngineWritesOfTheOneBefore() throws Exception {
    Rollout running = create(request("engine-health", 1, "beside", null));
    Rollout next = ready("beside");
    CountDownLatch locked = new CountDownLatch(1);
    try (ExecutorService engines = Executors.newSingleThreadExecutor()) {
      Future<?> writing =
          engines.submit(
              () ->
                  plane
                      .database()
                      .run(
                          transaction -> {
                            RolloutTables.lock(transaction, new RolloutId(running.id()));
                            locked.countDown();
                            while (transaction.number(
                                    "select count(*) from pg_locks where not granted")
                                == 0) {
                              Thread.onSpinWait();
                            }
                            plane
                                .bean(AuditLog.class)
                                .append(transaction, ANA, AuditLog.Act.of("tested", "x", ""));
                          }));
      locked.await();

      assertThat(act(next.id(), RolloutAct.START, "now").state()).isEqualTo("RUNNING");
      writing.get();
    }
    assertThat(rollouts.find(running.id()).orElseThrow().state()).isEqualTo("SUPERSEDED");
  }

  @Test
  @Order(42)
  void stopsAUnitForOneBadPartBehindAGoodOne() {
    everywhere(1, "eyes");
    String id =
        create(
                unit(
                    request("engine-health", 2, "eyes", null),
                    new RolloutRequest.PartRequest("ears", "alone", 1)))
            .id();
    report(2, "COMMITTED");
    List<String> touched = devices(id, "COMMITTED");
    List<String> others =
        plane.database().call(RolloutEngineTest::everybody).stream()
            .map(DeviceId::value)
            .filter(device -> device.startsWith("device-") && !touched.contains(device))
            .toList();
    // Summed, 1.6 % of the new versions' predictions fail: within the tolerance of 5 points.
    seen(touched, "eyes", "engine-health@2", 2400, 0);
    seen(touched, "ears", "alone@1", 40, 40);
    seen(others, "eyes", "engine-health@1", 2400, 0);
    seen(others, "ears", "alone@9", 40, 0);

    engine.moveOn(new RolloutId(id));

    Rollout stopped = rollouts.find(id).orElseThrow();
    assertThat(stopped.state()).isEqualTo("ROLLING_BACK");
    assertThat(stopped.reason())
        .startsWith("failed-predictions (ears/pooled) FAIL: 100.00%")
        .doesNotContain("eyes");
    assertThat(stopped.stages().getFirst().gates())
        .filteredOn(gate -> gate.scope().equals("eyes/pooled"))
        .noneMatch(gate -> gate.verdict().equals("FAIL"))
        .isNotEmpty();
  }

  @Test
  @Order(42)
  void stopsAUnitForAFirstPartByItsLimitBesideOneThatReplaces() {
    everywhere(1, "eyes-again");
    String id =
        create(
                unit(
                    request("engine-health", 2, "eyes-again", null),
                    new RolloutRequest.PartRequest("nose", "alone", 1)))
            .id();
    report(2, "COMMITTED");
    List<String> touched = devices(id, "COMMITTED");
    seen(touched, "eyes-again", "engine-health@2", 400, 0);
    seen(touched, "nose", "alone@1", 400, 400);

    engine.moveOn(new RolloutId(id));

    Rollout stopped = rollouts.find(id).orElseThrow();
    assertThat(stopped.state()).isEqualTo("ROLLING_BACK");
    assertThat(stopped.reason()).startsWith("failed-predictions (nose/pooled) FAIL: 100.00%");
  }

  @Test
  @Order(43)
  void stopsForHarmThatOnlyTheOpenStageSuffers() {
    everywhere(1, "lately");
    String id =
        create(
                request(
                    "engine-health",
                    2,
                    "lately",
                    List.of(percent(50), percent(60), percent(100)),
                    null,
                    null,
                    null))
            .id();
    report(2, "COMMITTED");
    List<String> first = devices(id, "COMMITTED");
    act(id, RolloutAct.PROMOTE, "as a test");
    report(2, "COMMITTED");
    List<String> second = new ArrayList<>(devices(id, "COMMITTED"));
    second.removeAll(first);
    List<String> others =
        plane.database().call(RolloutEngineTest::everybody).stream()
            .map(DeviceId::value)
            .filter(device -> device.startsWith("device-") && !first.contains(device))
            .filter(device -> !second.contains(device))
            .toList();
    // Of all, .3 % of the new version's predictions fail.
    seen(first, "lately", "engine-health@2", 6400, 0);
    seen(second, "lately", "engine-health@2", 100, 100);
    seen(others, "lately", "engine-health@1", 6400, 0);

    engine.moveOn(new RolloutId(id));

    assertThat(second).hasSize(4);
    Rollout stopped = rollouts.find(id).orElseThrow();
    assertThat(stopped.state()).isEqualTo("ROLLING_BACK");
    assertThat(stopped.reason()).startsWith("failed-predictions (stage) FAIL: 100.00% of 400");
  }

  @Test
  @Order(44)
  void givesNoDeviceAVariantWhoseEngineItSaysItHasNot() {
    sql(
        """
        update variant set engine = 'tflite'
        where model = 'engine-health' and version = 2 and profile = 'arm64-neon'
        """);
    engines("device-01", "onnxruntime/cpu");
    engines("device-03", "onnxruntime/cpu", "tflite/xnnpack");
    RolloutRequest request =
        request("engine-health", 2, "engines", List.of(percent(100)), null, null, null);
    String reason = "it has no engine 'tflite', which the variant for arm64-neon needs";

    RolloutPreview preview = rollouts.preview(ANA, request);

    assertThat(preview.eligible()).isEqualTo(DEVICES - 1);
    assertThat(preview.outsiders())
        .anyMatch(one -> one.device().equals("device-01") && one.reason().equals(reason));
    assertThat(preview.notEligibleBy()).containsEntry(reason, 1);

    Rollout started = create(request);
    for (String later : List.of("onnxruntime/cpu", "tflite/cpu")) {
      String id = "device-later-" + later.replace('/', '-');
      sql(
          """
          insert into device (id, tenant, labels, facts, profile, enrolled_at)
          values (?, 'default', '{}', jsonb_build_object('engines', jsonb_build_array(?::text)),
            'arm64-neon', now() + interval '1 second')
          """,
          id,
          later);
      sql("insert into device_presence (device, online, boot_epoch) values (?, true, 1)", id);
    }
    plane
        .database()
        .run(
            transaction ->
                Members.admitNewcomers(
                    transaction,
                    RolloutTables.find(transaction, started.id()).orElseThrow().order(),
                    0));

    List<String> ordered =
        plane
            .database()
            .call(
                transaction ->
                    transaction.list(
                        "select device from deployment where rollout = ?",
                        row -> row.text("device"),
                        started.id()));
    assertThat(ordered)
        .hasSize(DEVICES)
        .contains("device-00", "device-03", "device-05", "device-later-tflite-cpu")
        .doesNotContain("device-01", "device-later-onnxruntime-cpu");
    act(started.id(), RolloutAct.ABORT, "seen");

    sql("update device set facts = facts || '{\"engines\":[\"other/cpu\"]}'::jsonb");
    assertThatThrownBy(() -> rollouts.preview(ANA, request))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("no device can run engine-health@2")
        .hasMessageContaining(
            "20 x it has no engine 'onnxruntime', which the variant for x86-64-avx2");
  }

  private void engines(String device, String... engines) {
    sql(
        "update device set facts = facts || jsonb_build_object('engines', to_jsonb(?::text[])) where id = ?",
        List.of(engines),
        device);
  }

  private void seen(List<String> on, String slot, String version, int predictions, int failed) {
    records(
        on.stream()
            .map(
                device ->
                    new RecordsStoring.Window(
                        new DeviceId(device),
                        1,
                        new SlotId(slot),
                        ModelVersion.parse(version),
                        manifest(3, "x86-64-avx2"),
                        Instant.now().plusSeconds(1),
                        predictions,
                        failed,
                        0,
                        Map.of()))
            .toList(),
        List.of());
  }

  private Rollout ready(String slot) {
    Rollout draft = create(request("engine-health", 2, slot, null, null, null, true));
    return act(draft.id(), RolloutAct.SUBMIT, "ready");
  }

  // Brings a version to every device at once, and says so of them.
  private Rollout everywhere(long version, String slot) {
    Rollout rollout =
        create(request("engine-health", version, slot, List.of(percent(100)), null, null, null));
    report(version, "COMMITTED");
    act(rollout.id(), RolloutAct.PROMOTE, "as a test");
    engine.look(Instant.now());
    Rollout ended = rollouts.find(rollout.id()).orElseThrow();
    assertThat(ended.state()).isEqualTo("SUCCEEDED");
    return ended;
  }

  private long ordered(String slot, int version) {
    return number(
        "select count(*) from desired_slot where slot = ? and version = ? and mode = 'ACTIVE'",
        slot,
        (long) version);
  }

  private long audits(String act, String words) {
    return number(
        "select count(*) from audit_entry where act = ? and position(? in reason) > 0", act, words);
  }

  private long alerts(String rollout) {
    return number("select count(*) from alert where object = ?", rollout);
  }

  private static RolloutRequest.@Nullable WindowRequest window(
      String length, @Nullable String... days) {
    return new RolloutRequest.WindowRequest(
        days.length == 0 ? null : Arrays.asList(days), "22:00", length, null);
  }

  private static RolloutRequest timed(
      RolloutRequest.@Nullable WindowRequest window, @Nullable String start) {
    RolloutRequest plain = draft(2);
    return new RolloutRequest(
        plain.model(),
        plain.version(),
        plain.slot(),
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        0,
        5000,
        null,
        null,
        null,
        Collections.singletonList(window),
        new RolloutRequest.DeadlinesRequest(start, null, null, null),
        null,
        null,
        null,
        null,
        null);
  }

  private RolloutId timedOut(String slot) {
    RolloutId id = new RolloutId(create(request("alone", 1, slot, "PAUSE")).id());
    engine.moveOn(id);
    late(id);
    engine.moveOn(id);
    assertThat(states(id.value(), "NOT_REACHED")).isEqualTo(4);
    return id;
  }

  // Another server takes over and holds the leases that nobody has.
  private RolloutEngine unheard(String time) {
    sql("update heard set at = now() - ?::interval", time);
    RolloutEngine next = engine(Clock.systemUTC());
    next.look(Instant.now().truncatedTo(ChronoUnit.MICROS));
    return next;
  }

  private void late(RolloutId id) {
    pass(id, "1 day");
  }

  // Lets time pass for the devices of a rollout, for no other.
  private void pass(RolloutId id, String time) {
    sql(
        """
        update deployment set ordered_at = ordered_at - of.time, due_at = due_at - of.time,
          away_since = away_since - of.time
        from (select ?::interval as time) of where rollout = ?
        """,
        time,
        id.value());
  }

  private static RolloutRequest unit(RolloutRequest first, RolloutRequest.PartRequest further) {
    return new RolloutRequest(
        first.model(),
        first.version(),
        first.slot(),
        List.of(further),
        first.kind(),
        first.share(),
        first.promote(),
        first.stages(),
        first.holdback(),
        first.dynamic(),
        first.soakWindows(),
        first.windowMillis(),
        first.inFlight(),
        first.catchUp(),
        first.pace(),
        first.windows(),
        first.deadlines(),
        first.onFailedDevices(),
        first.gates(),
        first.sampling(),
        first.approval(),
        first.draft());
  }

  private static RolloutRequest trial(long version) {
    return trial(version, "AB", "failed-predictions");
  }

  private static RolloutRequest trial(long version, String kind, String gate) {
    return trial(version, kind, List.of(gate(gate)));
  }

  private static RolloutRequest.GateRequest gate(String metric) {
    return new RolloutRequest.GateRequest(metric, .05, null, "NO_HARM_SHOWN", null, null);
  }

  private static RolloutRequest trial(
      long version, String kind, List<RolloutRequest.GateRequest> gates) {
    return trial(version, kind, true, gates);
  }

  private static RolloutRequest trial(
      long version, String kind, boolean promote, List<RolloutRequest.GateRequest> gates) {
    return new RolloutRequest(
        "engine-health",
        version,
        "main",
        null,
        kind,
        .2,
        promote,
        null,
        null,
        null,
        0,
        5000,
        null,
        null,
        null,
        null,
        null,
        null,
        gates,
        null,
        null,
        null);
  }

  // A window of the version on trial and one of the version beside it, or of the one that was
  // promoted, on every device of the trial.
  private void compared() {
    List<RecordsStoring.Window> windows =
        plane
            .database()
            .call(
                transaction ->
                    transaction.list(
                        """
                        select one.device, one.slot, one.version from desired_slot one
                        join desired_slot trial on trial.device = one.device
                          and trial.slot = 'main-trial'
                        where one.slot in ('main', 'main-trial') and one.mode <> 'OFF'
                        """,
                        row ->
                            new RecordsStoring.Window(
                                new DeviceId(row.text("device")),
                                1,
                                new SlotId(row.text("slot")),
                                ModelVersion.parse("engine-health@" + row.bigint("version")),
                                manifest(3, "x86-64-avx2"),
                                Instant.now().plusSeconds(1),
                                40,
                                0,
                                0,
                                Map.of())));
    records(windows, List.of());
  }

  private void refused(String field, RolloutRequest request) {
    assertThatThrownBy(() -> rollouts.preview(ANA, request))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem ->
                assertThat(problem.errors())
                    .as(problem.getMessage())
                    .singleElement()
                    .matches(error -> error.field().equals(field)));
  }

  private static RolloutRequest.StageRequest percent(int percent) {
    return RolloutRequest.StageRequest.ofPercent(percent);
  }

  private static RolloutRequest.StageRequest cohort(String name) {
    return new RolloutRequest.StageRequest(null, null, name, null, null, null);
  }

  private static RolloutRequest.StageRequest profile(String id) {
    return new RolloutRequest.StageRequest(null, null, null, id, null, null);
  }

  private static RolloutRequest stages(RolloutRequest.@Nullable StageRequest... stages) {
    return request("engine-health", 2, "main", Arrays.asList(stages), null, null, null);
  }

  private static RolloutRequest draft(
      long version, RolloutRequest.@Nullable StageRequest... stages) {
    return request(
        "engine-health",
        version,
        "main",
        stages.length == 0 ? null : Arrays.asList(stages),
        null,
        null,
        true);
  }

  private static RolloutRequest approval(long version) {
    return request("engine-health", version, "main", null, null, true, null);
  }

  private static RolloutRequest request(long version, RolloutRequest.GateRequest... gates) {
    return request("engine-health", version, "main", null, null, null, null, List.of(gates));
  }

  private static RolloutRequest request(
      String model, long version, String slot, @Nullable String onFailedDevices) {
    return request(model, version, slot, null, onFailedDevices, null, null);
  }

  private static RolloutRequest request(
      String model,
      long version,
      String slot,
      @Nullable List<RolloutRequest.StageRequest> stages,
      @Nullable String onFailedDevices,
      @Nullable Boolean approval,
      @Nullable Boolean draft) {
    return request(model, version, slot, stages, onFailedDevices, approval, draft, GATES);
  }

  private static RolloutRequest request(
      String model,
      long version,
      String slot,
      @Nullable List<RolloutRequest.StageRequest> stages,
      @Nullable String onFailedDevices,
      @Nullable Boolean approval,
      @Nullable Boolean draft,
      List<RolloutRequest.GateRequest> gates) {
    return new RolloutRequest(
        model,
        version,
        slot,
        null,
        null,
        null,
        null,
        stages,
        null,
        null,
        0,
        5000,
        null,
        null,
        null,
        null,
        null,
        onFailedDevices,
        gates,
        null,
        approval,
        draft);
  }

  private Rollout start(long version) {
    return start(version, null);
  }

  private Rollout start(long version, @Nullable String onFailedDevices) {
    return create(request("engine-health", version, "main", onFailedDevices));
  }

  private Rollout create(RolloutRequest request) {
    return rollouts.create(ANA, request);
  }

  private Rollout act(String id, RolloutAct act, String reason) {
    return rollouts.act(ANA, id, act, reason, OptionalLong.empty());
  }

  private Rollout untilEnded(String id, long version, String phase, boolean wrong) {
    for (int step = 0; step < 20; step++) {
      report(version, phase);
      if (phase.equals("COMMITTED")) {
        predictions(version);
        if (ordered(version) > 0 && version > 1) {
          outcomes(version, ordered(version), !wrong);
        }
      }
      engine.moveOn(new RolloutId(id));
      Rollout now = rollouts.find(id).orElseThrow();
      if (now.ended()) {
        return now;
      }
    }
    throw new AssertionError(rollouts.find(id).orElseThrow().toString());
  }

  // Orders of this version end in a phase, all others are carried out.
  private void report(long version, String phase) {
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  """
                  insert into device_slot_report (device, slot, revision, phase, running_model,
                    running_version, running_manifest, predictions, predictions_failed)
                  select device, slot, revision, case when version = ? then ? else 'COMMITTED' end,
                    model, case when version = ? and ? = 'REJECTED' then 1 else version end, manifest,
                    0, 0
                  from desired_slot
                  on conflict (device, slot) do update set revision = excluded.revision,
                    phase = excluded.phase, running_version = excluded.running_version,
                    running_manifest = case when excluded.phase = 'REJECTED'
                      then device_slot_report.running_manifest else excluded.running_manifest end
                  """,
                  version,
                  phase,
                  version,
                  phase);
              plane
                  .bean(DeviceFollower.class)
                  .onReports(new ReportsStoring(transaction, everybody(transaction)));
            });
  }

  private static List<DeviceId> everybody(Transaction transaction) {
    return transaction.list("select id from device", row -> new DeviceId(row.text("id")));
  }

  private void online(String device, boolean online) {
    plane
        .database()
        .run(
            transaction -> {
              transaction.update(
                  "update device_presence set online = ? where device = ?", online, device);
              plane
                  .bean(DeviceFollower.class)
                  .onPresence(new PresenceStoring(transaction, List.of(new DeviceId(device))));
            });
  }

  private void predictions(long version) {
    predictions(version, 0);
  }

  private void predictions(long version, long residentBytes) {
    predictions(version, residentBytes, Map.of());
  }

  private void predictions(
      long version, long residentBytes, Map<String, RecordsStoring.Counts> streams) {
    List<RecordsStoring.Window> windows = new ArrayList<>();
    for (DeviceId device : running(version, DEVICES)) {
      windows.add(
          new RecordsStoring.Window(
              device,
              1,
              new SlotId("main"),
              ModelVersion.parse("engine-health@" + version),
              manifest(version, "x86-64-avx2"),
              Instant.now().plusSeconds(1),
              40,
              0,
              residentBytes,
              streams));
    }
    records(windows, List.of());
  }

  private void outcomes(long version, int devices, boolean right) {
    amounts(version, devices, right ? .1 : .9, 0);
  }

  private void amounts(long version, int devices, double score, double actual) {
    List<StoredFeedback> feedback = new ArrayList<>();
    for (DeviceId device : running(version, devices)) {
      for (int record = 0; record < 20; record++) {
        feedback.add(
            new StoredFeedback(
                device,
                "p",
                actual,
                Instant.now(),
                Optional.of(
                    new StoredFeedback.Prediction(
                        new SlotId("main"),
                        ModelVersion.parse("engine-health@" + version),
                        Optional.of(score),
                        OptionalInt.empty(),
                        Instant.now().plusSeconds(1)))));
      }
    }
    records(List.of(), feedback);
  }

  private void records(List<RecordsStoring.Window> windows, List<StoredFeedback> feedback) {
    plane
        .database()
        .run(
            transaction ->
                plane
                    .bean(Arms.class)
                    .onRecords(new RecordsStoring(transaction, windows, feedback)));
  }

  private List<DeviceId> running(long version, int limit) {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    """
                    select device from desired_slot where slot = 'main' and version = ?
                    order by device limit ?
                    """,
                    row -> new DeviceId(row.text("device")),
                    version,
                    limit));
  }

  private int ordered(String slot, String mode) {
    return (int)
        number("select count(*) from desired_slot where slot = ? and mode = ?", slot, mode);
  }

  private long states(String rollout, String state) {
    return number(
        "select count(*) from deployment where rollout = ? and state = ?", rollout, state);
  }

  private long audited(String act, String actor) {
    return number("select count(*) from audit_entry where act = ? and actor = ?", act, actor);
  }

  private List<String> devices(String rollout, String state) {
    return plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    "select device from deployment where rollout = ? and state = ?",
                    row -> row.text("device"),
                    rollout,
                    state));
  }

  private String firstOf(String rollout) {
    act(rollout, RolloutAct.SUBMIT, "look");
    act(rollout, RolloutAct.START, "look");
    String first = devices(rollout, "OFFERED").getFirst();
    act(rollout, RolloutAct.ABORT, "looked");
    engine.moveOn(new RolloutId(rollout));
    return first;
  }

  private long number(String statement, Object... parameters) {
    return plane.database().<Long>call(transaction -> transaction.number(statement, parameters));
  }

  private int ordered(long version) {
    return (int)
        plane
            .database()
            .<Long>call(
                transaction ->
                    transaction.number(
                        "select count(*) from desired_slot where version = ?", version))
            .longValue();
  }

  private static String manifest(long version, String profile) {
    return Digest.of((version + profile).getBytes(StandardCharsets.UTF_8)).toString();
  }

  private void sql(String statement, Object... parameters) {
    plane.database().run(transaction -> transaction.update(statement, parameters));
  }
}
