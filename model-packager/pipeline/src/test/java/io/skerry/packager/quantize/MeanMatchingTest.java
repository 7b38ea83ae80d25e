package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Shape;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MeanMatchingTest {
  private static final int ITEMS = 64;

  /** Clipped hard, so that what later layers read is off on average. */
  private static final Options OPTIONS = Options.of(Clipping.PERCENTILE).matched();

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void bringsTheMeansOfEveryChannelToTheFloatModels(long seed) {
    Graph graph = Nets.imageNet(seed);
    Samples items = Nets.randomItems(graph, ITEMS);
    Map<String, float[]> shifts = shifts(graph, items, OPTIONS);

    double before = largestOff(graph, items, Map.of());
    double after = largestOff(graph, items, shifts);

    assertThat(shifts).containsOnlyKeys(layers(graph).stream().map(Node::name).toList());
    assertThat(before).isGreaterThan(1e-3);
    // What is left is the rounding of the biases, and what a shift made later layers read.
    assertThat(after).isLessThan(before / 3);
  }

  @Test
  void hasOneShiftForEachOutputOfALayer() {
    Graph graph = Nets.imageNet(4);

    Map<String, float[]> shifts = shifts(graph, Nets.randomItems(graph, ITEMS), OPTIONS);

    for (Node layer : layers(graph)) {
      assertThat(shifts.get(layer.name())).hasSize(graph.shape(layer.inputs().get(1)).dimension(0));
    }
  }

  @Test
  void leavesLayersAloneThatStayFloat() {
    Graph graph = Nets.imageNet(1);
    String floating = layers(graph).get(1).name();

    Map<String, float[]> shifts =
        shifts(graph, Nets.randomItems(graph, ITEMS), OPTIONS.with(Set.of(floating)));

    assertThat(shifts).doesNotContainKey(floating).hasSize(layers(graph).size() - 1);
  }

  @Test
  void saysNothingOfTooFewItems() {
    Graph graph = Nets.imageNet(1);

    assertThat(shifts(graph, Nets.randomItems(graph, 7), OPTIONS)).isEmpty();
    assertThat(shifts(graph, Nets.randomItems(graph, 8), OPTIONS)).isNotEmpty();
  }

  /** Each layer runs all before it again: that grows with the square of a graph's depth. */
  @Test
  void saysNothingOfGraphsThatTakeTooLong() {
    Nets net = new Nets(1, "x", Shape.BATCH, 128, 72, 72);
    for (int i = 0; i < 4; i++) {
      net.conv(128, Activation.RELU, 3, 3);
    }
    Graph graph = net.graph("y");
    Samples items = Nets.randomItems(graph, 8);
    Observations seen = Calibrator.observe(graph, items.spread(1));

    assertThat(
            MeanMatching.shifts(
                graph, seen, new RoundedWeights(graph, seen), Scheme.UNSIGNED, OPTIONS, items))
        .isEmpty();
  }

  private static Map<String, float[]> shifts(Graph graph, Samples items, Options options) {
    Observations seen = Calibrator.observe(graph, items);
    return MeanMatching.shifts(
        graph, seen, new RoundedWeights(graph, seen), Scheme.UNSIGNED, options, items);
  }

  private static List<Node> layers(Graph graph) {
    return graph.nodes().stream().filter(node -> node.op().isWeighted()).toList();
  }

  /** The largest difference of any channel's mean from the float model's, over all layers. */
  private static double largestOff(Graph graph, Samples items, Map<String, float[]> shifts) {
    Observations seen = Calibrator.observe(graph, items);
    List<String> made = layers(graph).stream().map(Node::output).toList();
    Map<String, double[]> wanted =
        Calibrator.channelMeans(graph, OnnxExport.write(graph, made), items);
    double largest = 0;
    for (Node layer : layers(graph)) {
      Graph part =
          new Graph(
              graph.name(),
              graph.input(),
              List.of(layer.output()),
              graph.nodes().subList(0, graph.nodes().indexOf(layer) + 1),
              graph.constants(),
              graph.shapes());
      byte[] integers =
          QdqExport.write(
              Quantizer.quantized(
                  part, seen, new RoundedWeights(graph, seen), Scheme.UNSIGNED, OPTIONS, shifts));
      double[] means =
          Objects.requireNonNull(
              Calibrator.channelMeans(part, integers, items).get(layer.output()));
      double[] floats = Objects.requireNonNull(wanted.get(layer.output()));
      for (int channel = 0; channel < means.length; channel++) {
        largest = Math.max(largest, Math.abs(means[channel] - floats[channel]));
      }
    }
    return largest;
  }
}
