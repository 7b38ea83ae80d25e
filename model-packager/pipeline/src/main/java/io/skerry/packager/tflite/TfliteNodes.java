package io.skerry.packager.tflite;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.GraphBuilder;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.packager.quantize.IntegerType;
import io.skerry.packager.quantize.KnownScales;
import io.skerry.packager.quantize.TensorScale;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.ActivationFunctionType;
import org.tensorflow.lite.schema.BatchMatMulOptionsT;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.Conv2DOptionsT;
import org.tensorflow.lite.schema.DepthwiseConv2DOptionsT;
import org.tensorflow.lite.schema.GeluOptionsT;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.Padding;
import org.tensorflow.lite.schema.Pool2DOptionsT;
import org.tensorflow.lite.schema.QuantizationParametersT;
import org.tensorflow.lite.schema.SoftmaxOptionsT;
import org.tensorflow.lite.schema.SubGraphT;
import org.tensorflow.lite.schema.TensorT;
import org.tensorflow.lite.schema.TensorType;
import org.tensorflow.lite.schema.TransposeConvOptionsT;

/**
 * Turns the format's operators into ours. Feature maps lie channels last there and channels first
 * here: each tensor is known in the layout in which it was made, and turned when it is asked for in
 * the other one; what turns back and forth is removed again.
 */
final class TfliteNodes {
  private static final List<Integer> TO_FIRST = List.of(0, 3, 1, 2);
  private static final List<Integer> TO_LAST = List.of(0, 2, 3, 1);

  private final ModelT model;
  private final SubGraphT subgraph;
  private final GraphBuilder graph;

  /** Names of tensors that lie channels first, by the index of the original. */
  private final Map<Integer, String> first = new HashMap<>();

  private final Map<Integer, String> plain = new HashMap<>();

  private final Map<String, float[]> weightScales = new HashMap<>();
  private final Map<String, TensorScale> operandScales = new HashMap<>();

  private TfliteNodes(ModelT model, SubGraphT subgraph, GraphBuilder graph) {
    this.model = model;
    this.subgraph = subgraph;
    this.graph = graph;
  }

  static TfliteModel read(ModelT model) {
    if (model.getSubgraphs().length != 1) {
      throw new ModelRefusedException(
          "the model has %d subgraphs, one is supported: export it without control flow"
              .formatted(model.getSubgraphs().length));
    }
    SubGraphT subgraph = model.getSubgraphs()[0];
    if (subgraph.getInputs().length != 1) {
      throw new ModelRefusedException(
          "the model has %d inputs, one is supported: export it with one, the others as constants"
              .formatted(subgraph.getInputs().length));
    }
    TensorT input = subgraph.getTensors()[subgraph.getInputs()[0]];
    if (input.getType() != TensorType.FLOAT32 && input.getType() != TensorType.INT8) {
      throw new ModelRefusedException(
          "input '%s' is %s: export the model with a 32-bit float input"
              .formatted(input.getName(), TensorType.name(input.getType())));
    }
    int[] shape = input.getShape().clone();
    if (shape.length < 2) {
      throw new ModelRefusedException(
          "input '%s' has shape %s: a batch and at least one dimension more are needed: export the model with them"
              .formatted(input.getName(), Arrays.toString(shape)));
    }
    shape[0] = Shape.BATCH;
    GraphBuilder graph =
        new GraphBuilder(
            subgraph.getName() == null ? "model" : subgraph.getName(),
            input.getName(),
            Shape.of(shape));
    TfliteNodes nodes = new TfliteNodes(model, subgraph, graph);
    nodes.plain.put(subgraph.getInputs()[0], input.getName());
    return nodes.read();
  }

  private TfliteModel read() {
    for (int i = 0; i < subgraph.getOperators().length; i++) {
      OperatorT operator = subgraph.getOperators()[i];
      int code = code(operator);
      String name = BuiltinOperator.name(code).toLowerCase(java.util.Locale.ROOT) + "_" + i;
      try {
        add(name, code, operator);
      } catch (ModelRefusedException | IllegalArgumentException | ArithmeticException e) {
        throw new ModelRefusedException(
            "node '%s' (%s): %s".formatted(name, BuiltinOperator.name(code), e.getMessage()), e);
      }
    }
    Map<String, TensorScale> scales = scales();
    Map<String, TensorScale> ends = new HashMap<>();
    end(subgraph.getInputs()[0], plain(subgraph.getInputs()[0]), ends);
    List<String> outputs = new ArrayList<>();
    Map<String, String> said = new HashMap<>();
    for (int index : subgraph.getOutputs()) {
      String wanted = tensor(index).getName();
      String made = plain(index);
      if (graph.constantOrNull(made) != null) {
        throw new ModelRefusedException(
            "output '%s' is constant, whatever the input: leave it out".formatted(wanted));
      }
      String before = said.putIfAbsent(made, wanted);
      if (before != null) {
        throw new ModelRefusedException(
            "outputs '%s' and '%s' are the same: export the model with one of them"
                .formatted(before, wanted));
      }
      String name = made.equals(wanted) ? made : graph.renamed(made, wanted);
      outputs.add(name);
      scale(index)
          .or(() -> Optional.ofNullable(scales.get(made)))
          .ifPresent(s -> scales.put(name, s));
      end(index, name, ends);
    }
    return new TfliteModel(graph.build(outputs), new KnownScales(scales, weightScales), ends);
  }

