package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** The broker dies and comes back empty. */
final class BrokerLost implements Scenario {
  @Override
  public String name() {
    return "broker-lost";
  }

  @Override
  public String claim() {
    return "a broker that comes back empty loses no record and no order";
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2, 3);
    story.brokerLost(Duration.ofDays(2), Duration.ofHours(20));
    story.roll(Duration.ofDays(2).plusHours(2), 2, List.of(100));
    story.countRunning(Duration.ofDays(2).plusHours(21), 2);
    // A third is gone when its orders are told, and the broker forgets them before it is back.
    Duration again = Duration.ofDays(4);
    story.roll(again, 3, List.of(100));
    story.offline(again.minusSeconds(5), Duration.ofHours(3), device -> device % 3 == 0);
    story.brokerLost(again.plusHours(1), Duration.ofSeconds(5));
    story.countRunning(again.plusHours(4), 3);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("records-lost", 0, story.lost(), "records"),
        Claim.exactly(
                "devices-on-version-2-within-an-hour",
                story.devices(),
                story.runningThen(0),
                "devices")
            .because(story.phase(2) + " " + story.reason(2)),
        Claim.exactly(
                "devices-on-version-3-within-an-hour",
                story.devices(),
                story.runningThen(1),
                "devices")
            .because(story.phase(3) + " " + story.reason(3)),
        Claim.exactly("online", story.devices(), story.online(), "devices"));
  }
}
