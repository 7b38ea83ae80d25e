package io.skerry.packager.graph;

import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.OperatorSetIdProto;
import io.skerry.wire.onnx.TensorProto;
import io.skerry.wire.onnx.ValueInfoProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * ONNX files as exporters write them, of whatever operators come together: branches, residuals,
 * tensors and constants that several nodes read, normalisations after anything.
 */
public final class RandomModels {
  private static final int NODES = 14;
  private static final int ELEMENTS_MAX = 3000;

  /** Scores of more hardly differ from 0, and nobody reads them as integers. */
  private static final int SCORES_MAX = 16;

  /** A tensor, its dimensions after the batch. */
  private static final class Made {
    private final String name;
    private final int[] dimensions;

    Made(String name, int... dimensions) {
      this.name = name;
      this.dimensions = dimensions;
    }

    String name() {
      return name;
    }

    int[] dimensions() {
      return dimensions;
    }

    int rank() {
      return dimensions.length;
    }

    int elements() {
      return Arrays.stream(dimensions).reduce(1, (a, b) -> a * b);
    }
  }

  /** Files of seeds up to this one hold no operators that came later, and stay as they were. */
  private static final long FIRST_OPERATORS = 200;

  private final Random random;
  private final boolean wider;
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("random");
  private final List<Made> tensors = new ArrayList<>();
  private final List<Made> constants = new ArrayList<>();
  private final Set<String> read = new LinkedHashSet<>();
  private final Set<String> padded = new HashSet<>();
  private final Set<String> centred = new HashSet<>();
  private int names;

  private RandomModels(long seed) {
    random = new Random(seed * 0x9E3779B97F4A7C15L);
    wider = seed > FIRST_OPERATORS;
  }

  /** The model of a seed: one input, one to three outputs. */
  public static ModelProto model(long seed) {
    return new RandomModels(seed).build();
  }

  private ModelProto build() {
    int channels = 2 * (1 + random.nextInt(3));
    Made input =
        switch (random.nextInt(6)) {
          case 0 -> new Made("x", 6 + random.nextInt(20));
          case 1 -> new Made("x", channels, 8 + random.nextInt(12));
          case 2 -> new Made("x", 6 + random.nextInt(3), 6 + random.nextInt(3), channels);
          default -> new Made("x", channels, 6 + random.nextInt(4), 6 + random.nextInt(4));
        };
    graph.addInput(value(input));
    tensors.add(input);
    for (int tries = 0; graph.getNodeCount() < NODES && tries < 20 * NODES; tries++) {
      grow();
    }
    List<Made> ends =
        new ArrayList<>(tensors.stream().filter(made -> !read.contains(made.name())).toList());
    if (random.nextInt(3) == 0) {
      ends.add(tensors.get(1 + random.nextInt(tensors.size() - 1)));
    }
    ends.reversed().stream().distinct().limit(3).forEach(end -> graph.addOutput(value(end)));
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
        .setGraph(graph)
        .build();
  }

  private void grow() {
    boolean goesOn = random.nextInt(3) > 0;
    Made from = goesOn ? tensors.getLast() : tensors.get(random.nextInt(tensors.size()));
    if (wider && random.nextInt(3) == 0) {
      growWider(from);
      return;
    }
    switch (random.nextInt(from.rank() == 1 ? 8 : 14)) {
      case 0 -> function(from);
      case 1 -> withConstant(from);
      case 2 -> withTensor(from);
      case 3 -> concat(from);
      case 4 -> normalised(from);
      case 5 -> reshaped(from);
      case 6, 7 -> {
        if (from.rank() == 1) {
          dense(from);
        } else {
          conv(from);
        }
      }
      case 8 -> pool(from);
      case 9 -> padded(from);
      case 10 -> sliced(from);
      case 11 -> resized(from);
      case 12 -> convTranspose(from);
      default -> conv(from);
    }
  }

