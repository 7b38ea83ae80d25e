package io.skerry.packager.tflite;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.quantize.IntegerType;
import io.skerry.packager.quantize.TensorScale;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.tensorflowlite.FlatBufferModel;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.Operator;
import org.tensorflow.lite.schema.QuantizationParameters;
import org.tensorflow.lite.schema.SubGraph;
import org.tensorflow.lite.schema.Tensor;
import org.tensorflow.lite.schema.TensorType;

/**
 * Reads TFLite files: a float model becomes a {@link Graph}, whatever its weights are stored as,
 * and an integer one a graph with the scales of its integers.
 */
public final class TfliteImport {
  private static final byte[] IDENTIFIER = "TFL3".getBytes(StandardCharsets.US_ASCII);
  private static final int IDENTIFIER_OFFSET = 4;
  private static final String DAMAGED = "the TFLite model is damaged: export it again";

  private TfliteImport() {}

  /**
   * The content of a file, once every length and place that it names is seen to lie in it, and all
   * that it names to be no more than it holds.
   *
   * @throws ModelRefusedException if it is no TFLite file, damaged, or has an input of open size
   */
  public static byte[] content(Path file) throws IOException {
    byte[] content = Files.readAllBytes(file);
    checkIdentifier(content);
    // First, for the engine's own check prints a line of its own, which names neither file nor
    // remedy.
    try {
      FileCheck.check(content);
      requireFixedInputs(content);
    } catch (IndexOutOfBoundsException | NullPointerException | IllegalArgumentException e) {
      throw damaged(e);
    }
    try (FlatBufferModel model = FlatBufferModel.VerifyAndBuildFromFile(file.toString())) {
      if (model == null || model.isNull()) {
        throw new ModelRefusedException(DAMAGED);
      }
    }
    return content;
  }

  /** An input that is open to any size has 1 for its shape: all would be read for that. */
  private static void requireFixedInputs(byte[] content) {
    SubGraph graph = Model.getRootAsModel(ByteBuffer.wrap(content)).subgraphs(0);
    for (int i = 0; i < graph.inputsLength(); i++) {
      Tensor input = graph.tensors(graph.inputs(i));
      for (int dimension = 1; dimension < input.shapeSignatureLength(); dimension++) {
        if (input.shapeSignature(dimension) < 0) {
          throw new ModelRefusedException(
              "input '%s' has no fixed size in dimension %d: convert the model again with a fixed input shape"
                  .formatted(input.name(), dimension));
        }
      }
    }
  }

  /**
   * Whether the file computes on integers: whether what any operator makes is int8 or uint8.
   *
   * @throws ModelRefusedException if it is no TFLite file
   */
  public static boolean isInteger(byte[] content) {
    checkIdentifier(content);
    try {
      SubGraph graph = Model.getRootAsModel(ByteBuffer.wrap(content)).subgraphs(0);
      for (int i = 0; i < graph.operatorsLength(); i++) {
        for (int j = 0; j < graph.operators(i).outputsLength(); j++) {
          byte type = graph.tensors(graph.operators(i).outputs(j)).type();
          if (type == TensorType.INT8 || type == TensorType.UINT8) {
            return true;
          }
        }
      }
      return false;
    } catch (IndexOutOfBoundsException | NullPointerException e) {
      throw damaged(e);
    }
  }

  /**
   * Whether a float model's file stores weights as int8: its operators then also round what they
   * calculate with, which the graph does not.
   */
  public static boolean isHybrid(byte[] content) {
    SubGraph graph = Model.getRootAsModel(ByteBuffer.wrap(content)).subgraphs(0);
    for (int i = 0; i < graph.tensorsLength(); i++) {
      if (graph.tensors(i).type() == TensorType.INT8) {
        return true;
      }
    }
    return false;
  }

