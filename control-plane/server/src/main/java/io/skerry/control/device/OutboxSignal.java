package io.skerry.control.device;

import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Wakes the publisher when there is something new in the outbox. */
@Singleton
final class OutboxSignal {
  private final Semaphore raised = new Semaphore(0);

  void raise() {
    raised.release();
  }

  void await(Duration longest) throws InterruptedException {
    if (raised.tryAcquire(longest.toMillis(), TimeUnit.MILLISECONDS)) {
      raised.drainPermits();
    }
  }
}
