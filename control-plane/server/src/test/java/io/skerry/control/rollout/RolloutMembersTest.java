package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ARM;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static io.skerry.control.rollout.RolloutFleet.manifest;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.CohortRequest;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutPreview;
import io.skerry.fleet.rollout.RolloutAct;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Who gets a version, of a fleet whose devices become others while it is rolled out. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RolloutMembersTest {
  private static final Duration LOOKED_FOR = Duration.ofSeconds(15);

  private final RolloutFleet fleet;

  RolloutMembersTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime", ARM, "tflite"));
    for (String device : new String[] {"a", "b", "c"}) {
      fleet.enrol(device, X86, "onnxruntime/cpu");
    }
  }

  private static String everybody(String more) {
    return """
    {"model": "tested", "version": 1, "stages": [{"percent": 100}]%s}
    """
        .formatted(more);
  }

  @Test
  void followsADynamicRolloutAfterItsEnd() {
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    fleet.look();
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();
    assertThat(fleet.find(id).state()).isEqualTo("SUCCEEDED");
    fleet.enrol("later", X86, "onnxruntime/cpu");

    fleet.pass(Duration.ofMinutes(1));

    assertThat(fleet.states(id)).containsEntry("later", "OFFERED");
    assertThat(fleet.ordered()).containsEntry("later", manifest(1, X86));
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void findsWhoComesBackWithItsOrderAsFarAsItSaidLast() {
    String id = fleet.create(everybody(", \"deadlines\": {\"stage\": \"10m\"}")).id();
    fleet.look();
    fleet.report(id, "COMMITTED", List.of("b", "c"));
    fleet.report(id, "DOWNLOADING", List.of("a"));
    fleet.online("a", false);
    fleet.pass(Duration.ofMinutes(11));
    assertThat(fleet.states(id)).containsEntry("a", "DEFERRED");

    fleet.online("a", true);

    assertThat(fleet.states(id)).containsEntry("a", "DOWNLOADING");
    assertThat(
            fleet.number("select count(*) from deployment where device = 'a' and due_at > now()"))
        .isEqualTo(1);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void letsNobodyJoinARolloutAgainWhosePlaceAnotherHasTaken() {
    fleet.version(2, Map.of(X86, "onnxruntime", ARM, "tflite"));
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    fleet.look();
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.PROMOTE);
    String newer = fleet.create(version(2, "")).id();
    fleet.look();
    fleet.report(newer, "COMMITTED");
    fleet.act(newer, RolloutAct.PROMOTE);
    fleet.look();
    fleet.enrol("later", X86, "onnxruntime/cpu");

    fleet.act(id, RolloutAct.RETRY);
    fleet.pass(Duration.ofMinutes(1));

    assertThat(fleet.states(id)).doesNotContainKey("later");
    assertThat(fleet.number("select count(*) from rollout where not released")).isZero();
  }

  @Test
  void goesOnWithTheOrdersOfARolloutThatIsFollowedAgain() {
    fleet.version(2, Map.of(X86, "onnxruntime", ARM, "tflite"));
    String id = fleet.create(everybody("")).id();
    fleet.look();
    fleet.report(id, "COMMITTED", List.of("b", "c"));
    fleet.report(id, "DOWNLOADING", List.of("a"));
    fleet.online("a", false);
    fleet.act(id, RolloutAct.PROMOTE);
    assertThat(fleet.states(id)).containsEntry("a", "DEFERRED");
    String newer = fleet.create(version(2, "")).id();
    fleet.act(newer, RolloutAct.ABORT);
    fleet.pass(Duration.ofMinutes(1));
    fleet.online("a", true);

    fleet.act(id, RolloutAct.RETRY);

    assertThat(fleet.states(id)).containsEntry("a", "DOWNLOADING");
    assertThat(
            fleet.number(
                "select count(*) from deployment where rollout = ? and device = 'a' and due_at > now()",
                id))
        .isEqualTo(1);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void doesNotGoOnWithWhatSomethingElseHasOrderedMeanwhile() {
    String id = fleet.create(everybody("")).id();
    fleet.look();
    fleet.report(id, "COMMITTED", List.of("b", "c"));
    fleet.online("a", false);
    fleet.act(id, RolloutAct.PROMOTE);
    fleet.sql("update desired_slot set rollout = null where device = 'a'");

    fleet.online("a", true);

    assertThat(fleet.states(id)).containsEntry("a", "CANCELLED");
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void goesOnWithADeviceThatWasLateWhileItCameBack() {
    String id = fleet.create(everybody("")).id();
    fleet.look();
    fleet.report(id, "COMMITTED", List.of("b", "c"));
    // Deferred between the two statements that follow its presence.
    fleet.sql("update deployment set state = 'DEFERRED', due_at = null where device = 'a'");

    fleet.online("a", true);

    assertThat(fleet.states(id)).containsEntry("a", "OFFERED");
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void addsUpWhatALateDeviceWasThereFor() {
    String id = fleet.create(everybody(", \"deadlines\": {\"start\": \"30m\"}")).id();
    fleet.look();
    fleet.report(id, "COMMITTED", List.of("b", "c"));
    fleet.online("a", false);
    fleet.act(id, RolloutAct.PROMOTE);
    // It was there for nine minutes, and is away for a week.
    fleet.sql(
        """
        update deployment set ordered_at = now() - interval '7 days 9 minutes',
          away_since = now() - interval '7 days'
        where device = 'a'
        """);

    fleet.online("a", true);

    assertThat(fleet.states(id)).containsEntry("a", "OFFERED");
    assertThat(
            fleet.number(
                """
                select count(*) from deployment where device = 'a'
                  and due_at between now() + interval '20 minutes' and now() + interval '22 minutes'
                """))
        .isEqualTo(1);
  }

  @Test
  void ordersTheVariantOfWhatADeviceIsWhenItIsOrdered() {
    fleet.online("a", false);
    String id = fleet.create(everybody("")).id();
    fleet.becomes("a", ARM, "tflite/cpu");

    fleet.online("a", true);
    fleet.look();

    assertThat(fleet.states(id)).containsEntry("a", "OFFERED");
    assertThat(fleet.ordered())
        .containsEntry("a", manifest(1, ARM))
        .containsEntry("b", manifest(1, X86));
    assertThat(
            fleet.texts(
                "select device as name, profile as text from deployment where rollout = ?", id))
        .containsEntry("a", ARM);
    assertThat(fleet.wrongCounts(id)).isZero();
    fleet.report(id, "COMMITTED");
    assertThat(fleet.in(id, "COMMITTED")).containsExactly("a", "b", "c");
  }

  @Test
  void ordersNothingOfADeviceThatCanNoLongerRunTheVersion() {
    fleet.online("a", false);
    fleet.online("b", false);
    String id = fleet.create(everybody("")).id();
    fleet.becomes("a", X86, "tflite/cpu");
    fleet.becomes("b", null);

    fleet.online("a", true);
    fleet.online("b", true);
    fleet.look();

    assertThat(fleet.states(id))
        .containsOnly(
            Map.entry("a", "NOT_ELIGIBLE"),
            Map.entry("b", "NOT_ELIGIBLE"),
            Map.entry("c", "OFFERED"));
    assertThat(fleet.ordered()).containsOnlyKeys("c");
    assertThat(
            fleet.texts(
                """
                select device as name, error_detail as text from deployment
                where rollout = ? and state = 'NOT_ELIGIBLE'
                """,
                id))
        .containsEntry(
            "a", "it has no engine 'onnxruntime', which the variant for x86-64-avx2 needs")
        .containsEntry("b", "its hardware matches no profile");
    Rollout.Stage stage = fleet.find(id).stages().getFirst();
    assertThat(stage.devices()).isEqualTo(1);
    assertThat(stage.failed()).isZero();
    assertThat(stage.counts()).containsEntry("NOT_ELIGIBLE", 2);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void takesTheStandingOrderOfAnEarlierAttemptBackFromADeviceThatLeaves() {
    String id = fleet.create(everybody(", \"onFailedDevices\": \"PAUSE\"")).id();
    fleet.report(id, "FAILED");
    fleet.look();
    assertThat(fleet.find(id).state()).isEqualTo("PAUSED");
    fleet.becomes("a", X86, "tflite/cpu");

    fleet.act(id, RolloutAct.RETRY);
    fleet.look();

    assertThat(fleet.states(id)).containsEntry("a", "NOT_ELIGIBLE").containsEntry("b", "OFFERED");
    assertThat(fleet.ordered()).containsOnlyKeys("b", "c");
  }

  @Test
  void fixesWhoGetsAStaticRolloutWhenItIsWrittenDown() {
    fleet.enrol("d", X86, "tflite/cpu");
    fleet.enrol("e", null);
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 1,
                  "stages": [{"percent": 34}, {"percent": 100}]}
                """)
            .id();
    fleet.becomes("d", X86, "onnxruntime/cpu");
    fleet.becomes("e", X86, "onnxruntime/cpu");
    fleet.enrol("f", X86, "onnxruntime/cpu");
    fleet.report(id, "COMMITTED");

    fleet.act(id, RolloutAct.PROMOTE);
    fleet.pass(LOOKED_FOR);

    assertThat(fleet.states(id)).containsOnlyKeys("a", "b", "c");
  }

  @Test
  void keepsAMemberOfAStageByProfileWhateverBoardItGets() {
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 1, "draft": true,
                  "stages": [{"profile": "x86-64-avx2"}, {"percent": 100}]}
                """)
            .id();
    fleet.becomes("a", ARM, "tflite/cpu");
    fleet.becomes("b", ARM, "onnxruntime/cpu");

    fleet.act(id, RolloutAct.SUBMIT);
    fleet.act(id, RolloutAct.START);
    fleet.look();

    assertThat(fleet.states(id))
        .containsOnly(
            Map.entry("a", "OFFERED"), Map.entry("b", "NOT_ELIGIBLE"), Map.entry("c", "OFFERED"));
    assertThat(fleet.ordered()).containsEntry("a", manifest(1, ARM));
  }

  @Test
  void letsADeviceJoinADynamicRolloutThatFitsWhileItsStageIsOpen() {
    fleet.enrol("d", X86, "tflite/cpu");
    fleet.enrol("e", null);
    fleet.enrol("g", null);
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    fleet.look();
    assertThat(fleet.states(id)).containsOnlyKeys("a", "b", "c");

    fleet.becomes("d", X86, "onnxruntime/cpu");
    fleet.becomes("e", ARM, "tflite/cpu");
    fleet.enrol("f", X86, "onnxruntime/cpu");
    fleet.pass(LOOKED_FOR);

    assertThat(fleet.states(id)).containsOnlyKeys("a", "b", "c", "d", "e", "f");
    assertThat(fleet.ordered()).containsEntry("e", manifest(1, ARM)).doesNotContainKey("g");
  }

  @Test
  void judgesWhoJoinedADynamicRolloutByTheSameGates() {
    fleet.enrol(17, X86);
    fleet.report(fleet.create(everybody("")).id(), "COMMITTED");
    fleet.version(2, Map.of(X86, "onnxruntime"));
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 2, "dynamic": true,
                  "stages": [{"percent": 40}, {"percent": 100}]}
                """)
            .id();
    fleet.look();
    assertThat(fleet.in(id, "OFFERED")).hasSize(8);
    for (int device = 0; device < 10; device++) {
      fleet.enrol("newcomer-" + device, X86, "onnxruntime/cpu");
    }
    fleet.pass(LOOKED_FOR);
    int joined = fleet.in(id, "OFFERED").size();
    assertThat(joined).isBetween(9, 18);

    fleet.report(id, "COMMITTED");
    fleet.predict(1000, 900, 2);
    fleet.look();

    assertThat(fleet.find(id).state()).isEqualTo("ROLLING_BACK");
    assertThat(fleet.find(id).reason())
        .contains("90.00%% of %d000 on %1$d devices".formatted(joined));
    assertThat(fleet.find(id).stages().getFirst().devices()).isEqualTo(joined);
  }

  // What made them known is too long ago to be looked at again.
  private void knownForADay() {
    fleet.sql("update device set described_at = described_at - interval '1 day'");
  }

  @Test
  void findsADeviceAgainWhoseEnginesBoardOrLabelsChange() {
    fleet.cohort("lab");
    fleet.label("c", "lab");
    fleet.enrol("d", X86, "tflite/cpu");
    fleet.enrol("e", null, "tflite/cpu");
    fleet.enrol("f", ARM, "tflite/cpu");
    knownForADay();
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 1, "dynamic": true,
                  "stages": [{"cohort": "lab"}, {"percent": 100}]}
                """)
            .id();
    fleet.label("f", "lab");
    fleet.pass(LOOKED_FOR);
    assertThat(fleet.states(id)).as("by its labels").containsOnlyKeys("c", "f");
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();
    assertThat(fleet.states(id)).containsOnlyKeys("a", "b", "c", "f");
    knownForADay();

    fleet.becomes("d", X86, "onnxruntime/cpu");
    fleet.becomes("e", ARM, "tflite/cpu");
    fleet.pass(LOOKED_FOR);

    assertThat(fleet.states(id))
        .as("by its engines and by its board")
        .containsOnlyKeys("a", "b", "c", "d", "e", "f");
  }

  @Test
  void findsDevicesAgainThatAChangedCohortTakes() {
    fleet.cohort("lab");
    fleet.label("a", "lab");
    fleet.label("b", "barn");
    knownForADay();
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 1, "dynamic": true,
                  "stages": [{"cohort": "lab"}, {"percent": 100}]}
                """)
            .id();
    fleet.pass(LOOKED_FOR);
    assertThat(fleet.states(id)).containsOnlyKeys("a");

    fleet
        .plane
        .bean(CohortController.class)
        .put(RolloutFleet.ANA, "lab", new CohortRequest(Map.of("barn", "yes")));
    fleet.pass(LOOKED_FOR);

    assertThat(fleet.states(id)).containsOnlyKeys("a", "b");
  }

  // Of devices that were away, all but the last came back with other engines.
  private String ofOneAtATime(List<String> devices) {
    devices.forEach(device -> fleet.online(device, false));
    String id = fleet.create(everybody(", \"inFlight\": 1")).id();
    devices
        .subList(0, devices.size() - 1)
        .forEach(device -> fleet.becomes(device, X86, "tflite/cpu"));
    // By name, so that it is known who comes first.
    fleet.sql("update deployment set rank = device");
    devices.forEach(device -> fleet.online(device, true));
    return id;
  }

  @Test
  void choosesOthersInOneStepOnlySoOften() {
    fleet.enrol(Deployments.CHOICES_MAX, X86);
    List<String> devices =
        Stream.concat(
                Stream.of("a", "b", "c"),
                IntStream.range(0, Deployments.CHOICES_MAX).mapToObj("x86-64-avx2-%02d"::formatted))
            .toList();
    String id = ofOneAtATime(devices);

    fleet.look();
    assertThat(fleet.in(id, "NOT_ELIGIBLE")).hasSize(Deployments.CHOICES_MAX);
    assertThat(fleet.in(id, "OFFERED")).isEmpty();

    fleet.look();
    assertThat(fleet.in(id, "OFFERED")).containsExactly(devices.getLast());
  }

  @Test
  void ordersAsManyAsItMayWhateverOthersHaveLeft() {
    String id = ofOneAtATime(List.of("a", "b", "c"));

    fleet.look();

    assertThat(fleet.states(id))
        .containsOnly(
            Map.entry("a", "NOT_ELIGIBLE"),
            Map.entry("b", "NOT_ELIGIBLE"),
            Map.entry("c", "OFFERED"));
  }

  @Test
  void sendsADeviceThatLeavesBackToWhatFitsItNow() {
    fleet.enrol("d", X86, "onnxruntime/cpu");
    String first = fleet.create(everybody("")).id();
    fleet.report(first, "COMMITTED");
    fleet.version(2, Map.of(X86, "onnxruntime"));
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 2, "stages": [{"percent": 100}],
                  "onFailedDevices": "PAUSE"}
                """)
            .id();
    fleet.report(id, "FAILED");
    fleet.look();
    fleet.becomes("a", ARM, "tflite/cpu");
    fleet.becomes("b", "rpi5", "tflite/cpu");
    fleet.becomes("c", X86, "tflite/cpu");

    fleet.act(id, RolloutAct.RETRY);
    fleet.look();

    assertThat(fleet.states(id))
        .containsOnly(
            Map.entry("a", "NOT_ELIGIBLE"),
            Map.entry("b", "NOT_ELIGIBLE"),
            Map.entry("c", "NOT_ELIGIBLE"),
            Map.entry("d", "OFFERED"));
    assertThat(fleet.ordered())
        .containsOnly(
            Map.entry("a", manifest(1, ARM)),
            Map.entry("c", manifest(1, X86)),
            Map.entry("d", manifest(2, X86)));
  }

  @Test
  void looksAtNoDeviceAgainOfWhichOnlyOtherFactsChange() {
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    fleet.enrol("d", X86, "onnxruntime/cpu");
    knownForADay();

    fleet.sql("update device set facts = facts || '{\"agent\": \"2.0\"}'");
    fleet.pass(LOOKED_FOR);

    assertThat(fleet.states(id)).containsOnlyKeys("a", "b", "c");
  }

  @Test
  void looksAtNoDeviceTwiceThatWasDescribedBeforeItLookedLast() {
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    fleet.sql("update rollout set created_at = created_at - interval '1 hour'");
    fleet.pass(LOOKED_FOR);
    fleet.enrol("d", X86, "onnxruntime/cpu");
    fleet.sql("update device set described_at = now() - interval '2 minutes' where id = 'd'");

    fleet.pass(LOOKED_FOR);
    assertThat(fleet.states(id)).containsOnlyKeys("a", "b", "c");

    fleet.label("d", "new");
    fleet.pass(LOOKED_FOR);
    assertThat(fleet.states(id)).containsKey("d");
  }

  @Test
  void findsADeviceThatIsKnownLaterThanItWasDescribed() {
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    fleet.pass(LOOKED_FOR);
    fleet.enrol("d", X86, "onnxruntime/cpu");
    fleet.sql("update device set described_at = now() - interval '50 seconds' where id = 'd'");

    fleet.pass(LOOKED_FOR);

    assertThat(fleet.states(id)).containsKey("d");
  }

  @Test
  void letsADeviceThatLeftADynamicRolloutJoinAgain() {
    fleet.online("a", false);
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    fleet.becomes("a", X86, "tflite/cpu");
    fleet.online("a", true);
    fleet.look();
    assertThat(fleet.states(id)).containsEntry("a", "NOT_ELIGIBLE");

    fleet.becomes("a", X86, "onnxruntime/cpu");
    fleet.pass(LOOKED_FOR);

    assertThat(fleet.states(id)).containsEntry("a", "OFFERED");
    assertThat(fleet.find(id).stages().getFirst().devices()).isEqualTo(3);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void keepsWhoIsNotEligibleAndWhyAsLongAsTheyAreNot() {
    fleet.enrol("d", X86, "tflite/cpu");
    fleet.enrol("e", null);
    fleet.online("a", false);
    String id = fleet.create(everybody(", \"dynamic\": true")).id();
    String lacking = "it has no engine 'onnxruntime', which the variant for x86-64-avx2 needs";
    assertThat(fleet.find(id).notEligible()).isEqualTo(2);
    assertThat(fleet.rollouts.outsiders(id, "", 10))
        .containsExactly(
            new RolloutPreview.Outsider("d", lacking),
            new RolloutPreview.Outsider("e", "its hardware matches no profile"));

    fleet.becomes("a", X86, "tflite/cpu");
    fleet.becomes("e", X86, "onnxruntime/cpu");
    fleet.online("a", true);
    fleet.pass(LOOKED_FOR);

    assertThat(fleet.rollouts.outsiders(id, "", 10))
        .containsExactly(
            new RolloutPreview.Outsider("a", lacking), new RolloutPreview.Outsider("d", lacking));
    assertThat(fleet.rollouts.outsiders(id, "a", 1))
        .containsExactly(new RolloutPreview.Outsider("d", lacking));
    Rollout rollout = fleet.find(id);
    assertThat(rollout.notEligible()).isEqualTo(2);
    assertThat(rollout.eligible()).isEqualTo(3);
  }

  private static String version(long version, String more) {
    return """
    {"model": "tested", "version": %d, "stages": [{"percent": 100}]%s}
    """
        .formatted(version, more);
  }

  @Test
  void goesBackToWhatRanThoughItIsAnotherBoardByNow() {
    fleet.version(2, Map.of(X86, "onnxruntime", ARM, "tflite"));
    fleet.version(3, Map.of(X86, "onnxruntime", ARM, "tflite"));
    fleet.report(fleet.create(everybody("")).id(), "COMMITTED");
    String second = fleet.create(version(2, ", \"onFailedDevices\": \"PAUSE\"")).id();
    fleet.report(second, "COMMITTED", List.of("b", "c"));
    fleet.report(second, "FAILED", List.of("a"));
    fleet.act(second, RolloutAct.PROMOTE);
    fleet.becomes("a", ARM, "tflite/cpu");
    String third = fleet.create(version(3, "")).id();
    fleet.report(third, "COMMITTED");

    fleet.act(third, RolloutAct.ROLLBACK);

    assertThat(fleet.ordered())
        .containsEntry("a", manifest(1, ARM))
        .containsEntry("b", manifest(2, X86));
  }

  private String ended() {
    fleet.enrol("d", X86, "tflite/cpu");
    fleet.cohort("lab");
    fleet.label("a", "lab");
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 1,
                  "stages": [{"cohort": "lab"}, {"percent": 100}]}
                """)
            .id();
    for (int stage = 0; stage < 2; stage++) {
      fleet.look();
      fleet.report(id, "COMMITTED");
      fleet.act(id, RolloutAct.PROMOTE);
    }
    assertThat(fleet.find(id).state()).isEqualTo("SUCCEEDED");
    return id;
  }

  private void endedBefore(Duration time) {
    fleet.sql("update rollout set ended_at = ?", fleet.now().minus(time));
  }

  private long rows(String table) {
    return fleet.number("select count(*) from " + table);
  }

  @Test
  void forgetsSomeTimeAfterItsEndWhoWasNotEligibleButNotHowMany() {
    String id = ended();
    endedBefore(RolloutTables.DEVICES_KEPT.minusHours(3));
    fleet.pass(Duration.ofHours(2));
    assertThat(fleet.rollouts.outsiders(id, "", 10)).hasSize(1);
    assertThat(rows("rollout_member")).isEqualTo(1);

    fleet.pass(Duration.ofHours(2));

    assertThat(fleet.rollouts.outsiders(id, "", 10)).isEmpty();
    assertThat(rows("rollout_member")).isZero();
    assertThat(rows("rollout_arm")).isZero();
    assertThat(fleet.find(id).notEligible()).isEqualTo(1);
    assertThat(fleet.in(id, "COMMITTED")).containsExactly("a", "b", "c");
  }

  @Test
  void forgetsOnlySoManyAtATime() {
    ended();
    endedBefore(RolloutTables.DEVICES_KEPT.plusDays(1));
    fleet.sql(
        """
        insert into rollout_outsider
        select rollout.id, 'gone-' || number, 'tested'
        from rollout cross join generate_series(1, ?) as number
        """,
        RolloutTables.FORGOTTEN_MAX);
    fleet.restart();

    fleet.look();
    assertThat(rows("rollout_outsider")).isEqualTo(1);

    fleet.look();
    assertThat(rows("rollout_outsider")).isZero();
  }

  @Test
  void takesADynamicRolloutsDevicesOfAProfileAsTheyAreWhenItsStageOpens() {
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 1, "dynamic": true, "draft": true,
                  "stages": [{"profile": "x86-64-avx2"}, {"percent": 100}]}
                """)
            .id();
    fleet.becomes("a", ARM, "tflite/cpu");

    fleet.act(id, RolloutAct.SUBMIT);
    fleet.act(id, RolloutAct.START);
    fleet.look();

    assertThat(fleet.states(id)).containsOnlyKeys("b", "c");
  }
}
