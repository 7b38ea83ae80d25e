package io.skerry.packager.graph;

import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Constants of a file, and what its nodes make of constants alone: such a node is computed once,
 * when the file is read, and is none of the graph's.
 */
final class OnnxFolding {
  /**
   * Elements that all such nodes together may read and make: a small file may ask for any number.
   */
  private static final long ELEMENTS_MAX = 1L << 28;

  private static final int RANK_MAX = 16;

  private final int operatorSet;
  private final Map<String, Constant> reals = new LinkedHashMap<>();
  private final Map<String, WholeNumbers> wholes = new HashMap<>();
  private final Map<String, TensorProto> others = new HashMap<>();
  private final EngineFolding engine;
  private long elements;

  OnnxFolding(int operatorSet) {
    this.operatorSet = operatorSet;
    this.engine = new EngineFolding(operatorSet);
  }

  /** All float constants, by name. */
  Map<String, Constant> reals() {
    return reals;
  }

  boolean isConstant(String name) {
    return reals.containsKey(name) || wholes.containsKey(name) || others.containsKey(name);
  }

  /** Whether it has no element and stands for an operand that is left out. */
  boolean isEmpty(String name) {
    TensorProto other = others.get(name);
    return other != null && OnnxTensors.isEmpty(other);
  }

  @Nullable WholeNumbers whole(String name) {
    return wholes.get(name);
  }

  void put(String name, Constant constant) {
    reals.put(name, constant);
  }

  void put(String name, WholeNumbers constant) {
    wholes.put(name, constant);
  }

  /** A constant of any type; whoever reads it says whether that will do. */
  void put(TensorProto tensor) {
    if (OnnxTensors.isEmpty(tensor) || !isKnown(tensor.getDataType())) {
      OnnxTensors.checkInline(tensor);
      others.put(tensor.getName(), tensor);
    } else if (OnnxTensors.isInteger(tensor.getDataType())) {
      wholes.put(tensor.getName(), OnnxTensors.wholeNumbers(tensor));
    } else {
      reals.put(tensor.getName(), OnnxTensors.floats(tensor));
    }
  }

  /** The floats of this name. */
  Constant floats(String name) {
    Constant real = reals.get(name);
    if (real != null) {
      return real;
    }
    TensorProto other = others.get(name);
    if (other != null) {
      return OnnxTensors.floats(other);
    }
    throw new ModelRefusedException(
        isConstant(name)
            ? "operand '%s' holds integers where floats are needed: cast it".formatted(name)
            : "operand '%s' must be constant".formatted(name));
  }

  /** The shape of a tensor as numbers, as far as a node asks for it. */
  static WholeNumbers shapeOf(Shape shape, OnnxAttributes attributes) {
    int rank = shape.rank();
    int start = attributes.integer("start", 0);
    int end = attributes.integer("end", rank);
    int from = Math.clamp(start < 0 ? start + (long) rank : start, 0, rank);
    int to = Math.clamp(end < 0 ? end + (long) rank : end, 0, rank);
    if (from >= to) {
      throw ModelRefusedException.ofPart(
          "from dimension %d to %d of %s, nothing is left".formatted(start, end, shape));
    }
    return WholeNumbers.list(
        shape.dimensions().subList(from, to).stream()
            .mapToLong(size -> size == Shape.BATCH ? WholeNumbers.OPEN_BATCH : size)
            .toArray());
  }

