package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.agent.TinyOnnx;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ModelTraits;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.serve.http.HttpConfig;
import io.skerry.agent.serve.http.HttpServer;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.LoadOptions;
import io.skerry.wire.inference.CudaSharedMemoryRegisterRequest;
import io.skerry.wire.inference.CudaSharedMemoryStatusRequest;
import io.skerry.wire.inference.CudaSharedMemoryUnregisterRequest;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.LogSettingsRequest;
import io.skerry.wire.inference.ModelConfigRequest;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelReadyRequest;
import io.skerry.wire.inference.ModelRepositoryParameter;
import io.skerry.wire.inference.ModelStatistics;
import io.skerry.wire.inference.ModelStatisticsRequest;
import io.skerry.wire.inference.RepositoryIndexRequest;
import io.skerry.wire.inference.RepositoryModelLoadRequest;
import io.skerry.wire.inference.RepositoryModelLoadResponse;
import io.skerry.wire.inference.RepositoryModelUnloadRequest;
import io.skerry.wire.inference.ServerMetadataRequest;
import io.skerry.wire.inference.ServerReadyRequest;
import io.skerry.wire.inference.SystemSharedMemoryRegisterRequest;
import io.skerry.wire.inference.SystemSharedMemoryStatusRequest;
import io.skerry.wire.inference.SystemSharedMemoryUnregisterRequest;
import io.skerry.wire.inference.TraceSettingRequest;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything of the protocol but predictions. */
class AdministrationTest {
  @TempDir private Path folder;

  @Test
  void answersACallWhateverBreaks() {
    List<Throwable> answers = new ArrayList<>();
    StreamObserver<String> observer =
        new StreamObserver<>() {
          @Override
          public void onNext(String message) {}

          @Override
          public void onError(Throwable why) {
            answers.add(why);
          }

          @Override
          public void onCompleted() {}
        };

    InferenceEndpoint.answer(
        observer,
        () -> {
          throw new OutOfMemoryError("Physical memory usage is too high");
        });

    assertThat(answers)
        .singleElement()
        .satisfies(
            why -> assertThat(Status.fromThrowable(why).getCode()).isEqualTo(Status.Code.INTERNAL));
  }

  @Test
  void countsExactlyAndSplitsWhatWasCounted() throws Exception {
    try (TestServer server =
        TestServer.start()
            .with("m", EchoModel.of(ElementType.FP32))
            .with("broken", FakeModel.failing())) {
      for (int i = 0; i < 10; i++) {
        server.stub().modelInfer(TestServer.floats(1, 2).build());
      }
      server
          .stub()
          .modelInfer(
              TestServer.raw("FP32", List.of(3L, 2L), TestServer.bytes(1, 2, 3, 4, 5, 6)).build());
      assertThatThrownBy(() -> server.stub().modelInfer(TestServer.floats(1).build()))
          .hasMessageContaining("INVALID_ARGUMENT");
      assertThatThrownBy(() -> server.stub().modelInfer(broken()))
          .hasMessage("INTERNAL: broken@1 failed: the device is on fire");

      ModelStatistics statistics = statistics(server, "m");

      assertThat(statistics.getInferenceCount()).isEqualTo(13);
      assertThat(statistics.getExecutionCount()).isEqualTo(11);
      assertThat(statistics.getInferenceStats().getSuccess().getCount()).isEqualTo(11);
      assertThat(statistics.getInferenceStats().getFail().getCount()).isZero();
      assertThat(statistics.getInferenceStats().getQueue().getCount()).isEqualTo(11);
      assertThat(statistics.getInferenceStats().getComputeInfer().getNs()).isPositive();
      long parts =
          statistics.getInferenceStats().getQueue().getNs()
              + statistics.getInferenceStats().getComputeInput().getNs()
              + statistics.getInferenceStats().getComputeInfer().getNs()
              + statistics.getInferenceStats().getComputeOutput().getNs();
      assertThat(statistics.getInferenceStats().getSuccess().getNs()).isEqualTo(parts);
      assertThat(statistics.getBatchStatsList())
          .extracting(batch -> batch.getBatchSize() + "x" + batch.getComputeInfer().getCount())
          .containsExactly("1x10", "3x1");
      assertThat(statistics.getLastInference()).isPositive();
      assertThat(statistics(server, "broken").getInferenceStats().getFail().getCount())
          .isEqualTo(1);
      assertThat(
              server
                  .stub()
                  .modelStatistics(ModelStatisticsRequest.getDefaultInstance())
                  .getModelStatsList())
          .extracting(ModelStatistics::getName)
          .containsExactly("broken", "m");
      assertThatThrownBy(() -> statistics(server, "other")).hasMessageContaining("NOT_FOUND");
    }
  }

