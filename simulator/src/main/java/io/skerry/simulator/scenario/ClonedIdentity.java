package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A device's key is used on a second machine. */
final class ClonedIdentity implements Scenario {
  @Override
  public String name() {
    return "cloned-identity";
  }

  @Override
  public String claim() {
    return "a copied key is noticed, on its device and no other, and the device goes on";
  }

  @Override
  public int days() {
    return 4;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.cloned(Duration.ofDays(2), Duration.ofHours(6), 3);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "alarm-on-device-3", story.clones().equals(List.of(3)), story.clones().toString()),
        Claim.exactly("devices-on-version-1", story.devices(), story.running(1), "devices"),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