  /**
   * Computes a node.
   *
   * @param inputs names of constants, empty where the node leaves an operand out
   * @throws ModelRefusedException if that is not known of its operator
   */
  void fold(NodeProto proto, List<String> inputs, OnnxAttributes attributes) {
    String output = proto.getOutput(0);
    String first = inputs.getFirst();
    boolean whole = wholes.containsKey(first);
    inputs.stream().filter(input -> !input.isEmpty()).forEach(this::countRead);
    if (!isOurs(proto.getOpType(), inputs, attributes)) {
      byEngine(proto, inputs);
      return;
    }
    switch (proto.getOpType()) {
      case "Add", "Sub", "Mul", "Div", "Pow" -> binary(proto.getOpType(), output, inputs);
      case "Relu" -> each(output, first, x -> Math.max(x, 0));
      case "Sigmoid" -> each(output, first, x -> 1 / (1 + Math.exp(-x)));
      case "Tanh" -> each(output, first, Math::tanh);
      case "HardSwish" -> each(output, first, x -> x * Math.clamp(x / 6 + 0.5, 0, 1));
      case "LeakyRelu" -> {
        float slope = attributes.real("alpha", 0.01f);
        each(output, first, x -> x < 0 ? x * slope : x);
      }
      case "Clip" -> {
        float minimum = bound(inputs, 1, attributes.real("min", Float.NEGATIVE_INFINITY));
        float maximum = bound(inputs, 2, attributes.real("max", Float.POSITIVE_INFINITY));
        each(output, first, x -> Math.min(Math.max(x, minimum), maximum));
      }
      case "Neg" -> each(output, first, x -> -x);
      case "Abs" -> each(output, first, Math::abs);
      case "Sqrt" -> each(output, first, Math::sqrt);
      case "Exp" -> each(output, first, Math::exp);
      case "Reciprocal" -> each(output, first, x -> 1 / x);
      case "Floor" -> each(output, first, Math::floor);
      case "Ceil" -> each(output, first, Math::ceil);
      case "Shape" -> put(output, shapeOf(shape(first), attributes));
      case "Cast" -> cast(output, first, attributes.integer("to", 0));
      case "ConstantOfShape" -> filled(output, first, attributes);
      case "Reshape" -> {
        Shape shape =
            OnnxNodes.reshaped(
                shape(first), known(inputs, 1).values(), attributes.integer("allowzero", 0) != 0);
        move(output, shape, whole ? all(shape) : new int[0], List.of(first));
      }
      case "Squeeze", "Unsqueeze" -> {
        List<Integer> axes =
            inputs.size() > 1 && !inputs.get(1).isEmpty()
                ? Arrays.stream(known(inputs, 1).values()).mapToObj(Math::toIntExact).toList()
                : attributes.integers("axes");
        boolean squeezes = proto.getOpType().equals("Squeeze");
        Shape shape = OnnxNodes.withDimensions(shape(first), axes, squeezes);
        move(output, shape, whole ? all(shape) : new int[0], List.of(first));
      }
      case "Transpose" -> transpose(output, real(inputs, 0), attributes);
      case "Gather" -> gather(output, first, numbers(inputs, 1), attributes.integer("axis", 0));
      case "Slice" -> slice(output, inputs, attributes);
      case "Concat" -> concat(output, inputs, attributes.integer("axis", 0));
      default -> throw new IllegalStateException(proto.getOpType());
    }
  }

  /**
   * Whether a node is computed here, where what depends on the size of an open batch may pass. The
   * engine computes the others.
   */
  private boolean isOurs(String type, List<String> inputs, OnnxAttributes attributes) {
    boolean ofReals = inputs.stream().allMatch(in -> in.isEmpty() || reals.containsKey(in));
    boolean ofWholes = inputs.stream().allMatch(in -> in.isEmpty() || wholes.containsKey(in));
    boolean placed =
        !others.containsKey(inputs.getFirst())
            && inputs.stream().skip(1).allMatch(in -> in.isEmpty() || wholes.containsKey(in));
    return switch (type) {
      case "Add", "Sub", "Mul", "Div", "Concat" -> ofReals || ofWholes;
      case "Pow", "Relu", "Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Clip" -> ofReals;
      case "Neg", "Abs", "Sqrt", "Exp", "Reciprocal", "Floor", "Ceil", "Transpose" -> ofReals;
      case "Cast" -> placed && isKnown(attributes.integer("to", 0));
      case "ConstantOfShape" ->
          ofWholes
              && Arrays.stream(numbers(inputs.getFirst()).values()).allMatch(size -> size != 0)
              && attributes
                  .tensor("value")
                  .map(value -> !OnnxTensors.isEmpty(value) && isKnown(value.getDataType()))
                  .orElse(true);
      case "Shape", "Reshape", "Squeeze", "Unsqueeze", "Gather" -> placed;
      case "Slice" -> placed && isForwards(inputs);
      default -> false;
    };
  }

  private static boolean isKnown(int type) {
    return OnnxTensors.isInteger(type) || OnnxTensors.isReal(type);
  }

  private boolean isForwards(List<String> inputs) {
    WholeNumbers steps = inputs.size() > 4 ? wholes.get(inputs.get(4)) : null;
    return steps == null || Arrays.stream(steps.values()).allMatch(step -> step > 0);
  }

  private void byEngine(NodeProto proto, List<String> inputs) {
    List<TensorProto> operands =
        inputs.stream().filter(input -> !input.isEmpty()).distinct().map(this::tensor).toList();
    NodeProto named = proto.toBuilder().clearInput().addAllInput(inputs).build();
    engine.computed(named, operands, this::count).forEach(this::put);
  }

  private TensorProto tensor(String name) {
    TensorProto other = others.get(name);
    if (other != null) {
      return other;
    }
    Constant real = reals.get(name);
    if (real != null) {
      return OnnxTensors.of(name, real);
    }
    WholeNumbers whole = known(List.of(name), 0);
    return OnnxTensors.of(name, whole);
  }

