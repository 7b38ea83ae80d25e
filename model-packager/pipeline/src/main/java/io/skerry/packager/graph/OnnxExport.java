package io.skerry.packager.graph;

import io.skerry.wire.onnx.TensorProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Writes a float {@link Graph} as an ONNX file: operator set 17, IR 8. */
public final class OnnxExport {
  private static final String HALF = "_half";

  private OnnxExport() {}

  /** The file's content. */
  public static byte[] write(Graph graph) {
    return write(graph, List.of());
  }

  /**
   * The file's content with 16-bit floats; input and outputs stay 32-bit.
   *
   * @throws ModelRefusedException if a weight is too large for 16 bits
   */
  public static byte[] writeHalf(Graph graph) {
    OnnxFile file = new OnnxFile(graph, true);
    file.input(graph.input(), graph.shape(graph.input()));
    file.cast(graph.input(), file.named(graph.input(), HALF), TensorProto.DataType.FLOAT16);
    for (Node node : graph.nodes()) {
      List<String> inputs = new ArrayList<>();
      for (String input : node.inputs()) {
        Optional<Constant> constant = graph.constant(input);
        constant.ifPresent(value -> file.constant(input, value));
        inputs.add(constant.isPresent() ? input : file.named(input, HALF));
      }
      file.node(node, inputs, file.named(node.output(), HALF));
    }
    for (String output : graph.outputs()) {
      file.cast(file.named(output, HALF), output, TensorProto.DataType.FLOAT);
      file.output(output, graph.shape(output));
    }
    return file.bytes();
  }

  /** The file's content, with these tensors as outputs too, after the model's own. */
  public static byte[] write(Graph graph, List<String> moreOutputs) {
    OnnxFile file = new OnnxFile(graph);
    file.input(graph.input(), graph.shape(graph.input()));
    for (Node node : graph.nodes()) {
      for (int i = 0; i < node.inputs().size(); i++) {
        String input = node.inputs().get(i);
        graph.constant(input).ifPresent(constant -> file.constant(input, constant));
      }
      file.node(node, node.inputs(), node.output());
    }
    graph.outputs().forEach(output -> file.output(output, graph.shape(output)));
    moreOutputs.stream()
        .filter(output -> !graph.outputs().contains(output))
        .forEach(output -> file.output(output, graph.shape(output)));
    return file.bytes();
  }
}
