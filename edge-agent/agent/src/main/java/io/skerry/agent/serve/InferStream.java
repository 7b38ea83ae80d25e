package io.skerry.agent.serve;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.trace.CallTrace;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelStreamInferResponse;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * One ModelStreamInfer call.
 *
 * <p>One request is asked for at a time, and the next only when the answer to it has been taken by
 * the transport: so answers come in order, and a client that sends without reading fills its own
 * window, not our memory.
 */
final class InferStream implements StreamObserver<ModelInferRequest> {
  /** Notes whether a client wants errors as the stream's status; Triton's metadata for it. */
  static final ServerInterceptor ERROR_FORM =
      new ServerInterceptor() {
        @Override
        public <A, B> ServerCall.Listener<A> interceptCall(
            ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
          if (!call.getMethodDescriptor().getFullMethodName().equals(STREAM)
              || !"true".equals(headers.get(GRPC_ERROR_HEADER))) {
            return next.startCall(call, headers);
          }
          return Contexts.interceptCall(
              Context.current().withValue(GRPC_ERROR, true), call, headers, next);
        }
      };

  private static final String STREAM =
      GRPCInferenceServiceGrpc.getModelStreamInferMethod().getFullMethodName();
  private static final Metadata.Key<String> GRPC_ERROR_HEADER =
      Metadata.Key.of("triton_grpc_error", Metadata.ASCII_STRING_MARSHALLER);
  private static final Context.Key<Boolean> GRPC_ERROR =
      Context.keyWithDefault("triton_grpc_error", false);
  private static final String FINAL_RESPONSE = "triton_final_response";
  private static final InferParameter TRUE = InferParameter.newBuilder().setBoolParam(true).build();

  private final InferenceService service;
  private final Application application;
  private final ServerCallStreamObserver<ModelStreamInferResponse> client;
  private final Context call = Context.current();
  private final boolean grpcError = GRPC_ERROR.get();
  private boolean answering;
  private boolean awaitingReady;
  private boolean ended;

  private InferStream(
      InferenceService service,
      Application application,
      ServerCallStreamObserver<ModelStreamInferResponse> client) {
    this.service = service;
    this.application = application;
    this.client = client;
  }

  static StreamObserver<ModelInferRequest> open(
      InferenceService service,
      Application application,
      ServerCallStreamObserver<ModelStreamInferResponse> client) {
    InferStream stream = new InferStream(service, application, client);
    client.disableAutoRequest();
    client.setOnCancelHandler(() -> {});
    client.setOnReadyHandler(stream::clientIsReady);
    client.request(1);
    return stream;
  }

  @Override
  public void onNext(ModelInferRequest request) {
    synchronized (this) {
      answering = true;
    }
    service.infer(request, new Call(request));
  }

  @Override
  public void onError(Throwable gone) {
    // The call's context was cancelled before this: whatever waited has left the queue.
  }

  @Override
  public synchronized void onCompleted() {
    ended = true;
    if (!answering) {
      client.onCompleted();
    }
  }

  private synchronized void clientIsReady() {
    if (awaitingReady) {
      awaitingReady = false;
      CallBytes.taken(call);
      client.request(1);
    }
  }

  private synchronized void send(ModelStreamInferResponse response) {
    answering = false;
    if (client.isCancelled()) {
      return;
    }
    client.onNext(response);
    if (ended) {
      client.onCompleted();
    } else if (client.isReady()) {
      CallBytes.taken(call);
      client.request(1);
    } else {
      awaitingReady = true;
    }
  }

  private synchronized void fail(PredictException why) {
    if (!client.isCancelled()) {
      client.onError(GrpcErrors.of(why));
    }
  }

  private final class Call implements InferCall {
    private final ModelInferRequest request;
    private final Context context = Context.current();
    private final @Nullable CallTrace trace =
        service.trace(TraceHeaders::current, STREAM, application);
    private final Queue<Context.CancellationListener> waiting = new ConcurrentLinkedQueue<>();

    Call(ModelInferRequest request) {
      this.request = request;
      CallBytes.working(context);
    }

    @Override
    public Application application() {
      return application;
    }

    @Override
    public @Nullable CallTrace trace() {
      return trace;
    }

    @Override
    public boolean isCancelled() {
      return context.isCancelled();
    }

    @Override
    public void onCancel(Runnable action) {
      Context.CancellationListener listener = cancelled -> action.run();
      waiting.add(listener);
      context.addListener(listener, Runnable::run);
    }

    // The stream lives on: what waited for its end must not pile up on it.
    private void over() {
      CallBytes.worked(context);
      for (Context.CancellationListener next = waiting.poll();
          next != null;
          next = waiting.poll()) {
        context.removeListener(next);
      }
    }

    @Override
    public void answer(ModelInferResponse response) {
      over();
      send(
          ModelStreamInferResponse.newBuilder()
              .setInferResponse(response.toBuilder().putParameters(FINAL_RESPONSE, TRUE))
              .build());
    }

    @Override
    public void refuse(PredictException why) {
      over();
      if (grpcError || why.code() == Code.CANCELLED) {
        fail(why);
        return;
      }
      send(
          ModelStreamInferResponse.newBuilder()
              .setErrorMessage(String.valueOf(why.getMessage()))
              .setInferResponse(
                  ModelInferResponse.newBuilder()
                      .setModelName(request.getModelName())
                      .setModelVersion(request.getModelVersion())
                      .setId(request.getId())
                      .putParameters(FINAL_RESPONSE, TRUE))
              .build());
    }
  }
}
