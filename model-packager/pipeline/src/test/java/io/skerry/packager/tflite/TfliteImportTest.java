package io.skerry.packager.tflite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.flatbuffers.FlatBufferBuilder;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.IntegerEnds;
import io.skerry.packager.quantize.IntegerType;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tensorflow.lite.schema.Buffer;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.ConcatenationOptionsT;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.QuantizationParametersT;
import org.tensorflow.lite.schema.ResizeNearestNeighborOptionsT;
import org.tensorflow.lite.schema.SoftmaxOptionsT;
import org.tensorflow.lite.schema.SplitOptionsT;
import org.tensorflow.lite.schema.SplitVOptionsT;
import org.tensorflow.lite.schema.SubGraph;
import org.tensorflow.lite.schema.SubGraphT;
import org.tensorflow.lite.schema.Tensor;
import org.tensorflow.lite.schema.TensorT;
import org.tensorflow.lite.schema.TensorType;

class TfliteImportTest {
  private static final Path MODELS = Path.of("../../../shared/data/mlperf-tiny");

  private static final float[] SAME = {1, -2, 3, -4, 5, -6, 7, 8};

  private static final Scheme PER_TENSOR = new Scheme(IntegerType.INT8, false, false, true);
  private static final List<Scheme> SCHEMES =
      List.of(
          Scheme.SIGNED, Scheme.UNSIGNED, Scheme.UNSIGNED_SATURATING, Scheme.SYMMETRIC, PER_TENSOR);

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void readsWhatItWrites(long seed) throws Exception {
    check(TfliteExport.write(Nets.imageNet(seed)), 1e-4);
    check(TfliteExport.write(Nets.branchNet(seed)), 1e-4);
    check(TfliteExport.write(Nets.sensorNet(seed)), 1e-4);
  }

  @Test
  void readsPadding() throws Exception {
    Nets net = new Nets(1, "x", Shape.BATCH, 2, 6, 5).conv(4, Activation.NONE, 3, 3);
    Op.Pad around = new Op.Pad(List.of(0, 1, 2, 0), List.of(0, 0, 1, 3), 0.5f);

    check(TfliteExport.write(net.add(around).add(new Op.Sigmoid()).graph("y")), 1e-4);
  }

  @Test
  void readsHowSharplyASoftmaxTellsClassesApart() throws Exception {
    check(sharpened(TfliteExport.write(Nets.imageNet(1)), 4), 1e-4);
    Graph net = Nets.imageNet(2);
    Samples items = Nets.randomItems(net, 64);
    byte[] file = sharpened(integers(net, items), 4);
    Outputs there = outputs(Engine.TFLITE, file, net, items);
    TfliteModel model = TfliteImport.readAny(file);

    QuantizedGraph integers = model.scales().quantized(model.graph(), Scheme.SIGNED);

    assertThat(
            outputs(Engine.ONNXRUNTIME, QdqExport.write(integers), net, items).signalToNoise(there))
        .isGreaterThan(20);
  }

  private static byte[] sharpened(byte[] content, float beta) {
    ModelT model = ModelT.deserializeFromBinary(content);
    for (OperatorT operator : model.getSubgraphs()[0].getOperators()) {
      if (operator.getBuiltinOptions().getValue() instanceof SoftmaxOptionsT options) {
        options.setBeta(beta);
      }
    }
    return model.serializeToBinary();
  }

  @Test
  void readsNearestPlacesOnlyWhereOnnxFindsTheSame() throws Exception {
    ResizeNearestNeighborOptionsT corners = new ResizeNearestNeighborOptionsT();
    corners.setAlignCorners(true);
    ResizeNearestNeighborOptionsT centers = new ResizeNearestNeighborOptionsT();
    centers.setHalfPixelCenters(true);
    int read = 0;
    for (ResizeNearestNeighborOptionsT options :
        List.of(new ResizeNearestNeighborOptionsT(), corners, centers)) {
      for (int to = 1; to <= 40; to++) {
        byte[] file = nearest(options, 6, to);
        try {
          check(file, 1e-6);
          read++;
        } catch (ModelRefusedException e) {
          assertThat(e).hasMessageContainingAll("resize_nearest_neighbor_0", "whole scales");
        }
      }
    }

    assertThat(read).isBetween(60, 119);
    assertThatThrownBy(() -> TfliteImport.read(nearest(new ResizeNearestNeighborOptionsT(), 6, 20)))
        .isInstanceOf(ModelRefusedException.class);
  }

