package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Moments;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The weights of a graph as integers, each layer's rounded once for each way a target wants them.
 *
 * <p>Where the covariance of a layer's input is known, each output's scale is the one of a few that
 * leaves the least error, see {@link Rounding}; else weights go to the nearest integer.
 */
public final class RoundedWeights {
  /** Shares of the largest magnitude that the largest integer may stand for. */
  private static final float[] SHARES = {1, 0.95f, 0.9f, 0.85f, 0.8f, 0.7f};

  /** Integers and their scales, one per output. */
  static final class Layer {
    private final byte[] integers;
    private final float[] scales;

    Layer(byte[] integers, float[] scales) {
      this.integers = integers;
      this.scales = scales;
    }

    byte[] integers() {
      return integers.clone();
    }

    float[] scales() {
      return scales.clone();
    }

    /**
     * The integers where scales have to be wider than these. Only outputs whose scale changed are
     * rounded anew: the others' was chosen for their weights rounded together.
     *
     * @param wider made wider still where one scale is for all outputs, or pairs could saturate
     */
    byte[] widened(float[] reals, float[] wider, Scheme scheme) {
      byte[] widened = integers.clone();
      if (Arrays.equals(wider, scales)) {
        return widened;
      }
      if (scheme.perTensorWeights()) {
        share(wider);
        if (scheme.saturatingPairs() && saturates(nearest(reals, wider), wider.length)) {
          reduce(reals, wider);
          share(wider);
        }
        return nearest(reals, wider);
      }
      int each = reals.length / wider.length;
      for (int o = 0; o < wider.length; o++) {
        if (wider[o] != scales[o]) {
          float[] own = Arrays.copyOfRange(reals, o * each, (o + 1) * each);
          float[] scale = {wider[o]};
          byte[] row = nearest(own, scale);
          // Each alone may be rounded up where together one was rounded down.
          if (scheme.saturatingPairs() && saturates(row, 1)) {
            reduce(own, scale);
            row = nearest(own, scale);
          }
          wider[o] = scale[0];
          System.arraycopy(row, 0, widened, o * each, each);
        }
      }
      return widened;
    }
  }

  private record Key(String node, boolean saturatingPairs, boolean perTensor) {}

  private final Graph graph;
  private final Observations seen;
  private final Map<String, Rounding> roundings = new HashMap<>();
  private final Map<Key, Layer> layers = new HashMap<>();

  /** Weights of a graph whose tensors were seen. */
  public RoundedWeights(Graph graph, Observations seen) {
    this.graph = graph;
    this.seen = seen;
  }

  Layer layer(Node node, Scheme scheme) {
    Key key = new Key(node.name(), scheme.saturatingPairs(), scheme.perTensorWeights());
    Layer known = layers.get(key);
    if (known == null) {
      known = rounded(node, scheme);
      layers.put(key, known);
    }
    return known;
  }

  private Layer rounded(Node node, Scheme scheme) {
    Constant constant = graph.constant(node.inputs().get(1)).orElseThrow();
    float[] reals = constant.values();
    int outputs = constant.shape().dimension(0);
    float[] scales = scales(reals, outputs, scheme.perTensorWeights());
    byte[] integers = nearest(reals, scales);
    if (scheme.saturatingPairs() && saturates(integers, outputs)) {
      reduce(reals, scales);
      if (scheme.perTensorWeights()) {
        share(scales);
      }
      integers = nearest(reals, scales);
    }
    int groups = node.op().groups();
    Optional<Rounding> rounding = rounding(node, groups);
    if (rounding.isPresent()) {
      byte[] tried = new byte[integers.length];
      for (int o = 0; o < outputs; o++) {
        improve(rounding.get(), reals, scales, integers, tried, o, o / (outputs / groups), scheme);
      }
    }
    return new Layer(integers, scales);
  }

  private Optional<Rounding> rounding(Node node, int groups) {
    Optional<Moments> moments = seen.moments(node.name());
    return moments.map(m -> roundings.computeIfAbsent(node.name(), n -> new Rounding(m, groups)));
  }

  /** {@code tried} is room for what does not come out best, as large as the layer. */
  private static void improve(
      Rounding rounding,
      float[] reals,
      float[] scales,
      byte[] integers,
      byte[] tried,
      int output,
      int group,
      Scheme scheme) {
    int perOutput = reals.length / scales.length;
    int from = output * perOutput;
    float widest = scales[output];
    double least = Double.POSITIVE_INFINITY;
    for (float share : SHARES) {
      float scale = widest * share;
      double error = rounding.round(reals, output, group, scale, tried);
      boolean allowed =
          !scheme.saturatingPairs() || !SaturationBound.canSaturate(tried, from, from + perOutput);
      if (allowed && error < least) {
        least = error;
        scales[output] = scale;
        System.arraycopy(tried, from, integers, from, perOutput);
      }
      if (scheme.perTensorWeights()) {
        return;
      }
    }
  }

  private static float[] scales(float[] reals, int outputs, boolean perTensor) {
    int perOutput = reals.length / outputs;
    float[] magnitudes = new float[outputs];
    for (int i = 0; i < reals.length; i++) {
      int o = i / perOutput;
      magnitudes[o] = Math.max(magnitudes[o], Math.abs(reals[i]));
    }
    float[] scales = QuantizationRules.weightScales(magnitudes);
    if (perTensor) {
      share(scales);
    }
    return scales;
  }

  /** Widens scales until no two weights of an output can leave 16 bits together. */
  static void reduce(float[] reals, float[] scales) {
    int perOutput = reals.length / scales.length;
    for (int o = 0; o < scales.length; o++) {
      double pair = SaturationBound.largestPair(reals, o * perOutput, (o + 1) * perOutput);
      // Rounding may add half a step to each of the two.
      scales[o] = Math.max(scales[o], (float) (pair / (SaturationBound.PAIR_MAX - 1)));
    }
  }

  /** Gives all outputs the widest of their scales. */
  static void share(float[] scales) {
    float widest = 0;
    for (float scale : scales) {
      widest = Math.max(widest, scale);
    }
    Arrays.fill(scales, widest);
  }

  static byte[] nearest(float[] reals, float[] scales) {
    int perOutput = reals.length / scales.length;
    byte[] integers = new byte[reals.length];
    for (int i = 0; i < reals.length; i++) {
      integers[i] = QuantizationRules.weight(reals[i], scales[i / perOutput]);
    }
    return integers;
  }

  static boolean saturates(byte[] integers, int outputs) {
    int perOutput = integers.length / outputs;
    for (int o = 0; o < outputs; o++) {
      if (SaturationBound.canSaturate(integers, o * perOutput, (o + 1) * perOutput)) {
        return true;
      }
    }
    return false;
  }
}
