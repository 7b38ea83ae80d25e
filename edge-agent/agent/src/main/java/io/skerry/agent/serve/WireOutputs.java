package io.skerry.agent.serve;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.ServingModel;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelInferResponse.InferOutputTensor;
import java.util.List;

/** Writes an answer: raw, typed, as classes, or into shared memory. */
final class WireOutputs {
  /** The parameter of an answer that holds the prediction's id. */
  static final String PREDICTION_ID = "skerry_prediction_id";

  private WireOutputs() {}

  /**
   * The answer. One raw entry per output, always: clients count them.
   *
   * @param model that answered, which may be newer than the one that was there when the call came
   * @param requested all that it has when empty
   * @param typed whether the request was; then outputs have contents too, where their type has
   * @throws PredictException if an output does not fit where the client wants it
   */
  static ModelInferResponse write(
      Prediction prediction, ServingModel model, List<RequestedOutput> requested, boolean typed)
      throws PredictException {
    ModelInferResponse.Builder response =
        ModelInferResponse.newBuilder()
            .setModelName(prediction.model().version().model().value())
            .setModelVersion(Long.toString(prediction.model().version().version()))
            .setId(prediction.clientId())
            .putParameters(PREDICTION_ID, text(prediction.id().value()));
    for (RequestedOutput wanted :
        requested.isEmpty() ? RequestedOutput.all(model.signature()) : requested) {
      Tensor made = named(prediction, wanted.name());
      Tensor output =
          wanted.classes() > 0 ? Classification.top(made, wanted.classes(), model.traits()) : made;
      InferOutputTensor.Builder tensor =
          InferOutputTensor.newBuilder()
              .setName(output.name())
              .setDatatype(output.type().name())
              .addAllShape(output.shape());
      if (wanted.memory().isPresent()) {
        share(output, wanted.memory().get(), tensor);
        response.addRawOutputContents(ByteString.EMPTY);
      } else {
        if (typed && TypedContents.carries(output.type())) {
          tensor.setContents(TypedContents.write(output));
        }
        // Nobody writes into an answered tensor, so the message may share its bytes.
        response.addRawOutputContents(UnsafeByteOperations.unsafeWrap(output.data().duplicate()));
      }
      response.addOutputs(tensor);
    }
    return response.build();
  }

  private static void share(Tensor output, MemoryRange range, InferOutputTensor.Builder tensor)
      throws PredictException {
    int bytes = output.data().remaining();
    if (bytes > range.bytes()) {
      throw new PredictException(
          PredictException.Code.INVALID_ARGUMENT,
          "shared memory size specified with the request for output '%s' (%d bytes) should be at least %d bytes to hold the results"
              .formatted(output.name(), range.bytes(), bytes));
    }
    range.write(output.data().duplicate());
    tensor.putParameters(MemoryRange.REGION, text(range.region().name()));
    tensor.putParameters(MemoryRange.BYTE_SIZE, number(bytes));
    if (range.offset() != 0) {
      tensor.putParameters(MemoryRange.OFFSET, number(range.offset()));
    }
  }

  private static Tensor named(Prediction prediction, String name) throws PredictException {
    for (Tensor output : prediction.outputs()) {
      if (output.name().equals(name)) {
        return output;
      }
    }
    // The version was swapped for one with other outputs since the request was checked.
    throw new PredictException(
        PredictException.Code.INVALID_ARGUMENT,
        "unexpected inference output '%s' for model '%s'"
            .formatted(name, prediction.model().version().model()));
  }

  private static InferParameter text(String value) {
    return InferParameter.newBuilder().setStringParam(value).build();
  }

  private static InferParameter number(long value) {
    return InferParameter.newBuilder().setInt64Param(value).build();
  }
}
