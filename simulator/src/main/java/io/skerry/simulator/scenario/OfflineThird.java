package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A third of the fleet without a network while a version rolls out. */
final class OfflineThird implements Scenario {
  @Override
  public String name() {
    return "offline-third";
  }

  @Override
  public String claim() {
    return "devices that are offline during a rollout neither stop it nor count as failed, and catch up";
  }

  @Override
  public int days() {
    return 20;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2);
    story.offline(Duration.ofDays(2), Duration.ofDays(16), device -> device % 3 == 1);
    story.roll(Duration.ofDays(2).plusHours(1), 2, List.of(20, 100));
    // Each of the two stages may wait six days and an hour for them, and is watched for half a day.
    story.phaseAt(Duration.ofDays(16), 2);
    story.countRunning(Duration.ofDays(16), 2);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "rollout-succeeded-without-them",
            story.phaseThen(0).equals("SUCCEEDED"),
            story.phaseThen(0) + ", then " + story.phase(2) + " " + story.reason(2)),
        Claim.exactly(
            "devices-on-version-2-without-them",
            story.devices() - (story.devices() + 1) / 3,
            story.runningThen(0),
            "devices"),
        Claim.exactly("devices-that-count-as-failed", 0, story.failed(2), "devices"),
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices")
            .because(story.phase(2) + " " + story.reason(2)),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