  private void function(Made x) {
    switch (random.nextInt(9)) {
      case 0, 1 -> node("Relu", x.dimensions(), x.name());
      case 2 -> node("Sigmoid", x.dimensions(), x.name());
      case 3 -> node("Tanh", x.dimensions(), x.name());
      case 4 -> node("HardSwish", x.dimensions(), x.name());
      case 5 ->
          node("LeakyRelu", x.dimensions(), x.name()).addAttribute(OnnxParts.real("alpha", 0.2f));
      case 6 -> node("Clip", x.dimensions(), x.name(), scalar(0), scalar(6));
      case 7 ->
          node(
              "Clip",
              x.dimensions(),
              x.name(),
              random.nextInt(4) == 0 ? "" : scalar(random.nextFloat() * 0.6f - 0.5f),
              scalar(random.nextFloat() + 0.2f));
      default -> {
        if (x.rank() == 1 && x.elements() <= SCORES_MAX) {
          node("Softmax", x.dimensions(), x.name()).addAttribute(OnnxParts.integer("axis", -1));
        } else {
          node(random.nextBoolean() ? "Identity" : "Dropout", x.dimensions(), x.name());
        }
      }
    }
  }

  /** With a number, one per channel, one per place, or one each. */
  private void withConstant(Made x) {
    int[] dimensions =
        switch (random.nextInt(4)) {
          case 0 -> new int[0];
          case 1 -> x.rank() == 1 ? new int[] {1} : perChannel(x, x.dimensions()[0]);
          case 2 -> new int[] {x.dimensions()[x.rank() - 1]};
          default -> x.dimensions();
        };
    boolean batched = random.nextInt(4) == 0;
    String constant = constant(0.8, batched ? with(1, dimensions) : dimensions);
    switch (random.nextInt(6)) {
      case 0 -> node("Add", x.dimensions(), constant, x.name());
      case 1 -> node("Sub", x.dimensions(), constant, x.name());
      case 2 -> node("Sub", x.dimensions(), x.name(), constant);
      case 3 -> node("Div", x.dimensions(), x.name(), scalar(0.5f + random.nextFloat()));
      case 4 -> node("Mul", x.dimensions(), constant, x.name());
      default -> node("Mul", x.dimensions(), x.name(), constant);
    }
  }

  private void withTensor(Made x) {
    List<Made> fitting =
        tensors.stream()
            .filter(
                other ->
                    Arrays.equals(other.dimensions(), x.dimensions())
                        || Arrays.equals(other.dimensions(), perChannel(x, x.dimensions()[0])))
            .toList();
    Made other = fitting.get(random.nextInt(fitting.size()));
    // Squares of squares are all but 0 next to their largest.
    List<String> operators = List.of("Add", "Add", "Sub", other.equals(x) ? "Add" : "Mul");
    node(operators.get(random.nextInt(4)), x.dimensions(), x.name(), other.name());
  }

  private void concat(Made x) {
    int axis = random.nextInt(3) > 0 ? 0 : random.nextInt(x.rank());
    List<Made> parts = new ArrayList<>(List.of(x));
    List<Made> fitting = tensors.stream().filter(other -> fits(x, other, axis)).toList();
    for (int i = 0; i <= random.nextInt(2); i++) {
      parts.add(random.nextInt(parts.size() + 1), fitting.get(random.nextInt(fitting.size())));
    }
    int[] dimensions = x.dimensions().clone();
    dimensions[axis] = parts.stream().mapToInt(part -> part.dimensions()[axis]).sum();
    if (new Made("", dimensions).elements() <= ELEMENTS_MAX) {
      node("Concat", dimensions, parts.stream().map(Made::name).toArray(String[]::new))
          .addAttribute(
              OnnxParts.integer("axis", random.nextBoolean() ? axis + 1 : axis - x.rank()));
    }
  }

