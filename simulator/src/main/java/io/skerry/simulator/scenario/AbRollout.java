package io.skerry.simulator.scenario;

import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/**
 * Versions that answer a share beside the one before: a good one, one that is dropped, a bad one.
 */
final class AbRollout implements Scenario {
  private static final double SHARE = .3;

  @Override
  public String name() {
    return "ab-rollout";
  }

  @Override
  public String claim() {
    return "a version on trial answers the share that was asked for, a key always or never, and when the trial ends it is active everywhere or gone everywhere";
  }

  @Override
  public int days() {
    return 9;
  }

  @Override
  public Fault.Rates faults() {
    return Fault.Rates.OF_DEVICES;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2, 3);
    story.bad(4, Behaviour.FAILS);
    story.trial(Duration.ofDays(1), new RolloutKind.Split(SHARE, true), 2, List.of(40, 100));
    story.trial(Duration.ofDays(4), new RolloutKind.Split(SHARE, false), 3, List.of(40, 100));
    story.trial(Duration.ofDays(7), new RolloutKind.Split(SHARE, true), 4, List.of(40, 100));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds("good-one-promoted", story.phase(2).equals("SUCCEEDED"), story.reason(2)),
        Claim.holds("other-one-dropped", story.phase(3).equals("SUCCEEDED"), story.reason(3)),
        Claim.holds("bad-one-rolled-back", story.phase(4).equals("ROLLED_BACK"), story.reason(4)),
        Claim.atLeast("predictions-shared", 1_000, story.askedOnTrial(2), "predictions"),
        Claim.atMost(
            "share-off-by", .02, Math.abs(story.shareAnswered(2) - SHARE), "of the predictions"),
        Claim.exactly("versions-still-on-trial", 0, story.onTrial(), "devices"),
        Claim.atLeast("devices-on-the-promoted-version", 25, story.running(2), "devices"),
        Claim.atLeast(
            "devices-that-run-it-as-is-said", story.reached(2), story.running(2), "devices"));
  }
}
