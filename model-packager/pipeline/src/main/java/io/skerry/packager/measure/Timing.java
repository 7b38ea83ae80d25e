package io.skerry.packager.measure;

import java.util.Locale;

/**
 * How fast and how large a candidate is.
 *
 * @param p50Micros median time of a call
 * @param p99Micros 99th percentile
 * @param loadMillis from file to ready
 * @param peakMemoryBytes that loading and running took; 0 when unknown
 * @param source who measured
 */
public record Timing(
    double p50Micros, double p99Micros, double loadMillis, long peakMemoryBytes, Source source) {
  /** Who measured. */
  public enum Source {
    /** This machine, which is of the profile. */
    HERE,
    /** A device of the profile, which reported it. */
    DEVICE;

    /** As files and APIs write it. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
