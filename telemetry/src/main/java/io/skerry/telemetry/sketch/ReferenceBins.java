package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.Bins;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Bins between reference quantiles or of known categories, and seven bins of their own for values
 * that are no measurement.
 *
 * <pre>
 * 0 .. n-1   ordinary: (-inf, e0], (e0, e1], ..., (e_last, +inf) inside [minimum, maximum],
 *            or the bin of the category that the value equals
 * n          missing: the value that stands for "not measured"
 * n + 1      NaN
 * n + 2      infinite
 * n + 3      below minimum
 * n + 4      above maximum
 * n + 5      unseen: no known category
 * n + 6      stuck: bit-equal to the value before; counted besides the value's other bin
 * </pre>
 *
 * <p>Immutable.
 */
public final class ReferenceBins {
  /** Bins besides the ordinary ones. */
  public static final int OWN_BINS = 7;

  /** Edges that one stream may have. */
  public static final int EDGES_MAX = 255;

  /** Categories that one stream may know. */
  public static final int CATEGORIES_MAX = 4096;

  /** Equal buckets that the range of the edges is cut into. */
  static final int BUCKETS = 128;

  private static final int EDGES_IN_BUCKET_FEW = 2;
  private static final int EDGES_IN_BUCKET_MAX = 4;
  private static final int NAN = 1;
  private static final int INFINITE = 2;
  private static final int BELOW = 3;
  static final int ABOVE = 4;
  private static final int UNSEEN = 5;

  // Filled up with infinity: neither way of finding a bin needs an end check.
  final float[] edges;
  private final int half;
  // Equal buckets from the first edge to the last, and how many edges lie in those before each: a
  // bucket's own few edges then tell the bin. Empty where a bucket holds more: all are searched.
  final byte[] edgesBefore;
  final boolean crowded;
  final float first;
  final float bucketsPerUnit;
  private final int ordinary;
  final float minimum;
  final float maximum;
  private final float @Nullable [] categories;
  private final int[] categoryBins;
  private final float missingValue;

  private ReferenceBins(
      float[] edges,
      float minimum,
      float maximum,
      float @Nullable [] categories,
      int[] categoryBins,
      float missingValue) {
    this.ordinary =
        categories == null ? edges.length + 1 : Arrays.stream(categoryBins).max().orElse(0) + 1;
    this.half = Integer.highestOneBit(Math.max(1, edges.length));
    this.edges = Arrays.copyOf(edges, 2 * half + EDGES_IN_BUCKET_MAX);
    Arrays.fill(this.edges, edges.length, this.edges.length, Float.POSITIVE_INFINITY);
    for (int i = 0; i < edges.length; i++) {
      // Zero has two signs, and a difference of zeros must not tell of a lower edge.
      this.edges[i] += 0.0f;
    }
    this.first = this.edges[0];
    this.bucketsPerUnit = edges.length < 2 ? 0 : BUCKETS / (edges[edges.length - 1] - first);
    int[] inBucket = new int[BUCKETS];
    if (bucketsPerUnit > 0 && bucketsPerUnit < Float.POSITIVE_INFINITY) {
      for (float edge : edges) {
        inBucket[bucket(edge)]++;
      }
    }
    int most = Arrays.stream(inBucket).max().orElse(0);
    this.crowded = most > EDGES_IN_BUCKET_FEW;
    this.edgesBefore =
        most == 0 || most > EDGES_IN_BUCKET_MAX || edges.length > Byte.MAX_VALUE
            ? new byte[0]
            : summedBefore(inBucket);
    this.minimum = minimum;
    this.maximum = maximum;
    this.categories = categories;
    this.categoryBins = categoryBins;
    this.missingValue = missingValue;
  }

  private static byte[] summedBefore(int[] inBucket) {
    byte[] before = new byte[inBucket.length];
    for (int i = 1; i < before.length; i++) {
      before[i] = (byte) (before[i - 1] + inBucket[i - 1]);
    }
    return before;
  }

  // Rounding keeps the order of values: an edge in an earlier bucket than the value's lies below
  // it, one in a later bucket above.
  private int bucket(float value) {
    return bucketAt((value - first) * bucketsPerUnit);
  }

  /** The bucket at a distance from the first edge, in buckets. */
  static int bucketAt(float buckets) {
    return Math.max(0, Math.min(BUCKETS - 1, (int) buckets));
  }

  /** Whether a value's bucket tells of its bin: false for categories and for crowded edges. */
  boolean isFoundByBuckets() {
    return edgesBefore.length == BUCKETS;
  }

  static ReferenceBins of(float[] edges, float minimum, float maximum, float missingValue) {
    return new ReferenceBins(edges.clone(), minimum, maximum, null, new int[0], missingValue);
  }

  static ReferenceBins ofCategories(float[] categories, int[] bins, float missingValue) {
    return new ReferenceBins(
        new float[0],
        categories[0],
        categories[categories.length - 1],
        categories.clone(),
        bins.clone(),
        missingValue);
  }

