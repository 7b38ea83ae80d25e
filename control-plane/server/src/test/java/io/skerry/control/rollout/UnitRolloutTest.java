package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static io.skerry.control.rollout.RolloutFleet.manifest;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.rollout.RolloutAct;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Several models together on each device, and one of them by itself later. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UnitRolloutTest {
  private static final String UNIT =
      """
      {"model": "eyes", "version": %1$d, "slot": "eyes", "stages": [{"percent": 100}],
        "parts": [{"slot": "ears", "model": "ears", "version": %1$d}], "onFailedDevices": "PAUSE"}
      """;

  private final RolloutFleet fleet;

  UnitRolloutTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    for (String model : List.of("eyes", "ears")) {
      for (long version = 1; version <= 2; version++) {
        fleet.version(model, version, Map.of(X86, "onnxruntime"));
      }
    }
    for (String device : List.of("a", "b")) {
      fleet.enrol(device, X86, "onnxruntime/cpu");
    }
  }

  /** Each device's slot, and what it is ordered there by which revision. */
  private Map<String, String> ordered(String slot) {
    return fleet.texts(
        """
        select device as name, manifest || ' ' || revision as text from desired_slot
        where slot = ? and mode = 'ACTIVE'
        """,
        slot);
  }

  private static String of(String model, long version, int revision) {
    return manifest(model, version, X86) + " " + revision;
  }

  private void unitEverywhere(long version) {
    String unit = fleet.create(UNIT.formatted(version)).id();
    fleet.report(unit, "COMMITTED");
    fleet.act(unit, RolloutAct.PROMOTE);
    assertThat(fleet.find(unit).state()).isEqualTo("SUCCEEDED");
  }

  @Test
  void takesAllPartsBackFromADeviceOnWhichOneFails() {
    unitEverywhere(1);
    String unit = fleet.create(UNIT.formatted(2)).id();
    fleet.report(unit, "COMMITTED", List.of("b"));
    fleet.report(unit, "STAGED", List.of("a"));
    fleet.sql(
        """
        update device_slot_report set phase = case slot when 'ears' then 'FAILED' else 'COMMITTED' end
        where device = 'a'
        """);
    fleet.follow("a");

    fleet.look();

    assertThat(fleet.states(unit)).containsEntry("a", "FAILED").containsEntry("b", "COMMITTED");
    assertThat(ordered("eyes"))
        .containsEntry("a", of("eyes", 1, 3))
        .containsEntry("b", of("eyes", 2, 2));
    assertThat(ordered("ears"))
        .containsEntry("a", of("ears", 1, 3))
        .containsEntry("b", of("ears", 2, 2));
  }

  private void failEars(String device) {
    fleet.sql(
        """
        update device_slot_report set phase = case slot when 'ears' then 'FAILED' else 'COMMITTED' end
        where device = ?
        """,
        device);
    fleet.follow(device);
  }

  @Test
  void takesAllPartsBackAlsoWhileItIsPaused() {
    unitEverywhere(1);
    String unit = fleet.create(UNIT.formatted(2)).id();
    fleet.report(unit, "STAGED");
    fleet.act(unit, RolloutAct.PAUSE);
    failEars("a");

    fleet.look();

    assertThat(fleet.states(unit)).containsEntry("a", "FAILED");
    assertThat(ordered("eyes")).containsEntry("a", of("eyes", 1, 3));
    assertThat(ordered("ears")).containsEntry("a", of("ears", 1, 3));
  }

  // Which transactions wrote and locked its row last.
  private Map<String, String> touched(String unit) {
    return fleet.texts(
        "select id as name, xmin || ' ' || xmax as text from rollout where id = ?", unit);
  }

  @Test
  void isNotLockedForWhatWasTakenBackAlready() {
    unitEverywhere(1);
    String unit = fleet.create(UNIT.formatted(2)).id();
    fleet.report(unit, "STAGED");
    fleet.act(unit, RolloutAct.PAUSE);
    failEars("a");
    fleet.look();
    fleet.look();
    Map<String, String> before = touched(unit);

    fleet.look();

    assertThat(touched(unit)).isEqualTo(before);
  }

  @Test
  void takesAllPartsBackAlsoFromWhoHadSwitchedWhenItWasAborted() {
    unitEverywhere(1);
    String unit = fleet.create(UNIT.formatted(2)).id();
    fleet.report(unit, "PROBATION");
    fleet.act(unit, RolloutAct.ABORT);
    fleet.report(unit, "COMMITTED", List.of("b"));
    failEars("a");

    fleet.look();

    assertThat(fleet.states(unit)).containsEntry("a", "FAILED").containsEntry("b", "COMMITTED");
    assertThat(ordered("eyes")).containsEntry("a", of("eyes", 1, 3));
    assertThat(ordered("ears")).containsEntry("a", of("ears", 1, 3));
  }

  @Test
  void takesAllPartsBackAlsoFromWhoIsLate() {
    unitEverywhere(1);
    String unit = fleet.create(UNIT.formatted(2)).id();
    fleet.report(unit, "COMMITTED", List.of("b"));
    fleet.report(unit, "STAGED", List.of("a"));
    fleet.act(unit, RolloutAct.PROMOTE);
    assertThat(fleet.find(unit).state()).isEqualTo("SUCCEEDED");
    failEars("a");

    fleet.look();

    assertThat(fleet.states(unit)).containsEntry("a", "FAILED");
    assertThat(ordered("eyes")).containsEntry("a", of("eyes", 1, 3));
    assertThat(ordered("ears")).containsEntry("a", of("ears", 1, 3));
  }

  /** Whether it was sent back is known by its order alone. */
  @Test
  void goesBackAlsoWithWhoHasWhatDidNotChangeOnlySinceItFailed() {
    unitEverywhere(1);
    String bad = fleet.create(UNIT.formatted(2)).id();
    fleet.report(bad, "COMMITTED");
    fleet.act(bad, RolloutAct.ROLLBACK);
    String same = fleet.create(UNIT.formatted(1)).id();
    fleet.look();
    fleet.report(same, "STAGED", List.of("a"));
    failEars("a");
    fleet.look();
    assertThat(fleet.states(same)).containsEntry("a", "FAILED");
    fleet.report(same, "COMMITTED");
    fleet.act(same, RolloutAct.RETRY);
    fleet.look();
    assertThat(fleet.states(same)).containsEntry("a", "COMMITTED").containsEntry("b", "COMMITTED");

    fleet.act(same, RolloutAct.ROLLBACK);

    assertThat(fleet.states(same)).containsEntry("a", "RESTORING").containsEntry("b", "RESTORING");
  }

  @Test
  void rollsOutOnePartAloneAndGoesBackWithIt() {
    unitEverywhere(1);
    String part =
        fleet
            .create(
                """
                {"model": "ears", "version": 2, "slot": "ears", "stages": [{"percent": 100}]}
                """)
            .id();
    assertThat(ordered("ears"))
        .containsOnly(Map.entry("a", of("ears", 2, 2)), Map.entry("b", of("ears", 2, 2)));
    assertThat(ordered("eyes"))
        .containsOnly(Map.entry("a", of("eyes", 1, 1)), Map.entry("b", of("eyes", 1, 1)));
    fleet.report(part, "COMMITTED");
    assertThat(fleet.in(part, "COMMITTED")).containsExactly("a", "b");

    fleet.act(part, RolloutAct.ROLLBACK);

    assertThat(ordered("ears"))
        .containsOnly(Map.entry("a", of("ears", 1, 3)), Map.entry("b", of("ears", 1, 3)));
    assertThat(ordered("eyes"))
        .containsOnly(Map.entry("a", of("eyes", 1, 1)), Map.entry("b", of("eyes", 1, 1)));
  }
}
