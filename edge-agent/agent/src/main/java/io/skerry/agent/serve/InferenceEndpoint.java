package io.skerry.agent.serve;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.ModelName;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase;
import io.skerry.wire.inference.ModelConfigRequest;
import io.skerry.wire.inference.ModelConfigResponse;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelMetadataRequest;
import io.skerry.wire.inference.ModelMetadataResponse;
import io.skerry.wire.inference.ModelReadyRequest;
import io.skerry.wire.inference.ModelReadyResponse;
import io.skerry.wire.inference.RepositoryIndexRequest;
import io.skerry.wire.inference.RepositoryIndexResponse;
import io.skerry.wire.inference.RepositoryIndexResponse.ModelIndex;
import io.skerry.wire.inference.ServerLiveRequest;
import io.skerry.wire.inference.ServerLiveResponse;
import io.skerry.wire.inference.ServerMetadataRequest;
import io.skerry.wire.inference.ServerMetadataResponse;
import io.skerry.wire.inference.ServerReadyRequest;
import io.skerry.wire.inference.ServerReadyResponse;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The GRPCInferenceService. */
final class InferenceEndpoint extends GRPCInferenceServiceImplBase {
  private static final Logger log = LoggerFactory.getLogger(InferenceEndpoint.class);

  private final ModelSlots slots;
  private final Predictor predictor;
  private final ModelListing listing;

  InferenceEndpoint(ModelSlots slots, Predictor predictor, ModelListing listing) {
    this.slots = slots;
    this.predictor = predictor;
    this.listing = listing;
  }

