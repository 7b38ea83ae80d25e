package io.skerry.simulator.scenario;

import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Story;
import java.util.List;

/** Everything goes wrong that can, while versions are on trial, shadow and take over. */
final class RandomTrial implements Scenario {
  @Override
  public String name() {
    return "random-trial";
  }

  @Override
  public String claim() {
    return "whatever goes wrong in whatever order, a trial answers its share and a shadow nobody, and what is over leaves nothing behind";
  }

  @Override
  public int devices() {
    return 10;
  }

  @Override
  public int devicesMin() {
    return TraceFile.DEVICES_MIN;
  }

  @Override
  public int daysMin() {
    return 1;
  }

  @Override
  public int settleDays() {
    return 3;
  }

  @Override
  public Fault.Rates faults() {
    return Fault.Rates.HARD;
  }

  @Override
  public void tell(Story story) {
    story.operatorsChoose(
        new RolloutKind.Split(.3, true),
        new RolloutKind.Shadow(false),
        new RolloutKind.Replace(),
        new RolloutKind.Split(.5, false),
        new RolloutKind.Shadow(true));
    story.good(2, 3);
    story.everybodyRuns(1);
    story.trial(story.part(2, 7), new RolloutKind.Split(.3, true), 2, List.of(10, 50, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(Claim.exactly("answers-of-shadows", 0, story.answeredByShadows(), "answers"));
  }
}
