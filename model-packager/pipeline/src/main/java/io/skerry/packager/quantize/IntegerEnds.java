package io.skerry.packager.quantize;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.util.List;
import java.util.Map;

/**
 * Gives an ONNX file that we wrote int8 inputs and outputs, so that a program that talks to a model
 * in integers can talk to this form of it, too.
 */
public final class IntegerEnds {
  private static final String REAL = "_real_end";

  private IntegerEnds() {}

  /**
   * The file's content with these inputs and outputs as int8.
   *
   * @param onnx a file of operator set 13 or later, its inputs and outputs floats
   * @param ends scales of inputs and outputs, by their names; those without one stay float
   */
  public static byte[] around(byte[] onnx, Map<String, TensorScale> ends) {
    ModelProto.Builder model;
    try {
      model = ModelProto.parseFrom(onnx).toBuilder();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("this is no ONNX file that was just written", e);
    }
    GraphProto.Builder graph = model.getGraphBuilder();
    List<NodeProto> nodes = List.copyOf(graph.getNodeList());
    graph.clearNode();
    for (ValueInfoProto.Builder input : graph.getInputBuilderList()) {
      if (ends.containsKey(input.getName())) {
        String name = input.getName();
        end(graph, input, ends);
        graph.addNode(scaling("DequantizeLinear", name, name + REAL, name));
      }
    }
    for (NodeProto node : nodes) {
      NodeProto.Builder moved = node.toBuilder().clearInput().clearOutput();
      node.getInputList().forEach(name -> moved.addInput(real(name, ends)));
      node.getOutputList().forEach(name -> moved.addOutput(real(name, ends)));
      graph.addNode(moved);
    }
    for (ValueInfoProto.Builder output : graph.getOutputBuilderList()) {
      if (ends.containsKey(output.getName())) {
        String name = output.getName();
        end(graph, output, ends);
        graph.addNode(scaling("QuantizeLinear", name + REAL, name, name));
      }
    }
    return model.build().toByteArray();
  }

  private static String real(String name, Map<String, TensorScale> ends) {
    return ends.containsKey(name) ? name + REAL : name;
  }

  private static void end(
      GraphProto.Builder graph, ValueInfoProto.Builder value, Map<String, TensorScale> ends) {
    TensorScale scale = ends.get(value.getName());
    if (scale == null || scale.type() != IntegerType.INT8) {
      throw new IllegalArgumentException("'%s' has no int8 scale".formatted(value.getName()));
    }
    value.getTypeBuilder().getTensorTypeBuilder().setElemType(TensorProto.DataType.INT8_VALUE);
    graph.addInitializer(
        TensorProto.newBuilder()
            .setName(value.getName() + "_end_scale")
            .setDataType(TensorProto.DataType.FLOAT_VALUE)
            .addFloatData(scale.scale()));
    graph.addInitializer(
        TensorProto.newBuilder()
            .setName(value.getName() + "_end_zero_point")
            .setDataType(TensorProto.DataType.INT8_VALUE)
            .addInt32Data(scale.zeroPoint()));
  }

  private static NodeProto scaling(String operator, String input, String output, String end) {
    return NodeProto.newBuilder()
        .setName(end + "_end")
        .setOpType(operator)
        .addInput(input)
        .addInput(end + "_end_scale")
        .addInput(end + "_end_zero_point")
        .addOutput(output)
        .build();
  }
}
