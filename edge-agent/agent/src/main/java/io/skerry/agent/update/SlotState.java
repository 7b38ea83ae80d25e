package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.UnitName;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Everything a slot's update knows.
 *
 * @param generation of the document that brought the newest order
 * @param order what {@code step} speaks of
 * @param since when the step, or its attempt, began
 * @param running what answers now in this process, proven or not
 * @param proven the last version that committed: runs after a restart and after a rollback
 * @param previous the proven version before that one; its artifact stays on disk
 * @param pending an order that came when nothing could be interrupted
 * @param job number of the newest effect; what older ones tell is ignored
 * @param counts what adds up over attempts and restarts
 */
record SlotState(
    Generation generation,
    Optional<DesiredSlot> order,
    Step step,
    Instant since,
    Optional<DesiredSlot> running,
    Optional<DesiredSlot> proven,
    Optional<DesiredSlot> previous,
    Optional<DesiredSlot> pending,
    long job,
    Counts counts) {

  /**
   * What adds up over attempts and restarts.
   *
   * @param starts how often the order was begun to be loaded without proving itself
   * @param loads how often a proven version was begun to be loaded, and the agent died of it
   * @param received bytes fetched for the order
   * @param spent time that the order took before its present step
   */
  record Counts(int starts, int loads, long received, Duration spent) {
    static final Counts ZERO = new Counts(0, 0, 0, Duration.ZERO);
  }

  static final SlotState INITIAL =
      new SlotState(
          Generation.NONE,
          Optional.empty(),
          new Step.Idle(),
          Instant.EPOCH,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          0,
          Counts.ZERO);

  int starts() {
    return counts.starts();
  }

  int loads() {
    return counts.loads();
  }

  /** The unit of the order, or of the one that waits; slots that are switched off have none. */
  Optional<UnitName> unit() {
    return pending
        .or(() -> order)
        .filter(wanted -> !(wanted.mode() instanceof SlotMode.Off))
        .flatMap(DesiredSlot::unit);
  }

  /** Whether this version answers now. */
  boolean runs(Optional<DesiredSlot> version) {
    return version.isPresent() && sameManifest(running, version.get());
  }

  /** Whether this is a version that committed on this device. */
  boolean isKnown(DesiredSlot version) {
    return sameManifest(proven, version) || sameManifest(previous, version);
  }

  /** What may answer when nothing else does, best first. */
  List<DesiredSlot> fallbacks() {
    return Stream.of(proven, previous).flatMap(Optional::stream).distinct().toList();
  }

  /**
   * What may answer after a start, best first. In a unit that is one version: the one before it
   * never ran beside what the unit's other slots run.
   *
   * @param killers the newest versions that are left out, because the agent died of loading them
   */
  List<DesiredSlot> startable(int killers) {
    List<DesiredSlot> left = fallbacks().stream().skip(killers).toList();
    boolean inUnit = !left.isEmpty() && left.getFirst().unit().isPresent();
    return inUnit ? left.subList(0, 1) : left;
  }

  static boolean sameManifest(Optional<DesiredSlot> one, DesiredSlot other) {
    return one.filter(order -> order.manifest().equals(other.manifest())).isPresent();
  }

  SlotState withGeneration(Generation value) {
    return new SlotState(
        value, order, step, since, running, proven, previous, pending, job, counts);
  }

  SlotState withOrder(DesiredSlot value) {
    return new SlotState(
        generation,
        Optional.of(value),
        step,
        since,
        running,
        proven,
        previous,
        pending,
        job,
        counts);
  }

  /** The next step, begun now. */
  SlotState withStep(Step value, Instant now) {
    Duration spent = counts.spent().plus(Duration.between(since, now));
    return new SlotState(
        generation,
        order,
        value,
        now,
        running,
        proven,
        previous,
        pending,
        job,
        new Counts(counts.starts(), counts.loads(), counts.received(), spent));
  }

  /** The same step with other knowledge. */
  SlotState withinStep(Step value) {
    return new SlotState(
        generation, order, value, since, running, proven, previous, pending, job, counts);
  }

  SlotState withSince(Instant value) {
    return new SlotState(
        generation, order, step, value, running, proven, previous, pending, job, counts);
  }

  SlotState withRunning(Optional<DesiredSlot> value) {
    return new SlotState(
        generation, order, step, since, value, proven, previous, pending, job, counts);
  }

  SlotState withProven(DesiredSlot value) {
    return new SlotState(
        generation,
        order,
        step,
        since,
        running,
        Optional.of(value),
        sameManifest(proven, value) ? previous : proven,
        pending,
        job,
        counts);
  }

  /** Without the newest of the proven versions: the ones before take their place. */
  SlotState withoutProven(int count) {
    List<DesiredSlot> left = fallbacks().stream().skip(count).toList();
    return new SlotState(
        generation,
        order,
        step,
        since,
        running,
        left.stream().findFirst(),
        left.stream().skip(1).findFirst(),
        pending,
        job,
        counts);
  }

  SlotState withPending(Optional<DesiredSlot> value) {
    return new SlotState(
        generation, order, step, since, running, proven, previous, value, job, counts);
  }

  SlotState withCounts(Counts value) {
    return new SlotState(
        generation, order, step, since, running, proven, previous, pending, job, value);
  }

  SlotState withStarts(int value) {
    return withCounts(new Counts(value, counts.loads(), counts.received(), counts.spent()));
  }

  SlotState withLoads(int value) {
    return withCounts(new Counts(counts.starts(), value, counts.received(), counts.spent()));
  }

  SlotState withReceived(long value) {
    return withCounts(new Counts(counts.starts(), counts.loads(), value, counts.spent()));
  }

  /** This state at a later time: what was done meanwhile is numbered on, and known orders stay. */
  SlotState asOf(SlotState later) {
    return new SlotState(
        later.generation,
        order,
        step,
        since,
        running,
        proven,
        previous,
        pending,
        later.job,
        counts);
  }

  SlotState nextJob() {
    return new SlotState(
        generation, order, step, since, running, proven, previous, pending, job + 1, counts);
  }
}
