package io.skerry.control.rollout;

import static io.skerry.control.rollout.RolloutFleet.X86;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What one server cannot read of a newer one holds up nothing else. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UnreadableRolloutTest {
  private final RolloutFleet fleet;

  UnreadableRolloutTest(@TempDir Path folder) throws Exception {
    fleet = new RolloutFleet(folder);
    fleet.version(1, Map.of(X86, "onnxruntime"));
    fleet.enrol("d0", X86, "onnxruntime/cpu");
  }

  @AfterAll
  void close() throws Exception {
    fleet.close();
  }

  private String rollout(String slot) {
    return fleet
        .create(
            """
            {"model": "tested", "version": 1, "slot": "%s", "stages": [{"percent": 100}]}
            """
                .formatted(slot))
        .id();
  }

  @Test
  void movesTheOthersOnAndTellsOnceOfOneThatItCannotRead() {
    String broken = rollout("main");
    fleet.sql(
        """
        update rollout set state = jsonb_set(state, '{phase,type}', '"OfTomorrow"'),
          tell_at = now() where id = ?
        """,
        broken);
    String other = rollout("beside");
    // Devices were not heard for longer than a gap, as after every start.
    fleet.sql("update heard set at = at - interval '1 hour'");

    fleet.look();
    fleet.look();

    assertThat(fleet.states(other).get("d0")).isEqualTo("OFFERED");
    assertThat(fleet.rollouts.newest()).extracting(one -> one.id()).containsExactly(other);
    assertThat(
            fleet.number(
                "select count(*) from alert where kind = 'rollout.unreadable' and object = ?",
                broken))
        .isEqualTo(1);
  }
}
