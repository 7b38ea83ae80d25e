package io.skerry.agent.bench;

import java.util.Arrays;
import java.util.List;

/**
 * How long something took, again and again, in nanoseconds.
 *
 * @param p50 the median
 * @param p99 what 99 of 100 stay below
 */
public record Timings(double p50, double p99) {
  /** What is timed. */
  @FunctionalInterface
  public interface Work {
    void run() throws Exception;
  }

  /** Times each of so many runs. */
  public static Timings of(int runs, Work work) throws Exception {
    long[] nanos = new long[runs];
    for (int i = 0; i < runs; i++) {
      long start = System.nanoTime();
      work.run();
      nanos[i] = System.nanoTime() - start;
    }
    return of(nanos);
  }

  /** Of single times; they are sorted in place. */
  static Timings of(long[] nanos) {
    Arrays.sort(nanos);
    return new Timings(nanos[nanos.length / 2], nanos[(int) (nanos.length * 0.99)]);
  }

  /** The median of each figure over rounds. */
  public static Timings median(List<Timings> rounds) {
    return new Timings(
        median(rounds.stream().mapToDouble(Timings::p50).toArray()),
        median(rounds.stream().mapToDouble(Timings::p99).toArray()));
  }

  /** The median of some figures. */
  public static double median(double... values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /** p50 and p99 in microseconds, for people. */
  @Override
  public String toString() {
    return "%.1f us (p99 %.1f)".formatted(p50 / 1e3, p99 / 1e3);
  }
}