  @Test
  void refusesBatchesThatAreTooLarge() throws Exception {
    try (TestServer server =
        TestServer.start()
            .with("m", EchoModel.of(ElementType.FP32), new ModelTraits(List.of(), 2))) {
      assertThatThrownBy(
              () ->
                  server
                      .stub()
                      .modelInfer(
                          TestServer.raw(
                                  "FP32", List.of(3L, 2L), TestServer.bytes(1, 2, 3, 4, 5, 6))
                              .build()))
          .hasMessage("INVALID_ARGUMENT: inference request batch-size must be <= 2 for 'm', got 3");
      assertThat(
              server
                  .stub()
                  .modelConfig(ModelConfigRequest.newBuilder().setName("m").build())
                  .getConfig()
                  .getMaxBatchSize())
          .isEqualTo(2);
    }
  }

  @Test
  void loadsAndUnloadsByNameOnly() throws Exception {
    ModelSlots slots = new ModelSlots();
    scale("one/1", 1);
    ModelRepository repository =
        ModelRepository.load(folder, EngineCatalog.discovered(), LoadOptions.DEFAULTS, slots);
    Predictor predictor =
        new Predictor(
            slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);
    try (TestServer server =
        TestServer.start(
            config -> config,
            unused -> Served.of(slots, predictor, repository).withControl(repository))) {
      GRPCInferenceServiceBlockingStub stub = server.stub();
      scale("Two/1", 2);
      scale("Two/2", 3);
      Files.writeString(folder.resolve("Two/labels.txt"), "a\nb\n");

      RepositoryModelLoadResponse kserve = stub.repositoryModelLoad(load("", "Two"));
      assertThat(kserve.getModelName()).isEqualTo("Two");
      assertThat(kserve.getIsLoaded()).isTrue();
      assertThat(ready(stub, "Two")).isTrue();
      // KServe's message has the name in the other field.
      assertThat(stub.repositoryModelLoad(load("Two", "")).getModelName()).isEqualTo("Two");

      stub.repositoryModelLoad(
          load("", "Two").toBuilder()
              .putParameters(
                  "config",
                  text("{\"max_batch_size\": \"4\", \"version_policy\": {\"latest\": {}}}"))
              .build());
      assertThat(
              stub.modelConfig(ModelConfigRequest.newBuilder().setName("Two").build())
                  .getConfig()
                  .getMaxBatchSize())
          .isEqualTo(4);
      assertThat(index(stub)).containsExactly("Two@2 READY ", "one@1 READY ");

      stub.repositoryModelUnload(
          RepositoryModelUnloadRequest.newBuilder()
              .setModelName("one")
              .putParameters(
                  "unload_dependents",
                  ModelRepositoryParameter.newBuilder().setBoolParam(true).build())
              .build());
      assertThat(ready(stub, "one")).isFalse();
      assertThat(index(stub)).containsExactly("Two@2 READY ", "one@1 UNAVAILABLE unloaded");
      assertThat(stub.serverReady(ServerReadyRequest.getDefaultInstance()).getReady()).isTrue();

      Files.write(folder.resolve("Two/2/model.onnx"), new byte[] {1, 2, 3});
      refuses(stub, load("", "Two"), "INTERNAL: failed to load 'Two', ONNX Runtime cannot load");
      assertThat(ready(stub, "Two")).isTrue();
      refuses(stub, load("", "none"), "NOT_FOUND: failed to load 'none', no such model");
      refuses(stub, load("", "../one"), "NOT_FOUND: failed to load '../one', no such model");
      refuses(stub, load("r", "one"), "UNIMPLEMENTED: 'repository_name' specification is not");
      refuses(
          stub,
          load("", "one").toBuilder().putParameters("file:1/model.onnx", text("x")).build(),
          "UNIMPLEMENTED: failed to load 'one', model files are never taken from a client");
      for (String config :
          List.of(
              "{",
              "[]",
              "{max_batch_size: 4}",
              "{\"max_batch_size\": -1}",
              "7",
              "{\"input\": [{\"name\": \"other\"}]}",
              "{\"instance_group\": [{\"count\": 77}]}",
              "{\"dynamic_batching\": {\"max_queue_delay_microseconds\": 5}}",
              "{\"no_such_field\": 0}",
              "{\"parameters\": {\"a\": {\"string_value\": \"b\"}}}")) {
        refuses(
            stub,
            load("", "one").toBuilder().putParameters("config", text(config)).build(),
            "INVALID_ARGUMENT: failed to load 'one', ");
      }
      assertThatThrownBy(
              () ->
                  stub.repositoryModelUnload(
                      RepositoryModelUnloadRequest.newBuilder().setModelName("none").build()))
          .hasMessageStartingWith("NOT_FOUND: failed to unload 'none'");
    } finally {
      slots.close();
    }
  }

