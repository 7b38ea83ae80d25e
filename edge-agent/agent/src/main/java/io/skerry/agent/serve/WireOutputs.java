package io.skerry.agent.serve;

import com.google.protobuf.UnsafeByteOperations;
import io.skerry.agent.model.Prediction;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelInferResponse.InferOutputTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Writes an answer, raw or typed. */
final class WireOutputs {
  private static final String PREDICTION_ID = "skerry_prediction_id";

  private WireOutputs() {}

  /**
   * The answer.
   *
   * @param names outputs that the client asked for, in its order; all when empty
   */
  static ModelInferResponse write(Prediction prediction, List<String> names, boolean typed) {
    ModelInferResponse.Builder response =
        ModelInferResponse.newBuilder()
            .setModelName(prediction.model().version().model().value())
            .setModelVersion(Long.toString(prediction.model().version().version()))
            .setId(prediction.clientId())
            .putParameters(
                PREDICTION_ID,
                InferParameter.newBuilder().setStringParam(prediction.id().value()).build());
    List<Tensor> wanted =
        names.isEmpty()
            ? prediction.outputs()
            : names.stream().map(name -> named(prediction.outputs(), name)).toList();
    boolean raw = !typed || wanted.stream().anyMatch(output -> !hasTypedForm(output.type()));
    for (Tensor output : wanted) {
      InferOutputTensor.Builder tensor =
          InferOutputTensor.newBuilder()
              .setName(output.name())
              .setDatatype(output.type().name())
              .addAllShape(output.shape());
      if (raw) {
        // Nobody writes into an answered tensor, so the message may share its bytes.
        response.addRawOutputContents(UnsafeByteOperations.unsafeWrap(output.data().duplicate()));
      } else {
        tensor.setContents(contents(output));
      }
      response.addOutputs(tensor);
    }
    return response.build();
  }

  private static Tensor named(List<Tensor> outputs, String name) {
    return outputs.stream()
        .filter(output -> output.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no output '%s'".formatted(name)));
  }

  private static boolean hasTypedForm(ElementType type) {
    return switch (type) {
      case FP16, BF16, BYTES -> false;
      case BOOL, INT8, UINT8, INT16, INT32, INT64, FP32, FP64 -> true;
    };
  }

  private static InferTensorContents contents(Tensor output) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    ByteBuffer data = output.data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    while (data.hasRemaining()) {
      switch (output.type()) {
        case BOOL -> contents.addBoolContents(data.get() != 0);
        case INT8 -> contents.addIntContents(data.get());
        case UINT8 -> contents.addUintContents(Byte.toUnsignedInt(data.get()));
        case INT16 -> contents.addIntContents(data.getShort());
        case INT32 -> contents.addIntContents(data.getInt());
        case INT64 -> contents.addInt64Contents(data.getLong());
        case FP32 -> contents.addFp32Contents(data.getFloat());
        case FP64 -> contents.addFp64Contents(data.getDouble());
        case FP16, BF16, BYTES -> throw new IllegalStateException("has no typed form");
      }
    }
    return contents.build();
  }
}
