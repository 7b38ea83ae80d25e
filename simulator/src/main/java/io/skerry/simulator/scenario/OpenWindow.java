package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Devices that stop while they count. */
final class OpenWindow implements Scenario {
  @Override
  public String name() {
    return "open-window";
  }

  @Override
  public String claim() {
    return "a device that stops in the middle of a window goes on counting where it was, or closes the window when it is over, and loses a second at most";
  }

  @Override
  public int days() {
    return 3;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    // Most have counted by then: two minutes before the window ends, and as good as at its end.
    story.stopped(Duration.ofDays(2).minusMinutes(2), Duration.ofMinutes(1));
    story.stopped(Duration.ofDays(2).plusHours(6).minusSeconds(5), Duration.ofMinutes(1));
    // Nothing is open here: what was sealed must not be counted once more.
    story.stopped(Duration.ofDays(2).plusHours(9), Duration.ofMinutes(1));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.atLeast("predictions-in-open-windows", 1000, story.openWhenStopped(), "predictions"),
        Claim.atMost(
            "predictions-lost", story.youngWhenStopped(), story.uncounted(), "predictions"),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