  private static boolean fits(Made x, Made other, int axis) {
    return other.rank() == x.rank()
        && IntStream.range(0, x.rank())
            .allMatch(i -> i == axis || other.dimensions()[i] == x.dimensions()[i]);
  }

  private void normalised(Made x) {
    int channels = x.dimensions()[0];
    node(
            "BatchNormalization",
            x.dimensions(),
            x.name(),
            constant(1, channels),
            constant(0.5, channels),
            constant(0.5, channels),
            positive(channels))
        .addAttribute(OnnxParts.real("epsilon", 1e-3f));
  }

  private void reshaped(Made x) {
    int elements = x.elements();
    switch (random.nextInt(x.rank() == 1 ? 2 : 5)) {
      case 0 -> {
        int channels =
            IntStream.of(6, 4, 3, 2, 1).filter(c -> elements % c == 0).findFirst().orElse(1);
        int[] to =
            random.nextBoolean()
                ? new int[] {channels, elements / channels}
                : split(elements, channels);
        node("Reshape", to, x.name(), longs(Arrays.stream(with(0, to)).asLongStream().toArray()));
      }
      case 1 -> node("Flatten", new int[] {elements}, x.name());
      case 2 -> {
        List<Integer> order = new ArrayList<>(IntStream.range(1, x.rank() + 1).boxed().toList());
        Collections.shuffle(order, random);
        int[] to = order.stream().mapToInt(axis -> x.dimensions()[axis - 1]).toArray();
        order.addFirst(0);
        node("Transpose", to, x.name())
            .addAttribute(numbers("perm", order.stream().mapToLong(i -> i).toArray()));
      }
      case 3 -> {
        if (x.rank() == 2) {
          node(
              "Unsqueeze", new int[] {x.dimensions()[0], 1, x.dimensions()[1]}, x.name(), longs(2));
        }
      }
      default -> {
        int[] spatial = IntStream.range(2, x.rank() + 1).toArray();
        boolean kept = random.nextBoolean();
        int[] to = kept ? perChannel(x, x.dimensions()[0]) : new int[] {x.dimensions()[0]};
        node(kept && random.nextBoolean() ? "GlobalAveragePool" : "ReduceMean", to, x.name());
        NodeProto.Builder made = graph.getNodeBuilder(graph.getNodeCount() - 1);
        if (made.getOpType().equals("ReduceMean")) {
          made.addAttribute(numbers("axes", Arrays.stream(spatial).asLongStream().toArray()))
              .addAttribute(OnnxParts.integer("keepdims", kept ? 1 : 0));
        }
      }
    }
  }

  private static int[] split(int elements, int channels) {
    int places = elements / channels;
    int rows = IntStream.of(6, 5, 4, 3, 2, 1).filter(r -> places % r == 0).findFirst().orElse(1);
    return new int[] {channels, rows, places / rows};
  }

  private void dense(Made x) {
    int inputs = x.dimensions()[0];
    int outputs = 4 + random.nextInt(8);
    double scale = Math.sqrt(1.0 / inputs);
    if (random.nextInt(3) == 0) {
      node("MatMul", new int[] {outputs}, x.name(), constant(scale, inputs, outputs));
      return;
    }
    boolean turned = random.nextBoolean();
    String weights = turned ? constant(scale, outputs, inputs) : constant(scale, inputs, outputs);
    String bias =
        switch (random.nextInt(4)) {
          case 0 -> "";
          case 1 -> constant(0.3, 1, outputs);
          case 2 -> constant(0.3, 1);
          default -> constant(0.3, outputs);
        };
    node("Gemm", new int[] {outputs}, x.name(), weights, bias)
        .addAttribute(OnnxParts.integer("transB", turned ? 1 : 0))
        .addAttribute(OnnxParts.real("alpha", 0.5f + random.nextFloat()))
        .addAttribute(OnnxParts.real("beta", 0.5f + random.nextFloat()));
  }

