package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Devices that sleep through two rollouts. */
final class TwoVersionsApart implements Scenario {
  @Override
  public String name() {
    return "two-versions-apart";
  }

  @Override
  public String claim() {
    return "a device that slept through two rollouts goes to the newest version at once, and never runs the one between";
  }

  @Override
  public int days() {
    return 11;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2, 3);
    story.offline(Duration.ofDays(2), Duration.ofDays(8), device -> device >= awake(story));
    story.roll(Duration.ofDays(3), 2, List.of(100));
    story.roll(Duration.ofDays(6), 3, List.of(100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("devices-on-version-3", story.devices(), story.running(3), "devices")
            .because(story.phase(3) + " " + story.reason(3)),
        Claim.exactly("devices-that-ran-version-2", awake(story), story.everRan(2), "devices"),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }

  private static long awake(Story story) {
    return story.devices() * 5L / 6;
  }
}
