package io.skerry.packager.quantize;

import io.skerry.packager.calibrate.Range;
import io.skerry.packager.calibrate.Ranges;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Decides what becomes int8 and with which scale.
 *
 * <p>Normalisation of the raw input (sums and products with constants before anything else) stays
 * float, and so does a sigmoid or softmax that makes the model's output: both would lose resolution
 * that no later layer gives back. Everything between is integer. Operators whose output elements
 * are some of their input's share one scale with their input.
 */
public final class Quantizer {
  private static final float UNIT_STEP = 1f / 256;

  private final Graph graph;
  private final Ranges ranges;
  private final Scheme scheme;
  private final Set<String> quantized = new HashSet<>();
  private final Map<String, TensorScale> activations = new LinkedHashMap<>();
  private final Map<String, QuantizedLayer> layers = new HashMap<>();

  private Quantizer(Graph graph, Ranges ranges, Scheme scheme) {
    this.graph = graph;
    this.ranges = ranges;
    this.scheme = scheme;
  }

  /** The quantized form of a graph whose tensors were seen in these ranges. */
  public static QuantizedGraph quantized(Graph graph, Ranges ranges, Scheme scheme) {
    Quantizer quantizer = new Quantizer(graph, ranges, scheme);
    quantizer.chooseNodes();
    graph.nodes().stream()
        .filter(node -> quantizer.quantized.contains(node.name()))
        .forEach(quantizer::quantize);
    return new QuantizedGraph(
        graph, scheme, quantizer.activations, quantizer.layers, quantizer.quantized);
  }

  private void chooseNodes() {
    Set<String> raw = new HashSet<>(Set.of(graph.input()));
    for (Node node : graph.nodes()) {
      boolean normalises =
          node.op() instanceof Op.Binary
              && node.activation() == Activation.NONE
              && node.inputs().stream()
                  .allMatch(input -> raw.contains(input) || graph.constant(input).isPresent());
      if (normalises) {
        raw.add(node.output());
      } else if (!isFinalScore(node)) {
        quantized.add(node.name());
      }
    }
  }

  private boolean isFinalScore(Node node) {
    return (node.op() instanceof Op.Sigmoid || node.op() instanceof Op.Softmax)
        && graph.outputs().contains(node.output())
        && graph.consumers(node.output()).isEmpty();
  }

  private void quantize(Node node) {
    for (String input : node.inputs()) {
      if (graph.constant(input).isEmpty()) {
        activations.computeIfAbsent(input, this::calibrated);
      }
    }
    TensorScale input = scale(firstTensor(node));
    switch (node.op()) {
      case Op.Conv conv -> layers.put(node.name(), layer(node, input));
      case Op.Dense dense -> layers.put(node.name(), layer(node, input));
      case Op.Binary binary ->
          node.inputs()
              .forEach(
                  operand ->
                      graph
                          .constant(operand)
                          .ifPresent(constant -> activations.put(operand, rangeOf(constant))));
      default -> {}
    }
    TensorScale output;
    if (node.op().passesThrough()) {
      output = input;
    } else if (node.op() instanceof Op.Sigmoid || node.op() instanceof Op.Softmax) {
      output = new TensorScale(scheme.activations(), UNIT_STEP, scheme.activations().minimum());
    } else {
      output = calibrated(node.output());
    }
    activations.put(node.output(), output);
  }

  private String firstTensor(Node node) {
    return node.inputs().stream()
        .filter(input -> graph.constant(input).isEmpty())
        .findFirst()
        .orElseThrow();
  }

  private TensorScale scale(String tensor) {
    return activations.computeIfAbsent(tensor, this::calibrated);
  }

  private TensorScale calibrated(String tensor) {
    Range range = ranges.of(tensor);
    return QuantizationRules.activation(range.minimum(), range.maximum(), scheme.activations());
  }

  private TensorScale rangeOf(Constant constant) {
    float minimum = 0;
    float maximum = 0;
    for (int i = 0; i < constant.size(); i++) {
      minimum = Math.min(minimum, constant.at(i));
      maximum = Math.max(maximum, constant.at(i));
    }
    return QuantizationRules.activation(minimum, maximum, scheme.activations());
  }

  private QuantizedLayer layer(Node node, TensorScale input) {
    Constant weights = graph.constant(node.inputs().get(1)).orElseThrow();
    int outputs = weights.shape().dimension(0);
    int perOutput = weights.size() / outputs;
    boolean biased = node.inputs().size() > 2;
    byte[] integers = new byte[weights.size()];
    float[] scales = new float[outputs];
    int[] bias = new int[biased ? outputs : 0];
    float[] biasScales = new float[outputs];
    for (int o = 0; o < outputs; o++) {
      float magnitude = 0;
      for (int i = o * perOutput; i < (o + 1) * perOutput; i++) {
        magnitude = Math.max(magnitude, Math.abs(weights.at(i)));
      }
      scales[o] = QuantizationRules.weightScale(magnitude, scheme.reducedWeights());
      if (biased) {
        float real = graph.constant(node.inputs().get(2)).orElseThrow().at(o);
        scales[o] = QuantizationRules.weightScaleForBias(scales[o], input.scale(), real);
        biasScales[o] = input.scale() * scales[o];
        bias[o] = QuantizationRules.bias(real, biasScales[o]);
      } else {
        biasScales[o] = input.scale() * scales[o];
      }
      for (int i = o * perOutput; i < (o + 1) * perOutput; i++) {
        integers[i] = QuantizationRules.weight(weights.at(i), scales[o], scheme.reducedWeights());
      }
    }
    return new QuantizedLayer(integers, scales, bias, biasScales);
  }
}