  /** Clients read a model's configuration, change one field of it and load the model with that. */
  @Test
  void takesAConfigurationBackThatItTold() throws Exception {
    ModelSlots slots = new ModelSlots();
    scale("one/1", 1);
    ModelRepository repository =
        ModelRepository.load(folder, EngineCatalog.discovered(), LoadOptions.DEFAULTS, slots);
    Predictor predictor =
        new Predictor(
            slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);
    try (TestServer server =
            TestServer.start(
                config -> config,
                unused -> Served.of(slots, predictor, repository).withControl(repository));
        HttpServer http = HttpServer.start(HttpConfig.at(0), server.server().service());
        HttpClient client = HttpClient.newHttpClient()) {
      GRPCInferenceServiceBlockingStub stub = server.stub();
      String told =
          client
              .send(
                  HttpRequest.newBuilder(
                          URI.create(
                              "http://127.0.0.1:%d/v2/models/one/config".formatted(http.port())))
                      .build(),
                  BodyHandlers.ofString())
              .body();
      assertThat(told).contains("\"max_batch_size\":65536", "\"instance_group\":[{");

      // As it is, with the strings that protobuf's own JSON has for whole numbers, and changed.
      for (String config :
          List.of(
              told,
              told.replaceAll("\"dims\":\\[(\\d)]", "\"dims\":[\"$1\"]"),
              told.replace("65536", "16"))) {
        stub.repositoryModelLoad(
            load("", "one").toBuilder().putParameters("config", text(config)).build());
      }

      assertThat(
              stub.modelConfig(ModelConfigRequest.newBuilder().setName("one").build())
                  .getConfig()
                  .getMaxBatchSize())
          .isEqualTo(16);
      refuses(
          stub,
          load("", "one").toBuilder()
              .putParameters("config", text(told.replace("TYPE_FP32", "TYPE_INT8")))
              .build(),
          "INVALID_ARGUMENT: failed to load 'one', configuration field 'input' is not what the model has");
      // As deep as it may be long.
      int levels = 30_000;
      for (String field : List.of("input", "parameters", "version_policy")) {
        String deep = "{\"%s\": %s%s}".formatted(field, "[".repeat(levels), "]".repeat(levels));
        refuses(
            stub,
            load("", "one").toBuilder().putParameters("config", text(deep)).build(),
            "INVALID_ARGUMENT: failed to load 'one', ");
      }
    } finally {
      slots.close();
    }
  }

