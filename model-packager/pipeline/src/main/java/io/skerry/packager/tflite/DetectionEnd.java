package io.skerry.packager.tflite;

import com.google.flatbuffers.FlatBufferBuilder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.tensorflow.lite.schema.BufferT;
import org.tensorflow.lite.schema.BuiltinOperator;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.ModelT;
import org.tensorflow.lite.schema.OperatorCodeT;
import org.tensorflow.lite.schema.OperatorT;
import org.tensorflow.lite.schema.SubGraphT;
import org.tensorflow.lite.schema.TensorT;
import org.tensorflow.lite.schema.TensorType;

/**
 * TFLite's detection operator at the end of a file: it makes boxes of box encodings [1, n, 4] and
 * scores [1, n, classes], and of constant anchors [n, 4]. No graph can say what it does, so it
 * stays as it came, with its options, behind whatever the graph before it becomes.
 */
public final class DetectionEnd {
  /** What the format calls it. */
  public static final String NAME = "TFLite_Detection_PostProcess";

  private static final int OPERANDS = 3;

  private final OperatorCodeT code;
  private final OperatorT operator;
  private final TensorT anchors;
  private final BufferT anchorBuffer;
  private final List<TensorT> made;

  /** The model's outputs, as indexes of what the operator makes. */
  private final int[] outputs;

  private DetectionEnd(ModelT model, OperatorCodeT code, OperatorT operator, int[] outputs) {
    TensorT[] tensors = model.getSubgraphs()[0].getTensors();
    this.code = code;
    this.operator = operator;
    this.anchors = tensors[operator.getInputs()[OPERANDS - 1]];
    this.anchorBuffer = model.getBuffers()[Math.toIntExact(anchors.getBuffer())];
    this.made = Arrays.stream(operator.getOutputs()).mapToObj(i -> tensors[i]).toList();
    this.outputs = outputs;
  }

  /**
   * Takes the operator off a model, whose outputs are then the operator's first two operands.
   *
   * @return empty, and the model as it was, where it does not end in it, or not in floats
   */
  static Optional<DetectionEnd> cutOff(ModelT model) {
    SubGraphT graph = model.getSubgraphs()[0];
    OperatorT[] operators = graph.getOperators();
    if (model.getSubgraphs().length != 1 || operators.length < 2) {
      return Optional.empty();
    }
    OperatorT last = operators[operators.length - 1];
    OperatorCodeT code = model.getOperatorCodes()[Math.toIntExact(last.getOpcodeIndex())];
    List<Integer> made = Arrays.stream(last.getOutputs()).boxed().toList();
    int[] outputs = Arrays.stream(graph.getOutputs()).map(made::indexOf).toArray();
    int[] operands = last.getInputs();
    boolean fits =
        code.getBuiltinCode() == BuiltinOperator.CUSTOM
            && NAME.equals(code.getCustomCode())
            && operands.length == OPERANDS
            && Arrays.stream(outputs).allMatch(output -> output >= 0)
            && Arrays.stream(operands)
                .allMatch(i -> graph.getTensors()[i].getType() == TensorType.FLOAT32);
    if (!fits) {
      return Optional.empty();
    }
    DetectionEnd end = new DetectionEnd(model, code, last, outputs);
    graph.setOperators(Arrays.copyOf(operators, operators.length - 1));
    graph.setOutputs(new int[] {operands[0], operands[1]});
    return Optional.of(end);
  }

  /**
   * Puts the operator behind a file.
   *
   * @param written with two float outputs: box encodings and scores
   */
  public byte[] behind(byte[] written) {
    ModelT model = ModelT.deserializeFromBinary(written);
    SubGraphT graph = model.getSubgraphs()[0];
    // What was read has empty ones, of which the interpreter complains.
    Arrays.stream(graph.getOperators()).forEach(each -> each.setCustomOptions(null));
    List<TensorT> tensors = new ArrayList<>(List.of(graph.getTensors()));
    int buffers = model.getBuffers().length;
    model.setBuffers(with(model.getBuffers(), anchorBuffer));
    TensorT constant = copy(anchors);
    constant.setBuffer(buffers);
    tensors.add(constant);
    OperatorT end = new OperatorT();
    end.setInputs(new int[] {graph.getOutputs()[0], graph.getOutputs()[1], tensors.size() - 1});
    end.setOutputs(IntStream.range(tensors.size(), tensors.size() + made.size()).toArray());
    made.forEach(tensor -> tensors.add(copy(tensor)));
    end.setCustomOptions(operator.getCustomOptions());
    end.setOpcodeIndex(model.getOperatorCodes().length);
    model.setOperatorCodes(with(model.getOperatorCodes(), code));
    graph.setOperators(with(graph.getOperators(), end));
    graph.setTensors(tensors.toArray(TensorT[]::new));
    graph.setOutputs(Arrays.stream(outputs).map(i -> end.getOutputs()[i]).toArray());
    FlatBufferBuilder builder = new FlatBufferBuilder(1 << 16);
    Model.finishModelBuffer(builder, Model.pack(builder, model));
    return builder.sizedByteArray();
  }

  private static TensorT copy(TensorT tensor) {
    TensorT copy = new TensorT();
    copy.setName(tensor.getName());
    copy.setShape(tensor.getShape());
    copy.setType(tensor.getType());
    copy.setHasRank(tensor.getHasRank());
    return copy;
  }

  private static <T> T[] with(T[] all, T more) {
    T[] longer = Arrays.copyOf(all, all.length + 1);
    longer[all.length] = more;
    return longer;
  }
}
