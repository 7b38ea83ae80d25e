package io.skerry.agent.serve;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Bytes of requests that all transports together may have in memory, from their first byte to their
 * answer. Thread-safe.
 */
public final class RequestBudget {
  private final long bytesMax;
  private final AtomicLong bytes = new AtomicLong();

  /** A budget of so many bytes. */
  public RequestBudget(long bytesMax) {
    this.bytesMax = bytesMax;
  }

  /** What a JVM has room for: half its heap, because a request is there as a whole once. */
  static long ofHeap() {
    return Runtime.getRuntime().maxMemory() / 2;
  }

  /** Takes so many bytes more, or none. */
  public boolean take(long more) {
    if (bytes.addAndGet(more) <= bytesMax) {
      return true;
    }
    bytes.addAndGet(-more);
    return false;
  }

  /** Gives bytes back that were taken. */
  public void give(long back) {
    bytes.addAndGet(-back);
  }

  /** The most there may be. */
  long bytesMax() {
    return bytesMax;
  }

  /** What is taken. */
  public long bytes() {
    return bytes.get();
  }
}