  @Test
  void whatAControlPlaneDecidesNoClientChanges() throws Exception {
    try (TestServer server = TestServer.start()) {
      refuses(
          server.stub(), load("", "m"), "UNAVAILABLE: explicit model load / unload is not allowed");
    }
  }

  @Test
  void tensorsTravelThroughSharedMemory() throws Exception {
    Path file = Files.write(folder.resolve("app_x"), new byte[32]);
    Files.write(file, TestServer.bytes(3, 4, 0, 0, 0, 0, 0, 0).toByteArray());
    int me = (Integer) Files.getAttribute(folder, "unix:uid");
    SharedMemoryConfig memory = new SharedMemoryConfig(folder, "app_", Set.of(me), 4, 1 << 20);
    try (TestServer server =
        TestServer.start(config -> config.withSharedMemory(Optional.of(memory)))
            .with("m", EchoModel.of(ElementType.FP32))) {
      GRPCInferenceServiceBlockingStub stub = server.stub();
      assertThat(
              stub.serverMetadata(ServerMetadataRequest.getDefaultInstance()).getExtensionsList())
          .contains("system_shared_memory", "statistics", "classification");
      stub.systemSharedMemoryRegister(
          SystemSharedMemoryRegisterRequest.newBuilder()
              .setName("r")
              .setKey("/app_x")
              .setByteSize(32)
              .build());
      assertThat(
              stub.systemSharedMemoryStatus(SystemSharedMemoryStatusRequest.getDefaultInstance())
                  .getRegionsOrThrow("r")
                  .getByteSize())
          .isEqualTo(32);

      ModelInferResponse response = stub.modelInfer(shared(8, 16, 8));

      assertThat(response.getRawOutputContentsList()).containsExactly(ByteString.EMPTY);
      assertThat(
              response.getOutputs(0).getParametersOrThrow("shared_memory_region").getStringParam())
          .isEqualTo("r");
      assertThat(ByteString.copyFrom(Files.readAllBytes(file)))
          .isEqualTo(TestServer.bytes(3, 4, 0, 0, 3, 4, 0, 0));

      refusesInfer(stub, shared(8, 16, 4), "should be at least 8 bytes to hold the results");
      refusesInfer(stub, shared(8, 28, 8), "Invalid offset + byte size for shared memory region");
      refusesInfer(stub, shared(12, 16, 8), "input byte size mismatch for input 'x'");
      refusesInfer(stub, shared(-8, 16, 8), "Invalid offset");
      stub.systemSharedMemoryUnregister(SystemSharedMemoryUnregisterRequest.getDefaultInstance());
      refusesInfer(stub, shared(8, 16, 8), "Unable to find shared memory region: 'r'");
    }
  }

  @Test
  void whatItHasNotItSaysSo() throws Exception {
    try (TestServer server = TestServer.start()) {
      GRPCInferenceServiceBlockingStub stub = server.stub();
      assertThat(
              stub.cudaSharedMemoryStatus(CudaSharedMemoryStatusRequest.getDefaultInstance())
                  .getRegionsCount())
          .isZero();
      assertThat(
              stub.cudaSharedMemoryUnregister(
                  CudaSharedMemoryUnregisterRequest.getDefaultInstance()))
          .isNotNull();
      assertThatThrownBy(
              () ->
                  stub.cudaSharedMemoryRegister(
                      CudaSharedMemoryRegisterRequest.newBuilder().setName("c").build()))
          .hasMessageStartingWith("UNIMPLEMENTED: failed to register CUDA shared memory");
      assertThatThrownBy(
              () ->
                  stub.systemSharedMemoryRegister(
                      SystemSharedMemoryRegisterRequest.newBuilder().setName("c").build()))
          .hasMessageStartingWith("UNIMPLEMENTED: system shared memory is off");
      assertThat(
              stub.traceSetting(TraceSettingRequest.getDefaultInstance())
                  .getSettingsOrThrow("trace_level")
                  .getValueList())
          .containsExactly("OFF");
      assertThatThrownBy(
              () ->
                  stub.traceSetting(
                      TraceSettingRequest.newBuilder()
                          .putSettings(
                              "trace_rate",
                              TraceSettingRequest.SettingValue.newBuilder().addValue("1").build())
                          .build()))
          .hasMessage("UNAVAILABLE: the server does not support trace: 'trace_rate' cannot be set");
      assertThat(
              stub.logSettings(LogSettingsRequest.getDefaultInstance())
                  .getSettingsOrThrow("log_error")
                  .getBoolParam())
          .isTrue();
      LogSettingsRequest.SettingValue no =
          LogSettingsRequest.SettingValue.newBuilder().setBoolParam(false).build();
      assertThatThrownBy(
              () ->
                  stub.logSettings(
                      LogSettingsRequest.newBuilder().putSettings("log_error", no).build()))
          .hasMessageStartingWith("UNIMPLEMENTED: log setting 'log_error' cannot be changed");
    }
  }

