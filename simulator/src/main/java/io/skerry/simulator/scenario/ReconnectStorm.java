package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** Every device loses its connection in one moment. */
final class ReconnectStorm implements Scenario {
  @Override
  public String name() {
    return "reconnect-storm";
  }

  @Override
  public String claim() {
    return "when every connection breaks at once, all devices are back within five minutes, spread out, and no record is lost";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public int days() {
    return 4;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.offline(Duration.ofDays(2), Duration.ofSeconds(30), device -> true);
    story.countOnline(Duration.ofDays(2).plusSeconds(20));
    story.countOnline(Duration.ofDays(2).plusMinutes(5));
    story.offline(Duration.ofDays(3), Duration.ofHours(5), device -> true);
    story.countOnline(Duration.ofDays(3).plusHours(5).plusMinutes(5));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.exactly("online-without-a-network", 0, story.onlineThen(0), "devices"),
        Claim.exactly("online-after-5-minutes", story.devices(), story.onlineThen(1), "devices"),
        Claim.exactly(
            "online-after-5-hours-and-5-minutes", story.devices(), story.onlineThen(2), "devices"),
        Claim.atMost(
            "connects-in-one-second",
            Math.max(6, story.devices() / 4),
            story.connectsInOneSecond(Duration.ofDays(3).plusHours(5)),
            "connects"),
        Claim.exactly("records-lost", 0, story.lost(), "records"));
  }
}
