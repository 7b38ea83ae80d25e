package io.skerry.agent.model;

/**
 * How long a version's calls take lately, from reading their tensors to their encoded answer, and
 * up to which size that is known: what is larger than any short call may take any time.
 *
 * <p>Thread-safe; a lost update makes it a little older, no more.
 */
public final class Pace {
  /** Up to here, 250 us, a call costs less than handing it to another thread may. */
  static final long SHORT_NANOS = 250_000;

  private static final int WEIGHT = 8;

  private volatile long nanos = Long.MAX_VALUE;
  private volatile long usualBytes;
  private volatile long shortBytes = -1;

  /**
   * Counts a call.
   *
   * @param bytes of its inputs
   */
  public void took(long took, long bytes) {
    long before = nanos;
    nanos = before == Long.MAX_VALUE ? took : before + (took - before) / WEIGHT;
    long usual = usualBytes + (bytes - usualBytes) / WEIGHT;
    usualBytes = usual;
    if (took <= SHORT_NANOS) {
      if (bytes > shortBytes) {
        shortBytes = bytes;
      }
    } else if (bytes <= shortBytes && bytes / 2 > usual) {
      // Of calls of the usual size the mean tells; one pause among them tells nothing.
      shortBytes = bytes - 1;
    }
  }

  /**
   * Whether calls are known to be short.
   *
   * @param bytes of their inputs
   */
  public boolean isShort(long bytes) {
    return nanos <= SHORT_NANOS && bytes <= shortBytes;
  }
}
