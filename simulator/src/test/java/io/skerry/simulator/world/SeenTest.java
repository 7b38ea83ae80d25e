package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SeenTest {
  private final Rollout.Seen seen = new Rollout.Seen();

  private void boots(long... epochs) {
    for (long epoch : epochs) {
      seen.countBoot(epoch);
    }
  }

  @Test
  void countsEachBootAboveTheLastOneAsARestart() {
    boots(5, 5, 6, 8);

    assertThat(seen.windows).isEqualTo(4);
    assertThat(seen.restarts).isEqualTo(2);
  }

  @Test
  void countsNoBootThatIsToldLateAndNoneOfTheStageBefore() {
    boots(5, 8, 6);
    assertThat(seen.restarts).isEqualTo(1);

    seen.clear();
    boots(9);

    assertThat(seen.windows).isEqualTo(1);
    assertThat(seen.restarts).isZero();
  }
}
