package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Rollouts whose gates nobody set: harm has to be ruled out, not only not to be seen. */
final class DefaultGates implements Scenario {
  @Override
  public String name() {
    return "default-gates";
  }

  @Override
  public String claim() {
    return "with the default gates harm of a good version is ruled out and it reaches every device, and one that is too slow does not leave its first stage";
  }

  @Override
  public int devices() {
    return 90;
  }

  @Override
  public int settleDays() {
    return 1;
  }

  @Override
  public int days() {
    return 4;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2);
    story.rollByDefault(Duration.ofDays(1), 2, List.of(40, 100));
    story.bad(3, Behaviour.SLOW);
    story.rollByDefault(Duration.ofDays(3), 3, List.of(40, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds("good-one-succeeded", story.phase(2).equals("SUCCEEDED"), story.reason(2)),
        Claim.exactly(
            "devices-that-ran-the-good-one", story.devices(), story.everRan(2), "devices"),
        Claim.holds("slow-one-rolled-back", story.phase(3).equals("ROLLED_BACK"), story.reason(3)),
        Claim.atMost("devices-touched", story.firstStage(3), story.touched(3), "devices"),
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices"));
  }
}
