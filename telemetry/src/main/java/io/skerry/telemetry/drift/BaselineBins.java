package io.skerry.telemetry.drift;

import io.skerry.telemetry.sketch.ReferenceBins;
import io.skerry.wire.artifact.v1.Bins;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The bins that a device counts a stream in, and how often the training data fell into each.
 *
 * <p>Counts have one entry per ordinary bin, then, where {@code ownBins}, seven more, as {@link
 * ReferenceBins} has them.
 *
 * @param edges between the ordinary bins, rising
 * @param minimum of the training data: lower end of the first bin
 * @param maximum of the training data: upper end of the last bin
 * @param counts of the training data, same layout as a device's counts
 * @param ownBins whether the layout ends with the seven bins of their own
 */
public record BaselineBins(
    List<Double> edges, double minimum, double maximum, List<Long> counts, boolean ownBins) {
  private static final int OWN_BINS = ReferenceBins.OWN_BINS;
  private static final int QUANTILE_STEPS = 52;
  static final int BELOW = 3;
  static final int ABOVE = 4;

  /**
   * Checks the layout.
   *
   * @throws IllegalArgumentException if edges and counts do not fit or nothing was counted
   */
  public BaselineBins {
    edges = List.copyOf(edges);
    counts = List.copyOf(counts);
    if (counts.size() != edges.size() + 1 + (ownBins ? OWN_BINS : 0)) {
      throw new IllegalArgumentException(
          "%d counts do not fit %d edges".formatted(counts.size(), edges.size()));
    }
  }

  /** The bins of a stream in a monitoring manifest. */
  public static BaselineBins of(Bins bins) {
    if (bins.getCategoriesCount() > 0) {
      // Categories have no order of their own: that of their bins serves.
      int ordinary = bins.getBaselineCount() - OWN_BINS;
      List<Double> between = new ArrayList<>();
      for (int bin = 1; bin < ordinary; bin++) {
        between.add((double) bin);
      }
      return new BaselineBins(between, 0, ordinary, bins.getBaselineList(), true);
    }
    List<Double> edges = new ArrayList<>(bins.getEdgesCount());
    bins.getEdgesList().forEach(edge -> edges.add((double) edge));
    return new BaselineBins(
        edges, bins.getMinimum(), bins.getMaximum(), bins.getBaselineList(), true);
  }

  /** Equal bins over [0, 1], without bins of their own. */
  public static BaselineBins unit(List<Long> counts) {
    List<Double> edges = new ArrayList<>();
    for (int bin = 1; bin < counts.size(); bin++) {
      edges.add((double) bin / counts.size());
    }
    return new BaselineBins(edges, 0, 1, counts, false);
  }

  /** Ordinary bins. */
  public int ordinary() {
    return edges.size() + 1;
  }

  /** Bins in all. */
  public int size() {
    return counts.size();
  }

  /** The middle of each ordinary bin. */
  public List<Double> middles() {
    List<Double> middles = new ArrayList<>();
    for (int bin = 0; bin < ordinary(); bin++) {
      middles.add((low(bin) + high(bin)) / 2);
    }
    return List.copyOf(middles);
  }

  /**
   * Where each bin of another layout of the same stream lies on this one's scale: the share of this
   * training data below the bin's middle, 0 to 1. NaN for bins that have no place: missing,
   * infinite, stuck.
   */
  double[] positions(BaselineBins other) {
    double[] positions = new double[other.size()];
    Arrays.fill(positions, Double.NaN);
    int ordinary = other.ordinary();
    for (int bin = 0; bin < ordinary; bin++) {
      positions[bin] = (cumulative(other.low(bin)) + cumulative(other.high(bin))) / 2;
    }
    if (other.ownBins) {
      positions[ordinary + BELOW] = cumulative(other.minimum) / 2;
      positions[ordinary + ABOVE] = (1 + cumulative(other.maximum)) / 2;
    }
    return positions;
  }

  /**
   * A value that stands for each bin: its middle; minimum and maximum for what lies beyond them, so
   * that a mean over bins never overstates a shift. NaN for bins without a value.
   */
  double[] values() {
    double[] values = new double[size()];
    Arrays.fill(values, Double.NaN);
    for (int bin = 0; bin < ordinary(); bin++) {
      values[bin] = (low(bin) + high(bin)) / 2;
    }
    if (ownBins) {
      values[ordinary() + BELOW] = minimum;
      values[ordinary() + ABOVE] = maximum;
    }
    return values;
  }

  /** Mean density of the training data where it lies: the sum of share times share over width. */
  double density() {
    double total = 0;
    for (int bin = 0; bin < ordinary(); bin++) {
      total += counts.get(bin);
    }
    double density = 0;
    // The outermost bins have no width of their own.
    for (int bin = 1; bin < ordinary() - 1 && total > 0; bin++) {
      double share = counts.get(bin) / total;
      double width = high(bin) - low(bin);
      density += width > 0 ? share * share / width : 0;
    }
    return density;
  }

  /** The value below which a share of the training data lies, the course within a bin linear. */
  double quantile(double share) {
    double low = minimum;
    double high = maximum;
    for (int i = 0; i < QUANTILE_STEPS; i++) {
      double middle = low + (high - low) / 2;
      if (cumulative(middle) < share) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  private double low(int bin) {
    return bin == 0 ? minimum : edges.get(bin - 1);
  }

  private double high(int bin) {
    return bin == edges.size() ? maximum : edges.get(bin);
  }

  private double cumulative(double value) {
    if (value <= minimum) {
      return 0;
    }
    if (value >= maximum) {
      return 1;
    }
    long total = 0;
    for (int bin = 0; bin < ordinary(); bin++) {
      total += counts.get(bin);
    }
    if (total == 0) {
      return (value - minimum) / (maximum - minimum);
    }
    int at = Collections.binarySearch(edges, value);
    int bin = at >= 0 ? at + 1 : -at - 1;
    double below = 0;
    for (int i = 0; i < bin; i++) {
      below += counts.get(i);
    }
    double width = high(bin) - low(bin);
    double inside = width > 0 ? (value - low(bin)) / width : 0;
    return (below + inside * counts.get(bin)) / total;
  }
}
