package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A version that gets slow once it has proved itself. */
final class BadModelSlow implements Scenario {
  @Override
  public String name() {
    return "bad-model-slow";
  }

  @Override
  public String claim() {
    return "a version that becomes slow after its acceptance test is rolled back in the first stage by the gate on latency";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.bad(2, Behaviour.SLOW);
    story.roll(Duration.ofDays(2), 2, List.of(20, 50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "rolled-back-by-latency",
            story.phase(2).equals("ROLLED_BACK") && story.reason(2).contains("latency"),
            story.phase(2) + " " + story.reason(2)),
        Claim.atMost("devices-touched", story.firstStage(2), story.touched(2), "devices"),
        Claim.exactly("devices-on-version-1", story.devices(), story.running(1), "devices"));
  }
}
