package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A version that ends the agent. */
final class BadModelCrash implements Scenario {
  @Override
  public String name() {
    return "bad-model-crash";
  }

  @Override
  public String claim() {
    return "a version that ends the agent's process is rolled back by the devices, then stopped in its first stage";
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.bad(2, Behaviour.CRASH);
    story.roll(Duration.ofDays(1), 2, List.of(10, 50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "rollout-stopped",
            story.ended(2) && !story.phase(2).equals("SUCCEEDED"),
            story.phase(2) + " " + story.reason(2)),
        Claim.atLeast("tried-by-a-device", 1, story.crashesOfOneDevice(), "crashes"),
        Claim.atMost("crashes-of-one-device", 3, story.crashesOfOneDevice(), "crashes"),
        Claim.atMost("devices-touched", story.firstStage(2), story.touched(2), "devices"),
        Claim.exactly("devices-on-version-1", story.devices(), story.running(1), "devices"));
  }
}
