package io.skerry.runtime.tflite;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.RunScope;

/** So many runs at a time; a call that is stopped stops waiting. Thread-safe. */
final class Places {
  private int free;

  Places(int number) {
    this.free = number;
  }

  /**
   * Takes a place; {@link #give} follows.
   *
   * @throws EngineException with reason {@code STOPPED} if the call was stopped while it waited, or
   *     {@code MUST_WAIT} if none is free and it may not wait
   */
  void take(RunScope scope) throws EngineException {
    synchronized (this) {
      if (free > 0) {
        free--;
        return;
      }
    }
    scope.requireMayWait();
    scope.enter(this::wake);
    try {
      await(scope);
    } finally {
      scope.leave();
    }
  }

  private synchronized void await(RunScope scope) throws EngineException {
    try {
      while (free == 0) {
        wait();
        if (scope.isStopped()) {
          throw new EngineException(Reason.STOPPED, "stopped while it waited");
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EngineException(Reason.STOPPED, "interrupted while it waited", e);
    }
    free--;
  }

  private synchronized void wake() {
    notifyAll();
  }

  synchronized void give() {
    free++;
    notifyAll();
  }
}
