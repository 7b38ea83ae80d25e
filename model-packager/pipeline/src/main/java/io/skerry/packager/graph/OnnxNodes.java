package io.skerry.packager.graph;

import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Turns the format's nodes into ours, one after the other, with their shapes. */
final class OnnxNodes {
  /** What leaves a constant as it is. */
  private static final Set<String> PASSING = Set.of("Identity", "Dropout");

  private final int operatorSet;
  private final int fixedBatch;
  private final Set<String> read;
  private final OnnxFolding folding;
  private final OnnxComposites composites = new OnnxComposites(this);
  private final Map<String, Constant> constants;
  private final Map<String, Shape> shapes = new LinkedHashMap<>();
  private final Map<String, String> aliases = new HashMap<>();
  private final List<Node> nodes = new ArrayList<>();
  private final List<String> outputs = new ArrayList<>();
  private final Names nodeNames = new Names();
  private final Names tensorNames = new Names();

  /**
   * No nodes yet.
   *
   * @param fixedBatch the batch that the file was exported for and that shapes in it may name,
   *     though any goes; 1 where none is fixed
   * @param read tensors that the file's outputs are made of
   */
  OnnxNodes(int operatorSet, int fixedBatch, Set<String> read) {
    this.operatorSet = operatorSet;
    this.fixedBatch = fixedBatch;
    this.read = read;
    this.folding = new OnnxFolding(operatorSet);
    this.constants = folding.reals();
  }

  /** Names of the file's own nodes and tensors: none of ours may be among them. */
  void reserve(Collection<String> nodes, Collection<String> tensors) {
    nodeNames.take(nodes);
    tensorNames.take(tensors);
  }

  void addConstant(TensorProto tensor) {
    folding.put(tensor);
  }

  Constant floats(String constant) {
    return finite(constant, folding.floats(constant));
  }

  boolean isConstant(String name) {
    return folding.isConstant(name);
  }

  void addInput(String name, Shape shape) {
    shape.requireComputable(name);
    shapes.put(name, shape);
  }

  /**
   * Makes a tensor the graph's output under the name that the file gives it. What only passes
   * another tensor on leaves it its own name, unless that is the input or another output.
   */
  void output(String name) {
    String tensor = resolved(name);
    composites.requireOutput(tensor);
    if (isConstant(tensor)) {
      throw new ModelRefusedException(
          "output '%s' is constant, whatever the input: leave it out".formatted(name));
    }
    if (!shapes.containsKey(tensor)) {
      throw ModelRefusedException.ofPart("output '%s' is made by no node".formatted(name));
    }
    if (!tensor.equals(name)) {
      if (isConstant(name) || shapes.containsKey(name)) {
        throw ModelRefusedException.ofPart("tensor '%s' is made twice".formatted(name));
      }
      if (outputs.contains(tensor) || nodes.stream().noneMatch(n -> n.output().equals(tensor))) {
        put(name, new Op.Reshape(shape(tensor)), name, tensor);
      } else {
        rename(tensor, name);
      }
    }
    outputs.add(name);
  }

  private void rename(String tensor, String other) {
    shapes.put(other, shape(tensor));
    shapes.remove(tensor);
    nodes.replaceAll(node -> node.renamed(tensor, other));
    aliases.replaceAll((alias, source) -> source.equals(tensor) ? other : source);
    aliases.put(tensor, other);
  }

  Graph graph(String name, String input) {
    return new Graph(name, input, outputs, nodes, constants, shapes);
  }

