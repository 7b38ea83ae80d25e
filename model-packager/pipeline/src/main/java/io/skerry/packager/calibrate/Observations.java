package io.skerry.packager.calibrate;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a float model's tensors were seen to hold on calibration data: a histogram of each, and the
 * mean of each channel. The memory does not grow with the number of samples, and what several
 * workers saw can be put together.
 */
public final class Observations {
  private final Map<String, Histogram> histograms = new LinkedHashMap<>();
  private final Map<String, ChannelSums> sums = new HashMap<>();
  private final Map<String, Moments> moments = new HashMap<>();
  private final Lattice input = new Lattice();
  private final Map<Clipping, Ranges> ranges = new EnumMap<>(Clipping.class);

  Observations() {}

  Histogram open(String tensor) {
    return histograms.computeIfAbsent(tensor, name -> new Histogram());
  }

  ChannelSums sums(String tensor, int channels) {
    return sums.computeIfAbsent(tensor, name -> new ChannelSums(channels));
  }

  /** Takes in what another worker saw of the same graph, and leaves it nothing. */
  void merge(Observations other) {
    for (var each = other.histograms.entrySet().iterator(); each.hasNext(); each.remove()) {
      Map.Entry<String, Histogram> seen = each.next();
      open(seen.getKey()).merge(seen.getValue());
    }
    input.merge(other.input);
    other.moments.forEach(
        (node, seen) -> {
          Moments known = moments.putIfAbsent(node, seen);
          if (known != null) {
            known.merge(seen);
          }
        });
    other.sums.forEach(
        (tensor, seen) -> {
          ChannelSums known = sums.putIfAbsent(tensor, seen);
          if (known != null) {
            known.merge(seen);
          }
        });
  }

  /** The counts of a tensor. */
  public Histogram histogram(String tensor) {
    Histogram histogram = histograms.get(tensor);
    if (histogram == null) {
      throw new IllegalStateException("tensor '%s' was not calibrated".formatted(tensor));
    }
    return histogram;
  }

  /** The largest magnitude of each channel (dimension 1) of a tensor. */
  public double[] channelMagnitudes(String tensor) {
    ChannelSums seen = sums.get(tensor);
    return seen == null ? new double[0] : seen.magnitudes();
  }

  /** The mean of each channel (dimension 1) of a tensor. */
  public double[] channelMeans(String tensor) {
    ChannelSums seen = sums.get(tensor);
    return seen == null ? new double[0] : seen.means();
  }

  /** The values that the model's input takes. */
  public Lattice input() {
    return input;
  }

  void watch(String node, Moments seen) {
    moments.put(node, seen);
  }

  /**
   * What the weights of a node read; absent of nodes without weights, of large ones, and of those
   * beyond the bound of all together.
   */
  public Optional<Moments> moments(String node) {
    return Optional.ofNullable(moments.get(node));
  }

  /** The range of every tensor. */
  public Ranges ranges(Clipping clipping) {
    return ranges.computeIfAbsent(clipping, this::chosen);
  }

  private Ranges chosen(Clipping clipping) {
    Map<String, Range> chosen = new HashMap<>();
    histograms.forEach((tensor, histogram) -> chosen.put(tensor, clipping.range(histogram)));
    return new Ranges(chosen);
  }
}
