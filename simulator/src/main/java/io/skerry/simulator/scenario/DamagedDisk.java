package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Disks that damage what waits on them. */
final class DamagedDisk implements Scenario {
  @Override
  public String name() {
    return "damaged-disk";
  }

  @Override
  public String claim() {
    return "a record that was damaged on a device's disk is counted as damaged and never stored,"
        + " and its neighbours are stored as they were kept";
  }

  @Override
  public int days() {
    return 6;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.offline(Duration.ofDays(1), Duration.ofDays(3), device -> true);
    story.bitsFlip(Duration.ofDays(2), device -> true);
    story.powerCut(Duration.ofDays(3), device -> device % 2 == 0);
    story.bitsFlip(Duration.ofDays(3).plusHours(12), device -> true);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.atLeast("records-damaged", story.devices(), story.lost(), "records"),
        Claim.atMost("records-damaged-at-most", 3L * story.devices(), story.lost(), "records"));
  }
}