  void add(String name, NodeProto proto) {
    if (!proto.getDomain().isEmpty() && !proto.getDomain().equals("ai.onnx")) {
      throw new ModelRefusedException(
          "operators of domain '%s' are not supported: export with standard operators"
              .formatted(proto.getDomain()));
    }
    String output = proto.getOutput(0);
    for (String made : proto.getOutputList()) {
      if (shapes.containsKey(made)
          || isConstant(made)
          || aliases.containsKey(made)
          || composites.movesBatch(made)) {
        throw ModelRefusedException.ofPart("tensor '%s' is made twice".formatted(made));
      }
    }
    OnnxAttributes attributes = new OnnxAttributes(proto);
    if (!PASSING.contains(proto.getOpType()) && isOfConstants(proto)) {
      folding.fold(proto, proto.getInputList().stream().map(this::resolved).toList(), attributes);
      return;
    }
    if (proto.getOpType().equals("Split")) {
      split(name, proto, attributes);
      return;
    }
    for (String other : proto.getOutputList().subList(1, proto.getOutputCount())) {
      if (read.contains(other)) {
        throw new ModelRefusedException(
            "its output '%s' is read, and only its first output is supported: leave it out"
                .formatted(other));
      }
    }
    switch (proto.getOpType()) {
      case "Add" -> binary(name, Op.Binary.Kind.ADD, proto);
      case "Sub" -> binary(name, Op.Binary.Kind.SUB, proto);
      case "Mul" -> binary(name, Op.Binary.Kind.MUL, proto);
      case "Conv" -> conv(name, proto, attributes);
      case "Gemm" -> gemm(name, proto, attributes);
      case "MatMul" -> matMul(name, proto);
      case "BatchNormalization" -> batchNormalization(name, proto, attributes);
      case "Relu" -> put(name, new Op.Activate(Activation.RELU), proto);
      case "Clip" -> put(name, clip(proto, attributes), proto);
      case "Pad" -> put(name, pad(proto, attributes), proto);
      case "Slice" -> put(name, slice(proto, attributes), proto);
      case "Resize", "Upsample" -> put(name, resize(proto, attributes), proto);
      case "ConvTranspose" -> convTranspose(name, proto, attributes);
      case "MaxPool" -> put(name, new Op.MaxPool(pool(proto, attributes, false)), proto);
      case "AveragePool" -> {
        boolean countsPadding = attributes.integer("count_include_pad", 0) != 0;
        Window window = pool(proto, attributes, countsPadding);
        put(name, new Op.AveragePool(window, countsPadding), proto);
      }
      case "GlobalMaxPool" -> {
        checkInputs(proto, 1);
        Shape x = shape(operand(proto, 0));
        List<Integer> whole = x.dimensions().subList(Math.min(2, x.rank()), x.rank());
        Window window = OnnxWindows.window(whole, x, new OnnxAttributes(proto));
        put(name, new Op.MaxPool(window), proto);
      }
      case "HardSigmoid" -> hardSigmoid(name, proto, attributes);
      case "GlobalAveragePool" -> put(name, new Op.GlobalAveragePool(), proto);
      case "Flatten" -> put(name, flatten(proto, attributes), proto);
      case "Reshape" -> reshape(name, proto, attributes);
      case "Transpose" -> transpose(name, proto, attributes);
      case "Sigmoid" -> put(name, new Op.Sigmoid(), proto);
      case "Softmax" -> softmax(name, proto, attributes);
      case "Div" -> division(name, proto);
      case "Concat" -> concat(name, proto, attributes);
      case "Tanh" -> put(name, new Op.Function(Op.Function.Kind.TANH, 0), proto);
      case "HardSwish" -> put(name, new Op.Function(Op.Function.Kind.HARD_SWISH, 0), proto);
      case "LeakyRelu" ->
          put(
              name,
              new Op.Function(Op.Function.Kind.LEAKY_RELU, attributes.real("alpha", 0.01f)),
              proto);
      case "PRelu" -> composites.parametricRelu(name, proto);
      case "Gelu" -> put(name, OnnxComposites.gelu(attributes), proto);
      case "LayerNormalization" -> composites.layerNormalization(name, proto, attributes);
      case "Pow" -> composites.power(name, proto);
      case "Gather" -> composites.gather(name, proto, attributes);
      case "Erf" -> put(name, new Op.Function(Op.Function.Kind.ERF, 0), proto);
      case "Sqrt" -> put(name, new Op.Function(Op.Function.Kind.SQRT, 0), proto);
      case "ReduceMean" -> reduceMean(name, proto, attributes);
      case "Squeeze", "Unsqueeze" -> dimensions(name, proto, attributes);
      case "Identity", "Dropout" -> {
        checkInputs(proto, 1);
        alias(output, resolved(proto.getInput(0)));
      }
      case "Constant" -> constant(output, attributes);
      case "Shape" -> {
        checkInputs(proto, 1);
        Shape x = shape(resolved(proto.getInput(0)));
        folding.put(output, OnnxFolding.shapeOf(x, attributes));
      }
      default ->
          throw new ModelRefusedException(
              "the operator is not supported: rewrite this part of the model with convolutions,"
                  + " dense layers, pooling and element-wise operators");
    }
  }

  private boolean isOfConstants(NodeProto proto) {
    return proto.getInputCount() > 0
        && proto.getInputList().stream()
            .map(this::resolved)
            .allMatch(input -> input.isEmpty() || isConstant(input))
        && isConstant(resolved(proto.getInput(0)));
  }

  private void binary(String name, Op.Binary.Kind kind, NodeProto proto) {
    checkInputs(proto, 2);
    put(name, new Op.Binary(kind), proto.getOutput(0), operand(proto, 0), operand(proto, 1));
  }

  /** A constant divisor is a factor. */
  private void division(String name, NodeProto proto) {
    checkInputs(proto, 2);
    if (!isConstant(operand(proto, 1))) {
      binary(name, Op.Binary.Kind.DIV, proto);
      return;
    }
    Constant divisor = constant(proto, 1);
    float[] factors = divisor.values();
    for (int i = 0; i < factors.length; i++) {
      factors[i] = 1 / factors[i];
      if (!Float.isFinite(factors[i])) {
        throw new ModelRefusedException("it divides by 0: train or export the model again");
      }
    }
    Constant reciprocal = Constant.of(divisor.shape(), factors);
    Op product = new Op.Binary(Op.Binary.Kind.MUL);
    String output = proto.getOutput(0);
    put(name, product, output, operand(proto, 0), newConstant(output + "_factor", reciprocal));
  }

