package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Who gets the version of a trial that was good. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TrialPromotionTest {
  private static final List<String> REACHED = List.of(X86 + "-00", X86 + "-01");
  private static final String LATE = X86 + "-02";
  private static final String FAILED = X86 + "-03";

  private final RolloutFleet fleet;

  TrialPromotionTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void runTheVersionBefore() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime"));
    fleet.version(2, Map.of(X86, "onnxruntime"));
    fleet.enrol(4, X86);
    String before =
        fleet
            .create("{\"model\": \"tested\", \"version\": 1, \"stages\": [{\"percent\": 100}]}")
            .id();
    fleet.report(before, "COMMITTED");
    fleet.act(before, RolloutAct.PROMOTE);
  }

  // One device is away until after the stage's deadline, and one cannot load the version.
  private String tried(boolean promote) {
    return tried(promote, () -> {});
  }

  private String tried(boolean promote, Runnable meanwhile) {
    return tried(promote, "", meanwhile);
  }

  private String tried(boolean promote, String more, Runnable meanwhile) {
    fleet.online(LATE, false);
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 2, "kind": "SHADOW", "promote": %s,
                  "onFailedDevices": "PAUSE", "deadlines": {"stage": "1m"},
                  "stages": [{"percent": 100}]%s}
                """
                    .formatted(promote, more))
            .id();
    for (int turn = 0; turn < 4; turn++) {
      fleet.look();
      fleet.report(id, "COMMITTED", REACHED);
      fleet.report(id, "FAILED", List.of(FAILED));
    }
    fleet.pass(Duration.ofMinutes(2));
    assertThat(fleet.states(id)).containsEntry(LATE, "DEFERRED").containsEntry(FAILED, "FAILED");
    meanwhile.run();
    assertThat(fleet.act(id, RolloutAct.PROMOTE).state())
        .isEqualTo(promote ? "RUNNING" : "SUCCEEDED");
    return id;
  }

  private void succeeds(String id) {
    assertThat(fleet.act(id, RolloutAct.PROMOTE).state()).isEqualTo("SUCCEEDED");
  }

  @Test
  void whoWasLateGetsItToo() {
    tried(true);
    fleet.online(LATE, true);
    fleet.look();

    assertThat(fleet.ordered())
        .containsEntry(LATE, RolloutFleet.manifest(2, X86))
        .containsEntry(REACHED.getFirst(), RolloutFleet.manifest(2, X86))
        .as("it cannot load it")
        .containsEntry(FAILED, RolloutFleet.manifest(1, X86));
  }

  @Test
  void whoWasLateIsAskedWhatItIsByNow() {
    String id = tried(true, () -> fleet.becomes(LATE, "another-board", "onnxruntime/cpu"));
    fleet.online(LATE, true);
    fleet.look();

    assertThat(fleet.states(id)).containsEntry(LATE, "NOT_ELIGIBLE");

    assertThat(fleet.ordered()).containsEntry(LATE, RolloutFleet.manifest(1, X86));
    assertThat(onTrial()).isZero();
  }

  @Test
  void noMoreThanTheLimitGetItAtATimeAndEachIsFollowedToItsEnd() {
    String id = tried(true, ", \"inFlight\": 1", () -> {});
    String first = REACHED.getFirst();
    String second = REACHED.getLast();

    fleet.look();
    assertThat(fleet.in(id, "OFFERED")).hasSize(1);
    assertThat(fleet.in(id, "PENDING")).hasSize(1);
    assertThat(onTrial()).as("who waits still tries it").isEqualTo(1);
    String one = fleet.in(id, "OFFERED").getFirst();
    fleet.report(id, "ROLLED_BACK", List.of(one));
    fleet.look();
    String other = one.equals(first) ? second : first;
    assertThat(fleet.states(id)).containsEntry(one, "ROLLED_BACK").containsEntry(other, "OFFERED");
    assertThat(fleet.find(id).stages().getFirst().failed())
        .as("with the one on trial")
        .isEqualTo(2);
    fleet.report(id, "COMMITTED", List.of(other));
    assertThat(fleet.states(id)).containsEntry(other, "COMMITTED");

    succeeds(id);
    assertThat(fleet.act(id, RolloutAct.RETRY).state()).isEqualTo("SUCCEEDED");
    fleet.look();
    assertThat(fleet.states(id)).containsEntry(one, "OFFERED").containsEntry(FAILED, "FAILED");
    fleet.report(id, "COMMITTED", List.of(one));
    assertThat(released(id)).as("one is away").isZero();
    fleet.online(LATE, true);
    fleet.look();
    fleet.report(id, "COMMITTED", List.of(LATE));
    fleet.look();
    assertThat(fleet.states(id)).containsEntry(LATE, "COMMITTED");
    assertThat(onTrial()).isZero();
    assertThat(released(id)).isEqualTo(1);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void itEndsOnWhoStillWaitsWhenANewerRolloutStarts() {
    String id = tried(true, ", \"inFlight\": 1", () -> {});
    fleet.look();
    assertThat(onTrial()).isEqualTo(1);

    fleet.create("{\"model\": \"tested\", \"version\": 1, \"stages\": [{\"percent\": 100}]}");

    assertThat(onTrial()).isZero();
    assertThat(fleet.in(id, "CANCELLED")).as("who was under way had not switched yet").hasSize(3);
    assertThat(fleet.in(id, "PENDING")).isEmpty();
  }

  @Test
  void whoComesLaterGetsItFromADynamicOne() {
    String id = tried(true, ", \"dynamic\": true", () -> {});
    fleet.look();
    fleet.report(id, "COMMITTED", REACHED);
    succeeds(id);

    fleet.enrol("newcomer", X86, "onnxruntime/cpu");
    fleet.pass(Duration.ofSeconds(20));

    assertThat(fleet.ordered()).containsEntry("newcomer", RolloutFleet.manifest(2, X86));
    fleet.report(id, "COMMITTED", List.of("newcomer"));
    assertThat(fleet.states(id)).containsEntry("newcomer", "COMMITTED");
    assertThat(onTrial()).isZero();
  }

  /** Some run it as the active version, one has it on trial still, and one was late. */
  @Test
  void itIsSentBackLikeAnyOther() {
    String id = tried(true, ", \"inFlight\": 1", () -> {});
    fleet.look();
    String one = fleet.in(id, "OFFERED").getFirst();
    fleet.report(id, "COMMITTED", List.of(one));
    assertThat(onTrial()).isEqualTo(1);

    fleet.act(id, RolloutAct.ROLLBACK);

    assertThat(onTrial()).isZero();
    assertThat(fleet.ordered().values()).containsOnly(RolloutFleet.manifest(1, X86));
    fleet.report(id, "COMMITTED", List.of(one));
    fleet.pass(Duration.ofMinutes(6));
    assertThat(fleet.find(id).state()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.states(id)).containsEntry(one, "RESTORED").containsEntry(FAILED, "FAILED");
  }

  @Test
  void nobodyElseGetsItOnceThoseWhoGotItFail() {
    String id = tried(true);
    fleet.look();
    fleet.report(id, "ROLLED_BACK", REACHED);
    fleet.look();
    fleet.online(LATE, true);
    fleet.look();

    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    assertThat(fleet.states(id)).containsEntry(LATE, "DEFERRED");
    assertThat(fleet.ordered()).containsEntry(LATE, RolloutFleet.manifest(1, X86));
    assertThat(fleet.find(id).reason()).contains("2 of 2 devices failed the update");
    assertThat(
            fleet.number(
                "select count(*) from alert where object = ? and kind = 'rollout.paused'", id))
        .isEqualTo(1);

    fleet.act(id, RolloutAct.RETRY);
    fleet.look();
    assertThat(fleet.states(id)).containsEntry(LATE, "OFFERED");
  }

  @Test
  void itGoesThroughTheStagesAsAnyOther() {
    String id = goodInTwoStages();

    assertThat(fleet.find(id).state()).isEqualTo("RUNNING");
    assertThat(fleet.find(id).reason()).contains("the trial was good");
    fleet.look();
    assertThat(fleet.in(id, "OFFERED")).as("the first stage").hasSize(1);
    assertThat(onTrial()).as("the others still try it").isEqualTo(3);
    String first = fleet.in(id, "OFFERED").getFirst();
    fleet.report(id, "COMMITTED", List.of(first));
    fleet.look();
    assertThat(fleet.in(id, "PENDING")).hasSize(3);

    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();
    fleet.report(id, "COMMITTED");
    fleet.look();
    succeeds(id);

    assertThat(fleet.ordered().values()).containsOnly(RolloutFleet.manifest(2, X86));
    assertThat(onTrial()).isZero();
    assertThat(fleet.wrongCounts(id)).isZero();
    assertThat(fleet.find(id).reason()).startsWith("promoted: ");
    assertThat(
            fleet.number(
                "select count(*) from audit_entry where object = ? and act = 'rollout.promoting'",
                "rollout/" + id))
        .isPositive();
    assertThat(RolloutCodec.write(fleet.rollouts.replayed(id), RolloutState.class))
        .isEqualTo(RolloutCodec.write(stored(id), RolloutState.class));
  }

  private String goodInTwoStages() {
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 2, "kind": "SHADOW", "promote": true,
                  "stages": [{"count": 1}, {"percent": 100}]}
                """)
            .id();
    for (int stage = 0; stage < 2; stage++) {
      fleet.look();
      fleet.report(id, "COMMITTED");
      fleet.look();
      fleet.act(id, RolloutAct.PROMOTE);
    }
    return id;
  }

  /** Its devices answer all requests by then, and not a share of them. */
  @Test
  void whatItsFirstDevicesDoIsCompared() {
    String id = goodInTwoStages();
    fleet.look();
    String first = fleet.in(id, "OFFERED").getFirst();
    fleet.report(id, "COMMITTED", List.of(first));

    fleet.predict(100, 1, 0);

    assertThat(compared(id, true)).containsExactly(first);
    assertThat(compared(id, false)).hasSize(3).doesNotContain(first);
  }

  private List<String> compared(String id, boolean newer) {
    return fleet
        .plane
        .database()
        .call(
            transaction ->
                transaction.list(
                    "select device from rollout_arm where rollout = ? and newer = ? order by"
                        + " device",
                    row -> row.text("device"),
                    id,
                    newer));
  }

  private RolloutState stored(String id) {
    return fleet
        .plane
        .database()
        .call(transaction -> RolloutTables.find(transaction, id).orElseThrow().state());
  }

  @Test
  void nobodyGoesBackBesideItWhileAnybodyWaits() {
    String before = fleet.rollouts.newest().getFirst().id();
    String id = tried(true, ", \"inFlight\": 1", () -> {});

    assertThatThrownBy(() -> fleet.act(before, RolloutAct.ROLLBACK))
        .hasMessageContaining(id + " is under way in its place")
        .hasMessageContaining("start a newer rollout");
    assertThat(
            fleet
                .preview(
                    "{\"model\": \"tested\", \"version\": 1, \"stages\": [{\"percent\": 100}]}")
                .superseded())
        .singleElement()
        .matches(one -> one.toString().contains(id));
  }

  private long onTrial() {
    return fleet.number(
        "select count(*) from desired_slot where slot = 'main-trial' and mode <> 'OFF'");
  }

  private long released(String id) {
    return fleet.number("select count(*) from rollout where id = ? and released", id);
  }

  @Test
  void nobodyGetsWhatIsDropped() {
    tried(false);

    assertThat(fleet.ordered().values()).containsOnly(RolloutFleet.manifest(1, X86));
  }
}
