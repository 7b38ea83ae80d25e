package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Moments;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RoundedWeightsTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void leavesLessErrorInEachLayerThanTheNearestIntegers(long seed) {
    for (Graph graph : new Graph[] {Nets.sensorNet(seed), Nets.imageNet(seed)}) {
      Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 64));
      RoundedWeights rounded = new RoundedWeights(graph, seen);
      for (Node node : graph.nodes()) {
        if (seen.moments(node.name()).isEmpty()) {
          continue;
        }
        RoundedWeights.Layer ours = rounded.layer(node, Scheme.UNSIGNED);
        float[] reals = graph.constant(node.inputs().get(1)).orElseThrow().values();
        float[] widest = widest(reals, ours.scales().length);

        double error = error(seen, node, reals, ours.integers(), ours.scales());
        double nearest = error(seen, node, reals, RoundedWeights.nearest(reals, widest), widest);

        assertThat(error).as(node.name()).isLessThanOrEqualTo(nearest * 1.02);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void neverLetsPairsSaturateNorChangesFromOneTimeToTheNext(long seed) {
    Graph graph = Nets.imageNet(seed);
    Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 32));
    RoundedWeights first = new RoundedWeights(graph, seen);
    RoundedWeights again = new RoundedWeights(graph, seen);
    for (Node node : graph.nodes()) {
      if (seen.moments(node.name()).isEmpty()) {
        continue;
      }
      RoundedWeights.Layer layer = first.layer(node, Scheme.UNSIGNED_SATURATING);
      int each = layer.integers().length / layer.scales().length;
      for (int o = 0; o < layer.scales().length; o++) {
        assertThat(SaturationBound.canSaturate(layer.integers(), o * each, (o + 1) * each))
            .isFalse();
      }
      assertThat(again.layer(node, Scheme.UNSIGNED_SATURATING).integers())
          .isEqualTo(layer.integers());
    }
  }

  private static float[] widest(float[] reals, int outputs) {
    float[] scales = new float[outputs];
    int each = reals.length / outputs;
    for (int o = 0; o < outputs; o++) {
      float largest = 0;
      for (int i = 0; i < each; i++) {
        largest = Math.max(largest, Math.abs(reals[o * each + i]));
      }
      scales[o] = QuantizationRules.weightScale(largest);
    }
    return scales;
  }

  /** The variance of what rounding adds to the layer's outputs. */
  private static double error(
      Observations seen, Node node, float[] reals, byte[] integers, float[] scales) {
    Moments moments = seen.moments(node.name()).orElseThrow();
    int groups = node.op().groups();
    int length = moments.length();
    double error = 0;
    for (int o = 0; o < scales.length; o++) {
      double[] covariance = moments.covariance(o / (scales.length / groups));
      for (int i = 0; i < length; i++) {
        for (int k = 0; k < length; k++) {
          error +=
              covariance[i * length + k]
                  * off(reals, integers, scales[o], o * length + i)
                  * off(reals, integers, scales[o], o * length + k);
        }
      }
    }
    return error;
  }

  private static double off(float[] reals, byte[] integers, float scale, int at) {
    return reals[at] - (double) integers[at] * scale;
  }
}
