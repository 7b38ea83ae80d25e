package io.skerry.control.job;

import java.time.Duration;

/**
 * What a job's process may use.
 *
 * @param heapMebibytes Java heap
 * @param memoryBytesMax resident memory, native libraries included
 */
public record JobLimits(int heapMebibytes, long memoryBytesMax, Duration timeout) {
  /**
   * Checks the limits.
   *
   * @throws IllegalArgumentException if one is not positive
   */
  public JobLimits {
    if (heapMebibytes < 1 || memoryBytesMax < 1 || !timeout.isPositive()) {
      throw new IllegalArgumentException("limits of a job must be positive");
    }
  }
}
