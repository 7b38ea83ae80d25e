package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A version that gives the opposite answer. */
final class BadModelWrong implements Scenario {
  @Override
  public String name() {
    return "bad-model-wrong";
  }

  @Override
  public String claim() {
    return "a version that answers wrongly and passes every check is rolled back by the gate on outcomes, in its first stage";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public int days() {
    return 3;
  }

  @Override
  public int settleDays() {
    return 1;
  }

  @Override
  public Settings settings(int devices) {
    return Settings.busy(devices);
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.bad(2, Behaviour.WRONG);
    story.roll(Duration.ofHours(12), 2, List.of(20, 50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "rolled-back-by-outcomes",
            story.phase(2).equals("ROLLED_BACK") && story.reason(2).contains("accuracy"),
            story.phase(2) + " " + story.reason(2)),
        Claim.atMost("devices-touched", story.firstStage(2), story.touched(2), "devices"),
        Claim.exactly("devices-on-version-1", story.devices(), story.running(1), "devices"));
  }
}
