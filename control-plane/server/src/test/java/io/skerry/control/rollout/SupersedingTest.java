package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.ARM;
import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.RolloutPreview;
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

/** Whose place a rollout takes. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SupersedingTest {
  private final RolloutFleet fleet;

  SupersedingTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  @BeforeEach
  void enrol() {
    fleet.empty();
    for (long version = 1; version <= 3; version++) {
      fleet.version(version, Map.of(X86, "onnxruntime", ARM, "onnxruntime"));
    }
    fleet.enrol(2, X86);
    fleet.enrol(2, ARM);
  }

  private static String request(long version, String stages) {
    return "{\"model\": \"tested\", \"version\": %d, \"stages\": [%s]}".formatted(version, stages);
  }

  private static String only(String profile) {
    return "{\"profile\": \"%s\"}".formatted(profile);
  }

  /** Who was away had no order of it, and has a newer one by now. */
  @Test
  void aRetryOfOneThatWasReplacedLeavesWhatIsNewer() {
    String late = X86 + "-01";
    fleet.online(late, false);
    String older = fleet.create(request(1, only(X86))).id();
    fleet.report(older, "COMMITTED", List.of(X86 + "-00"));
    fleet.look();
    fleet.act(older, RolloutAct.PROMOTE);
    assertThat(fleet.states(older)).containsEntry(late, "DEFERRED");
    String newer = fleet.create(request(2, only(X86))).id();
    fleet.online(late, true);
    fleet.look();
    fleet.report(newer, "COMMITTED");
    fleet.act(newer, RolloutAct.PROMOTE);
    fleet.look();

    fleet.act(older, RolloutAct.RETRY);
    fleet.look();
    fleet.look();

    assertThat(fleet.ordered()).containsEntry(late, RolloutFleet.manifest(2, X86));
    assertThat(fleet.states(older)).containsEntry(late, "CANCELLED");
    assertThat(fleet.number("select count(*) from rollout where id = ? and released", older))
        .isEqualTo(1);
  }

  /** It had succeeded while devices were under way, and another rollout took some of them. */
  @Test
  void nobodyStaysUnderWayOfOneThatWasReplaced() {
    String older = fleet.create(request(2, "{\"percent\": 100}")).id();
    fleet.look();
    fleet.report(older, "DOWNLOADING");
    fleet.act(older, RolloutAct.PROMOTE);
    assertThat(fleet.find(older).state()).isEqualTo("SUCCEEDED");
    String newer = fleet.create(request(3, "{\"percent\": 50}, {\"percent\": 100}")).id();
    fleet.look();

    assertThat(fleet.states(older).values()).containsOnly("DEFERRED");
    fleet.act(newer, RolloutAct.ROLLBACK);
    fleet.report(newer, "COMMITTED");
    fleet.pass(Duration.ofMinutes(6));
    assertThat(fleet.find(newer).state()).isEqualTo("ROLLED_BACK");

    fleet.act(older, RolloutAct.ROLLBACK);
    fleet.pass(Duration.ofMinutes(6));

    assertThat(fleet.find(older).state()).isEqualTo("ROLLED_BACK");
  }

  @Test
  void aRolloutOfOneProfileLeavesThoseOfOthersAlone() {
    String other = fleet.create(request(1, only(X86))).id();
    String arm = request(2, only(ARM));

    assertThat(fleet.preview(arm).superseded()).isEmpty();
    String id = fleet.create(arm).id();

    assertThat(fleet.find(other).state()).isEqualTo("RUNNING");
    assertThat(fleet.find(id).state()).isEqualTo("RUNNING");
    assertThat(fleet.states(id)).containsOnlyKeys(ARM + "-00", ARM + "-01");
  }

  @Test
  void aPreviewNamesTheRolloutsThatItWouldEnd() {
    String x86 = fleet.create(request(1, only(X86))).id();
    String arm = fleet.create(request(2, only(ARM))).id();
    String all = request(3, "{\"percent\": 100}");

    assertThat(fleet.preview(all).superseded())
        .containsExactlyInAnyOrder(
            new RolloutPreview.Superseded(x86, "tested@1", "RUNNING"),
            new RolloutPreview.Superseded(arm, "tested@2", "RUNNING"));
    fleet.create(all);

    assertThat(fleet.find(x86).state()).isEqualTo("SUPERSEDED");
    assertThat(fleet.find(arm).state()).isEqualTo("SUPERSEDED");
    assertThat(fleet.preview(request(1, only(ARM))).superseded())
        .extracting(RolloutPreview.Superseded::version)
        .containsExactly("tested@3");
  }

  @Test
  void aDeviceThatBecomesAnotherProfileLeavesARolloutThatIsOfOneOnly() {
    fleet.online(X86 + "-00", false);
    String id = fleet.create(request(1, only(X86))).id();
    fleet.becomes(X86 + "-00", ARM, "onnxruntime/cpu");

    fleet.online(X86 + "-00", true);
    fleet.look();

    assertThat(fleet.states(id)).containsEntry(X86 + "-00", "NOT_ELIGIBLE");
  }
}
