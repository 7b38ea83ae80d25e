package io.skerry.packager.graph;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.TensorShapeProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads an ONNX file (IR 3 to 10, operator set 7 to 21) into a {@link Graph}: every operator known,
 * every shape fixed but the batch, every weight finite, constants folded, batch normalisation and
 * activations joined to the node before them.
 */
public final class OnnxImport {
  /** The largest file that is read. */
  public static final long MODEL_BYTES_MAX = 512L << 20;

  /** The largest graph that is read. */
  public static final int NODES_MAX = 10_000;

  private static final int IR_MIN = 3;
  private static final int IR_MAX = 10;
  private static final int OPERATOR_SET_MIN = 7;
  private static final int OPERATOR_SET_MAX = 21;

  private OnnxImport() {}

  /**
   * Reads a file. One that was exported for batches of a fixed size above 1 is read as one for any
   * batch: a device asks for one item at a time.
   *
   * @throws ModelRefusedException if it is no model that can be packaged
   * @throws IOException if it cannot be read
   */
  public static Graph read(Path file) throws IOException {
    return read(file, Optional.empty());
  }

  /**
   * Reads a file whose input is to have this shape.
   *
   * @throws ModelRefusedException if it is no model that can be packaged, or the shape does not fit
   * @throws IOException if it cannot be read
   */
  public static Graph read(Path file, Optional<InputShape> shape) throws IOException {
    try {
      ModelProto model = whole(file, shape);
      Graph graph = read(model, true);
      requireSaidOutputs(model.getGraph(), graph);
      return graph;
    } catch (ModelRefusedException e) {
      throw e.in(file.toString());
    }
  }

  /** An engine gives its outputs the sizes that a file says, and computes others. */
  private static void requireSaidOutputs(GraphProto proto, Graph graph) {
    for (ValueInfoProto output : proto.getOutputList()) {
      List<TensorShapeProto.Dimension> said =
          output.getType().getTensorType().getShape().getDimList();
      boolean open = said.isEmpty() || said.stream().skip(1).anyMatch(d -> d.getDimValue() <= 0);
      double elements = 1;
      for (TensorShapeProto.Dimension dimension :
          said.subList(Math.min(1, said.size()), said.size())) {
        elements *= dimension.getDimValue();
      }
      Shape made = graph.shape(output.getName());
      if (!open && elements != made.elementsPerItem()) {
        String shape =
            said.stream()
                .skip(1)
                .map(dimension -> "," + dimension.getDimValue())
                .collect(Collectors.joining("", "[N", "]"));
        throw madeBy(
            proto,
            output.getName(),
            ModelRefusedException.ofPart(
                "output '%s' is said to be %s and is %s".formatted(output.getName(), shape, made)));
      }
    }
  }

  /**
   * A tensor's refusal with the node that makes it before the message; the same where none does.
   */
  private static ModelRefusedException madeBy(
      GraphProto graph, String tensor, ModelRefusedException refusal) {
    for (int i = 0; i < graph.getNodeCount(); i++) {
      if (graph.getNode(i).getOutputList().contains(tensor)) {
        return at(names(graph).get(i), graph.getNode(i), refusal);
      }
    }
    return refusal;
  }

  /**
   * The content of a file with its weights in it, whose input has this shape.
   *
   * @throws ModelRefusedException if it is no model, or the shape does not fit
   * @throws IOException if it cannot be read
   */
  public static byte[] fixed(Path file, InputShape shape) throws IOException {
    try {
      return whole(file, Optional.of(shape)).toByteArray();
    } catch (ModelRefusedException e) {
      throw e.in(file.toString());
    }
  }

  private static ModelProto whole(Path file, Optional<InputShape> shape) throws IOException {
    if (Files.size(file) > MODEL_BYTES_MAX) {
      throw new ModelRefusedException(
          "the file has %d bytes, the limit is %d: prune the model"
              .formatted(Files.size(file), MODEL_BYTES_MAX));
    }
    Path folder = file.toAbsolutePath().resolveSibling("");
    long left = MODEL_BYTES_MAX - Files.size(file);
    ModelProto model = new ExternalData(folder, left).inlined(parsed(Files.readAllBytes(file)));
    return shape.isPresent() ? shape.get().appliedTo(model) : model;
  }

  /**
   * Reads a file's content, for the batch that it was exported for; all weights must be in it.
   *
   * @throws ModelRefusedException if it is no model that can be packaged
   */
  public static Graph read(byte[] content) {
    return read(parsed(content), false);
  }