  private void concat(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    String[] inputs = proto.getInputList().stream().map(this::resolved).toArray(String[]::new);
    String computed =
        Arrays.stream(inputs).filter(input -> !isConstant(input)).findFirst().orElseThrow();
    int rank = shape(computed).rank();
    int given = attributes.integer("axis", 1);
    int axis = given < 0 ? given + rank : given;
    if (Arrays.stream(inputs).anyMatch(this::isConstant)) {
      composites.beside(name, List.of(inputs), axis, proto.getOutput(0));
    } else {
      put(name, new Op.Concat(axis), proto.getOutput(0), inputs);
    }
  }

  /** Over all spatial dimensions, it is a pool. */
  private void reduceMean(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    Shape x = shape(resolved(proto.getInput(0)));
    List<Integer> axes =
        axes(proto, attributes).stream().map(a -> a < 0 ? a + x.rank() : a).sorted().toList();
    if (axes.isEmpty() || axes.getFirst() < 1 || axes.getLast() >= x.rank()) {
      throw new ModelRefusedException(
          "axes %s of %s are not supported: name dimensions after the batch".formatted(axes, x));
    }
    List<Integer> spatial = IntStream.range(2, x.rank()).boxed().toList();
    boolean pools = axes.equals(spatial) && x.rank() <= 4;
    boolean kept = attributes.integer("keepdims", 1) != 0;
    String output = proto.getOutput(0);
    String pooled = kept ? output : tensorNames.free(output + "_pooled");
    put(name, pools ? new Op.GlobalAveragePool() : new Op.Mean(axes), pooled, operand(proto, 0));
    if (!kept) {
      Op flat = new Op.Reshape(withDimensions(shape(pooled), axes, true));
      put(nodeNames.free(name + "_flat"), flat, output, pooled);
    }
  }

  private List<Integer> axes(NodeProto proto, OnnxAttributes attributes) {
    if (!isGiven(proto, 1)) {
      return attributes.integers("axes");
    }
    return constantIntegers(proto, 1, "axes");
  }

  private void dimensions(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    boolean squeezes = proto.getOpType().equals("Squeeze");
    Shape x = shape(resolved(proto.getInput(0)));
    put(name, new Op.Reshape(withDimensions(x, axes(proto, attributes), squeezes)), proto);
  }

  /** Dimensions of one left out or put in. */
  static Shape withDimensions(Shape x, List<Integer> axes, boolean squeezes) {
    int rank = x.rank() + (squeezes ? 0 : axes.size());
    List<Integer> positive = axes.stream().map(a -> a < 0 ? a + rank : a).sorted().toList();
    List<Integer> result = new ArrayList<>(x.dimensions());
    if (squeezes) {
      for (int axis = x.rank() - 1; axis >= 0; axis--) {
        boolean named = positive.contains(axis) || (positive.isEmpty() && x.dimension(axis) == 1);
        if (named && result.remove(axis) != 1) {
          throw ModelRefusedException.ofPart(
              "dimension %d of %s is not 1 and cannot be left out".formatted(axis, x));
        }
      }
    } else {
      positive.forEach(axis -> result.add(axis, 1));
    }
    return new Shape(result);
  }