  /** Scales of all tensors by what they are called in the graph, in either layout. */
  private Map<String, TensorScale> scales() {
    Map<String, TensorScale> scales = new HashMap<>(operandScales);
    for (Map<Integer, String> layout : List.of(first, plain)) {
      layout.forEach((index, name) -> scale(index).ifPresent(s -> scales.putIfAbsent(name, s)));
    }
    return scales;
  }

  /**
   * Takes what lies at an end of the graph, which every form of the model has to have in the same
   * type.
   */
  private void end(int index, String name, Map<String, TensorScale> ends) {
    TensorT tensor = tensor(index);
    if (tensor.getType() == TensorType.FLOAT32) {
      return;
    }
    if (tensor.getType() != TensorType.INT8) {
      throw new ModelRefusedException(
          "output '%s' is %s: export the model with an int8 or 32-bit float output"
              .formatted(tensor.getName(), TensorType.name(tensor.getType())));
    }
    ends.put(
        name,
        scale(index)
            .orElseThrow(
                () ->
                    new ModelRefusedException(
                        "'%s' is int8 without a scale: export the model again"
                            .formatted(tensor.getName()))));
  }

  /** The scale of an int8 tensor that has one for all. */
  private Optional<TensorScale> scale(int index) {
    TensorT tensor = tensor(index);
    QuantizationParametersT how = tensor.getQuantization();
    boolean one =
        tensor.getType() == TensorType.INT8
            && how != null
            && how.getScale() != null
            && how.getScale().length == 1
            && how.getScale()[0] > 0;
    return one
        ? Optional.of(
            new TensorScale(
                IntegerType.INT8, how.getScale()[0], Math.toIntExact(zeroPoint(how, 0))))
        : Optional.empty();
  }

  private int code(OperatorT operator) {
    var code = model.getOperatorCodes()[Math.toIntExact(operator.getOpcodeIndex())];
    return Math.max(code.getBuiltinCode(), code.getDeprecatedBuiltinCode());
  }

  private void add(String name, int code, OperatorT operator) {
    switch (code) {
      case BuiltinOperator.CONV_2D -> conv(name, operator);
      case BuiltinOperator.DEPTHWISE_CONV_2D -> depthwise(name, operator);
      case BuiltinOperator.FULLY_CONNECTED -> dense(name, operator);
      case BuiltinOperator.ADD ->
          binary(
              name,
              Op.Binary.Kind.ADD,
              operator,
              operator.getBuiltinOptions().asAddOptions().getFusedActivationFunction());
      case BuiltinOperator.SUB ->
          binary(
              name,
              Op.Binary.Kind.SUB,
              operator,
              operator.getBuiltinOptions().asSubOptions().getFusedActivationFunction());
      case BuiltinOperator.MUL ->
          binary(
              name,
              Op.Binary.Kind.MUL,
              operator,
              operator.getBuiltinOptions().asMulOptions().getFusedActivationFunction());
      case BuiltinOperator.DIV ->
          division(
              name,
              operator,
              operator.getBuiltinOptions().asDivOptions().getFusedActivationFunction());
      case BuiltinOperator.SQUARED_DIFFERENCE -> squaredDifference(name, operator);
      case BuiltinOperator.SQUARE -> square(name, operator);
      case BuiltinOperator.SQRT ->
          anyUnary(name, new Op.Function(Op.Function.Kind.SQRT, 0), operator);
      case BuiltinOperator.RSQRT -> reciprocalRoot(name, operator);
      case BuiltinOperator.BATCH_MATMUL -> matMul(name, operator);
      case BuiltinOperator.GELU ->
          anyUnary(name, gelu(operator.getBuiltinOptions().asGeluOptions()), operator);
      case BuiltinOperator.PRELU -> parametricRelu(name, operator);
      case BuiltinOperator.MAX_POOL_2D, BuiltinOperator.AVERAGE_POOL_2D ->
          pool(name, operator, code == BuiltinOperator.MAX_POOL_2D);
      case BuiltinOperator.MEAN -> mean(name, operator);
      case BuiltinOperator.RESHAPE -> reshape(name, operator);
      case BuiltinOperator.TRANSPOSE -> transpose(name, operator);
      case BuiltinOperator.SOFTMAX -> softmax(name, operator);
      case BuiltinOperator.LOGISTIC -> anyUnary(name, new Op.Sigmoid(), operator);
      case BuiltinOperator.TANH ->
          anyUnary(name, new Op.Function(Op.Function.Kind.TANH, 0), operator);
      case BuiltinOperator.HARD_SWISH ->
          anyUnary(name, new Op.Function(Op.Function.Kind.HARD_SWISH, 0), operator);
      case BuiltinOperator.LEAKY_RELU ->
          anyUnary(
              name,
              new Op.Function(
                  Op.Function.Kind.LEAKY_RELU,
                  operator.getBuiltinOptions().asLeakyReluOptions().getAlpha()),
              operator);
      case BuiltinOperator.CONCATENATION -> concat(name, operator);
      case BuiltinOperator.RELU -> anyUnary(name, new Op.Activate(Activation.RELU), operator);
      case BuiltinOperator.RELU6 -> anyUnary(name, new Op.Activate(Activation.RELU6), operator);
      case BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE -> alias(name, operator);
      case BuiltinOperator.PAD, BuiltinOperator.PADV2 -> pad(name, operator);
      case BuiltinOperator.SLICE, BuiltinOperator.STRIDED_SLICE ->
          slice(name, operator, code == BuiltinOperator.STRIDED_SLICE);
      case BuiltinOperator.SPLIT, BuiltinOperator.SPLIT_V ->
          split(name, operator, code == BuiltinOperator.SPLIT);
      case BuiltinOperator.RESIZE_BILINEAR, BuiltinOperator.RESIZE_NEAREST_NEIGHBOR ->
          resize(name, code, operator);
      case BuiltinOperator.TRANSPOSE_CONV -> transposed(name, operator);
      case BuiltinOperator.MAXIMUM, BuiltinOperator.MINIMUM ->
          bound(name, code == BuiltinOperator.MAXIMUM, operator);
      case BuiltinOperator.RELU_N1_TO_1 -> anyUnary(name, new Op.Clip(-1, 1), operator);
      case BuiltinOperator.CUSTOM ->
          throw new ModelRefusedException(
              "the custom operator '%s' is not supported here: only %s is, as the last one on floats; export the model without it"
                  .formatted(
                      model.getOperatorCodes()[Math.toIntExact(operator.getOpcodeIndex())]
                          .getCustomCode(),
                      DetectionEnd.NAME));
      default ->
          throw new ModelRefusedException(
              "the operator is not supported: rewrite this part of the model with convolutions,"
                  + " dense layers, pooling and element-wise operators");
    }
  }

