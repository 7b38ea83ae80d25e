package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/** A version that is rolled back while a third of those that run it has no network. */
final class BadModelOffline implements Scenario {
  private static final Duration AWAY = Duration.ofDays(2).plusHours(3);
  private static final Duration BACK = Duration.ofDays(9);

  @Override
  public String name() {
    return "bad-model-offline";
  }

  @Override
  public String claim() {
    return "devices that are offline when their version is rolled back go back to the one before as soon as they return";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public int days() {
    return 11;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.bad(2, Behaviour.SLOW);
    story.roll(Duration.ofDays(2), 2, List.of(40, 100));
    story.offline(AWAY, BACK.minus(AWAY), device -> device % 3 == 1);
    story.countRunning(BACK.minusHours(1), 2);
    story.phaseAt(BACK.minusHours(1), 2);
    story.countRunning(BACK.plusHours(2), 2);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "rolled-back-meanwhile",
            story.phaseThen(0).equals("ROLLED_BACK"),
            story.phaseThen(0) + " " + story.reason(2)),
        Claim.atLeast("devices-away-on-version-2", 3, story.runningThen(0), "devices"),
        Claim.exactly("two-hours-after-their-return", 0, story.runningThen(1), "devices"),
        Claim.exactly("devices-on-version-1", story.devices(), story.running(1), "devices"));
  }
}
