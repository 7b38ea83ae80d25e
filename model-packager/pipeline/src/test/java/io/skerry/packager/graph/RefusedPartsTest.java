package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Parts of a model that do not fit together: whoever reads of one is told where, and what to do.
 */
class RefusedPartsTest {
  private static final List<TensorProto> CONSTANTS =
      List.of(
          reals("w11", 1, 1),
          reals("w223", 2, 2, 3),
          reals("w253", 2, 5, 3),
          reals("w239", 2, 2, 9),
          reals("w313", 3, 1, 3),
          reals("v5", 5),
          reals("v2", 2),
          reals("v9", 9),
          integers("none", 0L),
          integers("ends", 0L, 9L),
          integers("all", -1L, 5L),
          integers("twelve", 12L),
          integers("minus", -3L, 4L),
          integers("one", 1L),
          integers("far", 7L));

  static Stream<Arguments> parts() {
    return Stream.of(
        part("Conv", "weights [2,5,3] with group 1 do not fit", List.of("x", "w253")),
        part("Conv", "bias [5] does not fit 2 outputs", List.of("x", "w223", "v5")),
        part("Conv", "kernel [9] is larger than input", List.of("x", "w239")),
        part(
            "Conv",
            "pads [1] do not fit kernel [3]",
            List.of("x", "w223"),
            OnnxParts.integers("pads", List.of(1))),
        part(
            "Conv",
            "auto_pad 'SIDEWAYS' is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER",
            List.of("x", "w223"),
            AttributeProto.newBuilder()
                .setName("auto_pad")
                .setS(ByteString.copyFromUtf8("SIDEWAYS"))
                .build()),
        part("ConvTranspose", "weights [3,1,3] with group 1", List.of("x", "w313")),
        part(
            "ConvTranspose",
            "output_padding",
            List.of("x", "w223"),
            OnnxParts.integers("output_padding", List.of(1, 1))),
        part("Gemm", "weights [2,2,3] are no matrix", List.of("x", "w223")),
        part("Add", "operands of shape [N,2,6] and [5] do not fit each other", List.of("x", "v5")),
        part("MatMul", "matrices [N,2,6] and [N,2,6] do not fit", List.of("x", "x")),
        part("Relu", "it has 0 inputs, 1 are needed", List.of()),
        part("Relu", "operand 'z' is made by no node", List.of("z")),
        part(
            "Transpose",
            "perm [0, 1] is no order of 3 axes",
            List.of("x"),
            OnnxParts.integers("perm", List.of(0, 1))),
        part("Reshape", "target shape holds -3", List.of("x", "minus")),
        part("Flatten", "only axis 1", List.of("x"), OnnxParts.integer("axis", 2)),
        part(
            "MaxPool",
            "dilated pooling",
            List.of("x"),
            OnnxParts.integers("kernel_shape", List.of(2)),
            OnnxParts.integers("dilations", List.of(2))),
        part(
            "MaxPool",
            "kernel [2, 2] does not fit",
            List.of("x"),
            OnnxParts.integers("kernel_shape", List.of(2, 2))),
        part("Slice", "do not fit each other", List.of("x", "none", "ends")),
        part("Squeeze", "dimension 1 of [N,2,6] is not 1", List.of("x", "one")),
        part("Gather", "index 7 is none along dimension 1", List.of("x", "far"), axis(1)),
        part("Pad", "pads", List.of("x", "ends")),
        part(
            "LayerNormalization",
            "its operand of shape [5] does not fit",
            List.of("x", "v5", "v2")));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("parts")
  void areRefusedWithTheirNodeAndARemedy(String type, String fault, NodeProto node) {
    assertThatThrownBy(() -> OnnxImport.read(model(node)))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageStartingWith("node 'part' (%s): ".formatted(type))
        .hasMessageContaining(fault)
        .hasMessageMatching(".*: (change|export|none may) [^:]+");
  }

  private static Arguments part(
      String type, String fault, List<String> inputs, AttributeProto... attributes) {
    NodeProto node =
        NodeProto.newBuilder()
            .setName("part")
            .setOpType(type)
            .addAllInput(inputs)
            .addOutput("y")
            .addAllAttribute(List.of(attributes))
            .build();
    return Arguments.of(type, fault, node);
  }

  private static byte[] model(NodeProto node) throws Exception {
    OnnxFile file = new OnnxFile("test");
    file.input("x", Shape.of(Shape.BATCH, 2, 6));
    file.output("y", Shape.of(Shape.BATCH, 1));
    ModelProto model = ModelProto.parseFrom(file.bytes());
    GraphProto.Builder graph = model.getGraph().toBuilder().addNode(node);
    CONSTANTS.stream()
        .filter(constant -> node.getInputList().contains(constant.getName()))
        .forEach(graph::addInitializer);
    return model.toBuilder().setGraph(graph).build().toByteArray();
  }

  private static AttributeProto axis(int axis) {
    return OnnxParts.integer("axis", axis);
  }

  private static TensorProto reals(String name, int... shape) {
    float[] values = new float[Shape.of(shape).elements()];
    Arrays.fill(values, 1);
    return TestTensors.reals(name, shape, values);
  }

  private static TensorProto integers(String name, long... values) {
    List<Long> data = new ArrayList<>();
    for (long value : values) {
      data.add(value);
    }
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(TensorProto.DataType.INT64_VALUE)
        .addDims(values.length)
        .addAllInt64Data(data)
        .build();
  }
}