  private void conv(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 2);
    Shape weights = constant(proto, 1).shape();
    List<Integer> kernel = weights.dimensions().subList(2, weights.rank());
    Shape x = shape(resolved(proto.getInput(0)));
    Op op = new Op.Conv(OnnxWindows.window(kernel, x, attributes), attributes.integer("group", 1));
    put(name, op, proto.getOutput(0), operands(proto, 3));
  }

  private void gemm(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 2);
    if (attributes.integer("transA", 0) != 0) {
      throw new ModelRefusedException("transA is not supported: transpose the input instead");
    }
    float alpha = attributes.real("alpha", 1);
    float beta = attributes.real("beta", 1);
    Constant weights = constant(proto, 1);
    if (weights.shape().rank() != 2) {
      throw ModelRefusedException.ofPart("weights %s are no matrix".formatted(weights.shape()));
    }
    if (attributes.integer("transB", 0) == 0) {
      weights = weights.transposed(1, 0);
    }
    String output = proto.getOutput(0);
    List<String> inputs = new ArrayList<>(List.of(operand(proto, 0)));
    inputs.add(newConstant(output + "_weights", scaled(weights, alpha)));
    if (isGiven(proto, 2)) {
      int outputs = weights.shape().dimension(0);
      inputs.add(newConstant(output + "_bias", scaled(spread(constant(proto, 2), outputs), beta)));
    }
    put(name, new Op.Dense(), output, inputs.toArray(String[]::new));
  }

  private void matMul(String name, NodeProto proto) {
    checkInputs(proto, 2);
    if (!isConstant(operand(proto, 0)) && !isConstant(operand(proto, 1))) {
      put(name, new Op.MatMul(), proto.getOutput(0), operand(proto, 0), operand(proto, 1));
      return;
    }
    Constant weights = constant(proto, 1);
    if (weights.shape().rank() != 2) {
      throw ModelRefusedException.ofPart("weights %s are no matrix".formatted(weights.shape()));
    }
    if (shape(operand(proto, 0)).rank() > 2) {
      composites.pointwise(name, proto, weights);
      return;
    }
    String transposed = newConstant(proto.getOutput(0) + "_weights", weights.transposed(1, 0));
    put(name, new Op.Dense(), proto.getOutput(0), operand(proto, 0), transposed);
  }

  /** As a product and a sum, which the rewrites fold into the node before them. */
  private void batchNormalization(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 5);
    boolean trains =
        operatorSet < 14
            ? proto.getOutputList().stream().filter(output -> !output.isEmpty()).count() > 1
            : attributes.integer("training_mode", 0) != 0;
    if (trains) {
      throw new ModelRefusedException(
          "it still learns, from whatever batch it sees: export the model in evaluation mode");
    }
    Shape x = shape(resolved(proto.getInput(0)));
    float[] scale = perChannel(proto, 1, x);
    float[] shift = perChannel(proto, 2, x);
    float[] mean = perChannel(proto, 3, x);
    float[] variance = perChannel(proto, 4, x);
    double epsilon = attributes.real("epsilon", 1e-5f);
    for (int c = 0; c < scale.length; c++) {
      double factor = scale[c] / Math.sqrt(variance[c] + epsilon);
      scale[c] = (float) factor;
      shift[c] = (float) (shift[c] - mean[c] * factor);
    }
    int[] broadcast =
        IntStream.range(0, x.rank() - 1).map(i -> i == 0 ? scale.length : 1).toArray();
    Shape perChannel = Shape.of(broadcast);
    String output = proto.getOutput(0);
    String factors = newConstant(output + "_scale", Constant.of(perChannel, scale));
    String shifts = newConstant(output + "_shift", Constant.of(perChannel, shift));
    String scaledName = tensorNames.free(output + "_scaled");
    Op product = new Op.Binary(Op.Binary.Kind.MUL);
    put(nodeNames.free(name + "_scale"), product, scaledName, operand(proto, 0), factors);
    put(name, new Op.Binary(Op.Binary.Kind.ADD), output, scaledName, shifts);
  }

  private float[] perChannel(NodeProto proto, int input, Shape x) {
    Constant constant = constant(proto, input);
    if (constant.size() != x.dimension(1)) {
      throw new ModelRefusedException(
          "its operand '%s' of shape %s does not fit the %d channels of %s: export the model again"
              .formatted(proto.getInput(input), constant.shape(), x.dimension(1), x));
    }
    return constant.values();
  }

  private Op clip(NodeProto proto, OnnxAttributes attributes) {
    float none = Op.Clip.UNBOUNDED;
    float minimum = Math.max(-none, bound(proto, 1, attributes.real("min", -none)));
    float maximum = Math.min(none, bound(proto, 2, attributes.real("max", none)));
    if (minimum == 0 && maximum == 6) {
      return new Op.Activate(Activation.RELU6);
    }
    if (minimum == 0 && maximum >= Op.Clip.UNBOUNDED) {
      return new Op.Activate(Activation.RELU);
    }
    if (!(minimum <= maximum)) {
      throw new ModelRefusedException(
          "its bounds are %s and %s: give the lower one first".formatted(minimum, maximum));
    }
    return new Op.Clip(minimum, maximum);
  }

  private Op pad(NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    String mode = attributes.text("mode", "constant");
    if (!mode.equals("constant")) {
      throw new ModelRefusedException(
          "mode '%s' is not supported: pad with a constant".formatted(mode));
    }
    int rank = shape(resolved(proto.getInput(0))).rank();
    List<Integer> pads =
        operatorSet < 11 ? attributes.integers("pads") : constantIntegers(proto, 1, "pads");
    float value = bound(proto, 2, attributes.real("value", 0));
    if (isGiven(proto, 3)) {
      pads = spreadOver(rank, constantIntegers(proto, 3, "axes"), pads);
    }
    if (pads.size() != 2 * rank || pads.stream().anyMatch(pad -> pad < 0)) {
      throw new ModelRefusedException(
          "pads %s do not fit %d dimensions: none may be negative".formatted(pads, rank));
    }
    return new Op.Pad(pads.subList(0, rank), pads.subList(rank, 2 * rank), value);
  }

  private Op slice(NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    Shape x = shape(resolved(proto.getInput(0)));
    boolean old = operatorSet < 10;
    List<Integer> starts =
        clamped(old ? attributes.longs("starts") : constantLongs(proto, 1, "starts"));
    List<Integer> ends = clamped(old ? attributes.longs("ends") : constantLongs(proto, 2, "ends"));
    List<Integer> axes = old ? attributes.integers("axes") : optional(proto, 3, "axes");
    List<Integer> steps = old ? List.of() : optional(proto, 4, "steps");
    if (axes.isEmpty()) {
      axes = IntStream.range(0, starts.size()).boxed().toList();
    }
    if (ends.size() != starts.size()
        || axes.size() != starts.size()
        || (!steps.isEmpty() && steps.size() != starts.size())) {
      throw ModelRefusedException.ofPart(
          "starts %s, ends %s, axes %s and steps %s do not fit each other"
              .formatted(starts, ends, axes, steps));
    }
    List<Integer> begin = new ArrayList<>(Collections.nCopies(x.rank() - 1, 0));
    List<Integer> size = new ArrayList<>(x.dimensions().subList(1, x.rank()));
    List<Integer> apart = new ArrayList<>(Collections.nCopies(x.rank() - 1, 1));
    for (int i = 0; i < starts.size(); i++) {
      int axis = axes.get(i) < 0 ? axes.get(i) + x.rank() : axes.get(i);
      int step = steps.isEmpty() ? 1 : steps.get(i);
      if (step < 1) {
        throw new ModelRefusedException(
            "steps %s are not supported: only forwards".formatted(steps));
      }
      if (axis == 0) {
        if (starts.get(i) != 0 || ends.get(i) != Integer.MAX_VALUE || step != 1) {
          throw new ModelRefusedException("it slices the batch: slice other dimensions only");
        }
        continue;
      }
      int whole = x.dimension(axis);
      int from =
          Math.clamp(starts.get(i) < 0 ? starts.get(i) + (long) whole : starts.get(i), 0, whole);
      int to = Math.clamp(ends.get(i) < 0 ? ends.get(i) + (long) whole : ends.get(i), 0, whole);
      begin.set(axis - 1, from);
      size.set(axis - 1, Math.max(0, Math.ceilDiv(to - from, step)));
      apart.set(axis - 1, step);
    }
    return new Op.Slice(begin, size, apart);
  }

  /** Each part that is read is a slice. */
  private void split(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    String input = operand(proto, 0);
    Shape x = shape(input);
    int given = attributes.integer("axis", 0);
    int axis = given < 0 ? given + x.rank() : given;
    if (axis < 1 || axis >= x.rank()) {
      throw new ModelRefusedException(
          "axis %d is not supported: one of %s after the batch is".formatted(given, x));
    }
    List<Integer> sizes = partSizes(proto, attributes, x.dimension(axis));
    int from = 0;
    for (int part = 0; part < sizes.size(); part++) {
      String output = proto.getOutput(part);
      if (read.contains(output)) {
        List<Integer> begin = new ArrayList<>(Collections.nCopies(x.rank() - 1, 0));
        List<Integer> size = new ArrayList<>(x.dimensions().subList(1, x.rank()));
        begin.set(axis - 1, from);
        size.set(axis - 1, sizes.get(part));
        Op slice = new Op.Slice(begin, size, Collections.nCopies(x.rank() - 1, 1));
        put(nodeNames.free("%s_%d".formatted(name, part)), slice, output, input);
      }
      from += sizes.get(part);
    }
  }

  /** As the file names them, or equal ones, of which the last may be smaller. */
  private List<Integer> partSizes(NodeProto proto, OnnxAttributes attributes, int whole) {
    int parts = proto.getOutputCount();
    List<Integer> sizes = new ArrayList<>();
    if (operatorSet < 13 && attributes.has("split")) {
      sizes.addAll(attributes.integers("split"));
    } else if (operatorSet >= 13 && isGiven(proto, 1)) {
      sizes.addAll(constantIntegers(proto, 1, "sizes"));
    } else {
      int each = Math.ceilDiv(whole, parts);
      for (int part = 0; part < parts; part++) {
        sizes.add(Math.min(each, whole - part * each));
      }
    }
    long sum = sizes.stream().mapToLong(size -> size).sum();
    if (sizes.size() != parts || sum != whole || sizes.stream().anyMatch(size -> size < 1)) {
      throw new ModelRefusedException(
          "parts of sizes %s do not make %d in %d outputs: export the model again"
              .formatted(sizes, whole, parts));
    }
    return sizes;
  }

  private List<Integer> optional(NodeProto proto, int input, String what) {
    return isGiven(proto, input) ? clamped(constantLongs(proto, input, what)) : List.of();
  }

  /** Whoever means the end gives any large number. */
  private static List<Integer> clamped(long[] values) {
    return Arrays.stream(values)
        .mapToObj(value -> Math.clamp(value, -Integer.MAX_VALUE, Integer.MAX_VALUE))
        .toList();
  }

  private static List<Integer> spreadOver(int rank, List<Integer> axes, List<Integer> pads) {
    if (pads.size() != 2 * axes.size()) {
      throw ModelRefusedException.ofPart("pads %s do not fit axes %s".formatted(pads, axes));
    }
    List<Integer> spread = new ArrayList<>(Collections.nCopies(2 * rank, 0));
    for (int i = 0; i < axes.size(); i++) {
      int axis = axes.get(i) < 0 ? axes.get(i) + rank : axes.get(i);
      spread.set(axis, pads.get(i));
      spread.set(rank + axis, pads.get(axes.size() + i));
    }
    return spread;
  }

  private Op resize(NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    Shape x = shape(resolved(proto.getInput(0)));
    String mode = known("mode", attributes.text("mode", "nearest"), "nearest", "linear");
    // Before operator set 11 there was one way, under no name.
    String coordinates =
        operatorSet < 11
            ? "asymmetric"
            : known(
                "coordinate_transformation_mode",
                attributes.text("coordinate_transformation_mode", "half_pixel"),
                "half_pixel",
                "pytorch_half_pixel",
                "align_corners",
                "asymmetric");
    List<Float> scales = scales(proto, x, attributes);
    String rounding =
        operatorSet < 11
            ? oldRounding(mode, scales)
            : known(
                "nearest_mode",
                attributes.text("nearest_mode", "round_prefer_floor"),
                "round_prefer_floor",
                "round_prefer_ceil",
                "floor",
                "ceil");
    for (String other : List.of("antialias", "exclude_outside")) {
      if (attributes.integer(other, 0) != 0) {
        throw new ModelRefusedException(other + " is not supported: leave it out");
      }
    }
    if (!attributes.integers("axes").isEmpty()
        || !attributes.text("keep_aspect_ratio_policy", "stretch").equals("stretch")) {
      throw new ModelRefusedException(
          "axes and keep_aspect_ratio_policy are not supported: name all scales");
    }
    if (scales.size() != x.rank() || scales.get(0) != 1 || scales.get(1) != 1) {
      throw new ModelRefusedException(
          "scales %s for input %s: batch and channels must stay as they are".formatted(scales, x));
    }
    return new Op.Resize(mode, coordinates, rounding, scales);
  }

  /** Before operator set 11 the engine took the next place where a dimension shrinks. */
  private static String oldRounding(String mode, List<Float> scales) {
    boolean shrinks = scales.stream().anyMatch(scale -> scale < 1);
    if (mode.equals("nearest") && shrinks && scales.stream().anyMatch(scale -> scale > 1)) {
      throw new ModelRefusedException(
          "scales %s make one dimension smaller and another larger: export with operator set 11 or later"
              .formatted(scales));
    }
    return shrinks ? "ceil" : "floor";
  }

  private List<Float> scales(NodeProto proto, Shape x, OnnxAttributes attributes) {
    if (attributes.has("scales")) {
      return attributes.reals("scales");
    }
    List<Float> scales = new ArrayList<>();
    int at = operatorSet < 11 ? 1 : 2;
    if (isGiven(proto, at)) {
      Constant given = constant(proto, at);
      for (int i = 0; i < given.size(); i++) {
        scales.add(given.at(i));
      }
      return scales;
    }
    long[] sizes = numbers(proto, 3, "sizes").values();
    for (int axis = 0; axis < Math.min(sizes.length, x.rank()); axis++) {
      int from = x.dimension(axis);
      boolean same = from == Shape.BATCH || sizes[axis] == from;
      scales.add(same ? 1f : Op.Resize.scale(from, Math.toIntExact(sizes[axis])));
    }
    return scales;
  }

  private static String known(String attribute, String value, String... supported) {
    if (!List.of(supported).contains(value)) {
      throw new ModelRefusedException(
          "%s '%s' is not supported: use one of %s"
              .formatted(attribute, value, List.of(supported)));
    }
    return value;
  }

  private List<Integer> constantIntegers(NodeProto proto, int input, String what) {
    return Arrays.stream(constantLongs(proto, input, what)).mapToObj(Math::toIntExact).toList();
  }

  private long[] constantLongs(NodeProto proto, int input, String what) {
    WholeNumbers numbers = numbers(proto, input, what);
    OnnxFolding.requireKnown(proto.getInput(input), numbers);
    return numbers.values();
  }

  WholeNumbers numbers(NodeProto proto, int input, String what) {
    @Nullable WholeNumbers numbers =
        proto.getInputCount() > input ? folding.whole(resolved(proto.getInput(input))) : null;
    if (numbers == null) {
      throw new ModelRefusedException(
          "its %s are not constant integers: fix them at export".formatted(what));
    }
    return numbers;
  }

  private void convTranspose(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 2);
    if (!attributes.text("auto_pad", "NOTSET").matches("NOTSET|VALID")
        || !attributes.integers("output_shape").isEmpty()) {
      throw new ModelRefusedException(
          "auto_pad and output_shape are not supported: name pads and output_padding");
    }
    Shape weights = constant(proto, 1).shape();
    List<Integer> kernel = weights.dimensions().subList(2, weights.rank());
    Window window = OnnxWindows.window(kernel, shape(resolved(proto.getInput(0))), attributes);
    List<Integer> more = attributes.integers("output_padding");
    if (more.isEmpty()) {
      more = Collections.nCopies(kernel.size(), 0);
    }
    if (more.size() != kernel.size() || more.stream().anyMatch(m -> m < 0)) {
      throw ModelRefusedException.ofPart(
          "output_padding %s does not fit kernel %s".formatted(more, kernel));
    }
    Op op = new Op.ConvTranspose(window, more, attributes.integer("group", 1));
    put(name, op, proto.getOutput(0), operands(proto, 3));
  }

  private float bound(NodeProto proto, int input, float absent) {
    if (!isGiven(proto, input)) {
      return absent;
    }
    float bound = folding.floats(operand(proto, input)).at(0);
    if (Float.isNaN(bound)) {
      throw new ModelRefusedException(
          "constant '%s' holds NaN: train or export the model again"
              .formatted(proto.getInput(input)));
    }
    return bound;
  }

  /** Whether an operand is there; one of no elements is not. */
  boolean isGiven(NodeProto proto, int input) {
    return proto.getInputCount() > input
        && !proto.getInput(input).isEmpty()
        && !folding.isEmpty(operand(proto, input));
  }

  private Window pool(NodeProto proto, OnnxAttributes attributes, boolean countsPadding) {
    checkInputs(proto, 1);
    List<Integer> kernel = attributes.integers("kernel_shape");
    Shape x = shape(operand(proto, 0));
    Window window = OnnxWindows.window(kernel, x, attributes);
    if (window.dilations().stream().anyMatch(d -> d != 1)) {
      throw ModelRefusedException.ofPart("dilated pooling is not supported");
    }
    if (attributes.integer("ceil_mode", 0) == 0) {
      return window;
    }
    Window rounded = OnnxWindows.roundedUp(window, x);
    if (countsPadding && !rounded.equals(window)) {
      throw new ModelRefusedException(
          "ceil_mode beside count_include_pad is not supported for input %s: pad explicitly"
              .formatted(x));
    }
    return rounded;
  }

  private void hardSigmoid(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    String output = proto.getOutput(0);
    Constant slope = Constant.of(Shape.of(1), attributes.real("alpha", 0.2f));
    Constant shift = Constant.of(Shape.of(1), attributes.real("beta", 0.5f));
    String scaled = tensorNames.free(output + "_scaled");
    String shifted = tensorNames.free(output + "_shifted");
    put(
        nodeNames.free(name + "_scale"),
        new Op.Binary(Op.Binary.Kind.MUL),
        scaled,
        operand(proto, 0),
        newConstant(output + "_slope", slope));
    put(
        nodeNames.free(name + "_shift"),
        new Op.Binary(Op.Binary.Kind.ADD),
        shifted,
        scaled,
        newConstant(output + "_shift", shift));
    put(name, new Op.Clip(0, 1), output, shifted);
  }

  private Op flatten(NodeProto proto, OnnxAttributes attributes) {
    Shape x = shape(resolved(proto.getInput(0)));
    if (attributes.integer("axis", 1) != 1) {
      throw ModelRefusedException.ofPart("only axis 1 is supported, which keeps the batch");
    }
    return new Op.Reshape(Shape.of(x.dimension(0), x.elementsPerItem()));
  }

  private void reshape(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 2);
    long[] target = numbers(proto, 1, "target sizes").values();
    Shape x = shape(resolved(proto.getInput(0)));
    if (fixedBatch > 1 && target.length > 0 && target[0] == fixedBatch) {
      target[0] = WholeNumbers.OPEN_BATCH;
    }
    put(name, new Op.Reshape(reshaped(x, target, attributes.integer("allowzero", 0) != 0)), proto);
  }

  static Shape reshaped(Shape x, long[] target, boolean zeroIsZero) {
    List<Integer> dimensions = new ArrayList<>();
    int open = -1;
    long known = 1;
    for (int i = 0; i < target.length; i++) {
      int dimension =
          target[i] == WholeNumbers.OPEN_BATCH ? Shape.BATCH : Math.toIntExact(target[i]);
      if (dimension == 0 && !zeroIsZero && i < x.rank()) {
        dimension = x.dimension(i);
      } else if (dimension == -1) {
        open = i;
      } else if (dimension < 1) {
        throw ModelRefusedException.ofPart("target shape holds %d".formatted(dimension));
      }
      known *= dimension == Shape.BATCH ? 1 : dimension;
      dimensions.add(dimension);
    }
    int batch = x.rank() == 0 ? 1 : x.dimension(0);
    boolean batchKept = !dimensions.isEmpty() && dimensions.getFirst() == batch;
    if (open > 0 || (open == 0 && batch != Shape.BATCH)) {
      dimensions.set(open, Math.toIntExact(x.elements() / known));
    } else if (open == 0 && !batchKept) {
      throw ModelRefusedException.ofPart("the batch must stay first");
    }
    return new Shape(dimensions);
  }

  private void transpose(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    int rank = shape(resolved(proto.getInput(0))).rank();
    List<Integer> permutation = permutation(rank, attributes);
    if (permutation.getFirst() != 0) {
      composites.moveBatch(name, proto.getOutput(0), operand(proto, 0), permutation);
      return;
    }
    put(name, new Op.Transpose(permutation), proto);
  }

  /** The order that a transpose makes, the reverse one where it names none. */
  static List<Integer> permutation(int rank, OnnxAttributes attributes) {
    List<Integer> permutation = attributes.integers("perm");
    if (permutation.isEmpty()) {
      permutation = IntStream.range(0, rank).map(i -> rank - 1 - i).boxed().toList();
    }
    if (!permutation.stream().sorted().toList().equals(IntStream.range(0, rank).boxed().toList())) {
      throw ModelRefusedException.ofPart(
          "perm %s is no order of %d axes".formatted(permutation, rank));
    }
    return permutation;
  }

  /** Over another axis than the last: turned or, before operator set 13, flattened. */
  private void softmax(String name, NodeProto proto, OnnxAttributes attributes) {
    checkInputs(proto, 1);
    String input = operand(proto, 0);
    String output = proto.getOutput(0);
    Shape x = shape(input);
    int last = x.rank() - 1;
    int given = attributes.integer("axis", operatorSet < 13 ? 1 : -1);
    int axis = given < 0 ? given + x.rank() : given;
    if (axis < 1 || axis > last) {
      throw new ModelRefusedException(
          "axis %d is not supported: one of %s after the batch is".formatted(given, x));
    }
    if (axis == last) {
      put(name, new Op.Softmax(), output, input);
      return;
    }
    Op there;
    Op back;
    if (operatorSet < 13) {
      List<Integer> flat = new ArrayList<>(x.dimensions().subList(0, axis));
      flat.add(new Shape(x.dimensions().subList(axis, x.rank())).elements());
      there = new Op.Reshape(new Shape(flat));
      back = new Op.Reshape(x);
    } else {
      // All others stay in order: channels are brought to where TFLite has them anyway.
      List<Integer> order = new ArrayList<>(IntStream.rangeClosed(0, last).boxed().toList());
      order.add(order.remove(axis));
      there = new Op.Transpose(order);
      back = new Op.Transpose(IntStream.rangeClosed(0, last).mapToObj(order::indexOf).toList());
    }
    String turned = tensorNames.free(output + "_turned");
    String shares = tensorNames.free(output + "_shares");
    put(nodeNames.free(name + "_there"), there, turned, input);
    put(name, new Op.Softmax(), shares, turned);
    put(nodeNames.free(name + "_back"), back, output, shares);
  }

  private void constant(String output, OnnxAttributes attributes) {
    if (attributes.tensor("value").isPresent()) {
      TensorProto tensor = attributes.tensor("value").orElseThrow();
      addConstant(tensor.toBuilder().setName(output).build());
    } else if (attributes.has("value_float")) {
      constants.put(output, Constant.of(Shape.of(), attributes.real("value_float", 0)));
    } else if (attributes.has("value_floats")) {
      List<Float> reals = attributes.reals("value_floats");
      float[] values = new float[reals.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = reals.get(i);
      }
      constants.put(output, Constant.of(Shape.of(values.length), values));
    } else if (attributes.has("value_ints")) {
      folding.put(output, WholeNumbers.list(attributes.longs("value_ints")));
    } else if (attributes.has("value_int")) {
      folding.put(output, new WholeNumbers(Shape.of(), attributes.integer("value_int", 0)));
    } else {
      throw ModelRefusedException.ofPart("a constant of this kind is not supported");
    }
  }

  private void put(String name, Op op, NodeProto proto) {
    checkInputs(proto, 1);
    put(name, op, proto.getOutput(0), operand(proto, 0));
  }

  void put(String name, Op op, String output, String... inputs) {
    List<Shape> inputShapes = new ArrayList<>();
    for (String input : inputs) {
      inputShapes.add(
          isConstant(input) ? finite(input, folding.floats(input)).shape() : shape(input));
    }
    Shape shape = ShapeRules.outputOf(op, inputShapes);
    shape.requireComputable(output);
    shapes.put(output, shape);
    nodes.add(new Node(name, op, List.of(inputs), output));
  }

  static void checkInputs(NodeProto proto, int needed) {
    if (proto.getInputCount() < needed) {
      throw ModelRefusedException.ofPart(
          "it has %d inputs, %d are needed".formatted(proto.getInputCount(), needed));
    }
  }

  String operand(NodeProto proto, int input) {
    return resolved(proto.getInput(input));
  }

  private String[] operands(NodeProto proto, int most) {
    List<String> operands = new ArrayList<>(List.of(operand(proto, 0)));
    for (int i = 1; i < Math.min(most, proto.getInputCount()); i++) {
      if (isGiven(proto, i)) {
        constant(proto, i);
        operands.add(operand(proto, i));
      }
    }
    return operands.toArray(String[]::new);
  }

  Constant constant(NodeProto proto, int input) {
    return finite(proto.getInput(input), folding.floats(operand(proto, input)));
  }

  private static Constant finite(String name, Constant constant) {
    for (int i = 0; i < constant.size(); i++) {
      if (!Float.isFinite(constant.at(i))) {
        throw ModelRefusedException.ofNumber(name, constant.at(i));
      }
    }
    return constant;
  }

  String freeNode(String base) {
    return nodeNames.free(base);
  }

  String freeTensor(String base) {
    return tensorNames.free(base);
  }

  void alias(String output, String source) {
    aliases.put(output, source);
  }

  String newConstant(String base, Constant constant) {
    String name = tensorNames.free(base);
    constants.put(name, constant);
    return name;
  }

  Shape shape(String tensor) {
    @Nullable Shape shape = shapes.get(tensor);
    composites.requireBatchFirst(tensor);
    if (shape == null) {
      throw ModelRefusedException.ofPart(
          "operand '%s' is made by no node before this one".formatted(tensor));
    }
    return shape;
  }

  private String resolved(String name) {
    return aliases.getOrDefault(name, name);
  }

  private static Constant scaled(Constant constant, float factor) {
    if (factor == 1) {
      return constant;
    }
    float[] values = constant.values();
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
    return Constant.of(constant.shape(), values);
  }

  private static Constant spread(Constant bias, int outputs) {
    float[] values = new float[outputs];
    if (bias.size() != 1 && bias.size() != outputs) {
      throw ModelRefusedException.ofPart(
          "bias %s does not fit %d outputs".formatted(bias.shape(), outputs));
    }
    for (int i = 0; i < outputs; i++) {
      values[i] = bias.at(bias.size() == 1 ? 0 : i);
    }
    return Constant.of(Shape.of(outputs), values);
  }
}