  private TensorT tensor(int index) {
    return subgraph.getTensors()[index];
  }

  private static int output(OperatorT operator) {
    return operator.getOutputs()[0];
  }

  /** The same values in another type: stored weights, or where integers begin and end. */
  private void alias(String name, OperatorT operator) {
    int source = operator.getInputs()[0];
    Optional<TensorScale> before = scale(source);
    Optional<TensorScale> after = scale(output(operator));
    if (before.isPresent() && after.isPresent() && isNarrower(after.get(), before.get())) {
      anyUnary(name, new Op.Clip(lowest(after.get()), highest(after.get())), operator);
      return;
    }
    Constant constant = constant(source);
    if (constant != null) {
      plain.put(output(operator), graph.constant(tensor(output(operator)).getName(), constant));
      return;
    }
    if (after.isPresent() && tensor(source).getType() == TensorType.FLOAT32) {
      // Floats have no ends, but integers made of them do: those may stand for an activation.
      anyUnary(name, new Op.Clip(lowest(after.get()), highest(after.get())), operator);
      return;
    }
    Map<Integer, String> layout = first.containsKey(source) ? first : plain;
    String made = made(layout, source);
    // The integers that its maker made bound it, whatever wider ones they become.
    before.ifPresent(scale -> operandScales.putIfAbsent(made, scale));
    layout.put(output(operator), made);
  }

  /** Whether integers that become those of another scale are cut off. */
  private static boolean isNarrower(TensorScale after, TensorScale before) {
    return !before.isWithin(lowest(after), highest(after));
  }

  private static float lowest(TensorScale scale) {
    return scale.real(scale.type().minimum());
  }

  private static float highest(TensorScale scale) {
    return scale.real(scale.type().maximum());
  }

  private void pad(String name, OperatorT operator) {
    int[] inputs = operator.getInputs();
    Constant value = inputs.length > 2 ? constant(inputs[2]) : null;
    if (inputs.length > 2 && value == null) {
      throw ModelRefusedException.ofPart("its value must be constant");
    }
    float around = value == null ? 0 : value.at(0);
    anyUnary(name, SpatialImport.pad(integers(inputs[1]), around, order(inputs[0])), operator);
  }

  private void slice(String name, OperatorT operator, boolean strided) {
    int[] inputs = operator.getInputs();
    int[] shape = tensor(inputs[0]).getShape();
    int[] begin = integers(inputs[1]);
    int[] end = integers(inputs[2]);
    Op op =
        strided
            ? SpatialImport.stridedSlice(
                operator.getBuiltinOptions().asStridedSliceOptions(),
                shape,
                begin,
                end,
                integers(inputs[3]),
                order(inputs[0]))
            : SpatialImport.slice(shape, begin, end, order(inputs[0]));
    anyUnary(name, op, operator);
  }

  /** Each part is a slice. */
  private void split(String name, OperatorT operator, boolean axisFirst) {
    int[] inputs = operator.getInputs();
    int source = inputs[axisFirst ? 1 : 0];
    int[] shape = tensor(source).getShape();
    int[] given = integers(inputs[axisFirst ? 0 : 2]);
    int axis = given.length != 1 ? 0 : given[0] < 0 ? given[0] + shape.length : given[0];
    if (given.length != 1 || axis < 1 || axis >= shape.length) {
      throw ModelRefusedException.ofPart(
          "axis %s is not one after the batch of %s"
              .formatted(Arrays.toString(given), Arrays.toString(shape)));
    }
    List<Integer> order = order(source);
    int[] begin = new int[shape.length];
    for (int part = 0; part < operator.getOutputs().length; part++) {
      int output = operator.getOutputs()[part];
      int[] size = tensor(output).getShape();
      if (size.length != shape.length || begin[axis] + size[axis] > shape[axis]) {
        throw new ModelRefusedException(
            "its part of shape %s does not fit %s, the file is damaged: export it again"
                .formatted(Arrays.toString(size), Arrays.toString(shape)));
      }
      anyUnary(
          "%s_%d".formatted(name, part),
          SpatialImport.slice(shape, begin, size, order),
          source,
          output);
      begin[axis] += size[axis];
    }
  }

