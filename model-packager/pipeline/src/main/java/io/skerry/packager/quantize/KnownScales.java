package io.skerry.packager.quantize;

import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The scales that a model was quantized with before it came here. Integers of other kinds are made
 * from them, for targets that want such, without calibration.
 *
 * @param tensors int8 scale of each tensor and constant operand that has one
 * @param weights scales of constant symmetric int8 weights: one for all, or one per output
 */
public record KnownScales(Map<String, TensorScale> tensors, Map<String, float[]> weights) {
  public KnownScales {
    tensors = Map.copyOf(tensors);
    weights = Map.copyOf(weights);
  }

  /**
   * The quantized form of the graph that these scales are of, for a target. What has no scale, and
   * a score that makes the model's output, stays float.
   */
  public QuantizedGraph quantized(Graph given, Scheme scheme) {
    // Symmetric integers have no end at 0.
    Graph graph = scheme.symmetric() ? IntegerBounds.withRelus(given, tensors) : given;
    Map<String, TensorScale> all = new LinkedHashMap<>();
    tensors.forEach((name, scale) -> all.put(name, of(scale, scheme)));
    for (Node node : graph.nodes().reversed()) {
      // The same elements in another order: a rewrite that moved it left its input without a scale.
      boolean moves = node.op() instanceof Op.Transpose || node.op() instanceof Op.Reshape;
      if (moves && all.containsKey(node.output())) {
        all.putIfAbsent(node.input(), all.get(node.output()));
      }
    }
    Map<String, QuantizedLayer> layers = new HashMap<>();
    Set<String> quantized = new HashSet<>();
    for (Node node : graph.nodes()) {
      TensorScale input = all.get(node.input());
      if (node.op().passesThrough() && input != null) {
        all.put(node.output(), input);
      }
      if (input != null && !scheme.symmetric() && becomesTooFine(graph, node, all)) {
        all.put(
            node.output(),
            QuantizationRules.activation(0, reach(graph, node), scheme.activations()));
      }
      if (input == null
          || !node.op().hasIntegerKernel()
          || Quantizer.isFinalScore(graph, node)
          || !all.containsKey(node.output())
          || !(node.op().isWeighted() || all.keySet().containsAll(node.inputs()))) {
        continue;
      }
      if (node.op().isWeighted()) {
        Optional<QuantizedLayer> layer = layer(graph, node, input, scheme);
        if (layer.isEmpty()) {
          continue;
        }
        layers.put(node.name(), layer.get());
      }
      quantized.add(node.name());
    }
    Graph bounded = IntegerBounds.removed(graph, all, quantized);
    bounded = IntegerBounds.added(bounded, saidAsReals(bounded, all, quantized), all);
    return new QuantizedGraph(bounded, scheme, all, layers, quantized);
  }

  /** Scales of what was integer and is written as reals, which have no ends. */
  private static Map<String, TensorScale> saidAsReals(
      Graph graph, Map<String, TensorScale> all, Set<String> quantized) {
    Map<String, TensorScale> reals = new HashMap<>();
    for (Node node : graph.nodes()) {
      TensorScale scale = all.get(node.output());
      boolean reads =
          graph.consumers(node.output()).stream()
              .anyMatch(reader -> quantized.contains(reader.name()));
      if (scale != null
          && !reads
          && (node.op().maySayReals() || !quantized.contains(node.name()))) {
        reals.put(node.output(), scale);
      }
    }
    return reals;
  }

  /**
   * A softmax, a float in the file, that is read by what makes finer integers of it than ONNX
   * Runtime's integer softmax may: it needs coarser ones before. See {@link Quantizer#reachOf}.
   */
  private static boolean becomesTooFine(Graph graph, Node node, Map<String, TensorScale> all) {
    return node.op() instanceof Op.Softmax
        && !graph.outputs().contains(node.output())
        && !all.containsKey(node.output())
        && graph.consumers(node.output()).stream()
            .map(reader -> all.get(reader.output()))
            .anyMatch(
                scale -> scale != null && scale.real(scale.type().maximum()) < reach(graph, node));
  }

  private static float reach(Graph graph, Node softmax) {
    return Quantizer.reachOf(graph.shape(softmax.output()).dimensions().getLast());
  }

  /** The graph on floats, which are cut off where the integers end. */
  public Graph floats(Graph graph) {
    return IntegerBounds.added(graph, tensors, new HashMap<>());
  }

  /** The same reals where the type can say them, and the nearest symmetric ones otherwise. */
  private static TensorScale of(TensorScale scale, Scheme scheme) {
    IntegerType type = scheme.activations();
    if (scheme.symmetric()) {
      return QuantizationRules.symmetricActivation(
          scale.real(scale.type().minimum()), scale.real(scale.type().maximum()), type);
    }
    int moved = scale.zeroPoint() - scale.type().minimum() + type.minimum();
    return new TensorScale(type, scale.scale(), moved);
  }

  /** Absent when the weights' scales are not known, as after other weights were folded in. */
  private Optional<QuantizedLayer> layer(Graph graph, Node node, TensorScale input, Scheme scheme) {
    float[] known = weights.get(node.inputs().get(1));
    Constant constant = graph.constant(node.inputs().get(1)).orElseThrow();
    int outputs = constant.shape().dimension(0);
    if (known == null || (known.length != 1 && known.length != outputs)) {
      return Optional.empty();
    }
    float[] scales = known.length == outputs ? known.clone() : new float[outputs];
    if (known.length != outputs) {
      Arrays.fill(scales, known[0]);
    }
    float[] reals = constant.values();
    if (scheme.perTensorWeights()) {
      RoundedWeights.share(scales);
    }
    if (scheme.saturatingPairs()
        && RoundedWeights.saturates(RoundedWeights.nearest(reals, scales), outputs)) {
      RoundedWeights.reduce(reals, scales);
    }
    float[] bias =
        node.inputs().size() > 2
            ? graph.constant(node.inputs().get(2)).orElseThrow().values()
            : new float[0];
    for (int o = 0; o < bias.length; o++) {
      scales[o] = QuantizationRules.weightScaleForBias(scales[o], input.scale(), bias[o]);
    }
    if (scheme.perTensorWeights()) {
      RoundedWeights.share(scales);
    }
    return Optional.of(
        Quantizer.withBias(RoundedWeights.nearest(reals, scales), scales, bias, input));
  }
}
