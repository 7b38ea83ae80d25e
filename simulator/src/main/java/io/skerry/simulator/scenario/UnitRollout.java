package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Two models that go together, while devices stop, disks fail and lines break. */
final class UnitRollout implements Scenario {
  @Override
  public String name() {
    return "unit-rollout";
  }

  @Override
  public String claim() {
    return "two models of a unit switch together or not at all, whatever becomes of a device, and one that fails its golden inputs keeps the other out";
  }

  @Override
  public Fault.Rates faults() {
    return Fault.Rates.OF_DEVICES;
  }

  @Override
  public void tell(Story story) {
    story.unit();
    story.everybodyRuns(1);
    story.good(2);
    story.bad(3, Behaviour.BROKEN);
    story.roll(Duration.ofDays(1), 2, List.of(10, 40, 100));
    story.powerCut(Duration.ofDays(1).plusSeconds(3), device -> device % 3 == 0);
    story.roll(Duration.ofDays(5), 3, List.of(20, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds("good-unit-succeeded", story.phase(2).equals("SUCCEEDED"), story.reason(2)),
        Claim.atLeast("devices-told-to-run-the-broken-unit", 1, story.touched(3), "devices"),
        Claim.exactly("devices-that-ran-the-broken-unit", 0, story.everRan(3), "devices"),
        Claim.exactly("devices-with-a-mixed-unit", 0, story.mixed(), "devices"),
        Claim.atLeast("devices-on-the-good-unit", 25, story.runningWhole(2), "devices"),
        Claim.atLeast(
            "devices-that-run-it-as-is-said", story.reached(2), story.runningWhole(2), "devices"));
  }
}
