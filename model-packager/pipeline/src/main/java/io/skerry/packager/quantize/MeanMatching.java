package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Empirical bias correction: rounding and clipping of activations move the means of what later
 * layers say, and the biases take that back. Layer after layer, the integer graph up to it is run
 * on calibration items, and the mean of each channel is brought to the float model's.
 *
 * @see <a href="https://arxiv.org/abs/1906.04721">Nagel et al. 2019, data-free quantization</a>
 */
public final class MeanMatching {
  private static final int ITEMS_WANTED = 64;

  /** Fewer say too little of a mean. */
  private static final int ITEMS_MIN = 8;

  /** Products of one matching: seconds, not minutes. */
  private static final double PRODUCTS_MAX = 2e10;

  private MeanMatching() {}

  /**
   * What is added to the biases, by node name; nothing where the graph is too large or the items
   * are too few.
   *
   * @param seen what the graph's tensors were seen to hold
   * @param items calibration items
   */
  public static Map<String, float[]> shifts(
      Graph graph,
      Observations seen,
      RoundedWeights weights,
      Scheme scheme,
      Options options,
      Samples items) {
    List<Node> layers = graph.nodes().stream().filter(node -> node.op().isWeighted()).toList();
    double perItem = layers.stream().mapToDouble(node -> products(graph, node)).sum();
    double affordable = PRODUCTS_MAX / Math.max(1, perItem * layers.size() / 2);
    Samples some = items.spread((int) Math.min(ITEMS_WANTED, affordable));
    Map<String, float[]> shifts = new HashMap<>();
    if (affordable < ITEMS_MIN || some.count() < ITEMS_MIN) {
      return shifts;
    }
    Map<String, double[]> floats =
        Calibrator.channelMeans(
            graph, OnnxExport.write(graph, layers.stream().map(Node::output).toList()), some);
    for (Node layer : layers) {
      if (options.floats().contains(layer.name())) {
        continue;
      }
      Graph part = upTo(graph, layer);
      byte[] integers =
          QdqExport.write(Quantizer.quantized(part, seen, weights, scheme, options, shifts));
      double[] means = mean(Calibrator.channelMeans(part, integers, some), layer);
      double[] wanted = mean(floats, layer);
      float[] shift = new float[means.length];
      for (int c = 0; c < shift.length; c++) {
        shift[c] = (float) (wanted[c] - means[c]);
      }
      shifts.put(layer.name(), shift);
    }
    return shifts;
  }

  private static double[] mean(Map<String, double[]> means, Node layer) {
    return means.getOrDefault(layer.output(), new double[0]);
  }

  private static double products(Graph graph, Node layer) {
    int perOutput =
        graph.shape(layer.inputs().get(1)).elements()
            / graph.shape(layer.inputs().get(1)).dimension(0);
    return (double) graph.shape(layer.output()).elementsPerItem() * perOutput;
  }

  private static Graph upTo(Graph graph, Node last) {
    return new Graph(
        graph.name(),
        graph.input(),
        List.of(last.output()),
        graph.nodes().subList(0, graph.nodes().indexOf(last) + 1),
        graph.constants(),
        graph.shapes());
  }
}
