package io.skerry.simulator.scenario;

import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.simulator.world.Fault;
import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.simulator.world.Story;
import java.time.Duration;
import java.util.List;

/**
 * Versions that get copies of requests: a good one, one that fails them all, one that is aborted.
 */
final class ShadowRollout implements Scenario {
  @Override
  public String name() {
    return "shadow-rollout";
  }

  @Override
  public String claim() {
    return "a version that shadows answers nobody and harms nobody however bad it is, and when the trial ends it is active everywhere or gone everywhere";
  }

  @Override
  public Fault.Rates faults() {
    return Fault.Rates.OF_DEVICES;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.good(2, 4);
    story.bad(3, Behaviour.FAILS);
    story.trial(Duration.ofDays(1), new RolloutKind.Shadow(true), 2, List.of(40, 100));
    story.trial(Duration.ofDays(4), new RolloutKind.Shadow(true), 3, List.of(40, 100));
    story.trial(Duration.ofDays(6), new RolloutKind.Shadow(true), 4, List.of(40, 100));
    story.act(Duration.ofDays(6).plusHours(8), 4, new RolloutEvent.Abort("not now"));
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds("good-one-promoted", story.phase(2).equals("SUCCEEDED"), story.reason(2)),
        Claim.holds("bad-one-rolled-back", story.phase(3).equals("ROLLED_BACK"), story.reason(3)),
        Claim.holds("third-one-aborted", story.phase(4).equals("ABORTED"), story.reason(4)),
        Claim.atLeast("requests-copied", 1_000, story.shadowed(), "requests"),
        Claim.exactly("answers-of-shadows", 0, story.answeredByShadows(), "answers"),
        Claim.exactly("versions-still-on-trial", 0, story.onTrial(), "devices"),
        Claim.atLeast("devices-on-the-promoted-version", 25, story.running(2), "devices"),
        Claim.atLeast(
            "devices-that-run-it-as-is-said", story.reached(2), story.running(2), "devices"));
  }
}