  private void conv(Made x) {
    int channels = x.dimensions()[0];
    int group =
        switch (random.nextInt(4)) {
          case 0 -> channels;
          case 1 -> random.nextInt(4) == 0 && channels % 2 == 0 ? 2 : 1;
          default -> 1;
        };
    int outputs = group * (1 + random.nextInt(group == channels ? 2 : Math.max(1, 8 / group)));
    Places places = places(x, true);
    int[] made = places.out(x, outputs);
    if (channels > 64 || made.length == 0) {
      return;
    }
    int[] weights = with(outputs, with(channels / group, places.kernel()));
    double scale = Math.sqrt((double) outputs / new Made("", weights).elements());
    String bias = random.nextInt(3) == 0 ? "" : constant(0.3, outputs);
    places
        .on(node("Conv", made, x.name(), constant(scale, weights), bias), true)
        .addAttribute(OnnxParts.integer("group", group));
  }

  private void convTranspose(Made x) {
    int channels = x.dimensions()[0];
    int spatial = x.rank() - 1;
    int group = channels % 2 == 0 && random.nextInt(4) == 0 ? 2 : 1;
    int perGroup = 1 + random.nextInt(3);
    int kernel = 2 + random.nextInt(2);
    int pad = random.nextInt(2);
    int[] to = with(group * perGroup, Arrays.copyOfRange(x.dimensions(), 1, x.rank()));
    for (int i = 1; i < to.length; i++) {
      to[i] = 2 * (to[i] - 1) + kernel - 2 * pad;
    }
    if (channels > 16
        || Arrays.stream(to).min().orElse(0) < 1
        || new Made("", to).elements() > ELEMENTS_MAX) {
      return;
    }
    int[] kernels = filled(spatial, kernel);
    String weights = constant(0.4, with(channels, with(perGroup, kernels)));
    node("ConvTranspose", to, x.name(), weights, random.nextBoolean() ? "" : constant(0.3, to[0]))
        .addAttribute(numbers("strides", longsOf(filled(spatial, 2))))
        .addAttribute(numbers("kernel_shape", longsOf(kernels)))
        .addAttribute(numbers("pads", longsOf(filled(2 * spatial, pad))))
        .addAttribute(OnnxParts.integer("group", group));
  }

  private void pool(Made x) {
    Places places = places(x, false);
    int[] made = places.out(x, x.dimensions()[0]);
    // ONNX Runtime joins a Pad to a pool, and then refuses that one.
    if (made.length == 0 || padded.contains(x.name())) {
      return;
    }
    boolean largest = random.nextBoolean();
    NodeProto.Builder node =
        places.on(node(largest ? "MaxPool" : "AveragePool", made, x.name()), false);
    if (!largest) {
      node.addAttribute(OnnxParts.integer("count_include_pad", random.nextInt(2)));
    }
  }

  /** How a kernel moves. */
  private static final class Places {
    private final int[] kernel;
    private final int[] strides;
    private final int[] dilations;
    private final int[] pads;

    Places(int[] kernel, int[] strides, int[] dilations, int[] pads) {
      this.kernel = kernel;
      this.strides = strides;
      this.dilations = dilations;
      this.pads = pads;
    }

    int[] kernel() {
      return kernel;
    }

    int[] out(Made x, int channels) {
      int[] made = with(channels, kernel.clone());
      for (int i = 0; i < kernel.length; i++) {
        int room =
            x.dimensions()[i + 1]
                + pads[i]
                + pads[i + kernel.length]
                - (kernel[i] - 1) * dilations[i]
                - 1;
        if (room < 0) {
          return new int[0];
        }
        made[i + 1] = room / strides[i] + 1;
      }
      return new Made("", made).elements() > ELEMENTS_MAX ? new int[0] : made;
    }

