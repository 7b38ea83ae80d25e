package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.Bins;
import java.util.Arrays;
import java.util.List;

/**
 * Bins between reference quantiles, and five bins of their own for values that are no measurement.
 *
 * <pre>
 * 0 .. n-1   ordinary: (-inf, e0], (e0, e1], ..., (e_last, +inf) inside [minimum, maximum]
 * n          missing (NaN)
 * n + 1      infinite
 * n + 2      below minimum
 * n + 3      above maximum
 * n + 4      stuck: bit-equal to the value before; counted besides the value's other bin
 * </pre>
 *
 * <p>Immutable.
 */
public final class ReferenceBins {
  /** Bins besides the ordinary ones. */
  public static final int OWN_BINS = 5;

  /** Edges that one stream may have. */
  public static final int EDGES_MAX = 255;

  private final float[] edges;
  private final float minimum;
  private final float maximum;

  private ReferenceBins(float[] edges, float minimum, float maximum) {
    this.edges = edges;
    this.minimum = minimum;
    this.maximum = maximum;
  }

  static ReferenceBins of(float[] edges, float minimum, float maximum) {
    return new ReferenceBins(edges.clone(), minimum, maximum);
  }

  /**
   * Reads bins from a monitoring manifest.
   *
   * @param stream named in the message of a failure
   * @throws MalformedDocumentException if edges are too many, not ascending or not finite, or the
   *     baseline has another number of bins
   */
  public static ReferenceBins of(String stream, Bins wire) throws MalformedDocumentException {
    List<Float> list = wire.getEdgesList();
    if (list.size() > EDGES_MAX) {
      throw malformed(stream, "has %d edges, at most %d".formatted(list.size(), EDGES_MAX));
    }
    float[] edges = new float[list.size()];
    for (int i = 0; i < edges.length; i++) {
      edges[i] = list.get(i);
      if (!Float.isFinite(edges[i]) || (i > 0 && edges[i] <= edges[i - 1])) {
        throw malformed(stream, "has edges that are not ascending at index " + i);
      }
    }
    if (!(wire.getMinimum() <= wire.getMaximum())) {
      throw malformed(
          stream, "has minimum %s, maximum %s".formatted(wire.getMinimum(), wire.getMaximum()));
    }
    if (wire.getBaselineCount() != edges.length + 1 + OWN_BINS) {
      throw malformed(
          stream,
          "has %d edges and %d baseline bins, not %d"
              .formatted(edges.length, wire.getBaselineCount(), edges.length + 1 + OWN_BINS));
    }
    return new ReferenceBins(edges, wire.getMinimum(), wire.getMaximum());
  }

  /** The bin of a value; never {@link #stuck()}, which depends on the value before. */
  public int index(float value) {
    if (Float.isNaN(value)) {
      return missing();
    }
    if (Float.isInfinite(value)) {
      return missing() + 1;
    }
    if (value < minimum) {
      return missing() + 2;
    }
    if (value > maximum) {
      return missing() + 3;
    }
    int low = 0;
    int high = edges.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (value <= edges[middle]) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** Ordinary bins. */
  public int ordinary() {
    return edges.length + 1;
  }

  /** The first bin of its own. */
  public int missing() {
    return ordinary();
  }

  /** The bin of repeated values. */
  public int stuck() {
    return ordinary() + OWN_BINS - 1;
  }

  /** All bins. */
  public int count() {
    return ordinary() + OWN_BINS;
  }

  Bins toWire(long[] baseline) {
    Bins.Builder bins = Bins.newBuilder().setMinimum(minimum).setMaximum(maximum);
    for (float edge : edges) {
      bins.addEdges(edge);
    }
    Arrays.stream(baseline).forEach(bins::addBaseline);
    return bins.build();
  }

  private static MalformedDocumentException malformed(String stream, String problem) {
    return new MalformedDocumentException(
        "monitoring manifest: stream '%s' %s".formatted(stream, problem));
  }
}
