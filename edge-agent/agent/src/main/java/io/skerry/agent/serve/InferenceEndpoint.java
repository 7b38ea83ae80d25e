package io.skerry.agent.serve;

import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.trace.CallTrace;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase;
import io.skerry.wire.inference.LogSettingsRequest;
import io.skerry.wire.inference.LogSettingsResponse;
import io.skerry.wire.inference.ModelConfigRequest;
import io.skerry.wire.inference.ModelConfigResponse;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelMetadataRequest;
import io.skerry.wire.inference.ModelMetadataResponse;
import io.skerry.wire.inference.ModelReadyRequest;
import io.skerry.wire.inference.ModelReadyResponse;
import io.skerry.wire.inference.ModelStatisticsRequest;
import io.skerry.wire.inference.ModelStatisticsResponse;
import io.skerry.wire.inference.ModelStreamInferResponse;
import io.skerry.wire.inference.RepositoryIndexRequest;
import io.skerry.wire.inference.RepositoryIndexResponse;
import io.skerry.wire.inference.RepositoryModelLoadRequest;
import io.skerry.wire.inference.RepositoryModelLoadResponse;
import io.skerry.wire.inference.RepositoryModelUnloadRequest;
import io.skerry.wire.inference.RepositoryModelUnloadResponse;
import io.skerry.wire.inference.ServerLiveRequest;
import io.skerry.wire.inference.ServerLiveResponse;
import io.skerry.wire.inference.ServerMetadataRequest;
import io.skerry.wire.inference.ServerMetadataResponse;
import io.skerry.wire.inference.ServerReadyRequest;
import io.skerry.wire.inference.ServerReadyResponse;
import io.skerry.wire.inference.TraceSettingRequest;
import io.skerry.wire.inference.TraceSettingResponse;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The GRPCInferenceService, without its shared memory: see {@link MemoryEndpoint}. */
class InferenceEndpoint extends GRPCInferenceServiceImplBase {
  private static final String METHOD =
      GRPCInferenceServiceGrpc.getModelInferMethod().getFullMethodName();

  private final InferenceService service;
  private final Supplier<Application> caller;

  /**
   * Answers by a service.
   *
   * @param caller who calls, asked on the thread of the call
   */
  InferenceEndpoint(InferenceService service, Supplier<Application> caller) {
    this.service = service;
    this.caller = caller;
  }

  @Override
  public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> observer) {
    answer(observer, () -> ServerLiveResponse.newBuilder().setLive(true).build());
  }

  @Override
  public void serverReady(
      ServerReadyRequest request, StreamObserver<ServerReadyResponse> observer) {
    answer(observer, () -> ServerReadyResponse.newBuilder().setReady(service.ready()).build());
  }

  @Override
  public void serverMetadata(
      ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> observer) {
    answer(observer, () -> service.serverMetadata(caller.get()));
  }

  @Override
  public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> observer) {
    answer(
        observer,
        () -> ModelReadyResponse.newBuilder().setReady(service.modelReady(request)).build());
  }

  @Override
  public void modelMetadata(
      ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> observer) {
    answer(observer, () -> service.modelMetadata(request));
  }

  @Override
  public void modelConfig(
      ModelConfigRequest request, StreamObserver<ModelConfigResponse> observer) {
    answer(observer, () -> service.modelConfig(request));
  }

  @Override
  public void modelStatistics(
      ModelStatisticsRequest request, StreamObserver<ModelStatisticsResponse> observer) {
    answer(observer, () -> service.statistics(request));
  }

  @Override
  public void repositoryIndex(
      RepositoryIndexRequest request, StreamObserver<RepositoryIndexResponse> observer) {
    answer(observer, () -> service.repositoryIndex(request));
  }

  @Override
  public void repositoryModelLoad(
      RepositoryModelLoadRequest request, StreamObserver<RepositoryModelLoadResponse> observer) {
    answerLater(
        observer,
        () ->
            RepositoryModelLoadResponse.newBuilder()
                .setModelName(service.load(request))
                .setIsLoaded(true)
                .build());
  }

  @Override
  public void repositoryModelUnload(
      RepositoryModelUnloadRequest request,
      StreamObserver<RepositoryModelUnloadResponse> observer) {
    answerLater(
        observer,
        () ->
            RepositoryModelUnloadResponse.newBuilder()
                .setModelName(service.unload(request))
                .setIsUnloaded(true)
                .build());
  }

  @Override
  public void traceSetting(
      TraceSettingRequest request, StreamObserver<TraceSettingResponse> observer) {
    answer(observer, () -> service.traceSetting(request));
  }

  @Override
  public void logSettings(
      LogSettingsRequest request, StreamObserver<LogSettingsResponse> observer) {
    answer(observer, () -> service.logSettings(request));
  }

  @Override
  public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> observer) {
    tolerateLeaving(observer);
    Application application = caller.get();
    service.infer(
        request,
        new Call(observer, application, service.trace(TraceHeaders::current, METHOD, application)));
  }

  @Override
  public StreamObserver<ModelInferRequest> modelStreamInfer(
      StreamObserver<ModelStreamInferResponse> observer) {
    return InferStream.open(
        service, caller.get(), (ServerCallStreamObserver<ModelStreamInferResponse>) observer);
  }

  /** The service behind it. */
  InferenceService service() {
    return service;
  }

  /** Who calls. */
  Application caller() {
    return caller.get();
  }

  private record Call(
      StreamObserver<ModelInferResponse> observer,
      Application application,
      @Nullable CallTrace trace,
      Context context)
      implements InferCall {
    Call(
        StreamObserver<ModelInferResponse> observer,
        Application application,
        @Nullable CallTrace trace) {
      this(observer, application, trace, Context.current());
      CallBytes.working(context);
    }

    @Override
    public boolean isCancelled() {
      return context.isCancelled();
    }

    @Override
    public void onCancel(Runnable action) {
      context.addListener(cancelled -> action.run(), Runnable::run);
    }

    @Override
    public void answer(ModelInferResponse response) {
      CallBytes.worked(context);
      observer.onNext(response);
      observer.onCompleted();
    }

    @Override
    public void refuse(PredictException why) {
      CallBytes.worked(context);
      observer.onError(GrpcErrors.of(why));
    }
  }

  @FunctionalInterface
  interface Answer<T> {
    T make() throws PredictException;
  }

  static <T> void answer(StreamObserver<T> observer, Answer<T> answer) {
    T message;
    try {
      message = answer.make();
    } catch (PredictException e) {
      observer.onError(GrpcErrors.of(e));
      return;
    } catch (RuntimeException | Error e) {
      // Whatever it was: a call without an answer waits for ever.
      observer.onError(GrpcErrors.of(InferenceService.broke(e)));
      return;
    }
    observer.onNext(message);
    observer.onCompleted();
  }

  private <T> void answerLater(StreamObserver<T> observer, Answer<T> answer) {
    tolerateLeaving(observer);
    Context call = Context.current();
    CallBytes.working(call);
    try {
      service.later(
          () -> {
            try {
              answer(observer, answer);
            } finally {
              CallBytes.worked(call);
            }
          });
    } catch (PredictException e) {
      CallBytes.worked(call);
      observer.onError(GrpcErrors.of(e));
    }
  }

  // With a handler, answering a client that has gone is no error.
  private static void tolerateLeaving(StreamObserver<?> observer) {
    if (observer instanceof ServerCallStreamObserver<?> call) {
      call.setOnCancelHandler(() -> {});
    }
  }
}