    NodeProto.Builder on(NodeProto.Builder node, boolean dilated) {
      node.addAttribute(numbers("kernel_shape", longsOf(kernel)))
          .addAttribute(numbers("strides", longsOf(strides)))
          .addAttribute(numbers("pads", longsOf(pads)));
      return dilated ? node.addAttribute(numbers("dilations", longsOf(dilations))) : node;
    }
  }

  private Places places(Made x, boolean convolves) {
    int spatial = x.rank() - 1;
    int[] kernel = new int[spatial];
    int[] strides = filled(spatial, 1 + random.nextInt(2));
    int[] dilations = filled(spatial, convolves && random.nextInt(5) == 0 ? 2 : 1);
    int[] pads = new int[2 * spatial];
    boolean padded = random.nextInt(3) > 0;
    for (int i = 0; i < spatial; i++) {
      kernel[i] = 1 + random.nextInt(3);
      if (padded && convolves && random.nextInt(4) == 0) {
        pads[i] = random.nextInt(3);
        pads[i + spatial] = random.nextInt(3);
      } else if (padded) {
        int all = (kernel[i] - 1) * dilations[i];
        pads[i] = all / 2;
        pads[i + spatial] = all - all / 2;
      }
    }
    return new Places(kernel, strides, dilations, pads);
  }

  private void padded(Made x) {
    long[] pads = new long[2 * (x.rank() + 1)];
    int[] to = x.dimensions().clone();
    for (int i = random.nextInt(4) == 0 ? 0 : 1; i < x.rank(); i++) {
      pads[i + 1] = random.nextInt(2);
      pads[i + 2 + x.rank()] = random.nextInt(3);
      to[i] += (int) (pads[i + 1] + pads[i + 2 + x.rank()]);
    }
    if (new Made("", to).elements() <= ELEMENTS_MAX) {
      String around = random.nextBoolean() ? "" : scalar(random.nextFloat() - 0.5f);
      node("Pad", to, x.name(), longs(pads), around);
      padded.add(tensors.getLast().name());
    }
  }

  private void sliced(Made x) {
    int axis = random.nextInt(x.rank());
    int size = x.dimensions()[axis];
    if (size < 3) {
      return;
    }
    int step = 1 + random.nextInt(2);
    int first = random.nextInt(2);
    int last = size - random.nextInt(2);
    int[] to = x.dimensions().clone();
    to[axis] = Math.ceilDiv(last - first, step);
    node(
        "Slice",
        to,
        x.name(),
        longs(first),
        longs(last == size ? Long.MAX_VALUE : last - size),
        longs(axis + 1),
        longs(step));
  }

  private void growWider(Made x) {
    switch (random.nextInt(7)) {
      case 0 -> split(x);
      case 1 -> node("PRelu", x.dimensions(), x.name(), constant(0.3, slopes(x)));
      case 2 -> gelu(x);
      case 3 -> layerNormalization(x);
      case 4 -> mean(x);
      case 5 -> attention(x);
      default -> {
        if (x.rank() > 1) {
          int inputs = x.dimensions()[x.rank() - 1];
          int[] to = x.dimensions().clone();
          to[x.rank() - 1] = 3 + random.nextInt(6);
          double scale = Math.sqrt(1.0 / inputs);
          node("MatMul", to, x.name(), constant(scale, inputs, to[x.rank() - 1]));
          if (random.nextBoolean()) {
            node("Add", to, tensors.getLast().name(), constant(0.3, to[x.rank() - 1]));
          }
        }
      }
    }
  }

  private int[] slopes(Made x) {
    return switch (random.nextInt(3)) {
      case 0 -> new int[] {1};
      case 1 -> perChannel(x, x.dimensions()[0]);
      default -> x.dimensions();
    };
  }

  private void gelu(Made x) {
    int[] to = x.dimensions();
    node("Div", to, x.name(), scalar((float) Math.sqrt(2)));
    node("Erf", to, tensors.getLast().name());
    node("Add", to, tensors.getLast().name(), scalar(1));
    node("Mul", to, x.name(), tensors.getLast().name());
    node("Mul", to, tensors.getLast().name(), scalar(0.5f));
    hide(4);
  }

