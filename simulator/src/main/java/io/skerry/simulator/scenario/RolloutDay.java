package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A good version in three stages. */
final class RolloutDay implements Scenario {
  @Override
  public String name() {
    return "rollout-day";
  }

  @Override
  public String claim() {
    return "a good version reaches every device, stage after stage, each watched to its end";
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2);
    story.roll(Duration.ofDays(2), 2, List.of(10, 40, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds("rollout-succeeded", story.phase(2).equals("SUCCEEDED"), story.reason(2)),
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices"));
  }
}
