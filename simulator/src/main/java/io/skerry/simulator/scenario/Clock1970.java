package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Devices without a battery behind their clock. */
final class Clock1970 implements Scenario {
  @Override
  public String name() {
    return "clock-1970";
  }

  @Override
  public String claim() {
    return "devices that start in 1970 carry out orders, answer and count, and learn the time from the control plane";
  }

  @Override
  public int days() {
    return 4;
  }

  @Override
  public void tell(Story story) {
    story.clockOf1970(device -> device % 3 == 0);
    story.everybodyRuns(1);
    story.clockErrorAt(Duration.ofDays(3));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("devices-on-version-1", story.devices(), story.running(1), "devices"),
        Claim.atMost("clock-error", 120, story.clockErrorThen().toSeconds(), "s"),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
