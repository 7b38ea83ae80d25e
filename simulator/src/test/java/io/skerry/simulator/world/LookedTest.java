package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.RolloutEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class LookedTest {
  private final Looked looked = new Looked();
  private final List<Integer> judged = new ArrayList<>();

  @Test
  void countsAgainOnlyAfterAChange() {
    Census first = looked.census(1, () -> new Census(List.of()));

    assertThat(looked.census(1, () -> new Census(List.of()))).isSameAs(first);
    assertThat(looked.census(2, () -> new Census(List.of()))).isNotSameAs(first);
  }

  @Test
  void followsAgainOnlyAfterAChange() {
    assertThat(looked.follows(1)).isTrue();
    assertThat(looked.follows(1)).isFalse();
    assertThat(looked.follows(2)).isTrue();
  }

  @Test
  void judgesAgainWhateverIsSeenAnew() {
    Census census = new Census(List.of());
    Evidence evidence = evidence();

    judge(0, census, evidence);
    judge(0, census, evidence);
    assertThat(judged).hasSize(1);

    judge(1, census, evidence);
    judge(1, new Census(List.of()), evidence);
    judge(1, new Census(List.of()), evidence());
    assertThat(judged).hasSize(4);
  }

  private static Evidence evidence() {
    return new Evidence(Map.of(), OptionalDouble.empty());
  }

  private void judge(int stage, Census census, Evidence evidence) {
    looked.judged(
        stage,
        new RolloutEvent.Observed(census, evidence, Instant.EPOCH),
        () -> {
          judged.add(stage);
          return List.of();
        });
  }
}