  private void layerNormalization(Made x) {
    int last = x.dimensions()[x.rank() - 1];
    // Of two values hardly more than their order is left.
    if (last < 3) {
      return;
    }
    if (random.nextBoolean()) {
      node(
              "LayerNormalization",
              x.dimensions(),
              x.name(),
              constant(1, last),
              random.nextBoolean() ? "" : constant(0.3, last))
          .addAttribute(OnnxParts.real("epsilon", 1e-2f));
      centred.add(tensors.getLast().name());
      return;
    }
    int[] one = x.dimensions().clone();
    one[x.rank() - 1] = 1;
    node("ReduceMean", one, x.name()).addAttribute(numbers("axes", -1));
    node("Sub", x.dimensions(), x.name(), tensors.getLast().name());
    String deviation = tensors.getLast().name();
    node("Mul", x.dimensions(), deviation, deviation);
    node("ReduceMean", one, tensors.getLast().name()).addAttribute(numbers("axes", -1));
    node("Add", one, tensors.getLast().name(), scalar(0.01f));
    node("Sqrt", one, tensors.getLast().name());
    node("Div", x.dimensions(), deviation, tensors.getLast().name());
    hide(6);
    centred.add(tensors.getLast().name());
  }

  /** Nobody else reads the steps before the last one. */
  private void hide(int steps) {
    int last = tensors.size() - 1;
    tensors.subList(last - steps, last).clear();
  }

  /** Rows weighed by how like each other they are. */
  private void attention(Made x) {
    if (x.rank() < 2 || x.elements() * x.dimensions()[x.rank() - 2] > 8 * ELEMENTS_MAX) {
      return;
    }
    int last = x.rank() - 1;
    int[] turned = x.dimensions().clone();
    turned[last] = x.dimensions()[last - 1];
    turned[last - 1] = x.dimensions()[last];
    int[] scores = turned.clone();
    scores[last - 1] = turned[last];
    List<Integer> order = new ArrayList<>(IntStream.rangeClosed(0, x.rank()).boxed().toList());
    Collections.swap(order, x.rank(), last);
    node("Transpose", turned, x.name())
        .addAttribute(numbers("perm", order.stream().mapToLong(i -> i).toArray()));
    node("MatMul", scores, x.name(), tensors.getLast().name());
    node("Div", scores, tensors.getLast().name(), scalar(2 + x.dimensions()[last]));
    node("Softmax", scores, tensors.getLast().name()).addAttribute(OnnxParts.integer("axis", -1));
    node("MatMul", x.dimensions(), tensors.getLast().name(), x.name());
    hide(4);
  }

  private void mean(Made x) {
    int axis = random.nextInt(x.rank());
    // The mean of what was centred along it is 0, and what is left of it is rounding alone.
    if (axis == x.rank() - 1 && centred.contains(x.name())) {
      return;
    }
    boolean kept = random.nextBoolean() || x.rank() == 1;
    int[] to =
        IntStream.range(0, x.rank())
            .filter(i -> kept || i != axis)
            .map(i -> i == axis ? 1 : x.dimensions()[i])
            .toArray();
    node("ReduceMean", to, x.name())
        .addAttribute(numbers("axes", axis + 1))
        .addAttribute(OnnxParts.integer("keepdims", kept ? 1 : 0));
  }

  private void split(Made x) {
    int axis = random.nextInt(x.rank());
    int size = x.dimensions()[axis];
    if (size < 2) {
      return;
    }
    int first = 1 + random.nextInt(size - 1);
    int[] to = x.dimensions().clone();
    to[axis] = first;
    NodeProto.Builder node = node("Split", to, x.name(), longs(first, size - first));
    node.addAttribute(OnnxParts.integer("axis", random.nextBoolean() ? axis + 1 : axis - x.rank()));
    int[] rest = x.dimensions().clone();
    rest[axis] = size - first;
    Made second = new Made("t" + names++, rest);
    node.addOutput(second.name());
    tensors.add(second);
  }

