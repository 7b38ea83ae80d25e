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
 * @param restByLimit the same of the profiles that cannot be compared, if they are many devices
 * @param fewControls whether a stage cannot wait for what the control devices say
 */
record Basis(
    Comparison counts,
    Optional<Effect> byControls,
    Optional<Effect> byLimit,
    Optional<Effect> restByLimit,
    boolean fewControls) {
  // Two-sided 99 %.
  private static final double Z = 2.576;

  static Basis of(Comparison one, OptionalDouble reference) {
    return new Basis(
        one,
        one.isComparable() ? Optional.of(Effect.ofControls(one)) : Optional.empty(),
        reference.isPresent()
            ? Optional.of(Effect.ofLimit(one.newer(), reference.getAsDouble()))
            : Optional.empty(),
        Optional.empty(),
        !one.isComparable() || one.hasFewControls());
  }

  static Basis pooled(List<Comparison> all, OptionalDouble reference) {
    List<Comparison> running = all.stream().filter(one -> one.newer().devices() > 0).toList();
    List<Comparison> compared = running.stream().filter(Comparison::isComparable).toList();
    List<Comparison> rest = running.stream().filter(one -> !one.isComparable()).toList();
    Comparison counts = sum(running.isEmpty() ? all : running);
    boolean mostly = 2 * sum(compared).newer().devices() >= counts.newer().devices();
    return new Basis(
        counts,
        compared.isEmpty() ? Optional.empty() : Optional.of(Effect.ofControls(compared)),
        byLimit(running, reference),
        sum(rest).newer().areMany() ? byLimit(rest, reference) : Optional.empty(),
        compared.isEmpty() || !mostly || counts.hasFewControls());
  }

  private static Optional<Effect> byLimit(List<Comparison> profiles, OptionalDouble reference) {
    return reference.isPresent() && !profiles.isEmpty()
        ? Optional.of(Effect.ofLimit(profiles, reference.getAsDouble()))
        : Optional.empty();
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

  /**
   * By how much the version before may itself go beyond a limit: a new version that is no worse is
   * not stopped by it. Infinite if nothing is known of a version before, 0 if there was none.
   */
  double margin(GateSpec spec, double limit, boolean replaces) {
    ArmSums older = counts.older();
    if (older.trials() < 1) {
      return replaces ? Double.POSITIVE_INFINITY : 0;
    }
    long trials = (long) older.trials();
    long hits = Math.min(trials, Math.max(0, Math.round(older.hits())));
    Interval share = Interval.wilson(hits, trials, Z);
    return Math.max(0, Math.max(spec.harm(share.low() - limit), spec.harm(share.high() - limit)));
  }
}
