package io.skerry.agent.model;

/**
 * How long a version's calls take lately, from reading their tensors to their encoded answer.
 *
 * <p>Thread-safe; a lost update makes it a little older, no more.
 */
public final class Pace {
  /** Up to here, 250 us, a call costs less than handing it to another thread may. */
  static final long SHORT_NANOS = 250_000;

  private static final int WEIGHT = 8;

  private volatile long nanos = Long.MAX_VALUE;

  /** Counts a call. */
  public void took(long took) {
    long before = nanos;
    nanos = before == Long.MAX_VALUE ? took : before + (took - before) / WEIGHT;
  }

  /** Whether calls are known to be short. */
  public boolean isShort() {
    return nanos <= SHORT_NANOS;
  }
}