  private void resized(Made x) {
    int[] to = x.dimensions().clone();
    float[] scales = new float[x.rank() + 1];
    Arrays.fill(scales, 1);
    for (int i = 1; i < x.rank(); i++) {
      scales[i + 1] = 2;
      to[i] *= 2;
    }
    if (new Made("", to).elements() > ELEMENTS_MAX) {
      return;
    }
    String name = "c" + names++;
    graph.addInitializer(TestTensors.reals(name, new int[] {scales.length}, scales));
    boolean linear = random.nextBoolean();
    node("Resize", to, x.name(), "", name)
        .addAttribute(OnnxParts.text("mode", linear ? "linear" : "nearest"))
        .addAttribute(
            OnnxParts.text("coordinate_transformation_mode", linear ? "half_pixel" : "asymmetric"))
        .addAttribute(OnnxParts.text("nearest_mode", "floor"));
  }

  private NodeProto.Builder node(String operator, int[] dimensions, String... inputs) {
    Made made = new Made("t" + names++, dimensions);
    List<String> operands = new ArrayList<>(Arrays.asList(inputs));
    while (operands.getLast().isEmpty()) {
      operands.removeLast();
    }
    read.addAll(operands);
    tensors.add(made);
    return graph
        .addNodeBuilder()
        .setName(made.name() + "_" + operator)
        .setOpType(operator)
        .addAllInput(operands)
        .addOutput(made.name());
  }

  /** Now and then one that another node reads already. */
  private String constant(double scale, int... dimensions) {
    List<Made> known =
        constants.stream().filter(one -> Arrays.equals(one.dimensions(), dimensions)).toList();
    if (!known.isEmpty() && random.nextInt(3) == 0) {
      return known.get(random.nextInt(known.size())).name();
    }
    Made made = new Made("c" + names++, dimensions);
    float[] values = new float[made.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    graph.addInitializer(TestTensors.reals(made.name(), dimensions, values));
    constants.add(made);
    return made.name();
  }

  private String positive(int size) {
    String name = constant(1e-9, size, 1, 1, 1, 1);
    TensorProto.Builder tensor =
        graph.getInitializerBuilderList().stream()
            .filter(one -> one.getName().equals(name))
            .findFirst()
            .orElseThrow();
    tensor.clearDims().addDims(size);
    for (int i = 0; i < size; i++) {
      tensor.setFloatData(i, 0.5f + random.nextFloat());
    }
    return name;
  }

  private String scalar(float value) {
    String name = "c" + names++;
    graph.addInitializer(TestTensors.reals(name, new int[0], value));
    return name;
  }

  private String longs(long... values) {
    String name = "c" + names++;
    graph.addInitializer(TestTensors.integers(name, values));
    return name;
  }

  private static int[] perChannel(Made x, int channels) {
    int[] dimensions = filled(x.rank(), 1);
    dimensions[0] = channels;
    return dimensions;
  }

  private static int[] filled(int size, int value) {
    int[] filled = new int[size];
    Arrays.fill(filled, value);
    return filled;
  }

  private static int[] with(int first, int... others) {
    return IntStream.concat(IntStream.of(first), IntStream.of(others)).toArray();
  }

  private static long[] longsOf(int... values) {
    return Arrays.stream(values).asLongStream().toArray();
  }

  private static AttributeProto numbers(String name, long... values) {
    return OnnxParts.integers(name, Arrays.stream(values).boxed().toList());
  }

  private static ValueInfoProto value(Made made) {
    return OnnxParts.value(made.name(), Shape.of(with(Shape.BATCH, made.dimensions())));
  }
}
