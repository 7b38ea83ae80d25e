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
    story.good(2);
    story.brokerLost(Duration.ofDays(2), Duration.ofHours(20));
    story.roll(Duration.ofDays(2).plusHours(2), 2, List.of(100));
    story.brokerLost(Duration.ofDays(4), Duration.ofSeconds(5));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("records-lost", 0, story.lost(), "records"),
        Claim.exactly("devices-on-version-2", story.devices(), story.running(2), "devices")
            .because(story.phase(2) + " " + story.reason(2)),
        Claim.exactly("online", story.devices(), story.online(), "devices"));
  }
}
