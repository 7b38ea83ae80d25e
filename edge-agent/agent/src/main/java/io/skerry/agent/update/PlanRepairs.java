package io.skerry.agent.update;

import io.skerry.agent.model.ModelRef;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Predicate;

/**
 * Fetches monitoring plans again that could not be read when their version was started from disk,
 * or set anew. The version answers meanwhile, and only its latencies are counted. Thread-safe.
 */
final class PlanRepairs {
  /** Attempts until the next start or order; the waits between them add up to some six hours. */
  static final int ATTEMPTS_MAX = 16;

  private final ArtifactLoader loader;
  private final ModelWatch watch;
  private final UpdateNews news;
  private final UpdatePolicy policy;
  private final Executor executor;
  private final Predicate<DesiredSlot> answers;
  private final Map<SlotId, Lost> lost = new HashMap<>();

  // Under way where it is due at the end of time.
  private record Lost(DesiredSlot order, int attempts, Instant dueAt) {}

  /**
   * @param answers whether an order's version still answers in its slot
   */
  PlanRepairs(
      ArtifactLoader loader,
      ModelWatch watch,
      UpdateNews news,
      UpdatePolicy policy,
      Executor executor,
      Predicate<DesiredSlot> answers) {
    this.answers = answers;
    this.loader = loader;
    this.watch = watch;
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

  /** Whether an attempt is to be made, or is under way. */
  synchronized boolean isWaiting() {
    return !lost.isEmpty();
  }

  /** Begins what is due. */
  void tick(Instant now) {
    due(now).forEach(begun -> executor.execute(() -> repair(begun, now)));
  }

  private synchronized List<Lost> due(Instant now) {
    lost.values().removeIf(one -> !answers.test(one.order()));
    List<Lost> due = lost.values().stream().filter(one -> !now.isBefore(one.dueAt())).toList();
    List<Lost> begun =
        due.stream().map(one -> new Lost(one.order(), one.attempts() + 1, Instant.MAX)).toList();
    begun.forEach(one -> lost.put(one.order().slot(), one));
    return begun;
  }

  private void repair(Lost begun, Instant now) {
    DesiredSlot order = begun.order();
    try {
      MonitoringPlan plan =
          loader.repairPlan(
              order,
              new DownloadMeter(0, loader.budgetToBegin(), (bytes, kept) -> {}, () -> false));
      if (ended(begun) && answers.test(order)) {
        watch.watch(new ModelRef(order.slot(), order.version(), order.manifest()), plan, order);
        news.planMended(order);
      }
    } catch (UpdateException | RuntimeException e) {
      failed(begun, now, String.valueOf(e.getMessage()));
    }
  }

  // Not what was told anew meanwhile, under newer settings.
  private synchronized boolean ended(Lost begun) {
    return lost.remove(begun.order().slot(), begun);
  }

  private void failed(Lost begun, Instant now, String cause) {
    DesiredSlot order = begun.order();
    if (begun.attempts() >= ATTEMPTS_MAX) {
      if (ended(begun)) {
        news.planGivenUp(order, begun.attempts(), cause);
      }
      return;
    }
    Instant dueAt = now.plus(policy.repairPause(order.revision(), begun.attempts()));
    synchronized (this) {
      lost.replace(order.slot(), begun, new Lost(order, begun.attempts(), dueAt));
    }
  }
}
