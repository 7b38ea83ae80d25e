package io.skerry.agent.serve;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** When a line about what strangers do is due: once in ten seconds, however often they do it. */
final class Sparingly {
  private static final long EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final AtomicLong next = new AtomicLong(System.nanoTime());

  boolean isDue() {
    long due = next.get();
    long now = System.nanoTime();
    return now - due >= 0 && next.compareAndSet(due, now + EVERY_NANOS);
  }
}
