package io.skerry.simulator.scenario;

import io.skerry.simulator.world.ControlPlane.DeathPoint;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** The control plane dies at every point of its work, in the middle of a rollout. */
final class ControlPlaneKilled implements Scenario {
  @Override
  public String name() {
    return "control-plane-killed";
  }

  @Override
  public String claim() {
    return "a control plane that dies anywhere stores every record once, ends its rollout, and judges what it judged the same way again";
  }

  @Override
  public int days() {
    return 8;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2);
    Duration begins = Duration.ofDays(2).plusHours(13);
    story.roll(begins, 2, List.of(10, 40, 100));
    // Some days nothing is published, but the first stage's orders are.
    story.planeKilled(begins.minusMinutes(1), DeathPoint.WHILE_PUBLISHING, Duration.ofMinutes(30));
    int day = 1;
    for (DeathPoint point : DeathPoint.values()) {
      story.planeKilled(Duration.ofDays(day), point, Duration.ofHours(day));
      story.planeKilled(Duration.ofDays(day).plusHours(12), point, Duration.ofMinutes(3));
      day++;
    }
  }

  @Override
  public List<Claim> judge(Story story) {
    long[] replayed = story.replayed();
    return List.of(
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices")
            .because(story.phase(2) + " " + story.reason(2)),
        Claim.exactly("records-lost", 0, story.lost(), "records"),
        Claim.atLeast("records-that-came-again", 1, story.duplicates(), "records"),
        Claim.exactly(
            "points-of-death", DeathPoint.values().length, story.deathPointsReached(), "points"),
        Claim.atLeast("verdicts-made-again", 1, replayed[0], "verdicts"),
        Claim.exactly("verdicts-that-differ", 0, replayed[1], "of " + replayed[0] + " verdicts"));
  }
}
