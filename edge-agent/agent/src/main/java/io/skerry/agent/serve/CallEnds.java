package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.trace.CallTrace;
import io.skerry.wire.inference.ModelInferResponse;

/** How every call ends: it is counted and its trace closed, then its client is told. */
final class CallEnds {
  private CallEnds() {}

  static void answer(InferCall call, ModelInferResponse response) {
    call.application().countAnswered();
    CallTrace trace = call.trace();
    if (trace != null) {
      trace.answered(
          response.getModelName(),
          response.getModelVersion(),
          response.getParametersOrThrow(WireOutputs.PREDICTION_ID).getStringParam());
    }
    call.answer(response);
  }

  /**
   * Ends a call without an answer.
   *
   * @param model as the client named it
   */
  static void refuse(InferCall call, String model, PredictException why) {
    call.application().count(why);
    CallTrace trace = call.trace();
    if (trace != null) {
      trace.failed(Texts.shortened(model), "%s: %s".formatted(why.code(), why.getMessage()));
    }
    call.refuse(why);
  }
}
