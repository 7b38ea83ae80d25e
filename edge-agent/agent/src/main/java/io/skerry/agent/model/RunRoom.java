package io.skerry.agent.model;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.RunScope;
import java.util.OptionalLong;

/**
 * The memory that all large runs of this process share: what a run needs is set aside before it
 * begins. One that has to wait for others waits; one that would not fit even alone is refused.
 *
 * <p>Thread-safe.
 */
final class RunRoom {
  private final MemoryRoom room;
  private long taken;
  private int running;
  private int waitingAlone;
  private boolean alone;

  RunRoom(MemoryRoom room) {
    this.room = room;
    room.whenGivenBack(this::wake);
  }

  /**
   * Sets memory aside; {@link #leave} follows.
   *
   * @param bytes 0 when nobody knows
   * @param wantsAlone waits until no other large run is under way, and lets none begin: its memory
   *     is measured
   * @throws EngineException with reason {@code NO_ROOM}, or {@code STOPPED} while it waited, or
   *     {@code MUST_WAIT}: where it may not wait it may not be measured either
   */
  void enter(long bytes, boolean wantsAlone, RunScope scope) throws EngineException {
    if (wantsAlone) {
      scope.requireMayWait();
    }
    scope.enter(this::wake);
    try {
      await(bytes, wantsAlone, scope);
    } finally {
      scope.leave();
    }
  }

  private synchronized void await(long bytes, boolean wantsAlone, RunScope scope)
      throws EngineException {
    if (wantsAlone) {
      waitingAlone++;
    }
    try {
      while (!takes(bytes, wantsAlone)) {
        scope.requireMayWait();
        wait();
        if (scope.isStopped()) {
          throw new EngineException(Reason.STOPPED, "stopped while it waited for memory");
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EngineException(Reason.STOPPED, "interrupted while it waited for memory", e);
    } finally {
      if (wantsAlone) {
        waitingAlone--;
        notifyAll();
      }
    }
  }

  private boolean takes(long bytes, boolean wantsAlone) throws EngineException {
    if (alone || (wantsAlone ? running > 0 : waitingAlone > 0)) {
      return false;
    }
    // What runs, or is loaded, already shows in what is free as far as it took its part: it counts
    // twice then, and at worst somebody waits.
    OptionalLong free = room.free();
    long loads = room.reserved();
    if (free.isPresent() && bytes > free.getAsLong() - taken - loads) {
      // A load may have taken what it set aside, and give it back when it is done.
      if (running > 0 || (loads > 0 && bytes <= free.getAsLong() - taken + loads)) {
        return false;
      }
      throw new EngineException(
          Reason.NO_ROOM,
          "such a run takes %s of memory here, and %d can be had: send less at a time"
              .formatted(
                  bytes > 0 ? "about " + bytes + " bytes" : "an unknown amount",
                  Math.max(0, free.getAsLong())));
    }
    taken += bytes;
    running++;
    alone = wantsAlone;
    return true;
  }

  private synchronized void wake() {
    notifyAll();
  }

  /** Gives it back. */
  synchronized void leave(long bytes) {
    taken -= bytes;
    running--;
    alone = false;
    notifyAll();
  }
}