  private static byte[] nearest(ResizeNearestNeighborOptionsT options, int from, int to) {
    TfliteFile file = new TfliteFile();
    int x = file.activation("x", new int[] {1, from, from, 2}, null);
    int y = file.activation("y", new int[] {1, to, to, 2}, null);
    file.operator(
        BuiltinOperator.RESIZE_NEAREST_NEIGHBOR,
        3,
        new int[] {x, file.integers("size", to, to)},
        y,
        BuiltinOptions.ResizeNearestNeighborOptions,
        options);
    return file.bytes("net", x, new int[] {y});
  }

  @Test
  void readsPartsOfASplit() throws Exception {
    check(split(false), 1e-6);
    check(split(true), 1e-6);
  }

  /** Rows or channels apart, some of the parts bounded, and together again. */
  private static byte[] split(boolean sized) {
    TfliteFile file = new TfliteFile();
    int x = file.activation("x", new int[] {1, 4, 3, 6}, null);
    int[] part = sized ? new int[] {1, 4, 3, 2} : new int[] {1, 2, 3, 6};
    int a = file.activation("a", part, null);
    int b = file.activation("b", sized ? new int[] {1, 4, 3, 4} : part, null);
    int axis = file.integers("axis", sized ? -1 : 1);
    int[] inputs = sized ? new int[] {x, file.integers("sizes", 2, 4), axis} : new int[] {axis, x};
    SplitOptionsT halves = new SplitOptionsT();
    halves.setNumSplits(2);
    SplitVOptionsT sizes = new SplitVOptionsT();
    sizes.setNumSplits(2);
    file.operator(
        sized ? BuiltinOperator.SPLIT_V : BuiltinOperator.SPLIT,
        1,
        inputs,
        a,
        sized ? BuiltinOptions.SplitVOptions : BuiltinOptions.SplitOptions,
        sized ? sizes : halves);
    int c = file.activation("c", part, null);
    file.operator(BuiltinOperator.RELU, 1, new int[] {a}, c);
    int y = file.activation("y", new int[] {1, 4, 3, 6}, null);
    ConcatenationOptionsT options = new ConcatenationOptionsT();
    options.setAxis(sized ? 3 : 1);
    file.operator(
        BuiltinOperator.CONCATENATION,
        1,
        new int[] {b, c},
        y,
        BuiltinOptions.ConcatenationOptions,
        options);
    ModelT model = ModelT.deserializeFromBinary(file.bytes("net", x, new int[] {y}));
    model.getSubgraphs()[0].getOperators()[0].setOutputs(new int[] {a, b});
    return model.serializeToBinary();
  }

  /** Named twice, or made twice of the same integers. */
  @Test
  void refusesOutputsThatAreTheSame() {
    Graph net = Nets.beside(Nets.dense("y", SAME, 4), Nets.dense("z", SAME, 4));
    ModelT twice = ModelT.deserializeFromBinary(integers(net, Nets.randomItems(net, 8)));
    SubGraphT graph = twice.getSubgraphs()[0];
    int[] outputs = graph.getOutputs();

    maker(graph, outputs[1]).setInputs(maker(graph, outputs[0]).getInputs());
    assertThatThrownBy(() -> TfliteImport.readAny(twice.serializeToBinary()))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessage("outputs 'y' and 'z' are the same: export the model with one of them");
    graph.setOutputs(new int[] {outputs[0], outputs[0]});
    assertThatThrownBy(() -> TfliteImport.readAny(twice.serializeToBinary()))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessage("outputs 'y' and 'y' are the same: export the model with one of them");
  }

  /** It is made by no node of the graph. */
  @Test
  void refusesAnOutputThatIsConstant() {
    Graph net = Nets.dense("y", SAME, 4);
    ModelT model = ModelT.deserializeFromBinary(integers(net, Nets.randomItems(net, 8)));
    SubGraphT graph = model.getSubgraphs()[0];
    OperatorT last = maker(graph, graph.getOutputs()[0]);
    last.setInputs(new int[] {maker(graph, last.getInputs()[0]).getInputs()[1]});

    assertThatThrownBy(() -> TfliteImport.readAny(model.serializeToBinary()))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessage("output 'y' is constant, whatever the input: leave it out");
  }