  @Test
  void tellsTheHealthOfEveryModel() throws Exception {
    try (TestServer server = TestServer.start().with("m", EchoModel.of(ElementType.FP32))) {
      assertThat(health(server, "")).isEqualTo(ServingStatus.SERVING);
      assertThat(health(server, "m")).isEqualTo(ServingStatus.SERVING);
      server.slots().remove(server.slots().active().getFirst().slot());
      assertThat(health(server, "m")).isEqualTo(ServingStatus.NOT_SERVING);
      assertThatThrownBy(() -> health(server, "other")).hasMessageStartingWith("NOT_FOUND");
    }
  }

  @Test
  void healthFollowsWhatWasMendedAndWhatWasGivenUp() throws Exception {
    ModelSlots slots = new ModelSlots();
    for (String name : List.of("mended", "given-up")) {
      Files.write(
          Files.createDirectories(folder.resolve(name + "/1")).resolve("model.onnx"), new byte[3]);
    }
    ModelRepository repository =
        ModelRepository.load(folder, EngineCatalog.discovered(), LoadOptions.DEFAULTS, slots);
    Predictor predictor =
        new Predictor(
            slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);
    try (TestServer server =
        TestServer.start(
            config -> config,
            unused -> Served.of(slots, predictor, repository).withControl(repository))) {
      scale("mended/1", 1);
      server
          .stub()
          .repositoryModelUnload(
              RepositoryModelUnloadRequest.newBuilder().setModelName("given-up").build());
      assertThat(health(server, "")).isEqualTo(ServingStatus.NOT_SERVING);

      server.stub().repositoryModelLoad(load("", "mended"));
      assertThat(health(server, "")).isEqualTo(ServingStatus.SERVING);

      Files.write(folder.resolve("mended/1/model.onnx"), new byte[3]);
      refuses(server.stub(), load("", "mended"), "INTERNAL: failed to load 'mended'");
      assertThat(health(server, "")).isEqualTo(ServingStatus.SERVING);
    } finally {
      slots.close();
    }
  }

