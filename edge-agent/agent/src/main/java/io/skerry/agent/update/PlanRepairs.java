package io.skerry.agent.update;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;

/**
 * Fetches monitoring plans again that could not be read when their version was started from disk,
 * or set anew: one at a time, for versions share files, and never beside an order. The version
 * answers meanwhile, and only its latencies are counted. Thread-safe.
 */
final class PlanRepairs {
  /**
   * Attempts until the next start or order; the waits between them add up to some two hours, and to
   * four at most.
   */
  static final int ATTEMPTS_MAX = 16;

  private final ArtifactLoader loader;
  private final Slots slots;
  private final UpdateNews news;
  private final UpdatePolicy policy;
  private final Executor executor;
  private final Map<SlotId, Lost> lost = new HashMap<>();
  private boolean underWay;

  private record Lost(DesiredSlot order, int attempts, Instant dueAt) {}

  /** Whoever knows how the slots stand. */
  interface Slots {
    /** Whether an order's version still answers in its slot. */
    boolean answers(DesiredSlot order);

    /** Whether no order is under way; never waits. */
    boolean isCalm();

    /** Lets a version be counted by its plan, under the newest settings of its slot. */
    void count(DesiredSlot order, MonitoringPlan plan);
  }

  PlanRepairs(
      ArtifactLoader loader, Slots slots, UpdateNews news, UpdatePolicy policy, Executor executor) {
    this.loader = loader;
    this.slots = slots;
    this.news = news;
    this.policy = policy;
    this.executor = executor;
  }

  /** This version answers, and its plan cannot be read. */
  synchronized void unread(DesiredSlot order) {
    Lost known = lost.put(order.slot(), new Lost(order, 0, Instant.MIN));
    if (known == null || !known.order().manifest().equals(order.manifest())) {
      news.planUnread(order);
    }
  }

  /** This version is counted by its plan, wherever that was read. */
  synchronized void read(DesiredSlot order) {
    Lost known = lost.get(order.slot());
    if (known != null && known.order().manifest().equals(order.manifest())) {
      lost.remove(order.slot());
      news.planMended(order);
    }
  }

  /** Whether an attempt is to be made, or is under way. */
  synchronized boolean isWaiting() {
    return underWay || !lost.isEmpty();
  }

  /** Whether an attempt would begin now. */
  synchronized boolean isDue(Instant now) {
    return next(now).isPresent();
  }

  private Optional<Lost> next(Instant now) {
    if (underWay) {
      return Optional.empty();
    }
    return lost.values().stream()
        .filter(one -> !now.isBefore(one.dueAt()) && slots.answers(one.order()))
        .min(Comparator.comparing(Lost::dueAt));
  }

  /** Begins what is due. */
  void tick(Instant now) {
    begun(now).ifPresent(begun -> executor.execute(() -> repair(begun, now)));
  }

  private synchronized Optional<Lost> begun(Instant now) {
    lost.values().removeIf(one -> !slots.answers(one.order()));
    Optional<Lost> next = next(now);
    underWay |= next.isPresent();
    return next;
  }

  private void repair(Lost begun, Instant now) {
    try {
      if (slots.isCalm()) {
        slots.count(begun.order(), loader.repairPlan(begun.order(), meter()));
      }
    } catch (UpdateException e) {
      failed(begun, now, String.valueOf(e.getMessage()));
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError | LinkageError e) {
      failed(begun, now, e.toString());
    } finally {
      ended();
    }
  }

  private DownloadMeter meter() {
    return new DownloadMeter(0, loader.budgetToBegin(), (bytes, kept) -> {}, () -> !slots.isCalm());
  }

  private synchronized void ended() {
    underWay = false;
  }

  // What was told anew meanwhile begins anew, and what an order ended is no failure.
  private synchronized void failed(Lost begun, Instant now, String cause) {
    DesiredSlot order = begun.order();
    if (!begun.equals(lost.get(order.slot())) || !slots.isCalm()) {
      return;
    }
    int attempts = begun.attempts() + 1;
    if (attempts < ATTEMPTS_MAX) {
      Instant dueAt = now.plus(policy.repairPause(order.revision(), attempts));
      lost.put(order.slot(), new Lost(order, attempts, dueAt));
    } else {
      lost.remove(order.slot());
      news.planGivenUp(order, attempts, cause);
    }
  }
}
