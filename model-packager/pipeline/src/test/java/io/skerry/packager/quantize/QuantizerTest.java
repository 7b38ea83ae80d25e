package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import java.util.List;
import org.junit.jupiter.api.Test;

class QuantizerTest {
  private final Graph graph = Nets.sensorNet(1);
  private final QuantizedGraph quantized =
      Nets.quantized(graph, seen(graph), Scheme.UNSIGNED, Options.of(Clipping.MIN_MAX));

  @Test
  void keepsNormalisationAndTheFinalSigmoidFloat() {
    List<Op> floats =
        graph.nodes().stream().filter(node -> !quantized.isQuantized(node)).map(Node::op).toList();

    assertThat(floats)
        .containsExactly(
            new Op.Binary(Op.Binary.Kind.SUB), new Op.Binary(Op.Binary.Kind.MUL), new Op.Sigmoid());
  }

  @Test
  void sharesOneScaleAcrossOperatorsThatPassElementsOn() {
    for (Node node : graph.nodes()) {
      if (node.op().passesThrough()) {
        assertThat(quantized.scale(node.output())).isEqualTo(quantized.scale(node.input()));
      }
    }
  }

  @Test
  void keepsPairsOfWeightsFromSaturatingWhereTheTargetWould() {
    QuantizedGraph safe =
        Nets.quantized(
            graph, seen(graph), Scheme.UNSIGNED_SATURATING, Options.of(Clipping.MIN_MAX));

    safe.layers()
        .values()
        .forEach(
            layer -> {
              byte[] weights = layer.weights();
              int each = weights.length / layer.scales().length;
              for (int o = 0; o < layer.scales().length; o++) {
                assertThat(SaturationBound.canSaturate(weights, o * each, (o + 1) * each))
                    .isFalse();
              }
            });
  }

  @Test
  void keepsAllBitsOfLayersThatCannotSaturate() {
    Graph harmless = Nets.dense(new float[] {1, -1, 0.003f, -0.003f}, 4);

    QuantizedGraph safe =
        Nets.quantized(
            harmless, seen(harmless), Scheme.UNSIGNED_SATURATING, Options.of(Clipping.MIN_MAX));

    assertThat(safe.layers().values())
        .singleElement()
        .satisfies(layer -> assertThat(layer.weights()).containsExactly(127, -127, 0, 0));
  }

  @Test
  void absorbsActivationsWhoseClampTheZeroPointMakes() throws Exception {
    List<String> operators =
        ModelProto.parseFrom(QdqExport.write(quantized)).getGraph().getNodeList().stream()
            .map(NodeProto::getOpType)
            .toList();

    assertThat(operators).doesNotContain("Relu", "Clip").contains("QuantizeLinear", "Sigmoid");
  }

  private static Observations seen(Graph graph) {
    return Calibrator.observe(graph, Nets.randomItems(graph, 16));
  }
}
