package io.skerry.packager.tflite;

import com.google.flatbuffers.Table;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Shape;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.tensorflow.lite.schema.BucketizeOptions;
import org.tensorflow.lite.schema.BuiltinOptions;
import org.tensorflow.lite.schema.ConcatEmbeddingsOptions;
import org.tensorflow.lite.schema.CustomQuantization;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.Operator;
import org.tensorflow.lite.schema.QuantizationDetails;
import org.tensorflow.lite.schema.QuantizationParameters;
import org.tensorflow.lite.schema.ReshapeOptions;
import org.tensorflow.lite.schema.SignatureDef;
import org.tensorflow.lite.schema.SqueezeOptions;
import org.tensorflow.lite.schema.SubGraph;
import org.tensorflow.lite.schema.Tensor;
import org.tensorflow.lite.schema.TensorMap;
import org.tensorflow.lite.schema.VarHandleOptions;

/**
 * Looks through a file before anybody trusts what it says; of one that is damaged it may throw what
 * readers of buffers throw.
 *
 * <p>It may name tensors that it does not have; TFLite leaves out such an output, and XNNPACK ends
 * the process where none is left. And it may name the same bytes from many places, and whoever
 * unpacks it copies them each time: a megabyte named a million times is a small file. Where nothing
 * is named twice, all together are no larger than the file.
 */
final class FileCheck {
  private static final int NO_TENSOR = -1;

  private final Model model;
  private final long limit;
  private long bytes;

  private FileCheck(Model model, long limit) {
    this.model = model;
    this.limit = limit;
  }

  /**
   * Checks that all indexes lie in what they index, that operators stand in order, that all that is
   * unpacked of the file is no larger than it, and that its tensors can be computed with.
   *
   * @throws ModelRefusedException if that is not so
   */
  static void check(byte[] content) {
    Model model = Model.getRootAsModel(ByteBuffer.wrap(content));
    new FileCheck(model, content.length).model();
  }

  private void add(long more) {
    bytes += more;
    if (bytes > limit) {
      throw new ModelRefusedException(
          "the TFLite model's tables name more than the %d bytes of the file: export it again"
              .formatted(limit));
    }
  }

  private void add(int elements, int elementBytes) {
    add((long) elements * elementBytes);
  }

  private void add(@Nullable ByteBuffer text) {
    add(text == null ? 0 : text.remaining());
  }

  /** The places of tables, with what each of them holds. */
  private <T> void tables(int count, IntFunction<T> tables, Consumer<T> each) {
    for (int i = 0; i < count; i++) {
      add(Integer.BYTES);
      each.accept(tables.apply(i));
    }
  }

  private static void requireIndex(long index, int count, String what) {
    if (index < 0 || index >= count) {
      throw new ModelRefusedException(
          "the TFLite model names %s %d of %d: export it again".formatted(what, index, count));
    }
  }

  private void model() {
    add(model.descriptionAsByteBuffer());
    add(model.metadataBufferLength(), Integer.BYTES);
    tables(model.operatorCodesLength(), model::operatorCodes, c -> add(c.customCodeAsByteBuffer()));
    tables(model.buffersLength(), model::buffers, buffer -> add(buffer.dataLength()));
    tables(model.metadataLength(), model::metadata, each -> add(each.nameAsByteBuffer()));
    tables(model.signatureDefsLength(), model::signatureDefs, this::add);
    tables(model.subgraphsLength(), model::subgraphs, this::add);
  }

  private void add(SignatureDef signature) {
    add(signature.signatureKeyAsByteBuffer());
    tables(signature.inputsLength(), signature::inputs, this::add);
    tables(signature.outputsLength(), signature::outputs, this::add);
  }

  private void add(TensorMap named) {
    add(named.nameAsByteBuffer());
  }

  private void add(SubGraph graph) {
    add(graph.nameAsByteBuffer());
    add(graph.inputsLength(), Integer.BYTES);
    add(graph.outputsLength(), Integer.BYTES);
    tables(graph.tensorsLength(), graph::tensors, this::add);
    tables(graph.operatorsLength(), graph::operators, this::add);
    tensors(graph, graph.inputsLength(), graph::inputs);
    tensors(graph, graph.outputsLength(), graph::outputs);
    for (int i = 0; i < graph.operatorsLength(); i++) {
      Operator operator = graph.operators(i);
      requireIndex(operator.opcodeIndex(), model.operatorCodesLength(), "kind of operator");
      tensors(graph, operator.outputsLength(), operator::outputs);
      tensors(
          graph,
          operator.inputsLength(),
          at -> operator.inputs(at) == NO_TENSOR ? 0 : operator.inputs(at));
    }
    requireOrder(graph);
  }

