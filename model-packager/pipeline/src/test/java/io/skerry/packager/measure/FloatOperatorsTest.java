package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.OperatorCodeT;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.SubGraphT;

class FloatOperatorsTest {
  private static final String CHOSEN =
      "it normalises the input, makes the output, stands among floats, or lost too much as integers";

  @Test
  void areThoseThatTheEnginesHaveNoKernelFor() {
    Nets net = new Nets(1, "x", Shape.BATCH, 3, 8, 8);
    net.conv(4, Activation.NONE, 3, 3).add(new Op.Function(Op.Function.Kind.HARD_SWISH, 0));
    net.conv(4, Activation.RELU, 1, 1).enlarged(2);
    net.add(new Op.Resize("linear", "half_pixel", "floor", List.of(1f, 1f, 2f, 2f)));
    net.up(
        4, new Window(List.of(2, 2), List.of(2, 2), List.of(1, 1), List.of(0, 0), List.of(0, 0)));
    net.conv(4, Activation.NONE, 3, 3).add(new Op.Clip(0.1f, 0.9f)).conv(2, Activation.RELU6, 1, 1);
    Graph graph = net.graph("y");

    assertThat(onnx(graph, Set.of()))
        .containsExactly(
            "node1 (HardSwish): ONNX Runtime has no int8 kernel for it",
            "node4 (Resize): ONNX Runtime cuts fractions off between integers",
            "node5 (ConvTranspose): ONNX Runtime has no int8 kernel for it");
    assertThat(tflite(graph, Set.of()))
        .singleElement()
        .asString()
        .endsWith("(HARD_SWISH): XNNPACK has no int8 kernel for it");
  }

  @Test
  void areThoseThatWereKeptFromLosingMuch() {
    Graph graph = Nets.sensorNet(1);

    assertThat(onnx(graph, Set.of("node3")))
        .containsExactly(
            "node0 (Sub): " + CHOSEN,
            "node1 (Mul): " + CHOSEN,
            "node3 (Conv): " + CHOSEN,
            "node3_activation (Clip): " + CHOSEN,
            "node10 (Sigmoid): " + CHOSEN);
    assertThat(tflite(graph, Set.of()))
        .extracting(text -> text.substring(text.indexOf('(')))
        .containsExactly("(SUB): " + CHOSEN, "(MUL): " + CHOSEN, "(LOGISTIC): " + CHOSEN);
    assertThat(onnx(Nets.imageNet(2), Set.of())).hasSize(1);
    assertThat(onnx(Nets.branchNet(3), Set.of()))
        .containsExactly(
            "node2 (HardSwish): ONNX Runtime has no int8 kernel for it",
            "node6 (Tanh): ONNX Runtime has no int8 kernel for it",
            "node12 (Softmax): " + CHOSEN);
  }

  @Test
  void areThoseThatAreNeverIntegers() {
    Nets net = new Nets(1, "x", Shape.BATCH, 3, 8, 8).conv(4, Activation.RELU, 3, 3);
    net.add(new Op.Mean(List.of(2, 3))).add(new Op.Function(Op.Function.Kind.SQRT, 0));
    net.flatten().dense(2, Activation.NONE);

    assertThat(onnx(net.graph("y"), Set.of()))
        .contains(
            "node1 (ReduceMean): its kind is always computed on floats",
            "node2 (Sqrt): its kind is always computed on floats");
  }

  /** Of means, only those over all of height and width are pools, which may be integers. */
  @Test
  void areMeansOfTfliteThatAreNoPools() {
    Nets net = new Nets(1, "x", Shape.BATCH, 3, 8, 8).conv(4, Activation.RELU, 3, 3);
    net.add(new Op.Mean(List.of(1))).conv(4, Activation.RELU, 3, 3);
    net.add(new Op.GlobalAveragePool()).flatten().dense(2, Activation.NONE);
    Graph graph = net.graph("y");

    assertThat(tflite(graph, Set.of()))
        .singleElement()
        .asString()
        .endsWith("(MEAN): XNNPACK has no int8 kernel for it");
    assertThat(tflite(graph, Set.of("node3")))
        .extracting(text -> text.substring(text.indexOf('(')))
        .containsExactly("(MEAN): XNNPACK has no int8 kernel for it", "(MEAN): " + CHOSEN);
  }

