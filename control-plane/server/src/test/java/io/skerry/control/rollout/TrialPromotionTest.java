package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.rollout.RolloutAct;
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
    fleet.online(LATE, false);
    String id =
        fleet
            .create(
                """
                {"model": "tested", "version": 2, "kind": "SHADOW", "promote": %s,
                  "onFailedDevices": "PAUSE", "deadlines": {"stage": "1m"},
                  "stages": [{"percent": 100}]}
                """
                    .formatted(promote))
            .id();
    fleet.report(id, "COMMITTED", REACHED);
    fleet.report(id, "FAILED", List.of(FAILED));
    fleet.pass(Duration.ofMinutes(2));
    assertThat(fleet.states(id)).containsEntry(LATE, "DEFERRED").containsEntry(FAILED, "FAILED");
    meanwhile.run();
    assertThat(fleet.act(id, RolloutAct.PROMOTE).state()).isEqualTo("SUCCEEDED");
    return id;
  }

  @Test
  void whoWasLateGetsItToo() {
    tried(true);

    assertThat(fleet.ordered())
        .containsEntry(LATE, RolloutFleet.manifest(2, X86))
        .containsEntry(REACHED.getFirst(), RolloutFleet.manifest(2, X86))
        .as("it cannot load it")
        .containsEntry(FAILED, RolloutFleet.manifest(1, X86));
  }

  @Test
  void whoWasLateIsAskedWhatItIsByNow() {
    String id = tried(true, () -> fleet.becomes(LATE, "another-board", "onnxruntime/cpu"));

    assertThat(fleet.states(id)).containsEntry(LATE, "NOT_ELIGIBLE");

    assertThat(fleet.ordered()).containsEntry(LATE, RolloutFleet.manifest(1, X86));
  }

  @Test
  void nobodyGetsWhatIsDropped() {
    tried(false);

    assertThat(fleet.ordered().values()).containsOnly(RolloutFleet.manifest(1, X86));
  }
}
