package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Cross-layer equalization: where one layer alone feeds another, a channel may be made smaller by
 * the first and larger by the second without a change of the result, so that all channels of both
 * use the range of one scale.
 *
 * <pre>{@code s[c] = √(r₁[c] · r₂[c]) / r₂[c]},  w₁[c] /= s[c],  b₁[c] /= s[c],  w₂[·,c] *= s[c]
 * </pre>
 *
 * <p>Only ReLU and no activation commute with that, and only between convolutions and dense layers
 * that meet directly.
 *
 * @see <a href="https://arxiv.org/abs/1906.04721">Nagel et al. 2019, data-free quantization</a>
 */
public final class Equalization {
  private static final int ROUNDS = 8;

  /** A channel that was hardly seen is not trusted to stay so small. */
  private static final double SHARE_MIN = 1.0 / 8;

  private final Graph graph;
  private final Map<String, Constant> constants;
  private final Map<String, Node> nodes = new LinkedHashMap<>();
  private final Optional<Observations> seen;

  private Equalization(Graph graph, Optional<Observations> seen) {
    this.seen = seen;
    this.graph = graph;
    this.constants = new LinkedHashMap<>(graph.constants());
    graph.nodes().forEach(node -> nodes.put(node.name(), node));
  }

  /** The same graph with its channels evened out. */
  public static Graph of(Graph graph) {
    Equalization work = new Equalization(graph, Optional.empty());
    for (int round = 0; round < ROUNDS; round++) {
      graph.nodes().forEach(node -> work.equalize(node.name()));
    }
    return work.result();
  }

  /**
   * The same graph with the channels of its activations evened out: for targets whose weights have
   * one scale per output, while an activation has one for all channels.
   *
   * @param seen what the graph's tensors were seen to hold
   */
  public static Graph ofActivations(Graph graph, Observations seen) {
    Equalization work = new Equalization(graph, Optional.of(seen));
    graph.nodes().forEach(node -> work.equalize(node.name()));
    return work.result();
  }

  private Graph result() {
    return new Graph(
        graph.name(),
        graph.input(),
        graph.outputs(),
        new ArrayList<>(nodes.values()),
        constants,
        graph.shapes());
  }

  private void equalize(String name) {
    Node first = node(name);
    List<Node> readers = graph.consumers(first.output());
    boolean linear = first.activation() == Activation.NONE || first.activation() == Activation.RELU;
    if (!first.op().isWeighted()
        || !linear
        || graph.outputs().contains(first.output())
        || readers.size() != 1
        || !readers.getFirst().op().isWeighted()) {
      return;
    }
    Node second = node(readers.getFirst().name());
    int channels = constant(first, 1).shape().dimension(0);
    int groups = second.op().groups();
    if (groups != 1 && groups != channels) {
      return;
    }
    float[] scales =
        seen.isPresent()
            ? scales(seen.get().channelMagnitudes(first.output()), groups > 1)
            : scales(constant(first, 1), constant(second, 1), channels, groups);
    if (scales.length == 0) {
      return;
    }
    Node smaller = first;
    for (int i = 1; i < first.inputs().size(); i++) {
      smaller = replaced(smaller, i, scaledOutputs(constant(first, i), scales));
    }
    nodes.put(name, smaller);
    Constant larger = scaledInputs(constant(second, 1), scales, groups);
    nodes.put(second.name(), replaced(second, 1, larger));
  }

  private Node node(String name) {
    Node node = nodes.get(name);
    if (node == null) {
      throw new IllegalStateException("no node '%s'".formatted(name));
    }
    return node;
  }

  private Constant constant(Node node, int input) {
    Constant constant = constants.get(node.inputs().get(input));
    if (constant == null) {
      throw new IllegalStateException("no constant '%s'".formatted(node.inputs().get(input)));
    }
    return constant;
  }

  /**
   * Factors that make all channels as wide as the widest; only half of the way where the reader's
   * weights share a scale between channels, and so would lose what the activation gains.
   */
  private static float[] scales(double[] magnitudes, boolean readerScalesChannels) {
    double widest = Arrays.stream(magnitudes).max().orElse(0);
    float[] scales = new float[magnitudes.length];
    for (int c = 0; c < scales.length; c++) {
      double share = Math.max(SHARE_MIN, magnitudes[c] / Math.max(widest, Double.MIN_NORMAL));
      scales[c] = (float) (readerScalesChannels ? share : Math.sqrt(share));
    }
    return scales;
  }

  /** One factor per channel; none when a channel is dead on either side. */
  private static float[] scales(Constant first, Constant second, int channels, int groups) {
    int perFirst = first.size() / channels;
    int perSecond = groups == 1 ? second.shape().dimension(1) : 1;
    float[] made = new float[channels];
    float[] read = new float[channels];
    for (int i = 0; i < first.size(); i++) {
      made[i / perFirst] = Math.max(made[i / perFirst], Math.abs(first.at(i)));
    }
    for (int i = 0; i < second.size(); i++) {
      int c = inputOf(second, i, channels, groups);
      read[c] = Math.max(read[c], Math.abs(second.at(i)));
    }
    float[] scales = new float[channels];
    for (int c = 0; c < channels; c++) {
      boolean dead = made[c] == 0 || read[c] == 0;
      scales[c] = dead ? 1 : (float) (Math.sqrt((double) made[c] * read[c]) / read[c]);
    }
    return perSecond == channels || groups == channels ? scales : new float[0];
  }

  private static Constant scaledOutputs(Constant constant, float[] scales) {
    float[] values = constant.values();
    int each = values.length / scales.length;
    for (int i = 0; i < values.length; i++) {
      values[i] /= scales[i / each];
    }
    return Constant.of(constant.shape(), values);
  }

  private static Constant scaledInputs(Constant constant, float[] scales, int groups) {
    float[] values = constant.values();
    for (int i = 0; i < values.length; i++) {
      values[i] *= scales[inputOf(constant, i, scales.length, groups)];
    }
    return Constant.of(constant.shape(), values);
  }

  /** The channel that a weight reads; a depthwise layer may make several outputs of each. */
  private static int inputOf(Constant weights, int weight, int channels, int groups) {
    if (groups > 1) {
      return weight / (weights.size() / channels);
    }
    int perOutput = weights.size() / weights.shape().dimension(0);
    return weight / (perOutput / channels) % channels;
  }

  private Node replaced(Node node, int input, Constant constant) {
    String name = node.output() + "_equalized_" + input;
    constants.put(name, constant);
    List<String> inputs = new ArrayList<>(node.inputs());
    inputs.set(input, name);
    return new Node(node.name(), node.op(), inputs, node.output(), node.activation());
  }
}
