package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import org.junit.jupiter.params.ParameterizedTest;
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
        boolean plain = node.op() instanceof Op.Conv || node.op() instanceof Op.Dense;
        if (!plain || node.activation() != io.skerry.packager.graph.Activation.NONE) {
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
}
