package io.skerry.control.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.Rollout;
import io.skerry.control.audit.Actor;
import io.skerry.control.sql.TestPlane;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
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
  private static final int DEVICES = 40;

  private TestPlane plane;
  private RolloutEngine engine;
  private Rollouts rollouts;
  private long sequence;

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
          values (?, 'default', '{"site":"a"}', '{}', ?, now())
          """,
          id,
          profile);
      sql("insert into device_presence (device, online, boot_epoch) values (?, true, 1)", id);
    }
    sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values ('stranger', 'default', '{}', '{}', null, now())
        """);
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
  void stopsAModelThatIsWrongLiveInItsFirstStageAndRollsItBack() {
    outcomes(1, DEVICES, true);
    Rollout second = start(2);

    Rollout ended = untilEnded(second.id(), 2, "COMMITTED", true);

    assertThat(ended.state()).isEqualTo("ROLLED_BACK");
    assertThat(ended.reason()).contains("feedback").contains("negative accuracy");
    assertThat(ended.touched()).isEqualTo(4);
    assertThat(ended.stages().getFirst().state()).isEqualTo("FAILED");
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(4)
  void rollsBackWhatEveryDeviceRefuses() {
    Rollout third = start(3);

    Rollout ended = untilEnded(third.id(), 3, "REJECTED", false);

    assertThat(ended.state()).isEqualTo("ROLLED_BACK");
    assertThat(ended.reason()).contains("device-failures");
    assertThat(ended.stages().getFirst().failed()).isEqualTo(4);
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(5)
  void leavesTheOrderStandingWhenFailedDevicesShallOnlyPause() {
    Rollout third = start(3, GateAction.PAUSE);
    report(3, "REJECTED");

    engine.moveOn(new RolloutId(third.id()));

    Rollout paused = rollouts.find(third.id()).orElseThrow();
    assertThat(paused.state()).isEqualTo("PAUSED");
    assertThat(paused.reason()).contains("device-failures");
    assertThat(ordered(3)).isEqualTo(4);
    rollouts.act(ANA, third.id(), new RolloutEvent.RollBack("damaged"));
    assertThat(untilEnded(third.id(), 3, "REJECTED", false).state()).isEqualTo("ROLLED_BACK");
    assertThat(ordered(1)).isEqualTo(DEVICES);
  }

  @Test
  @Order(6)
  void doesAsOperatorsSayAndKeepsWhoSaidIt() {
    Rollout fourth = start(4);

    assertThat(rollouts.act(ANA, fourth.id(), new RolloutEvent.Pause("lunch")).state())
        .isEqualTo("PAUSED");
    assertThatThrownBy(() -> rollouts.act(ANA, fourth.id(), new RolloutEvent.Pause("again")))
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

  private Rollout start(long version) {
    return start(version, GateAction.ROLLBACK);
  }

  private Rollout start(long version, GateAction onFailedDevices) {
    return rollouts.start(
        ANA,
        new Rollouts.Wish(
            ModelVersion.parse("engine-health@" + version),
            new SlotId("main"),
            List.of(10, 40, 100),
            0,
            Duration.ofSeconds(5),
            onFailedDevices,
            new SamplingRates(.1, 1)));
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
    sql(
        """
        insert into device_slot_report (device, slot, revision, phase, running_model,
          running_version, running_manifest, predictions, predictions_failed)
        select device, slot, revision, case when version = ? then ? else 'COMMITTED' end, model,
          case when version = ? and ? = 'REJECTED' then 1 else version end, manifest, 0, 0
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
  }

  private void predictions(long version) {
    sql(
        """
        insert into telemetry_window (device, boot_epoch, sequence, slot, model, version, manifest,
          window_index, start_at, end_at, predictions, predictions_failed, skipped, received_at)
        select device, 1, ?, slot, model, version, manifest, 1, now(), now() + interval '1 minute',
          40, 0, 0, now()
        from desired_slot where version = ?
        """,
        ++sequence,
        version);
  }

  private void outcomes(long version, int devices, boolean right) {
    for (int record = 0; record < 20; record++) {
      sql(
          """
          insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, client_id,
            slot, model, version, actual, joined, score, predicted_at, outcome_at, received_at)
          select device, 1, ?, 'p', '', slot, model, ?, 0, true, ?, now() + interval '1 second',
            now(), now()
          from desired_slot order by (version = ?) desc, device limit ?
          """,
          ++sequence,
          version,
          right ? .1 : .9,
          version,
          devices);
    }
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
