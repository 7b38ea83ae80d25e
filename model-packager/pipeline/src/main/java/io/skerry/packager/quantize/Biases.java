package io.skerry.packager.quantize;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * Bias correction: rounding weights shifts the mean of a layer's output, and the bias takes the
 * shift back.
 *
 * <pre>{@code bias[o] += Σᵢ E[x[i]] · Σₖ (w[o,i,k] − ŵ[o,i,k])}</pre>
 *
 * @see <a href="https://arxiv.org/abs/1906.04721">Nagel et al. 2019, data-free quantization</a>
 */
final class Biases {
  private Biases() {}

  /** The same graph with a bias of zeros where a layer has none. */
  static Graph everywhere(Graph graph) {
    Map<String, Constant> constants = new LinkedHashMap<>(graph.constants());
    List<Node> nodes = new ArrayList<>();
    for (Node node : graph.nodes()) {
      if (!node.op().isWeighted() || node.inputs().size() > 2) {
        nodes.add(node);
        continue;
      }
      int outputs = graph.shape(node.inputs().get(1)).dimension(0);
      String name = node.output() + "_no_bias";
      constants.put(name, Constant.of(Shape.of(outputs), new float[outputs]));
      List<String> inputs = new ArrayList<>(node.inputs());
      inputs.add(name);
      nodes.add(new Node(node.name(), node.op(), inputs, node.output(), node.activation()));
    }
    return new Graph(
        graph.name(), graph.input(), graph.outputs(), nodes, constants, graph.shapes());
  }

  /**
   * Corrects in place.
   *
   * @param bias one per output
   * @param weights outputs first, then all that an output reads
   * @param groups of channels, each read by its own outputs
   * @param means of each value that the outputs of a group read
   */
  static void correct(
      float[] bias,
      float[] weights,
      byte[] integers,
      float[] scales,
      int groups,
      IntFunction<double[]> means) {
    int outputs = bias.length;
    int perOutput = weights.length / outputs;
    int perGroup = outputs / groups;
    for (int group = 0; group < groups; group++) {
      double[] read = means.apply(group);
      for (int o = group * perGroup; o < (group + 1) * perGroup; o++) {
        double shift = 0;
        for (int i = 0; i < perOutput; i++) {
          int at = o * perOutput + i;
          shift += (weights[at] - (double) integers[at] * scales[o]) * read[i];
        }
        bias[o] += (float) shift;
      }
    }
  }

  /**
   * Means of what a group's outputs read, where only those of whole channels are known: of each
   * value of a kernel its channel's.
   *
   * @param channelMeans of all channels of the layer's input
   * @param perOutput values that an output reads
   */
  static IntFunction<double[]> ofChannels(double[] channelMeans, int groups, int perOutput) {
    int channels = channelMeans.length / groups;
    int kernel = perOutput / channels;
    return group -> {
      double[] means = new double[perOutput];
      for (int i = 0; i < perOutput; i++) {
        means[i] = channelMeans[group * channels + i / kernel];
      }
      return means;
    };
  }
}