  /** TFLite's partition for XNNPACK reads outside its memory where an operator waits for itself. */
  private static void requireOrder(SubGraph graph) {
    Map<Integer, Integer> makers = new HashMap<>();
    for (int i = 0; i < graph.operatorsLength(); i++) {
      for (int j = 0; j < graph.operators(i).outputsLength(); j++) {
        if (makers.put(graph.operators(i).outputs(j), i) != null) {
          throw new ModelRefusedException(
              "the TFLite model makes tensor %d twice: export it again"
                  .formatted(graph.operators(i).outputs(j)));
        }
      }
    }
    for (int i = 0; i < graph.operatorsLength(); i++) {
      for (int j = 0; j < graph.operators(i).inputsLength(); j++) {
        if (makers.getOrDefault(graph.operators(i).inputs(j), -1) >= i) {
          throw new ModelRefusedException(
              "the TFLite model reads tensor %d before it is made: export it again"
                  .formatted(graph.operators(i).inputs(j)));
        }
      }
    }
  }

  private static void tensors(SubGraph graph, int count, IntUnaryOperator indexes) {
    for (int i = 0; i < count; i++) {
      requireIndex(indexes.applyAsInt(i), graph.tensorsLength(), "tensor");
    }
  }

  private void add(Tensor tensor) {
    requireIndex(tensor.buffer(), model.buffersLength(), "buffer");
    add(tensor.nameAsByteBuffer());
    add(tensor.shapeLength(), Integer.BYTES);
    new Shape(IntStream.range(0, tensor.shapeLength()).mapToObj(tensor::shape).toList())
        .requireComputable(tensor.name());
    add(tensor.shapeSignatureLength(), Integer.BYTES);
    tables(
        tensor.variantTensorsLength(),
        tensor::variantTensors,
        variant -> add(variant.shapeLength(), Integer.BYTES));
    if (tensor.quantization() != null) {
      add(tensor.quantization());
    }
    if (tensor.sparsity() != null) {
      throw new ModelRefusedException(
          "'%s' is stored sparsely: export the model with dense weights".formatted(tensor.name()));
    }
  }

  private void add(QuantizationParameters how) {
    add(how.minLength(), Float.BYTES);
    add(how.maxLength(), Float.BYTES);
    add(how.scaleLength(), Float.BYTES);
    add(how.zeroPointLength(), Long.BYTES);
    if (how.detailsType() == QuantizationDetails.CustomQuantization) {
      add(((CustomQuantization) how.details(new CustomQuantization())).customLength());
    }
  }

  private void add(Operator operator) {
    add(operator.inputsLength(), Integer.BYTES);
    add(operator.outputsLength(), Integer.BYTES);
    add(operator.intermediatesLength(), Integer.BYTES);
    add(operator.mutatingVariableInputsLength());
    add(operator.customOptionsLength());
    switch (operator.builtinOptionsType()) {
      case BuiltinOptions.ReshapeOptions ->
          add(options(operator, new ReshapeOptions()).newShapeLength(), Integer.BYTES);
      case BuiltinOptions.SqueezeOptions ->
          add(options(operator, new SqueezeOptions()).squeezeDimsLength(), Integer.BYTES);
      case BuiltinOptions.BucketizeOptions ->
          add(options(operator, new BucketizeOptions()).boundariesLength(), Float.BYTES);
      case BuiltinOptions.ConcatEmbeddingsOptions -> {
        ConcatEmbeddingsOptions options = options(operator, new ConcatEmbeddingsOptions());
        add(options.numColumnsPerChannelLength(), Integer.BYTES);
        add(options.embeddingDimPerChannelLength(), Integer.BYTES);
      }
      case BuiltinOptions.VarHandleOptions -> {
        VarHandleOptions options = options(operator, new VarHandleOptions());
        add(options.containerAsByteBuffer());
        add(options.sharedNameAsByteBuffer());
      }
      default -> {
        // The others hold single values.
      }
    }
  }

  private static <T extends Table> T options(Operator operator, T options) {
    operator.builtinOptions(options);
    return options;
  }
}
