package io.skerry.fleet.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class RolloutPlanTest {
  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

  @Test
  void saysWhenADeviceIsLate() {
    RolloutPlan.Deadlines deadlines =
        new RolloutPlan.Deadlines(minutes(5), minutes(10), minutes(30), minutes(60));

    assertThat(deadlines.due(DeploymentState.OFFERED, NOON, NOON)).hasValue(after(5));
    assertThat(deadlines.due(DeploymentState.DOWNLOADING, NOON, after(3))).hasValue(after(30));
    assertThat(deadlines.due(DeploymentState.VERIFYING, NOON, after(3))).hasValue(after(13));
    assertThat(deadlines.due(DeploymentState.PROBATION, NOON, after(25))).hasValue(after(35));
    assertThat(deadlines.due(DeploymentState.RESTORING, NOON, after(1))).hasValue(after(30));
    assertThat(deadlines.due(DeploymentState.COMMITTED, NOON, NOON)).isEmpty();
    assertThat(deadlines.due(DeploymentState.DEFERRED, NOON, NOON)).isEmpty();
  }

  private static Duration minutes(int minutes) {
    return Duration.ofMinutes(minutes);
  }

  private static Instant after(int minutes) {
    return NOON.plus(minutes(minutes));
  }
}
