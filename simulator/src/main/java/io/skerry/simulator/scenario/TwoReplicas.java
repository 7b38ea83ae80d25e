package io.skerry.simulator.scenario;

import io.skerry.simulator.world.ControlPlane.DeathPoint;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Two control planes on one store, in the middle of a rollout. */
final class TwoReplicas implements Scenario {
  @Override
  public String name() {
    return "two-replicas";
  }

  @Override
  public String claim() {
    return "two control planes on one store, each throwing the other off the broker and killed in"
        + " turn, roll out in order and store every record once";
  }

  @Override
  public int days() {
    return 6;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2);
    story.roll(Duration.ofDays(2), 2, List.of(10, 40, 100));
    for (int day = 1; day < days(); day++) {
      Duration from = Duration.ofDays(day);
      story.secondReplica(from, Duration.ofHours(2));
      story.secondReplica(from.plusHours(11), Duration.ofHours(4));
      story.planeKilled(from.plusHours(12), DeathPoint.AT_ONCE, Duration.ofHours(2));
    }
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "rollout-succeeded",
            story.phase(2).equals("SUCCEEDED"),
            story.phase(2) + " " + story.reason(2)),
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices"),
        Claim.atLeast("takeovers-each-way", 10, story.takeovers(), "times"),
        Claim.atLeast("stored-by-the-second", 100, story.storedBySecondReplica(), "records"),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
