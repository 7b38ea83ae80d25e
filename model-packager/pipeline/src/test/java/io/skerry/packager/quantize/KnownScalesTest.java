package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class KnownScalesTest {
  private static final Scheme PER_TENSOR_SATURATING =
      new Scheme(IntegerType.UINT8, false, true, true);

  private static final float[] WEIGHTS = {1, 1, 1, 1, 1, 0, -1, 0};

  /** Two outputs of which only one can saturate: both are written with one scale. */
  @Test
  void giveATensorOneScaleWhereOneOutputIsReduced() {
    Graph graph = Nets.dense(WEIGHTS, 4);
    String weights = graph.nodes().getFirst().inputs().get(1);
    TensorScale activation = new TensorScale(IntegerType.INT8, 0.1f, 0);
    KnownScales known =
        new KnownScales(
            Map.of("x", activation, "y", activation), Map.of(weights, new float[] {1f / 127}));

    QuantizedLayer layer =
        known.quantized(graph, PER_TENSOR_SATURATING).layers().values().iterator().next();

    assertThat(layer.scales()).containsOnly(layer.scales()[0]);
    assertThat(layer.scales()[0]).isGreaterThan(1f / 127);
    for (int i = 0; i < WEIGHTS.length; i++) {
      float real = layer.weights()[i] * layer.scales()[0];
      assertThat(real).isCloseTo(WEIGHTS[i], Offset.offset(.02f));
    }
  }
}