  private static void requireComputable(String tensor, Shape shape) {
    if (shape.rank() > RANK_MAX) {
      throw new ModelRefusedException(
          "tensor '%s' has %d dimensions, the limit is %d: reshape it before"
              .formatted(tensor, shape.rank(), RANK_MAX));
    }
    shape.requireComputable(tensor);
  }

  private void countRead(String input) {
    TensorProto other = others.get(input);
    if (other == null) {
      count(input, shape(input));
    } else {
      count(input, OnnxTensors.elements(other));
    }
  }

  private void count(String tensor, Shape shape) {
    requireComputable(tensor, shape);
    count(tensor, shape.elements());
  }

  private void count(String tensor, long more) {
    elements = more > ELEMENTS_MAX ? more : elements + more;
    if (elements > ELEMENTS_MAX) {
      throw new ModelRefusedException(
          "what is made of constants alone, like '%s', takes more than %d elements: export with constants folded"
              .formatted(tensor, ELEMENTS_MAX));
    }
  }

  private void binary(String kind, String output, List<String> inputs) {
    if (wholes.containsKey(inputs.get(0))) {
      WholeNumbers left = known(inputs, 0);
      WholeNumbers right = known(inputs, 1);
      Shape shape = broadcast(output, left.shape(), right.shape());
      long[] values = new long[shape.elements()];
      for (int i = 0; i < values.length; i++) {
        long l = left.at(broadcastIndex(i, shape, left.shape()));
        long r = right.at(broadcastIndex(i, shape, right.shape()));
        values[i] =
            switch (kind) {
              case "Add" -> Math.addExact(l, r);
              case "Sub" -> Math.subtractExact(l, r);
              case "Mul" -> Math.multiplyExact(l, r);
              case "Div" -> l / r;
              default -> throw unfit(kind);
            };
      }
      put(output, new WholeNumbers(shape, values));
      return;
    }
    Constant left = real(inputs, 0);
    Constant right = real(inputs, 1);
    Shape shape = broadcast(output, left.shape(), right.shape());
    float[] values = new float[shape.elements()];
    for (int i = 0; i < values.length; i++) {
      float l = left.at(broadcastIndex(i, shape, left.shape()));
      float r = right.at(broadcastIndex(i, shape, right.shape()));
      values[i] =
          switch (kind) {
            case "Add" -> l + r;
            case "Sub" -> l - r;
            case "Mul" -> l * r;
            case "Div" -> l / r;
            case "Pow" -> (float) Math.pow(l, r);
            default -> throw unfit(kind);
          };
    }
    put(output, numbers(Constant.of(shape, values)));
  }

  private Shape broadcast(String output, Shape left, Shape right) {
    Shape shape = ShapeRules.broadcast(left, right);
    count(output, shape);
    return shape;
  }

  private static int broadcastIndex(int index, Shape shape, Shape operand) {
    int result = 0;
    int stride = 1;
    int rest = index;
    for (int axis = shape.rank() - 1; axis >= 0; axis--) {
      int position = rest % shape.dimension(axis);
      rest /= shape.dimension(axis);
      int own = axis - shape.rank() + operand.rank();
      if (own >= 0) {
        result += (operand.dimension(own) == 1 ? 0 : position) * stride;
        stride *= operand.dimension(own);
      }
    }
    return result;
  }

