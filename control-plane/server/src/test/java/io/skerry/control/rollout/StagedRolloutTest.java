package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ARM;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.Rollout;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.protocol.RolloutId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Everything that a plan can ask for, on a real database, from the first order to the end. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StagedRolloutTest {
  private static final int OF_EACH_PROFILE = 10;
  private static final Duration A_LOOK = Duration.ofSeconds(1);

  private final RolloutFleet fleet;

  StagedRolloutTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    fleet.version(1, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    fleet.version(2, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    fleet.enrol(OF_EACH_PROFILE, X86);
    fleet.enrol(OF_EACH_PROFILE, ARM);
  }

  private static String request(long version, String stages, String more) {
    return """
    {"model": "tested", "version": %d, "soakWindows": 0, "windowMillis": 5000,
      "stages": [%s]%s}
    """
        .formatted(version, stages, more);
  }

  /** Version 1 runs everywhere. */
  private void everywhere() {
    String id = fleet.create(request(1, "{\"percent\": 100}", "")).id();
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.PROMOTE);
    fleet.look();
    assertThat(fleet.find(id).state()).isEqualTo("SUCCEEDED");
  }

  // What was ordered is carried out, and a person lets the stage pass.
  private void passStage(String id) {
    fleet.pass(A_LOOK);
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.PROMOTE);
  }

  private long offered(String id) {
    return fleet.number(
        "select count(*) from deployment where rollout = ? and ordered_at is not null", id);
  }

  private List<String> members(String id, int stage) {
    return List.copyOf(
        fleet
            .texts(
                """
                select device as name, state as text from deployment
                where rollout = ? and stage = ?
                """,
                id,
                stage)
            .keySet());
  }

  /** Who came back in the moment in which the rollback ended goes on going back. */
  @Test
  void nobodyWhoIsThereIsLateWithGoingBack() {
    everywhere();
    String id = fleet.create(request(2, "{\"percent\": 100}", "")).id();
    fleet.report(id, "COMMITTED");
    fleet.act(id, RolloutAct.ROLLBACK);
    SqlBooks books = fleet.plane.bean(SqlBooks.class);
    Lease lease =
        books.lease(new RolloutId(id), "tested", fleet.now().plus(Lease.LENGTH)).orElseThrow();

    books.underLease(lease, page -> page.carryOut(new RolloutEffect.CloseOut(false), fleet.now()));

    assertThat(
            fleet.number(
                "select count(*) from deployment where rollout = ? and state = 'RESTORING'", id))
        .isEqualTo(2 * OF_EACH_PROFILE);
  }

  /** What a clock that was ahead has noted hides no later silence. */
  @Test
  void aClockThatWasAheadIsForgotten() {
    fleet.look();
    fleet.sql("update heard set at = ?::timestamptz + interval '1 day'", fleet.now());

    fleet.pass(Duration.ofMinutes(1));

    assertThat(
            fleet.number(
                "select count(*) from heard where at <= ?::timestamptz + interval '10 seconds'",
                fleet.now()))
        .isEqualTo(1);
  }

  @Test
  void goesThroughStagesOfEveryKindAndThenToTheHoldback() {
    fleet.cohort("lab");
    fleet.label("x86-64-avx2-03", "lab");
    fleet.label("x86-64-avx2-07", "lab");
    everywhere();
    String id =
        fleet
            .create(
                request(
                    2,
                    """
                    {"cohort": "lab"}, {"count": 3}, {"profile": "arm64-neon"},
                    {"percent": 75}, {"percent": 100}
                    """,
                    ", \"holdback\": 2"))
            .id();

    assertThat(members(id, 0)).containsExactly("x86-64-avx2-03", "x86-64-avx2-07");
    passStage(id);
    assertThat(members(id, 1)).as("of both profiles").hasSize(3);
    passStage(id);
    assertThat(members(id, 2)).isNotEmpty().allMatch(device -> device.startsWith(ARM));
    passStage(id);
    assertThat(fleet.states(id)).as("three quarters of all").hasSize(15);
    passStage(id);
    assertThat(fleet.states(id)).as("all but the holdback").hasSize(18);
    assertThat(versions()).containsEntry("1", "2").containsEntry("2", "18");
    passStage(id);
    fleet.pass(A_LOOK);
    assertThat(members(id, 5)).as("the holdback").hasSize(2);
    fleet.report(id, "COMMITTED");
    fleet.pass(A_LOOK);

    Rollout ended = fleet.find(id);
    assertThat(ended.state()).as(String.valueOf(ended.reason())).isEqualTo("SUCCEEDED");
    assertThat(ended.stages())
        .hasSize(6)
        .allMatch(stage -> stage.committed() == stage.devices() && stage.state().equals("PASSED"));
    assertThat(versions()).containsOnly(Map.entry("2", "20"));
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  // Versions that devices are ordered to run, and how many.
  private Map<String, String> versions() {
    return fleet.texts(
        """
        select version::text as name, count(*)::text as text from desired_slot
        where slot = 'main' and mode = 'ACTIVE' group by version
        """);
  }

  @Test
  void ordersOnlyInsideAMaintenanceWindow() {
    ZonedDateTime opens =
        fleet.now().atZone(ZoneOffset.UTC).truncatedTo(ChronoUnit.MINUTES).plusMinutes(10);
    String id =
        fleet
            .create(
                request(
                    1,
                    "{\"percent\": 100}",
                    ", \"windows\": [{\"from\": \"%tR\", \"length\": \"5m\"}]".formatted(opens)))
            .id();
    fleet.pass(Duration.ofMinutes(1));
    Rollout waiting = fleet.find(id);
    assertThat(waiting.state()).isEqualTo("PAUSED");
    assertThat(waiting.pause()).isEqualTo("WINDOW");
    assertThat(waiting.reason()).contains("the next one opens at " + opens.toInstant());
    assertThat(offered(id)).isZero();

    fleet.pass(Duration.between(fleet.now(), opens.toInstant().plusSeconds(30)));

    assertThat(fleet.find(id).state()).isEqualTo("RUNNING");
    assertThat(offered(id)).isEqualTo(2 * OF_EACH_PROFILE);
  }

  @Test
  void hasNoMoreDevicesUnderWayThanItsLimit() {
    String id = fleet.create(request(1, "{\"percent\": 100}", ", \"inFlight\": 6")).id();
    fleet.pass(A_LOOK);
    for (int done = 0; done < 2 * OF_EACH_PROFILE; done += 6) {
      assertThat(fleet.in(id, "OFFERED"))
          .as("after %d", done)
          .hasSize(Math.min(6, 2 * OF_EACH_PROFILE - done));
      fleet.report(id, "COMMITTED");
      fleet.pass(A_LOOK);
    }

    assertThat(fleet.in(id, "COMMITTED")).hasSize(2 * OF_EACH_PROFILE);
  }

  @Test
  void ordersFasterTheMoreDevicesRunTheVersion() {
    String id =
        fleet
            .create(
                request(
                    1,
                    "{\"percent\": 100}",
                    ", \"pace\": {\"perMinute\": 2, \"factor\": 2, \"every\": 2}"))
            .id();

    fleet.pass(Duration.ofMinutes(1));
    long first = offered(id);
    assertThat(first).as("two a minute").isBetween(2L, 3L);
    fleet.report(id, "COMMITTED");
    fleet.pass(Duration.ofMinutes(1));
    long second = offered(id) - first;
    assertThat(second).as("four a minute").isBetween(3L, 5L);
    fleet.report(id, "COMMITTED");
    fleet.pass(Duration.ofMinutes(1));

    assertThat(offered(id) - first - second).as("eight a minute or more").isGreaterThan(second);
  }

  @Test
  void followsNobodyAfterARollbackWhoWasNeverOrderedAnything() {
    String away = "arm64-neon-00";
    fleet.online(away, false);
    String id =
        fleet.create(request(1, "{\"percent\": 100}", ", \"deadlines\": {\"stage\": \"2m\"}")).id();
    fleet.report(id, "COMMITTED");
    fleet.pass(Duration.ofMinutes(3));
    assertThat(fleet.in(id, "DEFERRED")).containsExactly(away);

    fleet.act(id, RolloutAct.ROLLBACK);
    fleet.pass(Duration.ofMinutes(6));

    assertThat(fleet.find(id).state()).isEqualTo("ROLLED_BACK");
    assertThat(fleet.states(id)).containsEntry(away, "CANCELLED");
    assertThat(fleet.number("select count(*) from rollout where id = ? and released", id))
        .isEqualTo(1);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @Test
  void letsLateDevicesCatchUpUnderALimitOfTheirOwn() {
    List<String> away =
        List.of(
            "arm64-neon-00", "arm64-neon-01", "arm64-neon-02", "x86-64-avx2-00", "x86-64-avx2-01");
    away.forEach(device -> fleet.online(device, false));
    String id =
        fleet
            .create(
                request(
                    1,
                    "{\"percent\": 100}",
                    ", \"catchUp\": 2, \"deadlines\": {\"stage\": \"2m\"}"))
            .id();
    fleet.report(id, "COMMITTED");
    fleet.pass(Duration.ofMinutes(3));
    assertThat(fleet.in(id, "DEFERRED")).containsExactlyElementsOf(away);
    assertThat(fleet.find(id).state()).isEqualTo("RUNNING");
    fleet.act(id, RolloutAct.PROMOTE);
    assertThat(fleet.find(id).state()).isEqualTo("SUCCEEDED");

    away.forEach(device -> fleet.online(device, true));
    for (int left = away.size(); left > 0; left -= 2) {
      fleet.pass(A_LOOK);
      assertThat(fleet.in(id, "OFFERED")).as("of %d", left).hasSize(Math.min(2, left));
      fleet.report(id, "COMMITTED");
    }

    assertThat(fleet.in(id, "COMMITTED")).hasSize(2 * OF_EACH_PROFILE);
    assertThat(fleet.wrongCounts(id)).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "PAUSE, PAUSED, COMMITTED, 5",
    "ABORT, ABORTED, COMMITTED, 5",
    "ROLLBACK, ROLLED_BACK, RESTORED, 0"
  })
  void doesWhatAGateSaysWhenHarmIsShown(String action, String phase, String devices, int keepIt) {
    everywhere();
    String id =
        fleet
            .create(
                request(
                    2,
                    "{\"percent\": 25}, {\"percent\": 100}",
                    """
                    , "gates": [{"metric": "failed-predictions", "tolerance": 0.05,
                      "promote": "NO_HARM_SHOWN", "action": "%s"}]
                    """
                        .formatted(action)))
            .id();
    fleet.report(id, "COMMITTED");

    for (int window = 0; window < 20; window++) {
      fleet.predict(40, 30, 2);
    }
    fleet.pass(A_LOOK);
    fleet.report(id, "COMMITTED");
    fleet.pass(A_LOOK);

    Rollout stopped = fleet.find(id);
    assertThat(stopped.state()).as(String.valueOf(stopped.reason())).isEqualTo(phase);
    assertThat(stopped.reason()).contains("failed-predictions");
    assertThat(stopped.touched()).isEqualTo(5);
    assertThat(fleet.in(id, devices)).hasSize(5);
    assertThat(fleet.number("select count(*) from desired_slot where version = 2"))
        .as("keep it")
        .isEqualTo(keepIt);
  }
}
