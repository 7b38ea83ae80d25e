package io.skerry.fleet.gate;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What decides of one profile, or of several together.
 *
 * @param counts of both versions
 * @param byControls difference from control devices; empty: none can be compared with
 * @param byLimit difference from what is allowed or promised; empty: the metric has no such
 * @param rest of the profiles that cannot be compared beside those that can, if they are many
 *     devices
 * @param fewControls whether a stage cannot wait for what the control devices say
 */
record Basis(
    Comparison counts,
    Optional<Effect> byControls,
    Optional<Effect> byLimit,
    Optional<Basis> rest,
    boolean fewControls) {
  static Basis of(List<Comparison> profiles, OptionalDouble reference) {
    List<Comparison> running = profiles.stream().filter(one -> one.newer().devices() > 0).toList();
    List<Comparison> compared = running.stream().filter(Comparison::isComparable).toList();
    List<Comparison> others = running.stream().filter(one -> !one.isComparable()).toList();
    Comparison counts = Comparison.sum(running.isEmpty() ? profiles : running);
    boolean mostly = 2 * Comparison.sum(compared).newer().devices() >= counts.newer().devices();
    boolean rest = !compared.isEmpty() && Comparison.sum(others).newer().areMany();
    return new Basis(
        counts,
        compared.isEmpty() ? Optional.empty() : Optional.of(Effect.ofControls(compared)),
        reference.isPresent() && !running.isEmpty()
            ? Optional.of(Effect.ofLimit(running, reference.getAsDouble()))
            : Optional.empty(),
        rest ? Optional.of(of(others, reference)) : Optional.empty(),
        compared.isEmpty() || !mostly || counts.hasFewControls());
  }

  /** By a limit alone; a version before that does not keep it either allows as much as it takes. */
  static Basis ofLimit(List<Comparison> profiles, double limit) {
    List<Comparison> running = profiles.stream().filter(one -> one.newer().devices() > 0).toList();
    Comparison counts = Comparison.sum(running.isEmpty() ? profiles : running);
    return new Basis(
        counts,
        Optional.empty(),
        running.isEmpty()
            ? Optional.empty()
            : Optional.of(Effect.ofLimit(running, Math.max(limit, counts.older().share()))),
        Optional.empty(),
        true);
  }

  /** What a stage waits for; empty: nothing. */
  Optional<Effect> decides() {
    return fewControls ? byLimit : byControls;
  }
}