  @Test
  void describesItsServicesByReflection() throws Exception {
    CompletableFuture<ServerReflectionResponse> answer = new CompletableFuture<>();
    try (TestServer server = TestServer.start()) {
      StreamObserver<ServerReflectionRequest> requests =
          ServerReflectionGrpc.newStub(server.client().channel())
              .serverReflectionInfo(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ServerReflectionResponse response) {
                      answer.complete(response);
                    }

                    @Override
                    public void onError(Throwable t) {
                      answer.completeExceptionally(t);
                    }

                    @Override
                    public void onCompleted() {}
                  });
      requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());

      assertThat(answer.get(20, TimeUnit.SECONDS).getListServicesResponse().getServiceList())
          .extracting(service -> service.getName())
          .contains("inference.GRPCInferenceService", "grpc.health.v1.Health");
      requests.onCompleted();
    }
  }

  /** Python's reflection client asks by the older name of the service. */
  @Test
  void describesItsServicesByTheOlderReflectionToo() throws Exception {
    CompletableFuture<io.grpc.reflection.v1alpha.ServerReflectionResponse> answer =
        new CompletableFuture<>();
    try (TestServer server = TestServer.start()) {
      StreamObserver<io.grpc.reflection.v1alpha.ServerReflectionRequest> requests =
          io.grpc.reflection.v1alpha.ServerReflectionGrpc.newStub(server.client().channel())
              .serverReflectionInfo(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(
                        io.grpc.reflection.v1alpha.ServerReflectionResponse response) {
                      answer.complete(response);
                    }

                    @Override
                    public void onError(Throwable t) {
                      answer.completeExceptionally(t);
                    }

                    @Override
                    public void onCompleted() {}
                  });
      requests.onNext(
          io.grpc.reflection.v1alpha.ServerReflectionRequest.newBuilder()
              .setListServices("")
              .build());

      assertThat(answer.get(20, TimeUnit.SECONDS).getListServicesResponse().getServiceList())
          .extracting(service -> service.getName())
          .contains("inference.GRPCInferenceService", "grpc.health.v1.Health");
      requests.onCompleted();
    }
  }

  private static ModelInferRequest broken() {
    return ModelInferRequest.newBuilder()
        .setModelName("broken")
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("input")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(3))
        .addInputs(InferInputTensor.newBuilder().setName("offset").setDatatype("FP32").addShape(1))
        .addRawInputContents(TestServer.bytes(1, 2, 3))
        .addRawInputContents(TestServer.bytes(0))
        .build();
  }

  private static ModelInferRequest shared(long inputBytes, long outputOffset, long outputBytes) {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(2)
                .putParameters(
                    "shared_memory_region", InferParameter.newBuilder().setStringParam("r").build())
                .putParameters("shared_memory_byte_size", number(inputBytes)))
        .addOutputs(
            InferRequestedOutputTensor.newBuilder()
                .setName("x_out")
                .putParameters(
                    "shared_memory_region", InferParameter.newBuilder().setStringParam("r").build())
                .putParameters("shared_memory_byte_size", number(outputBytes))
                .putParameters("shared_memory_offset", number(outputOffset)))
        .build();
  }

  private static InferParameter number(long value) {
    return InferParameter.newBuilder().setInt64Param(value).build();
  }

  private static ServingStatus health(TestServer server, String service) {
    return HealthGrpc.newBlockingStub(server.client().channel())
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }

  private static ModelStatistics statistics(TestServer server, String name) {
    return server
        .stub()
        .modelStatistics(ModelStatisticsRequest.newBuilder().setName(name).build())
        .getModelStats(0);
  }

  private static List<String> index(GRPCInferenceServiceBlockingStub stub) {
    return stub
        .repositoryIndex(RepositoryIndexRequest.getDefaultInstance())
        .getModelsList()
        .stream()
        .map(
            model ->
                "%s@%s %s %s"
                    .formatted(
                        model.getName(), model.getVersion(), model.getState(), model.getReason()))
        .toList();
  }

  private static boolean ready(GRPCInferenceServiceBlockingStub stub, String name) {
    return stub.modelReady(ModelReadyRequest.newBuilder().setName(name).build()).getReady();
  }

  private static void refuses(
      GRPCInferenceServiceBlockingStub stub, RepositoryModelLoadRequest request, String text) {
    assertThatThrownBy(() -> stub.repositoryModelLoad(request)).hasMessageStartingWith(text);
  }

  private static void refusesInfer(
      GRPCInferenceServiceBlockingStub stub, ModelInferRequest request, String text) {
    assertThatThrownBy(() -> stub.modelInfer(request)).hasMessageContaining(text);
  }

  private static RepositoryModelLoadRequest load(String repository, String model) {
    return RepositoryModelLoadRequest.newBuilder()
        .setRepositoryName(repository)
        .setModelName(model)
        .build();
  }

  private static ModelRepositoryParameter text(String value) {
    return ModelRepositoryParameter.newBuilder().setStringParam(value).build();
  }

  private void scale(String version, float factor) throws Exception {
    TinyOnnx.scale(Files.createDirectories(folder.resolve(version)).resolve("model.onnx"), factor);
  }
}