  private static ModelProto parsed(byte[] content) {
    try {
      return ModelProto.parseFrom(content);
    } catch (InvalidProtocolBufferException e) {
      throw new ModelRefusedException(
          "this is no ONNX model, or it is damaged: export it again", e);
    }
  }

  private static Graph read(ModelProto model, boolean anyBatch) {
    if (!model.hasGraph() || model.getGraph().getNodeCount() == 0) {
      throw new ModelRefusedException("this is no ONNX model: it has no nodes: export it again");
    }
    if (model.getIrVersion() < IR_MIN || model.getIrVersion() > IR_MAX) {
      throw new ModelRefusedException(
          "IR version is %d, %d to %d are read: export with another version"
              .formatted(model.getIrVersion(), IR_MIN, IR_MAX));
    }
    Graph graph = Rewrites.simplified(graph(model.getGraph(), operatorSet(model), anyBatch));
    for (Node node : graph.nodes()) {
      if (node.op() instanceof Op.Pad pad && !Float.isFinite(pad.value())) {
        throw new ModelRefusedException(
            "node '%s' (Pad): it pads with %s, which only a MaxPool of a larger kernel right after it"
                    .formatted(node.name(), pad.value())
                + " leaves out: pad with a number");
      }
    }
    return graph;
  }

  private static int operatorSet(ModelProto model) {
    for (OperatorSetIdProto set : model.getOpsetImportList()) {
      if (set.getDomain().isEmpty() || set.getDomain().equals("ai.onnx")) {
        if (set.getVersion() < OPERATOR_SET_MIN || set.getVersion() > OPERATOR_SET_MAX) {
          throw new ModelRefusedException(
              "operator set is %d, %d to %d are read: export with another version"
                  .formatted(set.getVersion(), OPERATOR_SET_MIN, OPERATOR_SET_MAX));
        }
        return (int) set.getVersion();
      }
    }
    throw new ModelRefusedException("the model names no operator set of ONNX: export it again");
  }

  private static Graph graph(GraphProto proto, int operatorSet, boolean anyBatch) {
    if (proto.getNodeCount() > NODES_MAX) {
      throw new ModelRefusedException(
          "the model has %d nodes, the limit is %d: export it in fewer"
              .formatted(proto.getNodeCount(), NODES_MAX));
    }
    List<ValueInfoProto> inputs = inputs(proto);
    if (inputs.size() != 1) {
      throw new ModelRefusedException(
          "the model has %d inputs %s, one is supported: export it with one, the others as constants"
              .formatted(inputs.size(), inputs.stream().map(ValueInfoProto::getName).toList()));
    }
    String input = inputs.getFirst().getName();
    Shape shape = inputShape(inputs.getFirst());
    int batch = anyBatch ? Math.max(1, shape.dimension(0)) : 1;
    if (proto.getOutputCount() == 0) {
      throw new ModelRefusedException("the model has no output: export it again");
    }
    Set<String> read = read(proto);
    OnnxNodes nodes = new OnnxNodes(operatorSet, batch, read);
    nodes.reserve(names(proto), tensors(proto));
    for (TensorProto constant : proto.getInitializerList()) {
      try {
        if (read.contains(constant.getName())) {
          nodes.addConstant(constant);
        }
      } catch (ModelRefusedException e) {
        throw readBy(proto, constant.getName(), e);
      }
    }
    nodes.addInput(input, batch > 1 ? shape.withBatch(Shape.BATCH) : shape);
    try {
      return graph(proto, input, nodes, read);
    } catch (ModelRefusedException e) {
      throw batch == 1
          ? e
          : new ModelRefusedException(
              "%s; the model is fixed to batches of %d: export it for batches of 1 or any size"
                  .formatted(e.getMessage(), batch),
              e);
    }
  }

  /** What a run has to be given: older files name their weights among the inputs, too. */
  static List<ValueInfoProto> inputs(GraphProto proto) {
    Set<String> constants = new HashSet<>();
    proto.getInitializerList().forEach(initializer -> constants.add(initializer.getName()));
    return proto.getInputList().stream()
        .filter(value -> !constants.contains(value.getName()))
        .toList();
  }

