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
    story.offline(Duration.ofDays(2), Duration.ofDays(12), device -> device % 3 == 1);
    story.roll(Duration.ofDays(2).plusHours(1), 2, List.of(20, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "rollout-succeeded",
            story.phase(2).equals("SUCCEEDED"),
            story.phase(2) + " " + story.reason(2)),
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices")
            .because(story.phase(2) + " " + story.reason(2)),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
