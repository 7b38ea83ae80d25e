package io.skerry.agent.observe;

import io.skerry.wire.fleet.v1.Window;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/**
 * Versions that were counted without their plan, which can be read since: it counts in a window of
 * its own, and what they still hold is sealed. At most one for each time that a plan was mended.
 * Any thread adds; one at a time seals.
 */
final class ReplacedModels {
  private final Queue<Replaced> replaced = new ConcurrentLinkedQueue<>();

  private static final class Replaced {
    private final WatchedModel model;
    private boolean isSeen;

    Replaced(WatchedModel model) {
      this.model = model;
    }
  }

  void add(WatchedModel model) {
    replaced.add(new Replaced(model));
  }

  /** Seals what they counted, and lets go of those that count no more. */
  void seal(long nowMillis, Consumer<Window> sealed) {
    replaced.removeIf(one -> isDone(one, nowMillis, sealed));
  }

  // What was under way when it was replaced is known by the next time.
  private static boolean isDone(Replaced one, long nowMillis, Consumer<Window> sealed) {
    WatchedModel model = one.model;
    model.collect(nowMillis, 0);
    boolean wasSeen = one.isSeen;
    one.isSeen = true;
    if (model.window().isOpen()) {
      model.window().closeAtOnce(nowMillis, 0).ifPresent(sealed);
      return false;
    }
    if (wasSeen) {
      model.release();
    }
    return wasSeen;
  }
}