  /** The dimensions of a tensor of the file in the order in which the graph's operators read it. */
  private List<Integer> order(int index) {
    return first.containsKey(index)
        ? TO_FIRST
        : IntStream.range(0, tensor(index).getShape().length).boxed().toList();
  }

  private void resize(String name, int code, OperatorT operator) {
    int input = operator.getInputs()[0];
    Op op =
        SpatialImport.resize(
            code, operator, tensor(input).getShape(), tensor(output(operator)).getShape());
    String made = graph.node(name, op, Activation.NONE, name + "_out", List.of(first(input)));
    first.put(output(operator), made);
  }

  private void transposed(String name, OperatorT operator) {
    int[] operands = operator.getInputs();
    TransposeConvOptionsT options = operator.getBuiltinOptions().asTransposeConvOptions();
    Constant filter = weights(operator);
    int[] kernel = {filter.shape().dimension(1), filter.shape().dimension(2)};
    int[] from = tensor(operands[2]).getShape();
    Op op = SpatialImport.transposed(options, kernel, from, integers(operands[0]));
    // [O,H,W,I] becomes [I,O,H,W].
    List<String> inputs = new ArrayList<>(List.of(first(operands[2])));
    inputs.add(graph.constant(name + "_weights", filter.transposed(3, 0, 1, 2)));
    Constant bias = operands.length > 3 && operands[3] >= 0 ? constant(operands[3]) : null;
    if (bias != null) {
      inputs.add(graph.constant(name + "_bias", bias));
    }
    String made = graph.node(name, op, Activation.NONE, name + "_out", inputs);
    first.put(output(operator), activated(name, made, options.getFusedActivationFunction()));
  }

  /** The larger or smaller of each element and one number. */
  private void bound(String name, boolean lower, OperatorT operator) {
    int[] inputs = operator.getInputs();
    Constant left = constant(inputs[0]);
    Constant bound = left == null ? constant(inputs[1]) : left;
    if (bound == null || bound.size() != 1) {
      throw ModelRefusedException.ofPart("one of its operands must be one constant number");
    }
    Op op =
        lower
            ? new Op.Clip(bound.at(0), Op.Clip.UNBOUNDED)
            : new Op.Clip(-Op.Clip.UNBOUNDED, bound.at(0));
    anyUnary(name, op, inputs[left == null ? 0 : 1], output(operator));
  }

  private void conv(String name, OperatorT operator) {
    Conv2DOptionsT options = operator.getBuiltinOptions().asConv2DOptions();
    Constant filter = weights(operator);
    // [O,H,W,I] becomes [O,I,H,W].
    Constant weights = filter.transposed(0, 3, 1, 2);
    Window window =
        window(
            operator,
            filter.shape().dimension(1),
            filter.shape().dimension(2),
            new int[] {options.getStrideH(), options.getStrideW()},
            new int[] {options.getDilationHFactor(), options.getDilationWFactor()},
            options.getPadding());
    int inputs = tensor(operator.getInputs()[0]).getShape()[3];
    int each = weights.shape().dimension(1);
    if (inputs % each != 0) {
      throw ModelRefusedException.ofPart(
          "weights %s do not fit the %d channels of its input".formatted(filter.shape(), inputs));
    }
    Op op = new Op.Conv(window, inputs / each);
    weighted(name, op, operator, weights, options.getFusedActivationFunction());
  }

  private void depthwise(String name, OperatorT operator) {
    DepthwiseConv2DOptionsT options = operator.getBuiltinOptions().asDepthwiseConv2DOptions();
    Constant filter = weights(operator);
    // [1,H,W,O] becomes [O,1,H,W].
    Constant weights = filter.transposed(3, 0, 1, 2);
    int channels = tensor(operator.getInputs()[0]).getShape()[3];
    Window window =
        window(
            operator,
            filter.shape().dimension(1),
            filter.shape().dimension(2),
            new int[] {options.getStrideH(), options.getStrideW()},
            new int[] {options.getDilationHFactor(), options.getDilationWFactor()},
            options.getPadding());
    weighted(
        name,
        new Op.Conv(window, channels),
        operator,
        weights,
        options.getFusedActivationFunction());
  }

  private void weighted(String name, Op op, OperatorT operator, Constant weights, byte activation) {
    List<String> inputs = new ArrayList<>();
    inputs.add(first(operator.getInputs()[0]));
    inputs.add(weights(name, operator, weights));
    bias(operator).ifPresent(bias -> inputs.add(graph.constant(name + "_bias", bias)));
    first.put(
        output(operator), graph.node(name, op, activation(activation), name + "_out", inputs));
  }

