package io.skerry.fleet.rollout;

import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.GateResult;
import io.skerry.protocol.RolloutId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Where rollouts, their devices and their orders are kept. */
public interface RolloutBooks {
  /**
   * The lease of a replica that asks now, by {@link Lease#asked}; empty while another one's holds,
   * and when nothing of the rollout is to be followed any more.
   */
  Optional<Lease> lease(RolloutId rollout, String holder, Instant now);

  /**
   * Runs work on a rollout's page under a lease. Everything that the work does is kept together, or
   * nothing when it throws; while it runs nobody else works on the same rollout.
   *
   * @throws FencedOutException if the lease is not the newest; nothing is then kept
   */
  <T> T underLease(Lease lease, Function<Page, T> work);

  /**
   * Runs work on a rollout's page for a person, whoever holds its lease.
   *
   * @return empty if there is no such rollout
   */
  <T> Optional<T> forPerson(RolloutId rollout, Function<Page, T> work);

  /**
   * Gives devices that came after a dynamic rollout was written down, or that the version fits only
   * since then, their places in the stages that are open; of others nothing.
   *
   * @return how many
   * @throws FencedOutException if the lease is not the newest
   */
  int admit(Lease lease);

  /** One rollout, while nobody else works on it. */
  interface Page {
    RolloutPlan plan();

    RolloutState state();

    /** The devices as they are now, effects that were carried out included. */
    Census census();

    /** What was seen since the current stage opened. */
    Evidence evidence();

    /**
     * What the gates say of a stage. A book that knows that it saw the same before may say again
     * what they said then.
     */
    default List<GateResult> judged(int stage, RolloutEvent.Observed seen) {
      return RolloutMachine.judge(plan().in(state()), stage, seen);
    }

    /**
     * Carries an effect out on the devices and their desired documents.
     *
     * @return devices that got an order to run the version
     */
    int carryOut(RolloutEffect effect, Instant now);

    /** Keeps a state and the event that led to it. */
    void keep(RolloutEvent event, RolloutState after, Instant now);
  }
}
