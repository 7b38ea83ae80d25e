package io.skerry.telemetry.drift;

import io.skerry.telemetry.sketch.WindowCounts;

/** Counts of one input on the common scale, whatever bins a version has. */
final class CommonCounts {
  static final int BINS = 20;

  private final long[] counts = new long[BINS];
  private double sum;
  private long total;

  /**
   * Adds the counts of a window.
   *
   * @param fold neighbouring bins that are taken as one, at least as many as were added up
   */
  void add(Statistics.Reader reader, int input, WindowCounts window, int fold) {
    int stream = reader.stream(input);
    if (stream >= 0 && window.has(stream)) {
      for (int bin = 0; bin < window.layout().bins(stream); bin++) {
        add(reader, input, bin, window.count(stream, bin), fold);
      }
    }
  }

  void add(Statistics.Reader reader, int input, int bin, long count, int fold) {
    double position = reader.positions(input, fold)[bin];
    if (!Double.isNaN(position)) {
      counts[Math.min(BINS - 1, (int) (position * BINS))] += count;
      sum += count * reader.values(input, fold)[bin];
      total += count;
    }
  }

  /** Adds another's counts as far as it may count. */
  void add(CommonCounts other, double limit) {
    double share = DeviceShare.of((double) other.total, limit);
    long[] row = share < 1 ? DeviceShare.scaled(other.counts, share) : other.counts;
    for (int bin = 0; bin < BINS; bin++) {
      counts[bin] += row[bin];
      total += row[bin];
    }
    sum += other.sum * share;
  }

  /** Takes off what was added before. */
  void subtract(CommonCounts part) {
    for (int bin = 0; bin < BINS; bin++) {
      counts[bin] -= part.counts[bin];
    }
    sum -= part.sum;
    total -= part.total;
  }

  long total() {
    return total;
  }

  double mean() {
    return total == 0 ? Double.NaN : sum / total;
  }

  long[] counts() {
    return counts.clone();
  }
}