  private void dense(String name, OperatorT operator) {
    var options = operator.getBuiltinOptions().asFullyConnectedOptions();
    Constant weights = weights(operator);
    String input = plain(operator.getInputs()[0]);
    int inputs = weights.shape().dimension(1);
    if (graph.shape(input).rank() != 2) {
      input =
          graph.node(
              name + "_flat",
              new Op.Reshape(Shape.of(Shape.BATCH, inputs)),
              Activation.NONE,
              name + "_flat",
              List.of(input));
    }
    List<String> operands = new ArrayList<>(List.of(input));
    operands.add(weights(name, operator, weights));
    bias(operator).ifPresent(bias -> operands.add(graph.constant(name + "_bias", bias)));
    plain.put(
        output(operator),
        graph.node(
            name,
            new Op.Dense(),
            activation(options.getFusedActivationFunction()),
            name + "_out",
            operands));
  }

  private void binary(String name, Op.Binary.Kind kind, OperatorT operator, byte activation) {
    binary(name, kind, operator, activation, null);
  }

  /** The same with another constant in place of the second operand. */
  private void binary(
      String name,
      Op.Binary.Kind kind,
      OperatorT operator,
      byte activation,
      @Nullable Constant second) {
    boolean channelsFirst = isChannelsFirst(operator);
    List<String> inputs = operands(name, operator, channelsFirst, second);
    String made =
        graph.node(name, new Op.Binary(kind), activation(activation), name + "_out", inputs);
    (channelsFirst ? first : plain).put(output(operator), made);
  }

  private boolean isChannelsFirst(OperatorT operator) {
    return Arrays.stream(operator.getInputs()).anyMatch(first::containsKey)
        && Arrays.stream(operator.getInputs())
            .allMatch(i -> constant(i) != null || tensor(i).getShape().length == 4);
  }

  private List<String> operands(
      String name, OperatorT operator, boolean channelsFirst, @Nullable Constant second) {
    List<String> inputs = new ArrayList<>();
    for (int index : operator.getInputs()) {
      boolean replaced = second != null && inputs.size() == 1;
      Constant constant = replaced ? second : constant(index);
      if (constant == null) {
        inputs.add(channelsFirst ? first(index) : plain(index));
        continue;
      }
      String operand =
          graph.constant(name + "_operand", channelsFirst ? channelsFirst(constant) : constant);
      if (!replaced) {
        scale(index).ifPresent(scale -> operandScales.put(operand, scale));
      }
      inputs.add(operand);
    }
    return inputs;
  }

  /** A constant operand of feature maps channels last, for such channels first. */
  private static Constant channelsFirst(Constant constant) {
    List<Integer> full = new ArrayList<>(constant.shape().dimensions());
    while (full.size() < 4) {
      full.addFirst(1);
    }
    return constant.reshaped(new Shape(full)).transposed(0, 3, 1, 2);
  }

  /** A constant divisor is a factor. */
  private void division(String name, OperatorT operator, byte activation) {
    int divisor = operator.getInputs()[1];
    Constant constant = constant(divisor);
    if (constant == null) {
      binary(name, Op.Binary.Kind.DIV, operator, activation);
      return;
    }
    binary(name, Op.Binary.Kind.MUL, operator, activation, reciprocal(constant));
  }

  private static Constant reciprocal(Constant constant) {
    float[] factors = constant.values();
    for (int i = 0; i < factors.length; i++) {
      factors[i] = 1 / factors[i];
      if (!Float.isFinite(factors[i])) {
        throw new ModelRefusedException("it divides by 0: train or export the model again");
      }
    }
    return Constant.of(constant.shape(), factors);
  }

  private void squaredDifference(String name, OperatorT operator) {
    boolean channelsFirst = isChannelsFirst(operator);
    List<String> inputs = operands(name, operator, channelsFirst, null);
    String difference =
        graph.node(
            name + "_difference",
            new Op.Binary(Op.Binary.Kind.SUB),
            Activation.NONE,
            name + "_difference",
            inputs);
    String made = squared(name, difference);
    (channelsFirst ? first : plain).put(output(operator), made);
  }

  private void square(String name, OperatorT operator) {
    int input = operator.getInputs()[0];
    boolean channelsFirst = first.containsKey(input);
    String made = squared(name, channelsFirst ? first(input) : plain(input));
    (channelsFirst ? first : plain).put(output(operator), made);
  }

  private String squared(String name, String x) {
    Op product = new Op.Binary(Op.Binary.Kind.MUL);
    return graph.node(name, product, Activation.NONE, name + "_out", List.of(x, x));
  }

  private void reciprocalRoot(String name, OperatorT operator) {
    int input = operator.getInputs()[0];
    boolean channelsFirst = first.containsKey(input);
    String source = channelsFirst ? first(input) : plain(input);
    Op root = new Op.Function(Op.Function.Kind.SQRT, 0);
    String made =
        graph.node(name + "_root", root, Activation.NONE, name + "_root", List.of(source));
    String one = graph.constant(name + "_one", Constant.of(Shape.of(1), 1));
    Op division = new Op.Binary(Op.Binary.Kind.DIV);
    String out = graph.node(name, division, Activation.NONE, name + "_out", List.of(one, made));
    (channelsFirst ? first : plain).put(output(operator), out);
  }

  private static Op gelu(GeluOptionsT options) {
    boolean nearly = options.getApproximate();
    return new Op.Function(nearly ? Op.Function.Kind.GELU_TANH : Op.Function.Kind.GELU, 0);
  }

