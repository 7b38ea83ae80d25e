package io.skerry.agent.serve.http;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.serve.Application;
import io.skerry.agent.serve.InferCall;
import io.skerry.agent.serve.InferenceService;
import io.skerry.agent.trace.CallTrace;
import io.skerry.agent.trace.TraceParent;
import io.skerry.wire.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Predictions over HTTP. */
final class HttpInference {
  private static final String METHOD = "POST /v2/models/{model}/infer";
  private static final String NO_JSON = "0";

  private final InferenceService service;

  HttpInference(InferenceService service) {
    this.service = service;
  }

  void answer(String model, String version, HttpRequestBody request, HttpExchange exchange)
      throws PredictException {
    byte[] body = request.body();
    Application application = service.applications().unnamed();
    CallTrace trace =
        service.trace(
            () -> TraceParent.read(request.traceParent(), request.traceState()),
            METHOD,
            application);
    if (NO_JSON.equals(request.jsonLength())) {
      InferJson raw = RawRequest.read(service, model, version, body);
      service.infer(raw.request(), new Call(raw, exchange, application, trace));
      return;
    }
    int jsonBytes = jsonBytes(request.jsonLength(), body.length);
    InferJson wanted =
        InferJsonReader.read(
            model,
            version,
            ByteBuffer.wrap(body, 0, jsonBytes),
            ByteBuffer.wrap(body, jsonBytes, body.length - jsonBytes));
    service.infer(wanted.request(), new Call(wanted, exchange, application, trace));
  }

  private static int jsonBytes(@Nullable String header, int bodyBytes) throws PredictException {
    if (header == null) {
      return bodyBytes;
    }
    try {
      int length = Integer.parseInt(header);
      if (length > 0 && length <= bodyBytes) {
        return length;
      }
    } catch (NumberFormatException e) {
      // Falls through to the one answer for both.
    }
    throw new PredictException(
        Code.INVALID_ARGUMENT,
        "Inference-Header-Content-Length must be 0 to %d, the bytes of this request"
            .formatted(bodyBytes));
  }

  private record Call(
      InferJson wanted, HttpExchange exchange, Application application, @Nullable CallTrace trace)
      implements InferCall {
    @Override
    public boolean isCancelled() {
      return exchange.isCancelled();
    }

    @Override
    public void onCancel(Runnable action) {
      exchange.onCancel(action);
    }

    @Override
    public void answer(ModelInferResponse response) {
      try {
        // It is written later, by another thread, when the tensors' memory is in use again.
        exchange.answer(InferJsonWriter.write(response, wanted).kept());
      } catch (PredictException e) {
        refuse(e);
      }
    }

    @Override
    public void refuse(PredictException why) {
      exchange.answer(HttpAnswer.error(why));
    }
  }
}
