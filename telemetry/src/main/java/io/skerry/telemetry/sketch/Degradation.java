package io.skerry.telemetry.sketch;

import java.util.Arrays;
import java.util.List;

/**
 * How much less a device tells to keep within its bytes. What is told stays exact: windows are
 * counted together, neighbouring bins added up, and less important features left out as a whole.
 *
 * @param windows that are counted together
 * @param fold neighbouring ordinary bins that are added up: 1, 2 or 4
 * @param eighths of the features that are kept, the most important ones
 */
public record Degradation(int windows, int fold, int eighths) {
  // A week without room for one record, and as many windows as ORDER ever counts together.
  private static final long SPAN_MILLIS = 7 * 86_400_000L;
  private static final int SPAN_WINDOWS = 24;

  /** Nothing is left out. */
  public static final Degradation NONE = new Degradation(1, 1, 8);

  /** The published order: first longer windows, then fewer bins, then fewer features. */
  public static final List<Degradation> ORDER =
      List.of(
          NONE,
          new Degradation(2, 1, 8),
          new Degradation(3, 1, 8),
          new Degradation(6, 1, 8),
          new Degradation(6, 2, 8),
          new Degradation(6, 4, 8),
          new Degradation(6, 4, 4),
          new Degradation(6, 4, 2),
          new Degradation(6, 4, 1),
          new Degradation(12, 4, 1),
          new Degradation(24, 4, 0));

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is outside
   */
  public Degradation {
    if (windows < 1 || (fold != 1 && fold != 2 && fold != 4) || eighths < 0 || eighths > 8) {
      throw new IllegalArgumentException(
          "%d windows, %d bins, %d eighths of the features cannot be"
              .formatted(windows, fold, eighths));
    }
  }

  /**
   * The most windows that one record can count together. A device gives up what it had to count on
   * for longer; a record that says more is not true.
   *
   * @param windowMillis length of one window, at least 1
   * @return those of a week, at least 24
   */
  public static long windowsMax(long windowMillis) {
    return Math.max(SPAN_MILLIS / windowMillis, SPAN_WINDOWS);
  }

  /** Whether co-moments go along, which explain and do not count. */
  public boolean explains() {
    return fold == 1;
  }

  /** How many of so many features this keeps. */
  public int features(int of) {
    return (of * eighths + 7) / 8;
  }

  /**
   * The first step of {@link #ORDER} that tells no more than a record does: every later one can be
   * made of it, no earlier one can.
   *
   * @param windows that the record counts together
   * @return its place in the order; the last one's when the record tells still less
   */
  public static int stepOf(long windows, WindowCounts counts) {
    int told = toldFeatures(counts);
    for (int i = 0; i < ORDER.size(); i++) {
      Degradation step = ORDER.get(i);
      if (step.windows >= windows
          && step.fold >= counts.foldBy()
          && step.features(counts.layout().features()) <= told) {
        return i;
      }
    }
    return ORDER.size() - 1;
  }

  private static int toldFeatures(WindowCounts counts) {
    int told = 0;
    for (int feature = 0; feature < counts.layout().features(); feature++) {
      told += counts.has(feature) ? 1 : 0;
    }
    return told;
  }

  /**
   * Bytes that counts take as this leaves them, whichever of the features that they have it leaves:
   * these are alike in size.
   */
  public int packedBytes(WindowCounts counts) {
    boolean[] kept = new boolean[counts.layout().size()];
    Arrays.fill(kept, counts.layout().features(), kept.length, true);
    int left = features(counts.layout().features());
    for (int feature = 0; feature < counts.layout().features() && left > 0; feature++) {
      kept[feature] = counts.has(feature);
      left -= kept[feature] ? 1 : 0;
    }
    return WindowCodec.pack(counts.degraded(Math.max(fold, counts.foldBy()), kept)).length;
  }

  /** Counts as this leaves them. */
  WindowCounts of(MonitoringPlan plan, WindowCounts counts) {
    if (fold == 1 && eighths == 8) {
      return counts;
    }
    StreamLayout layout = counts.layout();
    boolean[] kept = new boolean[layout.size()];
    Arrays.fill(kept, layout.features(), kept.length, true);
    for (int feature : plan.mostImportant(features(layout.features()))) {
      kept[layout.indexOf(plan.manifest().getFeatures(feature).getName())] = true;
    }
    return counts.degraded(fold, kept);
  }
}
