package io.skerry.agent.model;

/**
 * What runs of one model take of memory, told by the largest that was measured.
 *
 * @param inputs bytes of its inputs
 * @param taken bytes of memory at its peak
 * @param counts how often that was measured: one count may hold what others took meanwhile
 * @param inputsBefore bytes of the inputs of a smaller run that was measured surely; 0 when there
 *     is none
 * @param takenBefore bytes of memory that the smaller one took
 */
record RunGrowth(long inputs, long taken, int counts, long inputsBefore, long takenBefore) {
  /** How many times larger than the largest that was measured a run may be. */
  static final int STEP = 4;

  /** What may be missing in a measurement. */
  static final long BLUR_BYTES = 1L << 20;

  /** How fast what runs take may grow with their inputs: attention grows by their square. */
  private static final double POWER_MAX = 3;

  /** The first that was measured. */
  static RunGrowth first(long inputs, long taken, int counts) {
    return new RunGrowth(inputs, taken, counts, 0, 0);
  }

  /** The same after another measurement; one of a smaller run tells nothing more. */
  RunGrowth then(long bytes, long grown, int times) {
    if (bytes < inputs) {
      return this;
    }
    if (bytes == inputs) {
      // What else happens in this process only ever adds.
      return new RunGrowth(
          inputs, Math.min(taken, grown), counts + times, inputsBefore, takenBefore);
    }
    return isSure()
        ? new RunGrowth(bytes, grown, times, inputs, taken)
        : new RunGrowth(bytes, grown, times, inputsBefore, takenBefore);
  }

  /** Whether it was measured more than once. */
  boolean isSure() {
    return counts > 1;
  }

  /** Whether a run on inputs of this size is too large to tell from this one. */
  boolean isFarFrom(long bytes) {
    return bytes > STEP * inputs;
  }

  /**
   * Bytes of memory that a run on inputs of this size will take; 0 when that cannot be told, as
   * from noise.
   */
  long forecast(long bytes) {
    if (isFarFrom(bytes) && (!isSure() || taken <= BLUR_BYTES)) {
      return 0;
    }
    double times = Math.max(1, (double) bytes / Math.max(1, inputs));
    return (long) ((taken + BLUR_BYTES) * Math.pow(times, power()));
  }

  /** How what is taken grows with the inputs: 1 when it grows as they do. */
  private double power() {
    if (inputsBefore == 0 || taken <= BLUR_BYTES) {
      return 1;
    }
    // Of what lies within the blur nothing can be told; its half is as likely as any.
    double slope =
        Math.log((double) taken / Math.max(takenBefore, BLUR_BYTES / 2))
            / Math.log((double) inputs / inputsBefore);
    return Math.clamp(slope, 1, POWER_MAX);
  }
}