  private void matMul(String name, OperatorT operator) {
    BatchMatMulOptionsT options = operator.getBuiltinOptions().asBatchMatMulOptions();
    int[] inputs = operator.getInputs();
    if (constant(inputs[0]) != null || constant(inputs[1]) != null) {
      throw new ModelRefusedException(
          "one of its matrices is constant: export it as a dense layer");
    }
    List<String> operands =
        List.of(matrix(inputs[0], options.getAdjX()), matrix(inputs[1], options.getAdjY()));
    plain.put(
        output(operator),
        graph.node(name, new Op.MatMul(), Activation.NONE, name + "_out", operands));
  }

  /** A tensor, its last two dimensions swapped or not. */
  private String matrix(int index, boolean swapped) {
    String source = plain(index);
    if (!swapped) {
      return source;
    }
    List<Integer> order =
        new ArrayList<>(IntStream.range(0, graph.shape(source).rank()).boxed().toList());
    Collections.swap(order, order.size() - 1, order.size() - 2);
    return turned(source, order, "_swapped");
  }

  private void parametricRelu(String name, OperatorT operator) {
    int input = operator.getInputs()[0];
    Constant slopes = constant(operator.getInputs()[1]);
    if (slopes == null) {
      throw ModelRefusedException.ofPart("its slopes must be constant");
    }
    boolean channelsFirst = first.containsKey(input);
    String operand =
        graph.constant(name + "_slopes", channelsFirst ? channelsFirst(slopes) : slopes);
    String made =
        graph.node(
            name,
            new Op.ParametricRelu(),
            Activation.NONE,
            name + "_out",
            List.of(channelsFirst ? first(input) : plain(input), operand));
    (channelsFirst ? first : plain).put(output(operator), made);
  }

  private void pool(String name, OperatorT operator, boolean max) {
    Pool2DOptionsT options = operator.getBuiltinOptions().asPool2DOptions();
    int[] shape = tensor(operator.getInputs()[0]).getShape();
    boolean global =
        !max
            && options.getFilterHeight() == shape[1]
            && options.getFilterWidth() == shape[2]
            && options.getPadding() == Padding.VALID;
    Window window =
        window(
            operator,
            options.getFilterHeight(),
            options.getFilterWidth(),
            new int[] {options.getStrideH(), options.getStrideW()},
            new int[] {1, 1},
            options.getPadding());
    Op op =
        global
            ? new Op.GlobalAveragePool()
            : max ? new Op.MaxPool(window) : new Op.AveragePool(window, false);
    String made =
        graph.node(
            name, op, Activation.NONE, name + "_out", List.of(first(operator.getInputs()[0])));
    first.put(output(operator), activated(name, made, options.getFusedActivationFunction()));
  }

  /** Over height and width, it is a pool. */
  private void mean(String name, OperatorT operator) {
    int input = operator.getInputs()[0];
    int rank = tensor(input).getShape().length;
    int[] axes =
        Arrays.stream(integers(operator.getInputs()[1]))
            .map(a -> a < 0 ? a + rank : a)
            .sorted()
            .toArray();
    if (Arrays.stream(axes).anyMatch(axis -> axis < 1 || axis >= rank)) {
      throw new ModelRefusedException(
          "axes %s are not supported: name dimensions after the batch"
              .formatted(Arrays.toString(axes)));
    }
    boolean pools = rank == 4 && Arrays.equals(axes, new int[] {1, 2});
    boolean channelsFirst = pools || first.containsKey(input);
    List<Integer> order = order(input);
    Op op =
        pools
            ? new Op.GlobalAveragePool()
            : new Op.Mean(Arrays.stream(axes).map(order::indexOf).sorted().boxed().toList());
    String source = channelsFirst ? first(input) : plain(input);
    String made = graph.node(name, op, Activation.NONE, name + "_out", List.of(source));
    if (operator.getBuiltinOptions().asReducerOptions().getKeepDims()) {
      (channelsFirst ? first : plain).put(output(operator), made);
      return;
    }
    if (channelsFirst && !pools) {
      made = turned(made, TO_LAST, "_last");
    }
    int[] flat = tensor(output(operator)).getShape().clone();
    flat[0] = Shape.BATCH;
    plain.put(
        output(operator),
        graph.node(
            name + "_flat",
            new Op.Reshape(Shape.of(flat)),
            Activation.NONE,
            name + "_flat",
            List.of(made)));
  }

  private void reshape(String name, OperatorT operator) {
    int index = operator.getInputs()[0];
    int[] shape = tensor(output(operator)).getShape().clone();
    shape[0] = Shape.BATCH;
    // One pixel has the same elements in either layout.
    String input = first.containsKey(index) && isPixel(index) ? first(index) : plain(index);
    plain.put(
        output(operator),
        graph.node(
            name, new Op.Reshape(Shape.of(shape)), Activation.NONE, name + "_out", List.of(input)));
  }

  private void transpose(String name, OperatorT operator) {
    List<Integer> permutation = list(integers(operator.getInputs()[1]));
    if (permutation.isEmpty() || permutation.getFirst() != 0) {
      throw ModelRefusedException.ofPart("permutation %s moves the batch".formatted(permutation));
    }
    plainUnary(name, new Op.Transpose(permutation), operator);
  }

