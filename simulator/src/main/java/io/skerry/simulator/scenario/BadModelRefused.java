package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Versions that no device may run. */
final class BadModelRefused implements Scenario {
  @Override
  public String name() {
    return "bad-model-refused";
  }

  @Override
  public String claim() {
    return "a version that nobody signed who may, and one that fails its golden inputs, answer on no"
        + " device";
  }

  @Override
  public int devices() {
    return 12;
  }

  @Override
  public int days() {
    return 4;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.bad(2, Behaviour.UNSIGNED);
    story.bad(3, Behaviour.BROKEN);
    story.roll(Duration.ofDays(1), 2, List.of(50, 100));
    story.roll(Duration.ofDays(3), 3, List.of(50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.atLeast("devices-told-to-run-version-2", 1, story.touched(2), "devices"),
        Claim.atLeast("devices-told-to-run-version-3", 1, story.touched(3), "devices"),
        Claim.exactly("devices-that-ran-version-2", 0, story.everRan(2), "devices"),
        Claim.exactly("devices-that-ran-version-3", 0, story.everRan(3), "devices"),
        Claim.exactly("devices-on-version-1", story.devices(), story.running(1), "devices")
            .because(story.phase(2) + ", " + story.phase(3)));
  }
}
