package io.skerry.fleet.rollout;

import java.time.Instant;

/** Moves rollouts on, over whatever keeps their books. */
public final class RolloutDriver {
  private RolloutDriver() {}

  /**
   * Looks at a rollout once under a lease: counts, decides, orders, keeps.
   *
   * @param heardSince since when the devices are heard without a gap
   */
  public static RolloutMachine.Step moveOn(
      RolloutBooks books, Lease lease, Instant heardSince, Instant now) {
    return books.underLease(
        lease,
        page ->
            apply(
                page, new RolloutEvent.Observed(page.census(), page.evidence(), heardSince), now));
  }

  /** Applies one event to a rollout's page; a refused event changes nothing. */
  public static RolloutMachine.Step apply(RolloutBooks.Page page, RolloutEvent event, Instant now) {
    RolloutState before = page.state();
    RolloutMachine.Step step = RolloutMachine.step(page.plan(), before, event, now, page::judged);
    if (step.refusal().isPresent()) {
      return step;
    }
    // Kept first: an effect may need to know the stage that it opens.
    if (!step.state().equals(before)) {
      page.keep(event, step.state(), now);
    }
    int asked = 0;
    int given = 0;
    for (RolloutEffect effect : step.effects()) {
      int orders = page.carryOut(effect, now);
      int limit = limit(effect);
      if (orders < limit) {
        asked += limit;
        given += orders;
      }
    }
    return given < asked ? paidBack(page, step, new RolloutEvent.Ordered(asked, given), now) : step;
  }

  private static int limit(RolloutEffect effect) {
    return switch (effect) {
      case RolloutEffect.Offer(int _, int limit) -> limit;
      case RolloutEffect.CatchUp(int limit) -> limit;
      case RolloutEffect.OpenStage _, RolloutEffect.Expire _, RolloutEffect.DeferOffline _ -> 0;
      case RolloutEffect.Cancel _, RolloutEffect.RestoreTouched _ -> 0;
      case RolloutEffect.RestoreBrokenUnits _, RolloutEffect.RetryFailed _ -> 0;
      case RolloutEffect.RestoreAgain _ -> 0;
      case RolloutEffect.ConcludeTrial _, RolloutEffect.CloseOut _ -> 0;
    };
  }

  private static RolloutMachine.Step paidBack(
      RolloutBooks.Page page, RolloutMachine.Step step, RolloutEvent.Ordered ordered, Instant now) {
    RolloutState after = RolloutMachine.step(page.plan(), step.state(), ordered, now).state();
    if (!after.equals(step.state())) {
      page.keep(ordered, after, now);
    }
    return new RolloutMachine.Step(after, step.effects(), step.refusal());
  }
}