  /** What the outputs are made of: exporters leave parts in a file that nobody reads. */
  private static Set<String> read(GraphProto proto) {
    Set<String> read = new HashSet<>();
    proto.getOutputList().forEach(output -> read.add(output.getName()));
    for (NodeProto node : proto.getNodeList().reversed()) {
      if (isRead(node, read)) {
        read.addAll(node.getInputList());
        read.remove("");
      }
    }
    return read;
  }

  private static boolean isRead(NodeProto node, Set<String> read) {
    return node.getOutputList().stream().anyMatch(read::contains);
  }

  private static Graph graph(GraphProto proto, String input, OnnxNodes nodes, Set<String> read) {
    List<String> names = names(proto);
    for (int i = 0; i < proto.getNodeCount(); i++) {
      NodeProto node = proto.getNode(i);
      String name = names.get(i);
      try {
        if (isRead(node, read)) {
          nodes.add(name, node);
        }
      } catch (ModelRefusedException
          | IllegalArgumentException
          | ArithmeticException
          | IndexOutOfBoundsException e) {
        ModelRefusedException refusal = at(name, node, e);
        throw node.getOpType().equals("Constant") && node.getOutputCount() > 0
            ? readBy(proto, node.getOutput(0), refusal)
            : refusal;
      }
    }
    proto.getOutputList().forEach(output -> nodes.output(output.getName()));
    return nodes.graph(proto.getName(), input);
  }

  /**
   * A constant's refusal with the first node that reads it before the message, as people know their
   * model by its nodes; the same where none does.
   */
  static ModelRefusedException readBy(
      GraphProto graph, String constant, ModelRefusedException refusal) {
    for (int i = 0; i < graph.getNodeCount(); i++) {
      if (graph.getNode(i).getInputList().contains(constant)) {
        return at(names(graph).get(i), graph.getNode(i), refusal);
      }
    }
    return refusal;
  }

  private static ModelRefusedException at(String name, NodeProto node, RuntimeException cause) {
    String what =
        cause instanceof ModelRefusedException
            ? String.valueOf(cause.getMessage())
            : "its attributes or constants fit neither each other nor its input (%s): export the model again"
                .formatted(cause.getMessage());
    return new ModelRefusedException(
        "node '%s' (%s): %s".formatted(name, node.getOpType(), what), cause);
  }

  /** A name for each node, no two the same. */
  private static List<String> names(GraphProto graph) {
    Names names = new Names();
    return graph.getNodeList().stream()
        .map(
            node ->
                names.free(
                    node.getName().isEmpty()
                        ? String.join(",", node.getOutputList())
                        : node.getName()))
        .toList();
  }

  private static Set<String> tensors(GraphProto graph) {
    Set<String> tensors = new HashSet<>();
    graph.getInitializerList().forEach(constant -> tensors.add(constant.getName()));
    graph.getInputList().forEach(input -> tensors.add(input.getName()));
    graph.getNodeList().forEach(node -> tensors.addAll(node.getOutputList()));
    return tensors;
  }

  private static Shape inputShape(ValueInfoProto input) {
    int type = input.getType().getTensorType().getElemType();
    if (type != TensorProto.DataType.FLOAT_VALUE) {
      throw new ModelRefusedException(
          "input '%s' has element type %s: export the model with a 32-bit float input"
              .formatted(input.getName(), OnnxTensors.typeName(type)));
    }
    List<Integer> dimensions = new ArrayList<>();
    for (TensorShapeProto.Dimension dimension :
        input.getType().getTensorType().getShape().getDimList()) {
      boolean fixed = dimension.hasDimValue() && dimension.getDimValue() > 0;
      if (!fixed && !dimensions.isEmpty()) {
        throw new ModelRefusedException(
            "input '%s' has no fixed size in dimension %d: only the batch may vary, fix the others at export, or give 'skerry pack' or 'skerry import model' the --input-shape"
                .formatted(input.getName(), dimensions.size()));
      }
      if (dimension.getDimValue() > Integer.MAX_VALUE) {
        throw new ModelRefusedException(
            "input '%s' has size %d in dimension %d: export it for smaller inputs"
                .formatted(input.getName(), dimension.getDimValue(), dimensions.size()));
      }
      dimensions.add(fixed ? (int) dimension.getDimValue() : Shape.BATCH);
    }
    if (dimensions.size() < 2) {
      throw new ModelRefusedException(
          "input '%s' has shape %s: a batch and at least one dimension more are needed: export the model with them"
              .formatted(input.getName(), new Shape(dimensions)));
    }
    return new Shape(dimensions);
  }
}
