package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.RolloutDevice;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.protocol.ErrorCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Who hears of a pause, and what can be done about it. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PausedRolloutTest {
  private final RolloutFleet fleet;

  PausedRolloutTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    // A rollout's id comes again with the same version.
    fleet.sql("truncate alert, alert_route cascade");
    fleet.version(1, Map.of(X86, "onnxruntime"));
    fleet.enrol(10, X86);
  }

  private String started() {
    return fleet
        .create(
            """
            {"model": "tested", "version": 1, "onFailedDevices": "PAUSE",
              "deadlines": {"stage": "10m"}, "stages": [{"percent": 50}, {"percent": 100}]}
            """)
        .id();
  }

  private String failed() {
    String id = started();
    fleet.report(id, "FAILED");
    fleet.look();
    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    return id;
  }

  private Map<String, String> alerts(String id) {
    return fleet.texts(
        "select kind || ' ' || severity as name, detail as text from alert where object = ?", id);
  }

  @Test
  void alertsOnceWhenAGateFails() {
    String id = failed();

    fleet.look();

    assertThat(alerts(id)).hasSize(1);
    assertThat(fleet.number("select count(*) from alert where object = ?", id)).isEqualTo(1);
    assertThat(alerts(id).get("rollout.paused TICKET"))
        .contains("device-failures (pooled) FAIL: 5 of 5 devices failed the update");
  }

  /** A person has dealt with the first one: nothing else tells that it is stopped again. */
  @Test
  void tellsOfEveryPauseHoweverSoonTheNextOneComes() {
    fleet.sql(
        """
        insert into alert_route (name, kind, url, from_severity, created_by, created_at)
        values ('hook', 'WEBHOOK', 'http://127.0.0.1:1/', 'TICKET', 'ana', now())
        """);
    String id = failed();

    fleet.act(id, RolloutAct.RETRY);
    fleet.look();
    fleet.report(id, "FAILED");
    fleet.look();

    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    assertThat(
            fleet.texts(
                """
                select d.id::text as name, d.state as text
                from alert_delivery d join alert a on a.id = d.alert where a.object = ?
                """,
                id))
        .hasSize(2)
        .allSatisfy((delivery, state) -> assertThat(state).isEqualTo("WAITING"));
  }

  @Test
  void alertsWhenAGateBeginsToStopItAndNotOnlyAtTheEnd() {
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 1, "onFailedDevices": "ABORT",
                  "stages": [{"percent": 50}, {"percent": 100}]}
                """)
            .id();
    fleet.report(id, "FAILED");
    fleet.look();

    assertThat(fleet.find(id).state()).startsWith("ABORT");
    assertThat(alerts(id).get("rollout.aborting TICKET")).contains("failed");
  }

  @Test
  void followsWhoWasAwayAtARollbackAndAlertsWhenItCannotGoBackHoweverOftenItTries() {
    fleet.version(2, Map.of(X86, "onnxruntime"));
    String before = everywhere(1);
    String id = everywhere(2);
    String away = X86 + "-03";
    String later = X86 + "-04";
    fleet.online(away, false);
    fleet.online(later, false);
    fleet.act(id, RolloutAct.ROLLBACK);
    fleet.report(id, "COMMITTED");
    fleet.pass(Duration.ofMinutes(6));
    assertThat(fleet.find(id).state()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.find(before).state()).isEqualTo("SUCCEEDED");

    fleet.online(later, true);
    fleet.report(id, "COMMITTED", List.of(later));
    fleet.look();
    fleet.online(away, true);
    assertThat(fleet.states(id)).containsEntry(away, "RESTORING").containsEntry(later, "RESTORED");
    fleet.report(id, "FAILED", List.of(away));

    for (int again = 0; again < RolloutPlan.RESTORES_MAX; again++) {
      assertThat(fleet.states(id)).containsEntry(away, "RESTORE_FAILED");
      assertThat(alerts(id)).doesNotContainKey("rollout.restore_failed TICKET");
      assertThat(fleet.find(id).reason()).contains("1 are ordered back again");
      assertThat(error(id, away)).contains("is ordered back again at", again + 1 + " of 5");
      fleet.sleep(Duration.ofMinutes(6).multipliedBy(1L << (2 * again)));
      fleet.look();
      assertThat(fleet.states(id)).as("try %d", again).containsEntry(away, "RESTORING");
      fleet.report(id, "FAILED", List.of(away));
    }
    fleet.look();

    assertThat(alerts(id)).containsKey("rollout.restore_failed TICKET");
    assertThat(error(id, away)).contains("also not at 5 more tries");
    assertThat(released(id)).isEqualTo(1);

    assertThat(fleet.find(id).allowedActions()).containsExactly("retry");
    fleet.act(id, RolloutAct.RETRY);
    assertThat(fleet.states(id)).containsEntry(away, "RESTORING");
    fleet.report(id, "COMMITTED", List.of(away));
    fleet.look();
    assertThat(fleet.states(id)).containsEntry(away, "RESTORED");
    assertThat(fleet.find(id).allowedActions()).isEmpty();
    assertThat(released(id)).isEqualTo(1);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  /** Its order stands, and the line was only slow. */
  @Test
  void whoGoesBackLateHasGoneBack() {
    fleet.version(2, Map.of(X86, "onnxruntime"));
    everywhere(1);
    String id = everywhere(2);
    String slow = X86 + "-03";
    fleet.act(id, RolloutAct.ROLLBACK);
    fleet.report(id, "COMMITTED", others(id, slow));
    fleet.pass(Duration.ofMinutes(31));
    assertThat(fleet.find(id).state()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.states(id)).containsEntry(slow, "RESTORE_FAILED");

    fleet.report(id, "COMMITTED", List.of(slow));
    fleet.look();

    assertThat(fleet.states(id)).containsEntry(slow, "RESTORED");
    assertThat(alerts(id)).doesNotContainKey("rollout.restore_failed TICKET");
    assertThat(released(id)).isEqualTo(1);
  }

  // All but this one have gone back.
  private String rolledBackBut(String stuck) {
    fleet.version(2, Map.of(X86, "onnxruntime"));
    everywhere(1);
    String id = everywhere(2);
    fleet.act(id, RolloutAct.ROLLBACK);
    fleet.report(id, "COMMITTED", others(id, stuck));
    fleet.report(id, "FAILED", List.of(stuck));
    fleet.look();
    assertThat(fleet.find(id).state()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.states(id)).containsEntry(stuck, "RESTORE_FAILED");
    return id;
  }

  private void endedAMonthAgo(String id) {
    fleet.sql(
        """
        update rollout set ended_at = ended_at - interval '31 days',
          state = jsonb_set(state, '{stages,0,openedAt,0}', '"2026-01-01T00:00:00Z"') where id = ?
        """,
        id);
    fleet.look();
    assertThat(released(id)).isEqualTo(1);
  }

  /** Nobody looks at it again: it would never be told of. */
  @Test
  void alertsOfWhoWasToTryAgainWhenNobodyFollowsItAnyMore() {
    String id = rolledBackBut(X86 + "-03");
    assertThat(alerts(id)).doesNotContainKey("rollout.restore_failed TICKET");

    endedAMonthAgo(id);
    fleet.look();

    assertThat(alerts(id).get("rollout.restore_failed TICKET")).startsWith("1 devices could not");
    assertThat(
            fleet.number(
                "select count(*) from alert where object = ? and kind = 'rollout.restore_failed'",
                id))
        .isEqualTo(1);
  }

  /** Whatever kept it from going back may take longer to mend than it is followed. */
  @Test
  void followsWhoIsOrderedBackByARetryALongTimeAfterTheRollback() {
    String stuck = X86 + "-03";
    String id = rolledBackBut(stuck);
    endedAMonthAgo(id);

    fleet.act(id, RolloutAct.RETRY);
    fleet.look();

    assertThat(fleet.states(id)).containsEntry(stuck, "RESTORING");
    assertThat(released(id)).isZero();
    fleet.sleep(Duration.ofDays(29));
    fleet.report(id, "COMMITTED", List.of(stuck));
    assertThat(fleet.states(id)).containsEntry(stuck, "RESTORED");
  }

  @Test
  void everyRetryIsAnActOfItsOwnAlsoWhereNobodySaysAnythingElse() {
    String stuck = X86 + "-03";
    String id = rolledBackBut(stuck);
    long revision = fleet.find(id).revision();
    // Entries outlive the rollouts of other tests.
    long audited = retriesAudited(id);
    for (int retry = 1; retry <= 2; retry++) {
      fleet.act(id, RolloutAct.RETRY);
      assertThat(fleet.states(id)).containsEntry(stuck, "RESTORING");
      fleet.report(id, "FAILED", List.of(stuck));
      fleet.look();

      assertThat(fleet.find(id).revision()).isEqualTo(revision + retry);
      assertThat(retriesAudited(id)).isEqualTo(audited + retry);
    }
  }

  private long retriesAudited(String id) {
    return fleet.number(
        "select count(*) from audit_entry where object = ? and act = 'rollout.retried'",
        "rollout/" + id);
  }

  private List<String> others(String id, String than) {
    return fleet.in(id, "RESTORING").stream().filter(device -> !device.equals(than)).toList();
  }

  private long released(String id) {
    return fleet.number("select count(*) from rollout where id = ? and released", id);
  }

  private String error(String id, String device) {
    return fleet.rollouts.devices(id, "RESTORE_FAILED", "", 10).stream()
        .filter(one -> one.device().equals(device))
        .map(RolloutDevice::error)
        .map(String::valueOf)
        .findFirst()
        .orElseThrow();
  }

  private String everywhere(long version) {
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": %d, "stages": [{"percent": 100}]}
                """
                    .formatted(version))
            .id();
    fleet.look();
    fleet.report(id, "COMMITTED");
    fleet.look();
    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();
    return id;
  }

  @Test
  void alertsWhenAStageEndsWithoutAVerdict() {
    String id = started();
    fleet.report(id, "COMMITTED");

    fleet.pass(Duration.ofMinutes(11));

    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    assertThat(alerts(id)).containsOnlyKeys("rollout.paused TICKET");
  }

  @Test
  void alertsNobodyOfWhatAPersonPauses() {
    String id = started();

    fleet.act(id, RolloutAct.PAUSE);

    assertThat(alerts(id)).isEmpty();
  }

  @Test
  void saysWhyItCannotBeResumedAndWhatElseCanBeDone() {
    String id = failed();

    assertThatThrownBy(() -> fleet.act(id, RolloutAct.RESUME))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("device-failures still fails and would pause it again: promote it");
  }

  @Test
  void showsResumeWithWhatKeepsItFromBeingDone() {
    String id = failed();

    assertThat(fleet.find(id).allowedActions()).doesNotContain("resume");
    assertThat(fleet.rollouts.refusals(RolloutFleet.ANA, id))
        .containsOnlyKeys("resume")
        .hasEntrySatisfying(
            "resume",
            refusal -> assertThat(refusal).startsWith("device-failures still fails and would"));
  }

  @Test
  void acceptsNoOtherGatesThanThePersonSaw() {
    for (int device = 0; device < 20; device++) {
      fleet.enrol("more-%02d".formatted(device), X86, "onnxruntime/cpu");
    }
    fleet.version(2, Map.of(X86, "onnxruntime"));
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 2, "onFailedDevices": "PAUSE",
                  "gates": [{"metric": "failed-predictions", "action": "PAUSE"}],
                  "stages": [{"percent": 50}, {"percent": 100}]}
                """)
            .id();
    List<String> offered = fleet.in(id, "OFFERED");
    fleet.report(id, "FAILED", offered.subList(0, 9));
    fleet.report(id, "COMMITTED", offered.subList(9, offered.size()));
    fleet.look();
    assertThat(fleet.find(id).reason()).contains("device-failures").doesNotContain("predictions");
    long seen = fleet.find(id).revision();
    fleet.pass(Duration.ofMinutes(1));
    assertThat(fleet.find(id).revision()).as("as it was").isEqualTo(seen);

    for (int window = 0; window < 20; window++) {
      fleet.predict(40, 30, 2);
    }
    fleet.pass(Duration.ofMinutes(1));

    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    assertThatThrownBy(
            () ->
                fleet.rollouts.act(
                    RolloutFleet.ANA, id, RolloutAct.PROMOTE, "tested", OptionalLong.of(seen)))
        .isInstanceOfSatisfying(
            ProblemException.class,
            problem -> assertThat(problem.code()).isEqualTo(ErrorCode.CHANGED_MEANWHILE));
    fleet.act(id, RolloutAct.PROMOTE);
    assertThat(fleet.rollouts.replayed(id).accepted())
        .containsExactly("device-failures", "failed-predictions");
  }

  @Test
  void recordsWhichGatesWereAcceptedByWhomAndWhy() {
    String id = failed();

    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();

    assertThat(fleet.find(id).state()).isEqualTo("RUNNING");
    assertThat(fleet.in(id, "OFFERED")).hasSize(5);
    assertThat(
            fleet.texts(
                """
                select event ->> 'type' as name, event ->> 'accepts' as text from rollout_event
                where rollout = ? and event ->> 'type' = 'Promote'
                """,
                id))
        .containsEntry("Promote", "[\"device-failures\"]");
    assertThat(
            fleet.texts(
                "select actor as name, reason as text from audit_entry where object = ? and act like ?",
                "rollout/" + id + "/stage/1",
                "%passed"))
        .containsEntry("ana", "promoted although device-failures failed: tested");
    assertThat(fleet.rollouts.replayed(id).accepted()).containsExactly("device-failures");
  }
}