  private void each(String output, String input, DoubleUnaryOperator function) {
    Constant x = reals.get(input);
    if (x == null) {
      throw new ModelRefusedException(
          "operand '%s' holds integers where floats are needed: cast it".formatted(input));
    }
    float[] values = x.values();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) function.applyAsDouble(values[i]);
    }
    put(output, numbers(Constant.of(x.shape(), values)));
  }

  private void cast(String output, String input, int type) {
    WholeNumbers whole = wholes.get(input);
    Constant real = reals.get(input);
    switch (TensorProto.DataType.forNumber(type)) {
      case FLOAT, DOUBLE -> {
        if (whole != null) {
          requireKnown(input, whole);
          float[] values = new float[whole.shape().elements()];
          for (int i = 0; i < values.length; i++) {
            values[i] = whole.at(i);
          }
          put(output, Constant.of(whole.shape(), values));
        } else if (real != null) {
          put(output, real);
        }
      }
      case INT32, INT64 -> {
        if (whole != null) {
          put(output, whole);
        } else if (real != null) {
          long[] values = new long[real.size()];
          for (int i = 0; i < values.length; i++) {
            values[i] = (long) real.at(i);
          }
          put(output, new WholeNumbers(real.shape(), values));
        }
      }
      case null, default ->
          throw new ModelRefusedException(
              "a constant cast to element type %d is not supported: use floats or 64-bit integers"
                  .formatted(type));
    }
  }

  private void filled(String output, String input, OnnxAttributes attributes) {
    Shape shape =
        new Shape(
            Arrays.stream(known(List.of(input), 0).values()).mapToObj(Math::toIntExact).toList());
    if (shape.dimensions().stream().anyMatch(size -> size < 1)) {
      throw ModelRefusedException.ofPart("a constant of shape %s is none".formatted(shape));
    }
    count(output, shape);
    TensorProto value = attributes.tensor("value").orElse(null);
    if (value != null && OnnxTensors.isInteger(value.getDataType())) {
      long[] values = new long[shape.elements()];
      Arrays.fill(values, OnnxTensors.integers(value)[0]);
      put(output, new WholeNumbers(shape, values));
      return;
    }
    float[] values = new float[shape.elements()];
    Arrays.fill(values, value == null ? 0 : OnnxTensors.floats(value).at(0));
    put(output, Constant.of(shape, values));
  }

  private void transpose(String output, Constant x, OnnxAttributes attributes) {
    List<Integer> permutation = OnnxNodes.permutation(x.shape().rank(), attributes);
    put(output, x.transposed(permutation.stream().mapToInt(Integer::intValue).toArray()));
  }

  private void gather(String output, String input, WholeNumbers indices, int axis) {
    requireKnown("indices", indices);
    Shape x = shape(input);
    int along = axis < 0 ? axis + x.rank() : axis;
    int size = x.dimension(along);
    List<Integer> dimensions = new ArrayList<>(x.dimensions().subList(0, along));
    dimensions.addAll(indices.shape().dimensions());
    dimensions.addAll(x.dimensions().subList(along + 1, x.rank()));
    Shape shape = new Shape(dimensions);
    count(output, shape);
    int inner = new Shape(x.dimensions().subList(along + 1, x.rank())).elements();
    int each = indices.shape().elements();
    int[] from = new int[shape.elements()];
    for (int i = 0; i < from.length; i++) {
      long index = indices.at(i / inner % each);
      long place = index < 0 ? index + size : index;
      if (place < 0 || place >= size) {
        throw ModelRefusedException.ofPart(
            "index %d lies outside dimension %d of %s".formatted(index, along, x));
      }
      from[i] = (i / inner / each * size + (int) place) * inner + i % inner;
    }
    move(output, shape, from, List.of(input));
  }

  private void slice(String output, List<String> inputs, OnnxAttributes attributes) {
    Shape x = shape(inputs.getFirst());
    boolean old = operatorSet < 10;
    long[] starts = old ? attributes.longs("starts") : known(inputs, 1).values();
    long[] ends = old ? attributes.longs("ends") : known(inputs, 2).values();
    long[] axes = old ? attributes.longs("axes") : optional(inputs, 3);
    long[] steps = old ? new long[0] : optional(inputs, 4);
    int[] begin = new int[x.rank()];
    int[] step = new int[x.rank()];
    Arrays.fill(step, 1);
    List<Integer> sizes = new ArrayList<>(x.dimensions());
    for (int i = 0; i < starts.length; i++) {
      int axis = axes.length == 0 ? i : Math.toIntExact(axes[i] < 0 ? axes[i] + x.rank() : axes[i]);
      int whole = x.dimension(axis);
      step[axis] = steps.length == 0 ? 1 : Math.toIntExact(steps[i]);
      begin[axis] = place(starts[i], whole);
      int size = Math.ceilDiv(place(ends[i], whole) - begin[axis], step[axis]);
      if (size < 1) {
        throw ModelRefusedException.ofPart(
            "from %d to %d of dimension %d of %s, nothing is left"
                .formatted(starts[i], ends[i], axis, x));
      }
      sizes.set(axis, size);
    }
    Shape shape = new Shape(sizes);
    int[] from = new int[shape.elements()];
    for (int i = 0; i < from.length; i++) {
      int rest = i;
      int stride = 1;
      for (int axis = x.rank() - 1; axis >= 0; axis--) {
        from[i] += (begin[axis] + rest % sizes.get(axis) * step[axis]) * stride;
        rest /= sizes.get(axis);
        stride *= x.dimension(axis);
      }
    }
    move(output, shape, from, List.of(inputs.getFirst()));
  }

  private static int place(long index, int size) {
    long place = index < 0 && index >= -(long) size ? index + size : index;
    return Math.clamp(place, 0, size);
  }

  private void concat(String output, List<String> inputs, int axis) {
    Shape first = shape(inputs.getFirst());
    int along = axis < 0 ? axis + first.rank() : axis;
    List<Integer> dimensions = new ArrayList<>(first.dimensions());
    List<Integer> starts = new ArrayList<>();
    int size = 0;
    int elements = 0;
    for (String input : inputs) {
      List<Integer> others = new ArrayList<>(shape(input).dimensions());
      starts.add(elements);
      elements = Math.addExact(elements, shape(input).elements());
      size += others.set(along, first.dimension(along));
      if (!others.equals(first.dimensions())) {
        throw ModelRefusedException.ofPart(
            "operands of shape %s and %s do not fit each other along axis %d"
                .formatted(first, shape(input), along));
      }
    }
    dimensions.set(along, size);
    Shape shape = new Shape(dimensions);
    int inner = new Shape(first.dimensions().subList(along + 1, first.rank())).elements();
    int[] from = new int[shape.elements()];
    int before = 0;
    for (int k = 0; k < inputs.size(); k++) {
      int own = shape(inputs.get(k)).dimension(along) * inner;
      for (int i = 0; i < shape(inputs.get(k)).elements(); i++) {
        from[i / own * size * inner + before + i % own] = starts.get(k) + i;
      }
      before += own;
    }
    move(output, shape, from, inputs);
  }

  /** Elements of constants, taken one after the other, in another order; floats as they are. */
  private void move(String output, Shape shape, int[] from, List<String> inputs) {
    requireComputable(output, shape);
    if (wholes.containsKey(inputs.getFirst())) {
      long[] joined =
          inputs.stream()
              .map(input -> numbers(input).values())
              .flatMapToLong(Arrays::stream)
              .toArray();
      put(output, new WholeNumbers(shape, Arrays.stream(from).mapToLong(i -> joined[i]).toArray()));
      return;
    }
    if (from.length == 0) {
      put(output, real(inputs, 0).reshaped(shape));
      return;
    }
    float[] joined = new float[inputs.stream().mapToInt(input -> shape(input).elements()).sum()];
    int end = 0;
    for (int k = 0; k < inputs.size(); k++) {
      float[] values = real(inputs, k).values();
      System.arraycopy(values, 0, joined, end, values.length);
      end += values.length;
    }
    float[] values = new float[from.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = joined[from[i]];
    }
    put(output, Constant.of(shape, values));
  }

  private static int[] all(Shape shape) {
    return IntStream.range(0, shape.elements()).toArray();
  }

  Shape shape(String input) {
    Constant real = reals.get(input);
    return real != null ? real.shape() : numbers(input).shape();
  }

  private Constant real(List<String> inputs, int at) {
    Constant constant = at < inputs.size() ? reals.get(inputs.get(at)) : null;
    if (constant == null) {
      throw ModelRefusedException.ofPart(
          "operand %d is no constant of floats, which it must be beside other constants"
              .formatted(at));
    }
    return constant;
  }

  private WholeNumbers numbers(List<String> inputs, int at) {
    return numbers(at < inputs.size() ? inputs.get(at) : "");
  }

  private WholeNumbers numbers(String input) {
    WholeNumbers whole = wholes.get(input);
    if (whole == null) {
      throw new ModelRefusedException(
          "operand '%s' is no constant of integers: fix it at export".formatted(input));
    }
    return whole;
  }

  /** Numbers of which none depends on the batch. */
  private WholeNumbers known(List<String> inputs, int at) {
    WholeNumbers whole = numbers(inputs, at);
    requireKnown(inputs.get(at), whole);
    return whole;
  }

  static void requireKnown(String name, WholeNumbers whole) {
    if (whole.dependOnBatch()) {
      throw new ModelRefusedException(
          "operand '%s' is computed from the size of the batch: export with a batch of 1"
              .formatted(name));
    }
  }

  private long[] optional(List<String> inputs, int at) {
    return at < inputs.size() && !inputs.get(at).isEmpty()
        ? known(inputs, at).values()
        : new long[0];
  }

  private float bound(List<String> inputs, int at, float absent) {
    return at < inputs.size() && !inputs.get(at).isEmpty() ? real(inputs, at).at(0) : absent;
  }

  private static Constant numbers(Constant constant) {
    for (int i = 0; i < constant.size(); i++) {
      if (Float.isNaN(constant.at(i))) {
        throw new ModelRefusedException(
            "it makes %s of constants: train or export the model again".formatted(constant.at(i)));
      }
    }
    return constant;
  }

  private static ModelRefusedException unfit(String kind) {
    return new ModelRefusedException(kind + " of integers is not supported: cast them to floats");
  }
}
