package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Range;
import io.skerry.packager.calibrate.Ranges;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class QuantizerTest {
  private final Graph graph = Nets.sensorNet(1);
  private final QuantizedGraph quantized =
      Quantizer.quantized(graph, ranges(graph), Scheme.UNSIGNED);

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
  void keepsReducedWeightsWithinSevenBits() {
    QuantizedGraph reduced = Quantizer.quantized(graph, ranges(graph), Scheme.UNSIGNED_REDUCED);

    for (QuantizedLayer layer : reduced.layers().values()) {
      for (byte weight : layer.weights()) {
        assertThat((int) weight).isBetween(-64, 64);
      }
    }
  }

  @Test
  void absorbsActivationsWhoseClampTheZeroPointMakes() throws Exception {
    List<String> operators =
        ModelProto.parseFrom(QdqExport.write(quantized)).getGraph().getNodeList().stream()
            .map(NodeProto::getOpType)
            .toList();

    assertThat(operators).doesNotContain("Relu", "Clip").contains("QuantizeLinear", "Sigmoid");
  }

  private static Ranges ranges(Graph graph) {
    Map<String, Range> ranges = new HashMap<>(Map.of(graph.input(), new Range(-4, 4)));
    for (Node node : graph.nodes()) {
      boolean clamped = node.activation() != Activation.NONE;
      ranges.put(node.output(), new Range(clamped ? 0 : -4, 4));
    }
    return new Ranges(ranges);
  }
}
