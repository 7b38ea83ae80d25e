package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Devices that are away for longer than their disk has room for records. */
final class SpoolFull implements Scenario {
  @Override
  public String name() {
    return "spool-full";
  }

  @Override
  public String claim() {
    return "what found no room on a device's disk is known by number to the device and to the"
        + " control plane, and everything else is stored";
  }

  @Override
  public int days() {
    return 24;
  }

  @Override
  public Settings settings(int devices) {
    return Settings.light(devices).withSpool(16 * 1024);
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.offline(Duration.ofDays(2), Duration.ofDays(21), device -> device % 3 == 0);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.atLeast("records-lost", story.devices(), story.lost(), "records"),
        Claim.atLeast(
            "records-that-devices-count-as-lost", story.lost(), story.saidLost(), "records"));
  }
}