  /** Nobody has verified what is inspected. */
  @Test
  void areToldOfMeansThatNameNothingToo() {
    Graph graph = new Nets(1, "x", Shape.BATCH, 3, 8, 8).add(new Op.Mean(List.of(1))).graph("y");
    ModelT model = ModelT.deserializeFromBinary(TfliteExport.write(graph));
    SubGraphT tables = model.getSubgraphs()[0];
    OperatorT mean =
        Arrays.stream(tables.getOperators())
            .filter(operator -> operator.getInputs().length == 2)
            .filter(
                operator -> operator.getBuiltinOptions().getType() == BuiltinOptions.ReducerOptions)
            .findFirst()
            .orElseThrow();
    int[] whole = mean.getInputs();

    for (int[] inputs : new int[][] {{}, {whole[0]}, {whole[0], -1}, {-1, whole[1]}}) {
      mean.setInputs(inputs);
      assertThat(FloatOperators.ofTflite(model.serializeToBinary())).isNotEmpty();
    }
    mean.setInputs(whole);
    tables.getTensors()[whole[0]].setShape(new int[0]);
    assertThat(FloatOperators.ofTflite(model.serializeToBinary())).isNotEmpty();
  }

  /** XNNPACK has integers neither for these nor for what else such a pool could be written as. */
  @Test
  void areSoftmaxesAndPoolsOfTflite() {
    Nets net = new Nets(1, "x", Shape.BATCH, 3, 8, 8).conv(16, Activation.RELU, 3, 3);
    net.add(
        new Op.AveragePool(
            new Window(List.of(3, 3), List.of(1, 1), List.of(1, 1), List.of(1, 1), List.of(1, 1)),
            false));
    net.conv(16, Activation.RELU, 3, 3).flatten().dense(16, Activation.NONE);
    net.add(new Op.Softmax()).dense(9, Activation.NONE).add(new Op.Softmax());

    assertThat(tflite(net.graph("y"), Set.of()))
        .extracting(text -> text.substring(text.indexOf('(')))
        .containsExactly(
            "(AVERAGE_POOL_2D): XNNPACK has no int8 kernel for it",
            "(SOFTMAX): XNNPACK has no int8 kernel for it",
            "(SOFTMAX): " + CHOSEN);
  }

  /** TensorRT's biases are reals of integer layers. */
  @Test
  void areNotThoseOfRealBiasesOnly() {
    Graph graph = Nets.sensorNet(1);

    assertThat(FloatOperators.ofOnnx(QdqExport.write(quantized(graph, Scheme.SYMMETRIC, Set.of()))))
        .containsExactly(
            "node0 (Sub): " + CHOSEN, "node1 (Mul): " + CHOSEN, "node10 (Sigmoid): " + CHOSEN);
  }

  /** What only spares a float layer computes nothing, and takes no reason from it. */
  @Test
  void areNotWhatSparesThem() {
    Window window =
        new Window(List.of(2, 2), List.of(2, 2), List.of(1, 1), List.of(0, 0), List.of(0, 0));
    Graph graph =
        new Nets(1, "x", Shape.BATCH, 3, 8, 8)
            .conv(4, Activation.RELU, 3, 3)
            .up(4, window)
            .conv(2, Activation.RELU6, 1, 1)
            .graph("y");

    assertThat(FloatOperators.ofOnnx(QdqExport.write(quantized(graph, Scheme.SYMMETRIC, Set.of()))))
        .containsExactly("node1 (ConvTranspose): ONNX Runtime has no int8 kernel for it");
    assertThat(
            FloatOperators.ofOnnx(
                QdqExport.write(quantized(graph, Scheme.SYMMETRIC, Set.of("node2")))))
        .containsExactly(
            "node1 (ConvTranspose): ONNX Runtime has no int8 kernel for it",
            "node2 (Conv): " + CHOSEN,
            "node2_activation (Clip): " + CHOSEN);
  }

  /** Files of before TensorFlow 2.4 name their operators in the older field only. */
  @Test
  void areNamedInOlderFiles() {
    byte[] tflite = TfliteExport.write(quantized(Nets.sensorNet(1), Scheme.SIGNED, Set.of()));
    ModelT older = ModelT.deserializeFromBinary(tflite);
    for (OperatorCodeT code : older.getOperatorCodes()) {
      code.setBuiltinCode(0);
    }

    assertThat(FloatOperators.ofTflite(older.serializeToBinary()))
        .isEqualTo(FloatOperators.ofTflite(tflite));
  }

  @Test
  void cannotBeToldOfWhatIsNoModel() {
    assertThatThrownBy(() -> FloatOperators.ofOnnx(new byte[] {1, 2, 3}))
        .isInstanceOf(ModelRefusedException.class);
  }

  private static List<String> onnx(Graph graph, Set<String> floats) {
    return FloatOperators.ofOnnx(QdqExport.write(quantized(graph, Scheme.UNSIGNED, floats)));
  }

  private static List<String> tflite(Graph graph, Set<String> floats) {
    return FloatOperators.ofTflite(TfliteExport.write(quantized(graph, Scheme.SIGNED, floats)));
  }

  private static QuantizedGraph quantized(Graph graph, Scheme scheme, Set<String> floats) {
    return Nets.quantized(
        graph,
        Calibrator.observe(graph, Nets.randomItems(graph, 8)),
        scheme,
        Options.of(Clipping.MIN_MAX).with(floats));
  }
}
