package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A version of whose predictions nobody ever hears how they came out. */
final class NoOutcomes implements Scenario {
  @Override
  public String name() {
    return "no-outcomes";
  }

  @Override
  public String claim() {
    return "a version of which no outcome is ever told, while the version before has them, is not"
        + " called good and stays in its first stage";
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
    story.bad(2, Behaviour.UNTOLD);
    story.roll(Duration.ofHours(12), 2, List.of(20, 50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "not-called-good",
            !story.phase(2).equals("SUCCEEDED"),
            story.phase(2) + " " + story.reason(2)),
        Claim.atLeast("devices-that-were-touched", 1, story.touched(2), "devices"),
        Claim.atMost("devices-touched", story.firstStage(2), story.touched(2), "devices"));
  }
}
