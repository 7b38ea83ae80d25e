package io.skerry.fleet.rollout;

/** What a rollout orders: commands about sets of devices, each harmless when carried out twice. */
public sealed interface RolloutEffect {
  /**
   * Make the PENDING rows of this stage's members. As long as none of them was given an order, what
   * is seen of both versions counts from now.
   */
  record OpenStage(int stage) implements RolloutEffect {}

  /**
   * Offer the version to at most so many online PENDING devices of the stages up to this one, best
   * rank first: to each the variant of what it is now. Devices that nothing fits any more become
   * NOT_ELIGIBLE, and those that run the version already ALREADY_INSTALLED; neither count, and
   * others are chosen in their place: several times, and what is left then at the next look.
   */
  record Offer(int throughStage, int limit) implements RolloutEffect {}

  /** The same for at most so many DEFERRED devices that are back and have no order. */
  record CatchUp(int limit) implements RolloutEffect {}

  /**
   * Let online devices whose deadline has come become TIMED_OUT, or NOT_REACHED where they do not
   * have the version yet, or RESTORE_FAILED when they were being restored.
   */
  record Expire() implements RolloutEffect {}

  /** Set the offline PENDING and in-flight devices of the stages up to this one to DEFERRED. */
  record DeferOffline(int throughStage) implements RolloutEffect {}

  /**
   * Take back the orders of devices that have not switched, without asking them: back to what they
   * ran before, or to nothing; they and PENDING ones become CANCELLED.
   */
  record Cancel() implements RolloutEffect {}

  /**
   * Order every touched device back to what it ran before, by a higher generation, or to nothing;
   * those that ran nothing become CANCELLED, and DEFERRED ones that were never ordered anything.
   */
  record RestoreTouched() implements RolloutEffect {}

  /**
   * Order devices back once more that could not go back, are online, and whose time has come, see
   * {@link RolloutPlan.Deadlines#restoreAgain}.
   *
   * @param anew whether the time of all of them has come, however often they had tried
   */
  record RestoreAgain(boolean anew) implements RolloutEffect {}

  /** Order the other parts back on devices where one part of a unit failed. */
  record RestoreBrokenUnits() implements RolloutEffect {}

  /** Set devices that failed for a cause that may pass to PENDING, with a new attempt. */
  record RetryFailed() implements RolloutEffect {}

  /**
   * End a trial. What is to be promoted then waits as PENDING on each device that runs it, is late,
   * under way or without an order, to be offered as the active version when its stage is open
   * again; until then it stays on trial there. On all others, and on every device when it is
   * dropped, the trial ends at once.
   */
  record ConcludeTrial(boolean promote) implements RolloutEffect {}

  /**
   * The rollout is over: PENDING becomes CANCELLED, what is under way becomes DEFERRED.
   *
   * @param catchesUp whether those who have not got the version still will: PENDING becomes
   *     DEFERRED, and who is under way and online goes on, and is expired if it hangs
   */
  record CloseOut(boolean catchesUp) implements RolloutEffect {}
}
