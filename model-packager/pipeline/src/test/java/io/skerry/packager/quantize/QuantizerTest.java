package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
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

  /** TensorRT's rules: every zero point is 0, and biases are floats. */
  @Test
  void keepsToZeroPointsOfZeroAndFloatBiasesWhereSymmetric() throws Exception {
    Graph excited = Nets.squeezeExciteNet(3);
    List<String> convolutions =
        excited.nodes().stream()
            .filter(node -> node.op() instanceof Op.Conv)
            .map(Node::name)
            .toList();
    for (Set<String> floats : List.of(Set.<String>of(), Set.of(convolutions.getLast()))) {
      Options options = Options.of(Clipping.MIN_MAX).with(floats);
      GraphProto file =
          ModelProto.parseFrom(
                  QdqExport.write(
                      Nets.quantized(excited, seen(excited), Scheme.SYMMETRIC, options)))
              .getGraph();
      Map<String, TensorProto> constants = new HashMap<>();
      file.getInitializerList().forEach(tensor -> constants.put(tensor.getName(), tensor));
      List<NodeProto> scaling =
          file.getNodeList().stream().filter(QuantizerTest::isQuantize).toList();

      assertThat(scaling).extracting(NodeProto::getOpType).contains("QuantizeLinear");
      for (NodeProto node : scaling) {
        TensorProto zeroPoint = Objects.requireNonNull(constants.get(node.getInput(2)));
        assertThat(zeroPoint.getDataType())
            .as(node.getName())
            .isEqualTo(TensorProto.DataType.INT8_VALUE);
        assertThat(zeroPoint.getRawData().toByteArray()).as(node.getName()).containsOnly(0);
      }
    }
  }

  /** ONNX Runtime makes integers of float layers between integers, unless it does not see them. */
  @Test
  void sparesFloatLayersFromTheRuntimesOwnIntegers() throws Exception {
    Graph unequal = Nets.unequalImageNet(4);
    Node depthwise =
        unequal.nodes().stream().filter(node -> node.op().groups() > 1).findFirst().orElseThrow();
    byte[] model =
        QdqExport.write(
            Nets.quantized(
                unequal,
                seen(unequal),
                Scheme.SYMMETRIC,
                Options.of(Clipping.MIN_MAX).with(Set.of(depthwise.name()))));

    float[] asWritten = run(unequal, model, OptLevel.NO_OPT);
    float[] optimised = run(unequal, model, OptLevel.ALL_OPT);

    for (int i = 0; i < asWritten.length; i++) {
      assertThat(optimised[i]).isCloseTo(asWritten[i], within(0.05f));
    }
  }

  private static float[] run(Graph graph, byte[] model, OptLevel level) throws OrtException {
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
    long[] shape = {16, 9, 8, 3};
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(level);
      try (OrtSession session = environment.createSession(model, options);
          OnnxTensor input =
              OnnxTensor.createTensor(
                  environment, Nets.randomItems(graph, 16).batch(0, 16).asFloatBuffer(), shape);
          OrtSession.Result result = session.run(Map.of(graph.input(), input))) {
        FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
        float[] copy = new float[values.remaining()];
        values.get(copy);
        return copy;
      }
    }
  }

  private static boolean isQuantize(NodeProto node) {
    return node.getOpType().equals("QuantizeLinear") || node.getOpType().equals("DequantizeLinear");
  }

  private static Observations seen(Graph graph) {
    return Calibrator.observe(graph, Nets.randomItems(graph, 16));
  }
}
