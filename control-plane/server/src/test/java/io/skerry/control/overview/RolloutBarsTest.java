package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.Rollout;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RolloutBarsTest {
  @Test
  void leavesOutDevicesThatHaveLeftTheStageAndSaysSo() {
    Rollout.Stage stage =
        new Rollout.Stage(
            0,
            100,
            "100 %",
            "RUNNING",
            3,
            2,
            0,
            Map.of("COMMITTED", 2, "PENDING", 1, "NOT_ELIGIBLE", 4),
            null,
            null,
            List.of());

    assertThat(RolloutBars.of(stage))
        .containsExactly(
            new RolloutBars.Part("good-fill", 2), new RolloutBars.Part("idle-fill", 1));
    assertThat(RolloutBars.words(stage))
        .isEqualTo("3 devices, 2 committed, 4 not eligible, 1 pending");
  }
}