  /**
   * Scales of the input and of those outputs that are int8, by their names. One that the file gives
   * no scale stands for its integers themselves.
   *
   * @throws ModelRefusedException if a zero point is no int8
   */
  public static Map<String, TensorScale> integerEnds(byte[] content) {
    SubGraph graph = Model.getRootAsModel(ByteBuffer.wrap(content)).subgraphs(0);
    Map<String, TensorScale> ends = new HashMap<>();
    IntStream.concat(
            IntStream.range(0, graph.inputsLength()).map(graph::inputs),
            IntStream.range(0, graph.outputsLength()).map(graph::outputs))
        .mapToObj(graph::tensors)
        .filter(tensor -> tensor.type() == TensorType.INT8)
        .forEach(tensor -> ends.put(tensor.name(), scale(tensor)));
    return ends;
  }

  private static TensorScale scale(Tensor tensor) {
    QuantizationParameters how = tensor.quantization();
    if (how == null || how.scaleLength() != 1 || !(how.scale(0) > 0)) {
      return new TensorScale(IntegerType.INT8, 1, 0);
    }
    long zeroPoint = how.zeroPointLength() == 1 ? how.zeroPoint(0) : 0;
    if (zeroPoint < IntegerType.INT8.minimum() || zeroPoint > IntegerType.INT8.maximum()) {
      throw new ModelRefusedException(
          "tensor '%s' is int8 with zero point %d, which lies outside: export it again"
              .formatted(tensor.name(), zeroPoint));
    }
    return new TensorScale(IntegerType.INT8, how.scale(0), (int) zeroPoint);
  }

  /**
   * The graph of a float model.
   *
   * @throws ModelRefusedException if it is none that can be packaged
   */
  public static Graph read(byte[] content) {
    return floats(readAny(content));
  }

  /**
   * A float model that ends in TFLite's detection operator; empty where a file does not.
   *
   * @param content as {@link #content} gives it
   * @throws ModelRefusedException if what comes before it cannot be packaged
   */
  public static Optional<TfliteDetector> detector(byte[] content) {
    return undamaged(
        () -> {
          ModelT model = ModelT.deserializeFromBinary(content);
          return DetectionEnd.cutOff(model)
              .map(end -> new TfliteDetector(floats(TfliteNodes.read(model)), end));
        });
  }

  /**
   * What the detection operator at the end of a file makes: boxes, classes, scores, count; empty
   * where a file does not end in it.
   *
   * @param content as {@link #content} gives it
   */
  public static List<String> detectionOutputs(byte[] content) {
    Model model = Model.getRootAsModel(ByteBuffer.wrap(content));
    SubGraph graph = model.subgraphs(0);
    if (graph.operatorsLength() == 0) {
      return List.of();
    }
    Operator last = graph.operators(graph.operatorsLength() - 1);
    return DetectionEnd.NAME.equals(model.operatorCodes((int) last.opcodeIndex()).customCode())
        ? IntStream.range(0, last.outputsLength())
            .mapToObj(i -> graph.tensors(last.outputs(i)).name())
            .toList()
        : List.of();
  }

  private static Graph floats(TfliteModel model) {
    String input = model.graph().input();
    if (model.ends().containsKey(input)) {
      throw new ModelRefusedException(
          "input '%s' is INT8: export the model with a 32-bit float input".formatted(input));
    }
    return model.graph();
  }

  /**
   * A model of either kind, as a graph on floats with the scales of what was integer.
   *
   * @param content as {@link #content} gives it
   * @throws ModelRefusedException if the graph cannot say what the file does
   */
  public static TfliteModel readAny(byte[] content) {
    checkIdentifier(content);
    return undamaged(() -> TfliteNodes.read(ModelT.deserializeFromBinary(content)));
  }

  private static <T> T undamaged(Supplier<T> read) {
    try {
      return read.get();
    } catch (IndexOutOfBoundsException
        | NullPointerException
        | NegativeArraySizeException
        | IllegalArgumentException
        | ArithmeticException
        | ClassCastException e) {
      throw damaged(e);
    }
  }

  private static void checkIdentifier(byte[] content) {
    int identifierEnd = IDENTIFIER_OFFSET + IDENTIFIER.length;
    if (content.length < identifierEnd
        || !Arrays.equals(content, IDENTIFIER_OFFSET, identifierEnd, IDENTIFIER, 0, 4)) {
      throw new ModelRefusedException("this is no TFLite model: export it again");
    }
  }

  private static ModelRefusedException damaged(RuntimeException cause) {
    return new ModelRefusedException(DAMAGED, cause);
  }
}
