package io.skerry.fleet.gate;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What decides of one profile, or of all together.
 *
 * @param counts of both versions
 * @param byControls difference from control devices; empty: none can be compared with
 * @param byLimit difference from what is allowed or promised; empty: the metric has no such
 * @param fewControls whether a stage cannot wait for what the control devices say
 */
record Basis(
    Comparison counts, Optional<Effect> byControls, Optional<Effect> byLimit, boolean fewControls) {
  static Basis of(Comparison one, OptionalDouble reference) {
    return new Basis(
        one,
        one.isComparable() ? Optional.of(Effect.ofControls(one)) : Optional.empty(),
        reference.isPresent()
            ? Optional.of(Effect.ofLimit(one.newer(), reference.getAsDouble()))
            : Optional.empty(),
        !one.isComparable() || one.hasFewControls());
  }

  static Basis pooled(List<Comparison> all, OptionalDouble reference) {
    List<Comparison> running = all.stream().filter(one -> one.newer().devices() > 0).toList();
    List<Comparison> compared = running.stream().filter(Comparison::isComparable).toList();
    Comparison counts = sum(running.isEmpty() ? all : running);
    boolean mostly = 2 * sum(compared).newer().devices() >= counts.newer().devices();
    return new Basis(
        counts,
        compared.isEmpty() ? Optional.empty() : Optional.of(Effect.ofControls(compared)),
        reference.isPresent() && !running.isEmpty()
            ? Optional.of(Effect.ofLimit(running, reference.getAsDouble()))
            : Optional.empty(),
        compared.isEmpty() || !mostly || counts.hasFewControls());
  }

  private static Comparison sum(List<Comparison> some) {
    return new Comparison(
        Effect.sum(some.stream().map(Comparison::newer).toList()),
        Effect.sum(some.stream().map(Comparison::older).toList()));
  }

  /** What a stage waits for; empty: nothing. */
  Optional<Effect> decides() {
    return fewControls ? byLimit : byControls;
  }

  /** Whether the version before is within what is allowed, as far as anybody knows. */
  boolean olderKeeps(GateSpec spec) {
    ArmSums older = counts.older();
    return older.devices() == 0
        || byLimit.isEmpty()
        || spec.harm(older.share() - byLimit.get().reference()) <= spec.tolerance();
  }
}