  @Override
  public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> observer) {
    answer(observer, () -> ServerLiveResponse.newBuilder().setLive(true).build());
  }

  @Override
  public void serverReady(
      ServerReadyRequest request, StreamObserver<ServerReadyResponse> observer) {
    answer(
        observer,
        () ->
            ServerReadyResponse.newBuilder()
                .setReady(listing.entries().stream().allMatch(ModelListing.Entry::ready))
                .build());
  }

  @Override
  public void serverMetadata(
      ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> observer) {
    answer(
        observer,
        () ->
            ServerMetadataResponse.newBuilder()
                .setName("skerry-agent")
                .setVersion(AgentVersion.current())
                .addExtensions("model_configuration")
                .build());
  }

  @Override
  public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> observer) {
    answer(
        observer,
        () -> {
          Optional<Long> version = version(request.getVersion());
          boolean ready =
              name(request.getName()).flatMap(name -> slots.find(name, version)).isPresent();
          return ModelReadyResponse.newBuilder().setReady(ready).build();
        });
  }

  @Override
  public void modelMetadata(
      ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> observer) {
    answer(
        observer,
        () -> {
          ServingModel model = serving(request.getName(), request.getVersion());
          List<String> versions =
              slots.active().stream()
                  .map(ServingModel::version)
                  .filter(version -> version.model().equals(model.version().model()))
                  .map(version -> Long.toString(version.version()))
                  .distinct()
                  .toList();
          return ModelDescriptions.metadata(model, versions);
        });
  }

  @Override
  public void modelConfig(
      ModelConfigRequest request, StreamObserver<ModelConfigResponse> observer) {
    answer(
        observer,
        () ->
            ModelConfigResponse.newBuilder()
                .setConfig(
                    ModelDescriptions.config(serving(request.getName(), request.getVersion())))
                .build());
  }

  @Override
  public void repositoryIndex(
      RepositoryIndexRequest request, StreamObserver<RepositoryIndexResponse> observer) {
    answer(
        observer,
        () -> {
          RepositoryIndexResponse.Builder index = RepositoryIndexResponse.newBuilder();
          for (ModelListing.Entry entry : listing.entries()) {
            if (entry.ready() || !request.getReady()) {
              index.addModels(
                  ModelIndex.newBuilder()
                      .setName(entry.model())
                      .setVersion(entry.version())
                      .setState(entry.ready() ? "READY" : "UNAVAILABLE")
                      .setReason(entry.reason()));
            }
          }
          return index.build();
        });
  }

  @Override
  public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> observer) {
    if (observer instanceof ServerCallStreamObserver<ModelInferResponse> call) {
      // With a handler, answering a client that has gone is no error.
      call.setOnCancelHandler(() -> {});
    }
    if (Context.current().isCancelled()) {
      observer.onError(Status.CANCELLED.withDescription("the client has gone").asException());
      return;
    }
    try {
      PredictRequest wanted = predictRequest(request);
      List<String> outputs = requestedOutputs(request, wanted);
      boolean typed = WireInputs.isTyped(request);
      predictor.predict(
          wanted,
          prediction -> {
            observer.onNext(WireOutputs.write(prediction, outputs, typed));
            observer.onCompleted();
          });
    } catch (PredictException e) {
      refuse(observer, e);
    } catch (RuntimeException e) {
      broke(observer, e);
    }
  }

  private static PredictRequest predictRequest(ModelInferRequest request) throws PredictException {
    for (String parameter : request.getParametersMap().keySet()) {
      if (parameter.startsWith("triton_")
          && !parameter.equals("triton_enable_empty_final_response")) {
        throw new PredictException(
            Code.INVALID_ARGUMENT,
            "parameter '%s' is reserved and not known here".formatted(parameter));
      }
    }
    ModelName model =
        name(request.getModelName()).orElseThrow(() -> unknown(request.getModelName()));
    return new PredictRequest(
        model, version(request.getModelVersion()), request.getId(), WireInputs.read(request));
  }

  private List<String> requestedOutputs(ModelInferRequest request, PredictRequest wanted)
      throws PredictException {
    Optional<ServingModel> model = slots.find(wanted.model(), wanted.version());
    for (InferRequestedOutputTensor output : request.getOutputsList()) {
      if (output.containsParameters("shared_memory_region")
          || output.containsParameters("classification")) {
        throw new PredictException(
            Code.INVALID_ARGUMENT,
            "output '%s' asks for shared memory or classification: this agent offers neither"
                .formatted(output.getName()));
      }
      if (model.isPresent() && model.get().signature().output(output.getName()).isEmpty()) {
        throw new PredictException(
            Code.INVALID_ARGUMENT,
            "unexpected inference output '%s' for model '%s'"
                .formatted(output.getName(), wanted.model()));
      }
    }
    return request.getOutputsList().stream().map(InferRequestedOutputTensor::getName).toList();
  }

  private ServingModel serving(String name, String version) throws PredictException {
    Optional<Long> wanted = version(version);
    return name(name)
        .flatMap(model -> slots.find(model, wanted))
        .orElseThrow(
            () ->
                version.isEmpty()
                    ? unknown(name)
                    : new PredictException(
                        Code.NOT_FOUND,
                        "unknown model '%s' or version %s".formatted(shortened(name), version)));
  }

  private static Optional<ModelName> name(String name) {
    try {
      return Optional.of(new ModelName(name));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static Optional<Long> version(String version) throws PredictException {
    if (version.isEmpty()) {
      return Optional.empty();
    }
    try {
      long number = Long.parseLong(version);
      if (number > 0) {
        return Optional.of(number);
      }
    } catch (NumberFormatException e) {
      // Falls through to the one answer for both.
    }
    throw new PredictException(
        Code.INVALID_ARGUMENT,
        "failed to get model version from specified version string '%s', version should be an integral value > 0"
            .formatted(shortened(version)));
  }

  private static PredictException unknown(String name) {
    return new PredictException(Code.NOT_FOUND, "unknown model '%s'".formatted(shortened(name)));
  }

  private static String shortened(String text) {
    String printable = text.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= 80 ? printable : printable.substring(0, 80) + "...";
  }

  @FunctionalInterface
  private interface Answer<T> {
    T make() throws PredictException;
  }

  private static <T> void answer(StreamObserver<T> observer, Answer<T> answer) {
    try {
      T message = answer.make();
      observer.onNext(message);
      observer.onCompleted();
    } catch (PredictException e) {
      refuse(observer, e);
    } catch (RuntimeException e) {
      broke(observer, e);
    }
  }

  private static void refuse(StreamObserver<?> observer, PredictException e) {
    Status status =
        switch (e.code()) {
          case INVALID_ARGUMENT -> Status.INVALID_ARGUMENT;
          case NOT_FOUND -> Status.NOT_FOUND;
          case UNAVAILABLE -> Status.UNAVAILABLE;
          case INTERNAL -> Status.INTERNAL;
        };
    observer.onError(status.withDescription(e.getMessage()).asException());
  }

  private static void broke(StreamObserver<?> observer, RuntimeException e) {
    log.atError().setCause(e).log("call failed");
    observer.onError(
        Status.INTERNAL.withDescription("the agent failed; see its log").asException());
  }
}
