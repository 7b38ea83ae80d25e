package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Shape;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MomentsTest {
  /** The mean of an output is its weights times the mean of what it reads, and the bias. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void meansOfPatchesGiveTheMeansOfOutputs(long seed) {
    for (Graph graph : new Graph[] {Nets.sensorNet(seed), Nets.imageNet(seed)}) {
      Samples items = Nets.randomItems(graph, 70);
      Observations seen = Calibrator.observe(graph, items);
      for (Node node : graph.nodes()) {
        if (!node.op().isWeighted() || node.activation() != Activation.NONE) {
          continue;
        }
        Moments moments = seen.moments(node.name()).orElseThrow();
        float[] weights = graph.constant(node.inputs().get(1)).orElseThrow().values();
        double[] means = moments.means(0);
        double[] outputs = seen.channelMeans(node.output());
        for (int o = 0; o < outputs.length; o++) {
          double expected =
              node.inputs().size() > 2
                  ? graph.constant(node.inputs().get(2)).orElseThrow().at(o)
                  : 0;
          for (int i = 0; i < means.length; i++) {
            expected += weights[o * means.length + i] * means[i];
          }
          assertThat(outputs[o]).isCloseTo(expected, within(1e-4));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void covarianceIsSymmetricAndOfNoNegativeVariance(long seed) {
    Graph graph = Nets.imageNet(seed);
    Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 40));

    for (Node node : graph.nodes()) {
      seen.moments(node.name())
          .ifPresent(
              moments -> {
                double[] covariance = moments.covariance(0);
                int length = moments.length();
                for (int i = 0; i < length; i++) {
                  assertThat(covariance[i * length + i]).isGreaterThanOrEqualTo(-1e-9);
                  for (int k = 0; k < length; k++) {
                    assertThat(covariance[i * length + k]).isEqualTo(covariance[k * length + i]);
                  }
                }
              });
    }
  }

  /** Both workers keep 2^23 products, each half of them: three of the wide layers and the small. */
  @Test
  void manyWideLayersKeepTheBoundOfAllTogether() {
    Nets net = new Nets(1, "x", Shape.BATCH, 1024);
    for (int pair = 0; pair < 5; pair++) {
      net.dense(32, Activation.RELU).dense(1024, Activation.RELU);
    }
    Graph graph = net.dense(512, Activation.RELU).dense(1, Activation.NONE).graph("y");

    Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 4));

    List<Integer> lengths = new ArrayList<>();
    List<String> without = new ArrayList<>();
    for (Node node : graph.nodes()) {
      seen.moments(node.name())
          .ifPresentOrElse(
              moments -> lengths.add(moments.length()), () -> without.add(node.name()));
    }
    assertThat(without).containsExactly("node6", "node8", "node10");
    assertThat(lengths).containsExactly(1024, 32, 1024, 32, 1024, 32, 32, 32, 512);
    assertThat(lengths.stream().mapToLong(length -> (long) length * length).sum())
        .isLessThanOrEqualTo(1 << 22);
  }

  /** Four groups of 1024 values are the bound of all layers together; five are more. */
  @ParameterizedTest
  @CsvSource({"4,true", "5,false"})
  void groupsOfOneLayerCountTowardsTheBoundOfAllTogether(int groups, boolean kept) {
    Nets net = new Nets(1, "x", Shape.BATCH, groups * 1024, 1, 1);
    Graph graph = net.grouped(groups, groups, Activation.NONE, 1, 1).graph("y");

    Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 4));

    assertThat(seen.moments(graph.nodes().getFirst().name()).isPresent()).isEqualTo(kept);
  }

  @Test
  void layersThatTakeTooLongToRoundAreLeftOut() {
    Nets net = new Nets(1, "x", Shape.BATCH, 1024);
    Graph graph = net.dense(1025, Activation.RELU).dense(1, Activation.NONE).graph("y");

    assertThat(Moments.watched(graph, 1 << 22)).isEmpty();
    Graph narrower =
        new Nets(1, "x", Shape.BATCH, 1024)
            .dense(1023, Activation.RELU)
            .dense(1, Activation.NONE)
            .graph("y");
    assertThat(Moments.watched(narrower, 1 << 22)).extracting(Node::name).hasSize(2);
  }
}