  private static OperatorT maker(SubGraphT graph, int tensor) {
    return Arrays.stream(graph.getOperators())
        .filter(operator -> operator.getOutputs()[0] == tensor)
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(bytes = {TensorType.UINT8, TensorType.INT16, TensorType.FLOAT16})
  void refusesOutputsThatAnOnnxFormWouldGiveAsFloats(byte type) {
    Graph net = Nets.sensorNet(1);
    ModelT model = ModelT.deserializeFromBinary(integers(net, Nets.randomItems(net, 8)));
    SubGraphT graph = model.getSubgraphs()[0];
    graph.getTensors()[graph.getOutputs()[0]].setType(type);

    assertThatThrownBy(() -> TfliteImport.readAny(model.serializeToBinary()))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll(
            "output '%s' is %s".formatted(net.outputs().getFirst(), TensorType.name(type)),
            "export the model with an int8 or 32-bit float output");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void keepsTheIntegersThatItReads(long seed) throws Exception {
    for (Graph net :
        new Graph[] {Nets.imageNet(seed), Nets.branchNet(seed), Nets.sensorNet(seed)}) {
      Samples items = Nets.randomItems(net, 64);
      byte[] file = integers(net, items);
      Outputs there = outputs(Engine.TFLITE, file, net, items);
      TfliteModel model = TfliteImport.readAny(file);

      for (Scheme scheme : SCHEMES) {
        QuantizedGraph integers = model.scales().quantized(model.graph(), scheme);

        assertThat(integers.quantized()).hasSizeGreaterThan(model.graph().nodes().size() / 2);
        assertThat(
                outputs(Engine.ONNXRUNTIME, QdqExport.write(integers), net, items)
                    .signalToNoise(there))
            .as(scheme.toString())
            .isGreaterThan(scheme.equals(PER_TENSOR) ? 20 : 28);
      }
      assertThat(model.ends()).isEmpty();
      assertThat(
              outputs(Engine.ONNXRUNTIME, OnnxExport.write(model.graph()), net, items)
                  .signalToNoise(there))
          .isGreaterThan(20);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ad01_int8.tflite",
        "kws_ref_model.tflite",
        "pretrainedResnet_quant.tflite",
        "pretrainedResnet_large_int8.tflite",
        "str_ww_ref_model.tflite"
      })
  void keepsTheIntegersOfRealModels(String name) throws Exception {
    assumeThat(MODELS.resolve(name)).as("models beside the repository").exists();
    byte[] file = Files.readAllBytes(MODELS.resolve(name));
    TfliteModel model = TfliteImport.readAny(file);
    Graph graph = model.graph();
    int each = graph.shape(graph.input()).elementsPerItem();
    byte[] values = new byte[100 * each];
    new Random(5).nextBytes(values);
    Samples items = Samples.of("random", NpyArray.ofBytes(values, 100, each), each);
    Outputs there = outputs(Engine.TFLITE, file, graph, items);

    assertThat(model.ends()).containsOnlyKeys(graph.input(), graph.outputs().getFirst());
    assertThat(TfliteImport.integerEnds(file)).isEqualTo(model.ends());
    for (Scheme scheme : List.of(Scheme.SIGNED, Scheme.UNSIGNED)) {
      byte[] integers =
          IntegerEnds.around(
              QdqExport.write(model.scales().quantized(graph, scheme)), model.ends());

      Outputs here = outputs(Engine.ONNXRUNTIME, integers, graph, items);

      assertThat(meanDifference(here, there)).as("steps of 255").isLessThan(1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "pretrainedResnet.tflite, 1, 1e-4",
    "kws_ref_model_float32.tflite, 1, 0.02",
    "ad01_fp32.tflite, 0, 1e-4"
  })
  void readsRealModels(String name, int transposes, double tolerance) throws Exception {
    assumeThat(MODELS.resolve(name)).as("models beside the repository").exists();

    Graph graph = check(Files.readAllBytes(MODELS.resolve(name)), tolerance);

    assertThat(graph.nodes().stream().filter(node -> node.op() instanceof Op.Transpose))
        .hasSize(transposes);
  }

  /** Converters write 1 for what they leave open, and only the signature tells. */
  @Test
  void refusesAnInputOfOpenSize() throws Exception {
    Graph net = Nets.imageNet(1);
    for (byte[] whole : List.of(TfliteExport.write(net), integers(net, Nets.randomItems(net, 8)))) {
      assertThat(TfliteImport.content(signed(whole, -1, 9, 8, 3))).isNotEmpty();
      Path open = signed(whole, -1, 9, -1, 3);

      assertThatThrownBy(() -> TfliteImport.content(open))
          .isInstanceOf(ModelRefusedException.class)
          .hasMessage(
              "input 'x' has no fixed size in dimension 2: convert the model again with a fixed input shape");
    }
  }

  private Path signed(byte[] whole, int... signature) throws Exception {
    ModelT model = ModelT.deserializeFromBinary(whole);
    SubGraphT graph = model.getSubgraphs()[0];
    graph.getTensors()[graph.getInputs()[0]].setShapeSignature(signature);
    FlatBufferBuilder builder = new FlatBufferBuilder(1 << 16);
    Model.finishModelBuffer(builder, Model.pack(builder, model));
    return Files.write(folder.resolve("signed.tflite"), builder.sizedByteArray());
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.NEGATIVE_INFINITY})
  void refusesWeightsThatAreNoNumbers(float weight) {
    float known = 1234.5f;
    ByteBuffer file =
        ByteBuffer.wrap(TfliteExport.write(Nets.dense(new float[] {1, known, 2, 3}, 2)))
            .order(ByteOrder.LITTLE_ENDIAN);
    int at = 0;
    while (file.getInt(at) != Float.floatToRawIntBits(known)) {
      at += Integer.BYTES;
    }
    file.putFloat(at, weight);

    assertThatThrownBy(() -> TfliteImport.read(file.array()))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("constant '", "holds " + weight, "model");
  }

  @Test
  void tellsIntegerModels() throws Exception {
    assumeThat(MODELS).as("models beside the repository").exists();

    assertThat(TfliteImport.isInteger(Files.readAllBytes(MODELS.resolve("ad01_int8.tflite"))))
        .isTrue();
    assertThat(TfliteImport.isInteger(Files.readAllBytes(MODELS.resolve("ad01_fp32.tflite"))))
        .isFalse();
  }

  @Test
  void refusesDamagedFilesWithOneLine() {
    byte[] whole = TfliteExport.write(Nets.imageNet(1));
    int refused = 0;
    for (int length = 0; length < whole.length; length += 997) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(
              () -> {
                if (!TfliteImport.isInteger(cut)) {
                  TfliteImport.read(cut);
                }
                throw new ModelRefusedException("the rest was not needed");
              })
          .isInstanceOf(ModelRefusedException.class)
          .hasMessageNotContaining("\n");
      refused++;
    }
    assertThat(refused).isGreaterThan(1);
  }

  @Test
  void readsOrRefusesChangedFilesAndNothingElse() throws Exception {
    Graph net = Nets.branchNet(1);
    byte[] integers = integers(net, Nets.randomItems(net, 8));
    Random random = new Random(3);
    int read = 0;
    for (byte[] whole : new byte[][] {integers, TfliteExport.write(net)}) {
      for (int round = 0; round < 300; round++) {
        byte[] changed = whole.clone();
        for (int i = 0; i < 3; i++) {
          changed[8 + random.nextInt(changed.length - 8)] = (byte) random.nextInt();
        }
        try {
          byte[] content =
              TfliteImport.content(Files.write(folder.resolve("changed.tflite"), changed));
          TfliteImport.isInteger(content);
          TfliteImport.readAny(content);
          read++;
        } catch (ModelRefusedException e) {
          assertThat(e).hasMessageNotContaining("\n");
        }
      }
    }
    assertThat(read).isBetween(1, 599);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void unpacksNoMoreThanTheFileHolds(boolean buffers) throws Exception {
    FlatBufferBuilder file = new FlatBufferBuilder();
    int[] once = {Buffer.createBuffer(file, Buffer.createDataVector(file, new byte[1 << 16]))};
    int[] often = new int[1 << 15];
    Arrays.fill(often, buffers ? once[0] : tensor(file, 1 << 14));
    int graph =
        SubGraph.createSubGraph(
            file,
            SubGraph.createTensorsVector(file, buffers ? new int[0] : often),
            SubGraph.createInputsVector(file, new int[0]),
            SubGraph.createOutputsVector(file, new int[0]),
            SubGraph.createOperatorsVector(file, new int[0]),
            0);
    int codes = Model.createOperatorCodesVector(file, new int[0]);
    int graphs = Model.createSubgraphsVector(file, new int[] {graph});
    int all = Model.createBuffersVector(file, buffers ? often : once);
    Model.startModel(file);
    Model.addVersion(file, 3);
    Model.addOperatorCodes(file, codes);
    Model.addSubgraphs(file, graphs);
    Model.addBuffers(file, all);
    Model.finishModelBuffer(file, Model.endModel(file));

    byte[] content = file.sizedByteArray();
    // As it is, it would be unpacked to 2 GiB.
    assertThat(content).hasSizeLessThan(1 << 19);
    assertRefused(
        content,
        "the TFLite model's tables name more than the %d bytes of the file: export it again",
        content.length);
  }

  @Test
  void refusesZeroPointsThatNoIntegerHas() {
    Graph net = Nets.sensorNet(1);
    ModelT model = ModelT.deserializeFromBinary(integers(net, Nets.randomItems(net, 8)));
    for (int end : model.getSubgraphs()[0].getOutputs()) {
      TensorT tensor = model.getSubgraphs()[0].getTensors()[end];
      QuantizationParametersT how = new QuantizationParametersT();
      how.setScale(new float[] {1});
      how.setZeroPoint(new long[] {1L << 40});
      tensor.setQuantization(how);
      tensor.setType(TensorType.INT8);
    }

    assertThatThrownBy(() -> TfliteImport.integerEnds(model.serializeToBinary()))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContaining("zero point 1099511627776")
        .hasMessageContaining("export it again");
  }

  @Test
  void refusesIndexesOfNothing() throws Exception {
    byte[] whole = TfliteExport.write(Nets.sensorNet(1));
    ModelT output = ModelT.deserializeFromBinary(whole);
    int count = output.getSubgraphs()[0].getTensors().length;
    output.getSubgraphs()[0].getOutputs()[0] = count;
    ModelT operand = ModelT.deserializeFromBinary(whole);
    operand.getSubgraphs()[0].getOperators()[0].getInputs()[0] = -2;
    ModelT buffer = ModelT.deserializeFromBinary(whole);
    buffer.getSubgraphs()[0].getTensors()[0].setBuffer(1000);

    assertRefused(
        output.serializeToBinary(),
        "the TFLite model names tensor %d of %<d: export it again",
        count);
    // Where nobody asks before, either.
    Path file = folder.resolve("refused.tflite");
    assertThatThrownBy(() -> new Bench().load(Engine.TFLITE, file))
        .isInstanceOf(EngineException.class)
        .hasMessage(
            "refused.tflite is broken: output 0 of subgraph 0 names tensor %d of %<d; export it again",
            count);
    assertRefused(
        operand.serializeToBinary(),
        "the TFLite model names tensor -2 of %d: export it again",
        count);
    assertRefused(
        buffer.serializeToBinary(),
        "the TFLite model names buffer 1000 of %d: export it again",
        buffer.getBuffers().length);
  }

  @Test
  void refusesPartsThatDoNotFitWithTheirNodeAndARemedy() {
    TfliteFile file = new TfliteFile();
    int x = file.activation("x", new int[] {1, 4, 3}, null);
    int y = file.activation("y", new int[] {4, 1, 3}, null);
    file.operator(BuiltinOperator.TRANSPOSE, 1, new int[] {x, file.integers("order", 1, 0, 2)}, y);

    assertThatThrownBy(() -> TfliteImport.read(file.bytes("net", x, new int[] {y})))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessage(
            "node 'transpose_0' (TRANSPOSE): permutation [1, 0, 2] moves the batch: change this part of the model, or export it again");
  }

  @Test
  void readsConstantsBesideATensor() throws Exception {
    check(beside(1, 1, 2, 3), 1e-6);
    check(beside(2, 1, 4, 1), 1e-6);
    check(beside(-1, 1, 4, 1), 1e-6);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1 2 2, '[1,2,2]'",
    "2, 1 2 2, '[1,2,2]'",
    "1, 3 2 3, '[3,2,3]'",
    "1, 2, '[2]'",
    "1, '', '[]'",
    "0, 1 4 3, 'axis 0'",
    "3, 1 4 3, 'axis 3'",
    "-4, 1 4 3, 'axis -1'",
  })
  void refusesConstantsThatDoNotFitBesideATensor(int axis, String shape, String told) {
    int[] dimensions =
        Arrays.stream(shape.split(" "))
            .filter(dimension -> !dimension.isEmpty())
            .mapToInt(Integer::parseInt)
            .toArray();

    assertThatThrownBy(() -> TfliteImport.read(beside(axis, dimensions)))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("node 'concatenation_0' (CONCATENATION)", told);
  }

  /** A tensor [1,4,3], and before it a constant of one value. */
  private static byte[] beside(int axis, int... shape) {
    TfliteFile file = new TfliteFile();
    int x = file.activation("x", new int[] {1, 4, 3}, null);
    float[] values = new float[Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    Arrays.fill(values, 0.5f);
    int constant = file.floats("constant", shape, values);
    int[] both = {1, 4, 3};
    int along = Math.floorMod(axis, 3);
    both[along] += along < shape.length ? shape[along] : 0;
    int y = file.activation("y", both, null);
    ConcatenationOptionsT options = new ConcatenationOptionsT();
    options.setAxis(axis);
    file.operator(
        BuiltinOperator.CONCATENATION,
        1,
        new int[] {constant, x},
        y,
        BuiltinOptions.ConcatenationOptions,
        options);
    return file.bytes("net", x, new int[] {y});
  }

  @Test
  void refusesOperatorsInNoOrder() throws Exception {
    byte[] whole = TfliteExport.write(Nets.sensorNet(1));
    ModelT itself = ModelT.deserializeFromBinary(whole);
    OperatorT first = itself.getSubgraphs()[0].getOperators()[0];
    int made = first.getOutputs()[0];
    first.getInputs()[0] = made;
    ModelT twice = ModelT.deserializeFromBinary(whole);
    twice.getSubgraphs()[0].getOperators()[1].getOutputs()[0] = made;

    assertRefused(
        itself.serializeToBinary(),
        "the TFLite model reads tensor %d before it is made: export it again",
        made);
    assertRefused(
        twice.serializeToBinary(), "the TFLite model makes tensor %d twice: export it again", made);
  }

  @Test
  void refusesTensorsThatNoDeviceComputesWith() throws Exception {
    ModelT model = ModelT.deserializeFromBinary(TfliteExport.write(Nets.sensorNet(1)));
    TensorT input = model.getSubgraphs()[0].getTensors()[model.getSubgraphs()[0].getInputs()[0]];
    input.setShape(new int[] {1, 16_777_230, 30});

    assertRefused(
        model.serializeToBinary(),
        "tensor 'input' of shape [1,16777230,30] has more than %d elements an item:"
            + " export it for smaller inputs",
        1 << 28);
  }

  private void assertRefused(byte[] content, String message, int number) throws Exception {
    Path file = Files.write(folder.resolve("refused.tflite"), content);
    assertThatThrownBy(() -> TfliteImport.content(file))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessage(message, number);
  }

  private static int tensor(FlatBufferBuilder file, int dimensions) {
    int shape = Tensor.createShapeVector(file, new int[dimensions]);
    Tensor.startTensor(file);
    Tensor.addShape(file, shape);
    return Tensor.endTensor(file);
  }

  private static byte[] integers(Graph net, Samples items) {
    return TfliteExport.write(
        Nets.quantized(
            net, Calibrator.observe(net, items), Scheme.SIGNED, Options.of(Clipping.MIN_MAX)));
  }

  private static double meanDifference(Outputs here, Outputs there) {
    double sum = 0;
    for (int item = 0; item < here.items(); item++) {
      for (int i = 0; i < here.perItem(); i++) {
        sum += Math.abs(here.at(item, i) - there.at(item, i));
      }
    }
    return sum / here.items() / here.perItem();
  }

  private Graph check(byte[] tflite, double tolerance) throws Exception {
    Graph graph = TfliteImport.read(tflite);
    Samples items = Nets.randomItems(graph, 8);
    Outputs there = outputs(Engine.TFLITE, tflite, graph, items);

    Outputs here = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), graph, items);

    assertThat(here.largestDifference(there))
        .isLessThan(tolerance * Math.max(1, there.largestMagnitude()));
    return graph;
  }

  private Outputs outputs(Engine engine, byte[] content, Graph graph, Samples items)
      throws Exception {
    Path file = folder.resolve("model." + engine);
    Files.write(file, content);
    Bench bench = new Bench();
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, graph.outputs().getFirst());
    }
  }
}
