package io.skerry.packager.graph;

import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;

/**
 * An ONNX file of one input {@code x} and one output {@code y}, node by node: each reads what was
 * made last, and then the operands that are named. Attributes belong to the last node.
 */
public final class OnnxSketch {
  private static final int OPERATOR_SET = 17;

  private final Random random = new Random(5);
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("sketch");
  private final Shape input;
  private int names;
  private String last = "x";

  public OnnxSketch(Shape input) {
    this.input = input;
    graph.addInput(OnnxParts.value("x", input));
  }

  /** The name of what was made last. */
  public String last() {
    return last;
  }

  /** Goes on from another tensor. */
  public OnnxSketch from(String tensor) {
    last = tensor;
    return this;
  }

  /** A node of what was made last and of these. */
  public OnnxSketch node(String operator, String... others) {
    List<String> operands = new ArrayList<>(List.of(last));
    operands.addAll(Arrays.asList(others));
    last = "t" + names++;
    graph.addNode(
        NodeProto.newBuilder()
            .setOpType(operator)
            .setName(operator + "_" + last)
            .addAllInput(operands)
            .addOutput(last));
    return this;
  }

  public OnnxSketch integer(String name, long value) {
    graph.getNodeBuilder(graph.getNodeCount() - 1).addAttribute(OnnxParts.integer(name, value));
    return this;
  }

  public OnnxSketch longs(String name, long... values) {
    graph
        .getNodeBuilder(graph.getNodeCount() - 1)
        .addAttribute(OnnxParts.integers(name, LongStream.of(values).boxed().toList()));
    return this;
  }

  public OnnxSketch text(String name, String value) {
    graph.getNodeBuilder(graph.getNodeCount() - 1).addAttribute(OnnxParts.text(name, value));
    return this;
  }

  /** A convolution of as many outputs whose kernel has this size, padded to keep the places. */
  public OnnxSketch conv(int outputs, int kernel) {
    Shape x = lastShape();
    int spatial = x.rank() - 2;
    int[] weights = new int[x.rank()];
    Arrays.fill(weights, kernel);
    weights[0] = outputs;
    weights[1] = x.dimension(1);
    long[] pads = new long[2 * spatial];
    Arrays.fill(pads, kernel / 2);
    return node("Conv", reals(weights), reals(outputs)).longs("pads", pads);
  }

  public OnnxSketch dense(int outputs) {
    return node("Gemm", reals(outputs, lastShape().dimension(1)), reals(outputs))
        .integer("transB", 1);
  }

  /** A batch normalisation. */
  public OnnxSketch normalised() {
    int channels = lastShape().dimension(1);
    String variance = "c" + names++;
    float[] values = new float[channels];
    for (int i = 0; i < channels; i++) {
      values[i] = 0.5f + random.nextFloat();
    }
    graph.addInitializer(TestTensors.reals(variance, new int[] {channels}, values));
    return node("BatchNormalization", reals(channels), reals(channels), reals(channels), variance);
  }

  /** A constant of small random numbers. */
  public String reals(int... dimensions) {
    float[] values = new float[Shape.of(dimensions).elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (random.nextFloat() - 0.4f) * 0.7f;
    }
    return reals(dimensions, values);
  }

  public String number(float value) {
    return reals(new int[0], value);
  }

  public String scales(float... values) {
    return reals(new int[] {values.length}, values);
  }

  public String given(int[] dimensions, float... values) {
    return reals(dimensions, values);
  }

  private String reals(int[] dimensions, float... values) {
    String name = "c" + names++;
    graph.addInitializer(TestTensors.reals(name, dimensions, values));
    return name;
  }

  public String longs(long... values) {
    String name = "c" + names++;
    graph.addInitializer(TestTensors.integers(name, values));
    return name;
  }

  /** The shape of what was made last, as the reader infers it. */
  private Shape lastShape() {
    if (graph.getNodeCount() == 0) {
      return input;
    }
    return OnnxImport.read(model()).shape("y");
  }

  /** The file. */
  public byte[] model() {
    GraphProto.Builder whole = graph.clone();
    NodeProto.Builder end = whole.getNodeBuilder(whole.getNodeCount() - 1);
    end.setOutput(0, "y");
    whole.addOutput(OnnxParts.value("y", input));
    whole.getOutputBuilder(0).getTypeBuilder().getTensorTypeBuilder().clearShape();
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPERATOR_SET))
        .setGraph(whole)
        .build()
        .toByteArray();
  }
}
