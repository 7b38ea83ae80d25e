package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Means and sums of products of some features, merged without loss.
 *
 * <pre>{@code
 * M = M_a + M_b + (n_a n_b / n) d dᵀ      mean = mean_a + d n_b / n      d = mean_b - mean_a
 * }</pre>
 *
 * <p>Not thread-safe. {@link #add} allocates nothing.
 *
 * @see <a href="https://doi.org/10.1109/CLUSTR.2009.5289161">Chan, Golub, LeVeque</a>
 */
public final class CoMoments {
  /** Features that are summed up pair by pair at most. */
  public static final int FEATURES_MAX = 64;

  private static final double ROUNDING = 1e-6;

  private final int[] features;
  private final double[] mean;
  // Upper triangle, row by row.
  private final double[] products;
  private final double[] delta;
  private long count;

  /**
   * Empty sums.
   *
   * @param features indexes of the features among those of a row
   */
  public CoMoments(int[] features) {
    if (features.length > FEATURES_MAX) {
      throw new IllegalArgumentException(
          "%d features, at most %d".formatted(features.length, FEATURES_MAX));
    }
    this.features = features.clone();
    this.mean = new double[features.length];
    this.products = new double[features.length * (features.length + 1) / 2];
    this.delta = new double[features.length];
  }

  /** Adds a row; one with a value that is not finite is left out. */
  public void add(float[] row) {
    for (int i = 0; i < features.length; i++) {
      float value = row[features[i]];
      if (!Float.isFinite(value)) {
        return;
      }
      delta[i] = value - mean[i];
    }
    count++;
    double weight = (count - 1.0) / count;
    int at = 0;
    for (int i = 0; i < features.length; i++) {
      double weighted = delta[i] * weight;
      for (int j = i; j < features.length; j++) {
        products[at++] += weighted * delta[j];
      }
    }
    for (int i = 0; i < features.length; i++) {
      mean[i] += delta[i] / count;
    }
  }

  /**
   * Adds what another one summed up.
   *
   * @throws IllegalArgumentException if it is of other features
   */
  public void merge(CoMoments other) {
    if (!Arrays.equals(features, other.features)) {
      throw new IllegalArgumentException("co-moments of other features");
    }
    if (other.count == 0) {
      return;
    }
    long total = count + other.count;
    double weight = (double) count * other.count / total;
    int at = 0;
    for (int i = 0; i < features.length; i++) {
      delta[i] = other.mean[i] - mean[i];
    }
    for (int i = 0; i < features.length; i++) {
      for (int j = i; j < features.length; j++) {
        products[at] += other.products[at] + weight * delta[i] * delta[j];
        at++;
      }
    }
    for (int i = 0; i < features.length; i++) {
      mean[i] += delta[i] * other.count / total;
    }
    count = total;
  }

  /** Rows that were added. */
  public long count() {
    return count;
  }

  /** Indexes of the features. */
  public int[] features() {
    return features.clone();
  }

  /** Pearson's correlation of two of the features, by their places; NaN while one is constant. */
  public double correlation(int i, int j) {
    double spread = Math.sqrt(products[place(i, i)] * products[place(j, j)]);
    return spread > 0 ? products[place(i, j)] / spread : Double.NaN;
  }

  private int place(int i, int j) {
    int low = Math.min(i, j);
    int high = Math.max(i, j);
    return low * features.length - low * (low - 1) / 2 + high - low;
  }

  /** Begins anew. */
  public void clear() {
    Arrays.fill(mean, 0);
    Arrays.fill(products, 0);
    count = 0;
  }

  /** As it travels. */
  public io.skerry.wire.fleet.v1.CoMoments toWire() {
    io.skerry.wire.fleet.v1.CoMoments.Builder wire =
        io.skerry.wire.fleet.v1.CoMoments.newBuilder().setCount(count);
    Arrays.stream(features).forEach(wire::addFeatures);
    Arrays.stream(mean).forEach(wire::addMean);
    Arrays.stream(products).forEach(wire::addProducts);
    return wire.build();
  }

  /**
   * Reads some.
   *
   * @param featureCount features that the manifest has
   * @throws MalformedDocumentException if the sizes disagree, a number is not finite, a feature is
   *     unknown or comes twice, more than {@link WindowCodec#PREDICTIONS_MAX} predictions are
   *     counted, or no values can have such products
   */
  public static CoMoments fromWire(io.skerry.wire.fleet.v1.CoMoments wire, int featureCount)
      throws MalformedDocumentException {
    int size = wire.getFeaturesCount();
    if (size > FEATURES_MAX
        || wire.getMeanCount() != size
        || wire.getProductsCount() != size * (size + 1) / 2) {
      throw new MalformedDocumentException(
          "co-moments of %d features have %d means and %d products"
              .formatted(size, wire.getMeanCount(), wire.getProductsCount()));
    }
    if (wire.getCount() < 0 || wire.getCount() > WindowCodec.PREDICTIONS_MAX) {
      throw new MalformedDocumentException(
          "co-moments count %s predictions, at most %d"
              .formatted(Long.toUnsignedString(wire.getCount()), WindowCodec.PREDICTIONS_MAX));
    }
    int[] features = new int[size];
    BitSet seen = new BitSet();
    for (int i = 0; i < size; i++) {
      features[i] = wire.getFeatures(i);
      if (features[i] < 0 || features[i] >= featureCount || !Double.isFinite(wire.getMean(i))) {
        throw new MalformedDocumentException(
            "co-moments: feature %s of %d, mean %s"
                .formatted(Integer.toUnsignedString(features[i]), featureCount, wire.getMean(i)));
      }
      if (seen.get(features[i])) {
        throw new MalformedDocumentException(
            "co-moments: feature %d comes twice".formatted(features[i]));
      }
      seen.set(features[i]);
    }
    CoMoments moments = new CoMoments(features);
    moments.count = wire.getCount();
    for (int i = 0; i < size; i++) {
      moments.mean[i] = wire.getMean(i);
    }
    for (int i = 0; i < moments.products.length; i++) {
      moments.products[i] = wire.getProducts(i);
      if (!Double.isFinite(moments.products[i])) {
        throw new MalformedDocumentException("co-moments: product %d is not finite".formatted(i));
      }
    }
    moments.checkProducts();
    return moments;
  }

  // No covariance is larger than the two spreads together allow (Cauchy and Schwarz); one
  // prediction
  // has no spread.
  private void checkProducts() throws MalformedDocumentException {
    for (int i = 0; i < features.length; i++) {
      double own = products[place(i, i)];
      if (own < 0 || (count < 2 && own > 0)) {
        throw new MalformedDocumentException(
            "co-moments: %d values of feature %d cannot have a sum of squares of %s"
                .formatted(count, features[i], own));
      }
      for (int j = i + 1; j < features.length; j++) {
        double most = Math.sqrt(own) * Math.sqrt(products[place(j, j)]);
        if (Math.abs(products[place(i, j)]) > most * (1 + ROUNDING)) {
          throw new MalformedDocumentException(
              "co-moments: features %d and %d have a sum of products of %s, at most %s can be"
                  .formatted(features[i], features[j], products[place(i, j)], most));
        }
      }
    }
  }
}
