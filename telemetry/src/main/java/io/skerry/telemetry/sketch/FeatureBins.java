package io.skerry.telemetry.sketch;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The bins of all counted features of a plan, found together: of each feature what {@link
 * ReferenceBins#index} finds, in half the time. Immutable: devices of one version share it.
 *
 * <p>Numbers of one kind lie side by side and each step is a loop of its own, so that the processor
 * works on several features at a time.
 */
final class FeatureBins {
  // Up to here one feature after the other is faster: a loop of many at a time has hardly begun.
  private static final int FEW = 8;

  private final int[] features;
  private final ReferenceBins[] bins;
  // Where each counted feature's bins begin in a row of counts. Its edges lie at the same places.
  private final int[] starts;
  private final float[] edges;
  // Of each counted feature, one after the other.
  private final byte[] edgesBefore;
  private final boolean[] crowded;
  // Counted features whose bins are not found by buckets.
  private final int[] searched;
  // By feature of the view, dropped ones too.
  private final float[] first;
  private final float[] bucketsPerUnit;
  private final float[] minimum;
  private final float[] maximum;

  /** Where a result is put, and what is needed on the way; one a thread. */
  static final class Scratch {
    private final int[] buckets;
    private final int[] places;

    Scratch(FeatureBins bins) {
      buckets = new int[bins.first.length];
      places = new int[bins.count()];
    }

    /** Where in a row of counts the value of a counted feature is counted. */
    int place(int i) {
      return places[i];
    }
  }

  /**
   * @param all bins of all features of the view
   * @param features indexes of those that are counted, rising
   */
  FeatureBins(ReferenceBins[] all, int[] features, StreamLayout layout) {
    this.features = features;
    this.bins =
        Arrays.stream(features).mapToObj(feature -> all[feature]).toArray(ReferenceBins[]::new);
    this.starts = IntStream.range(0, bins.length).map(layout::start).toArray();
    this.edges = new float[layout.start(bins.length)];
    this.edgesBefore = new byte[bins.length * ReferenceBins.BUCKETS];
    this.crowded = new boolean[bins.length];
    this.searched =
        IntStream.range(0, bins.length).filter(i -> !bins[i].isFoundByBuckets()).toArray();
    this.first = new float[all.length];
    this.bucketsPerUnit = new float[all.length];
    this.minimum = new float[all.length];
    this.maximum = new float[all.length];
    Arrays.fill(edges, Float.POSITIVE_INFINITY);
    Arrays.fill(minimum, Float.NEGATIVE_INFINITY);
    Arrays.fill(maximum, Float.POSITIVE_INFINITY);
    for (int i = 0; i < bins.length; i++) {
      if (bins[i].isFoundByBuckets()) {
        take(bins[i], i, features[i]);
      }
    }
  }

  private void take(ReferenceBins one, int i, int feature) {
    System.arraycopy(one.edges, 0, edges, starts[i], one.ordinary() - 1);
    System.arraycopy(
        one.edgesBefore, 0, edgesBefore, i * ReferenceBins.BUCKETS, ReferenceBins.BUCKETS);
    crowded[i] = one.crowded;
    first[feature] = one.first;
    bucketsPerUnit[feature] = one.bucketsPerUnit;
    minimum[feature] = one.minimum;
    maximum[feature] = one.maximum;
  }

  /** Features that are counted. */
  int count() {
    return bins.length;
  }

  /** Index in the view of a counted feature. */
  int feature(int i) {
    return features[i];
  }

  /** Bins of a counted feature. */
  ReferenceBins bins(int i) {
    return bins[i];
  }

  /** Where in a row of counts the repeats of a counted feature's values are counted. */
  int stuck(int i) {
    return starts[i] + bins[i].stuck();
  }

  /**
   * Finds the bins of a row.
   *
   * @return whether any value is in one of the bins of its own
   */
  boolean find(float[] view, Scratch into) {
    return first.length <= FEW ? findFew(view, into.places) : findMany(view, into);
  }

  private boolean findFew(float[] view, int[] places) {
    boolean own = false;
    for (int i = 0; i < places.length; i++) {
      own |= search(i, view, places);
    }
    return own;
  }

  private boolean findMany(float[] view, Scratch into) {
    int[] buckets = into.buckets;
    boolean outside = false;
    for (int i = 0; i < first.length; i++) {
      buckets[i] = ReferenceBins.bucketAt((view[i] - first[i]) * bucketsPerUnit[i]);
    }
    for (int i = 0; i < first.length; i++) {
      outside |= isOutside(i, view[i]);
    }
    findByBuckets(view, buckets, into.places);
    boolean own = false;
    for (int i : searched) {
      own |= search(i, view, into.places);
    }
    for (int i = 0; outside && i < bins.length; i++) {
      if (isOutside(features[i], view[features[i]])) {
        own |= search(i, view, into.places);
      }
    }
    return own;
  }

  private boolean isOutside(int feature, float value) {
    return !(value >= minimum[feature] && value <= maximum[feature]);
  }

  private void findByBuckets(float[] view, int[] buckets, int[] places) {
    for (int i = 0; i < places.length; i++) {
      int feature = features[i];
      float value = view[feature];
      int at = starts[i] + edgesBefore[i * ReferenceBins.BUCKETS + buckets[feature]];
      int below = ReferenceBins.below(edges[at], value) + ReferenceBins.below(edges[at + 1], value);
      if (crowded[i]) {
        below +=
            ReferenceBins.below(edges[at + 2], value) + ReferenceBins.below(edges[at + 3], value);
      }
      places[i] = at + below;
    }
  }

  private boolean search(int i, float[] view, int[] places) {
    int bin = bins[i].index(view[features[i]]);
    places[i] = starts[i] + bin;
    return bin >= bins[i].ordinary();
  }
}