  private boolean isPixel(int index) {
    int[] shape = tensor(index).getShape();
    return shape.length == 4 && shape[1] == 1 && shape[2] == 1;
  }

  /** Its factor tells classes apart more or less sharply; ours has none, and others do not. */
  private void softmax(String name, OperatorT operator) {
    boolean told = operator.getBuiltinOptions().getValue() instanceof SoftmaxOptionsT;
    float factor = told ? operator.getBuiltinOptions().asSoftmaxOptions().getBeta() : 1;
    String input = plain(operator.getInputs()[0]);
    if (factor != 1) {
      String by = graph.constant(name + "_beta", Constant.of(Shape.of(1), factor));
      Op product = new Op.Binary(Op.Binary.Kind.MUL);
      String scaled =
          graph.node(
              name + "_scaled", product, Activation.NONE, name + "_scaled", List.of(input, by));
      // The same integers stand for as many times more.
      scale(operator.getInputs()[0])
          .filter(scale -> factor > 0)
          .ifPresent(
              scale -> {
                operandScales.put(by, new TensorScale(IntegerType.INT8, factor / 100, 0));
                operandScales.put(
                    scaled,
                    new TensorScale(scale.type(), scale.scale() * factor, scale.zeroPoint()));
              });
      input = scaled;
    }
    plain.put(
        output(operator),
        graph.node(name, new Op.Softmax(), Activation.NONE, name + "_out", List.of(input)));
  }

  private void concat(String name, OperatorT operator) {
    int[] inputs = operator.getInputs();
    int rank = tensor(inputs[0]).getShape().length;
    int given = operator.getBuiltinOptions().asConcatenationOptions().getAxis();
    int axis = given < 0 ? given + rank : given;
    int[] computed = Arrays.stream(inputs).filter(i -> constant(i) == null).toArray();
    if (computed.length == 1 && inputs.length > 1) {
      List<Optional<Constant>> parts =
          Arrays.stream(inputs).mapToObj(i -> Optional.ofNullable(constant(i))).toList();
      int[] shape = tensor(computed[0]).getShape();
      Op op = SpatialImport.margins(parts, shape, axis, order(computed[0]));
      anyUnary(name, op, computed[0], output(operator));
      return;
    }
    boolean channelsFirst = Arrays.stream(inputs).allMatch(first::containsKey);
    Op op = new Op.Concat(channelsFirst ? TO_FIRST.indexOf(axis) : axis);
    List<String> operands =
        Arrays.stream(inputs).mapToObj(i -> channelsFirst ? first(i) : plain(i)).toList();
    (channelsFirst ? first : plain)
        .put(output(operator), graph.node(name, op, Activation.NONE, name + "_out", operands));
  }

  private void plainUnary(String name, Op op, OperatorT operator) {
    plain.put(
        output(operator),
        graph.node(
            name, op, Activation.NONE, name + "_out", List.of(plain(operator.getInputs()[0]))));
  }

  private void anyUnary(String name, Op op, OperatorT operator) {
    anyUnary(name, op, operator.getInputs()[0], output(operator));
  }

  private void anyUnary(String name, Op op, int index, int output) {
    boolean channelsFirst = first.containsKey(index);
    String input = channelsFirst ? first(index) : plain(index);
    String made = graph.node(name, op, Activation.NONE, name + "_out", List.of(input));
    (channelsFirst ? first : plain).put(output, made);
  }

  private String activated(String name, String made, byte function) {
    Activation activation = activation(function);
    return activation == Activation.NONE
        ? made
        : graph.node(
            name + "_activation",
            new Op.Activate(activation),
            Activation.NONE,
            name + "_activated",
            List.of(made));
  }

  /** The tensor channels first. */
  private String first(int index) {
    String known = first.get(index);
    if (known != null) {
      return known;
    }
    String source = made(plain, index);
    if (graph.shape(source).rank() != 4) {
      throw ModelRefusedException.ofPart(
          "input of shape %s is no feature map".formatted(graph.shape(source)));
    }
    String turned = turned(source, TO_FIRST, "_first");
    first.put(index, turned);
    return turned;
  }

  /** The tensor as it lies in the file. */
  private String plain(int index) {
    String known = plain.get(index);
    if (known != null) {
      return known;
    }
    Constant constant = constant(index);
    if (constant != null) {
      String made = graph.constant("constant_" + index, constant);
      plain.put(index, made);
      return made;
    }
    String turned = turned(made(first, index), TO_LAST, "_last");
    plain.put(index, turned);
    return turned;
  }

  private String made(Map<Integer, String> layout, int index) {
    String name = layout.get(index);
    if (name == null) {
      throw ModelRefusedException.ofPart(
          "operand '%s' is made by no node before this one".formatted(tensor(index).getName()));
    }
    return name;
  }

  private String turned(String source, List<Integer> permutation, String suffix) {
    return graph.node(
        source + suffix,
        new Op.Transpose(permutation),
        Activation.NONE,
        source + suffix,
        List.of(source));
  }

