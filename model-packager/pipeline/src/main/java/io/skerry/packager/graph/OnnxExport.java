package io.skerry.packager.graph;

import java.util.List;

/** Writes a float {@link Graph} as an ONNX file: operator set 17, IR 8. */
public final class OnnxExport {
  private OnnxExport() {}

  /** The file's content. */
  public static byte[] write(Graph graph) {
    return write(graph, List.of());
  }

  /** The file's content, with these tensors as outputs too, after the model's own. */
  public static byte[] write(Graph graph, List<String> moreOutputs) {
    OnnxFile file = new OnnxFile(graph.name());
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