  /**
   * Reads bins from a monitoring manifest.
   *
   * @param stream named in the message of a failure
   * @throws MalformedDocumentException if edges are too many, not ascending or not finite, or the
   *     baseline has another number of bins
   */
  public static ReferenceBins of(String stream, Bins wire) throws MalformedDocumentException {
    float[] edges = floats(stream, wire.getEdgesList(), EDGES_MAX, "edges");
    float[] categories = floats(stream, wire.getCategoriesList(), CATEGORIES_MAX, "categories");
    int[] categoryBins = new int[categories.length];
    if (wire.getCategoryBinsCount() != categories.length
        || (categories.length > 0 && edges.length > 0)) {
      throw malformed(
          stream,
          "has %d categories, %d bins of categories and %d edges"
              .formatted(categories.length, wire.getCategoryBinsCount(), edges.length));
    }
    for (int i = 0; i < categoryBins.length; i++) {
      categoryBins[i] = wire.getCategoryBins(i);
      if (categoryBins[i] < 0 || categoryBins[i] > EDGES_MAX) {
        throw malformed(stream, "puts category %d into bin %d".formatted(i, categoryBins[i]));
      }
    }
    if (!(wire.getMinimum() <= wire.getMaximum())) {
      throw malformed(
          stream, "has minimum %s, maximum %s".formatted(wire.getMinimum(), wire.getMaximum()));
    }
    float missing = wire.hasMissingValue() ? wire.getMissingValue() : Float.NaN;
    if (missing >= wire.getMinimum() && missing <= wire.getMaximum()) {
      throw malformed(stream, "has its missing value %s inside its range".formatted(missing));
    }
    ReferenceBins bins =
        new ReferenceBins(
            edges,
            wire.getMinimum(),
            wire.getMaximum(),
            categories.length == 0 ? null : categories,
            categoryBins,
            missing);
    if (wire.getBaselineCount() != bins.count()) {
      throw malformed(
          stream,
          "has %d ordinary bins and %d baseline bins, not %d"
              .formatted(bins.ordinary(), wire.getBaselineCount(), bins.count()));
    }
    return bins;
  }

  private static float[] floats(String stream, java.util.List<Float> list, int max, String what)
      throws MalformedDocumentException {
    if (list.size() > max) {
      throw malformed(stream, "has %d %s, at most %d".formatted(list.size(), what, max));
    }
    float[] floats = new float[list.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = list.get(i);
      if (!Float.isFinite(floats[i]) || (i > 0 && floats[i] <= floats[i - 1])) {
        throw malformed(stream, "has %s that are not ascending at index %d".formatted(what, i));
      }
    }
    return floats;
  }

  /** The bin of a value; never {@link #stuck()}, which depends on the value before. */
  public int index(float value) {
    if (!(value >= minimum && value <= maximum)) {
      return ordinary + own(value);
    }
    if (isFoundByBuckets()) {
      int at = edgesBefore[bucket(value)];
      int below = below(edges[at], value) + below(edges[at + 1], value);
      if (crowded) {
        below += below(edges[at + 2], value) + below(edges[at + 3], value);
      }
      return at + below;
    }
    if (categories != null) {
      int at = Arrays.binarySearch(categories, value + 0.0f);
      return at < 0 ? ordinary + UNSEEN : categoryBins[at];
    }
    int at = 0;
    for (int step = half; step > 0; step >>= 1) {
      at += -below(edges[at + step - 1], value) & step;
    }
    return at;
  }

  // 1 when the edge lies below; without a jump that the processor could guess wrongly.
  static int below(float edge, float value) {
    return Float.floatToRawIntBits(edge - value) >>> 31;
  }

  /**
   * Whether a value is in one of the bins of its own; found without looking for an ordinary one.
   */
  boolean isOwn(float value) {
    return !(value >= minimum && value <= maximum)
        || (categories != null && Arrays.binarySearch(categories, value + 0.0f) < 0);
  }

  /** Whether a value stands for "not measured". */
  boolean isMissing(float value) {
    return value == missingValue;
  }

  private int own(float value) {
    if (Float.isNaN(value)) {
      return NAN;
    }
    if (isMissing(value)) {
      return 0;
    }
    if (Float.isInfinite(value)) {
      return INFINITE;
    }
    if (categories != null) {
      return UNSEEN;
    }
    return value < minimum ? BELOW : ABOVE;
  }

  /** Ordinary bins. */
  public int ordinary() {
    return ordinary;
  }

  /** The first bin of its own. */
  public int missing() {
    return ordinary;
  }

  /** The bin of repeated values. */
  public int stuck() {
    return ordinary + OWN_BINS - 1;
  }

  /** All bins. */
  public int count() {
    return ordinary + OWN_BINS;
  }

  Bins toWire(long[] baseline) {
    Bins.Builder bins = Bins.newBuilder().setMinimum(minimum).setMaximum(maximum);
    if (!Float.isNaN(missingValue)) {
      bins.setMissingValue(missingValue);
    }
    if (categories == null) {
      for (int i = 0; i < ordinary - 1; i++) {
        bins.addEdges(edges[i]);
      }
    } else {
      for (int i = 0; i < categories.length; i++) {
        bins.addCategories(categories[i]).addCategoryBins(categoryBins[i]);
      }
    }
    Arrays.stream(baseline).forEach(bins::addBaseline);
    return bins.build();
  }

  private static MalformedDocumentException malformed(String stream, String problem) {
    return new MalformedDocumentException(
        "monitoring manifest: stream '%s' %s".formatted(stream, problem));
  }
}