  private Window window(
      OperatorT operator, int height, int width, int[] strides, int[] dilations, byte padding) {
    int[] shape = tensor(operator.getInputs()[0]).getShape();
    if (shape.length != 4) {
      throw ModelRefusedException.ofPart(
          "input of shape %s is no feature map".formatted(Arrays.toString(shape)));
    }
    int[] kernel = {height, width};
    List<Integer> before = new ArrayList<>();
    List<Integer> after = new ArrayList<>();
    for (int axis = 0; axis < 2; axis++) {
      int size = shape[axis + 1];
      int steps = (size + strides[axis] - 1) / strides[axis];
      int span = (kernel[axis] - 1) * dilations[axis] + 1;
      int total =
          padding == Padding.SAME ? Math.max(0, (steps - 1) * strides[axis] + span - size) : 0;
      before.add(total / 2);
      after.add(total - total / 2);
    }
    return new Window(list(kernel), list(strides), list(dilations), before, after);
  }

  private static List<Integer> list(int... values) {
    return IntStream.of(values).boxed().toList();
  }

  private static Activation activation(byte function) {
    return switch (function) {
      case ActivationFunctionType.NONE -> Activation.NONE;
      case ActivationFunctionType.RELU -> Activation.RELU;
      case ActivationFunctionType.RELU6 -> Activation.RELU6;
      default ->
          throw new ModelRefusedException(
              "activation %s is not supported: use RELU or RELU6"
                  .formatted(ActivationFunctionType.name(function)));
    };
  }

  private Constant weights(OperatorT operator) {
    Constant constant = constant(operator.getInputs()[1]);
    if (constant == null) {
      throw ModelRefusedException.ofPart("its weights must be constant");
    }
    return constant;
  }

  /** Adds an operator's weights; those that are integers around 0 with their scales. */
  private String weights(String name, OperatorT operator, Constant weights) {
    String added = graph.constant(name + "_weights", weights);
    TensorT stored = tensor(operator.getInputs()[1]);
    QuantizationParametersT how = stored.getQuantization();
    if (stored.getType() == TensorType.INT8
        && how != null
        && IntStream.range(0, how.getScale().length).allMatch(i -> zeroPoint(how, i) == 0)) {
      weightScales.put(added, how.getScale().clone());
    }
    return added;
  }

  private Optional<Constant> bias(OperatorT operator) {
    int[] inputs = operator.getInputs();
    return inputs.length < 3 || inputs[2] < 0
        ? Optional.empty()
        : Optional.ofNullable(constant(inputs[2]));
  }

  private int[] integers(int index) {
    ByteBuffer data = data(tensor(index));
    int[] values = new int[data.remaining() / Integer.BYTES];
    data.asIntBuffer().get(values);
    return values;
  }

  private ByteBuffer data(TensorT tensor) {
    int[] bytes = model.getBuffers()[Math.toIntExact(tensor.getBuffer())].getData();
    byte[] content = new byte[bytes == null ? 0 : bytes.length];
    for (int i = 0; i < content.length; i++) {
      content[i] = (byte) bytes[i];
    }
    return ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The constant of a tensor, as floats; null when an operator makes it. */
  private @Nullable Constant constant(int index) {
    TensorT tensor = tensor(index);
    ByteBuffer data = data(tensor);
    if (!data.hasRemaining()) {
      String made = plain.get(index);
      return made == null ? null : graph.constantOrNull(made);
    }
    Shape shape = Shape.of(tensor.getShape());
    int each =
        switch (tensor.getType()) {
          case TensorType.FLOAT32, TensorType.INT32 -> Float.BYTES;
          case TensorType.FLOAT16 -> Short.BYTES;
          case TensorType.INT8 -> 1;
          default ->
              throw new ModelRefusedException(
                  "constant '%s' is %s: export the model with float weights"
                      .formatted(tensor.getName(), TensorType.name(tensor.getType())));
        };
    if (data.remaining() != (long) shape.elements() * each) {
      throw new ModelRefusedException(
          "constant '%s' of shape %s does not hold %d elements, the file is damaged: export it again"
              .formatted(tensor.getName(), shape, shape.elements()));
    }
    float[] values = new float[shape.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.getType()) {
            case TensorType.FLOAT32 -> data.getFloat();
            case TensorType.FLOAT16 -> Float.float16ToFloat(data.getShort());
            case TensorType.INT32 -> dequantized(tensor, shape, i, data.getInt());
            default -> dequantized(tensor, shape, i, data.get());
          };
      if (!Float.isFinite(values[i])) {
        throw ModelRefusedException.ofNumber(tensor.getName(), values[i]);
      }
    }
    return Constant.of(shape, values);
  }

  private static float dequantized(TensorT tensor, Shape shape, int index, int stored) {
    QuantizationParametersT how = tensor.getQuantization();
    if (how == null || how.getScale() == null || how.getScale().length == 0) {
      throw new ModelRefusedException(
          "constant '%s' is %s without a scale: export the model again"
              .formatted(tensor.getName(), TensorType.name(tensor.getType())));
    }
    int which = 0;
    if (how.getScale().length > 1) {
      int after = 1;
      for (int axis = how.getQuantizedDimension() + 1; axis < shape.rank(); axis++) {
        after *= shape.dimension(axis);
      }
      which = index / after % how.getScale().length;
    }
    return (stored - zeroPoint(how, which)) * how.getScale()[which];
  }

  private static long zeroPoint(QuantizationParametersT how, int which) {
    long[] zeros = how.getZeroPoint();
    return zeros == null || zeros.length == 0 ? 0 : zeros[Math.min(which, zeros.length - 1)];
  }
}
