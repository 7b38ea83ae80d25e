package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Simulation;
import java.util.List;
import org.junit.jupiter.api.Test;

class FalseFindingsTest {
  private static Simulation.Outcome outcome(long judged, long found) {
    return new Simulation.Outcome("", List.of(), 0, 0, 0, 0, judged, found, List.of());
  }

  @Test
  void allowsAsManyAsChanceLetsHappen() {
    assertThat(FalseFindings.allowed(0)).isZero();
    assertThat(FalseFindings.allowed(.00005)).isZero();
    assertThat(FalseFindings.allowed(.01)).isEqualTo(1);
    assertThat(FalseFindings.allowed(1)).isEqualTo(6);
    assertThat(FalseFindings.allowed(100)).isBetween(137L, 140L);
    assertThat(FalseFindings.allowed(500)).isBetween(583L, 588L);
    assertThat(FalseFindings.allowed(501)).isBetween(583L, 589L);
    assertThat(FalseFindings.allowed(1e6)).isBetween(1_003_000L, 1_004_000L);
  }

  @Test
  void sumsRunsUp() {
    FalseFindings findings = new FalseFindings();
    findings.add(outcome(400, 3));
    findings.add(outcome(600, 3));
    assertThat(findings.claim()).matches(Claim::held).matches(claim -> claim.measured() == 6);

    findings.add(outcome(0, 1));

    assertThat(findings.claim()).matches(claim -> !claim.held());
  }
}
