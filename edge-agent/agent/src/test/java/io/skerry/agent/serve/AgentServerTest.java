package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.skerry.agent.TinyOnnx;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictionId;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.runtime.LoadOptions;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc;
import io.skerry.wire.agent.v1.SubmitFeedbackRequest;
import io.skerry.wire.inference.DataType;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelConfigRequest;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelMetadataRequest;
import io.skerry.wire.inference.ModelMetadataResponse;
import io.skerry.wire.inference.ModelReadyRequest;
import io.skerry.wire.inference.RepositoryIndexRequest;
import io.skerry.wire.inference.ServerLiveRequest;
import io.skerry.wire.inference.ServerMetadataRequest;
import io.skerry.wire.inference.ServerReadyRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A real server with a real engine, called through generated stubs. */
class AgentServerTest {
  private enum Over {
    UNIX,
    TCP
  }

  @TempDir private Path folder;
  private final ModelSlots slots = new ModelSlots();
  private final List<Feedback> feedback = new CopyOnWriteArrayList<>();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable resource : open.reversed()) {
      resource.close();
    }
    slots.close();
  }

  @ParameterizedTest
  @EnumSource
  void answersRawWithRaw(Over over) throws Exception {
    ModelInferResponse response = stub(start(over)).modelInfer(raw(1, 2, 3).setId("mine").build());

    assertThat(response.getModelName()).isEqualTo("scale");
    assertThat(response.getModelVersion()).isEqualTo("10");
    assertThat(response.getId()).isEqualTo("mine");
    assertThat(response.getOutputs(0).getDatatype()).isEqualTo("FP32");
    assertThat(response.getOutputs(0).getShapeList()).containsExactly(1L, 3L);
    assertThat(response.getOutputs(0).hasContents()).isFalse();
    assertThat(floats(response)).containsExactly(10, 20, 30);
    String id = response.getParametersOrThrow("skerry_prediction_id").getStringParam();
    assertThat(PredictionId.isValid(id)).isTrue();
  }

  @ParameterizedTest
  @EnumSource
  void answersTypedWithTyped(Over over) throws Exception {
    ModelInferRequest.Builder request = typed(1, 2, 3);

    ModelInferResponse response = stub(start(over)).modelInfer(request.build());

    assertThat(response.getOutputs(0).getContents().getFp32ContentsList())
        .containsExactly(10f, 20f, 30f);
  }

  @Test
  void runsTheVersionThatIsNamedAndTheOutputsThatAreAsked() throws Exception {
    ModelInferRequest request =
        raw(1, 2, 3)
            .setModelVersion("9")
            .addOutputs(InferRequestedOutputTensor.newBuilder().setName("output"))
            .build();

    ModelInferResponse response = stub(start(Over.TCP)).modelInfer(request);

    assertThat(response.getModelVersion()).isEqualTo("9");
    assertThat(floats(response)).containsExactly(9, 18, 27);
  }

  @Test
  void acceptsWhatTheTritonClientAlwaysSends() throws Exception {
    ModelInferRequest request =
        raw(1, 2, 3)
            .putParameters(
                "triton_enable_empty_final_response",
                InferParameter.newBuilder().setBoolParam(true).build())
            .build();

    assertThat(floats(stub(start(Over.TCP)).modelInfer(request))).containsExactly(10, 20, 30);
  }

  @Test
  void saysWhatIsWrongWithARequest() throws Exception {
    GRPCInferenceServiceBlockingStub stub = stub(start(Over.UNIX));

    refuses(
        stub,
        r -> r.setModelName("other"),
        Status.Code.NOT_FOUND,
        "unknown model: 'other' is not found");
    refuses(
        stub,
        r -> r.setModelName("../x"),
        Status.Code.NOT_FOUND,
        "unknown model: '../x' is not found");
    refuses(
        stub, r -> r.setModelVersion("8"), Status.Code.NOT_FOUND, "'scale' version 8 is not found");
    refuses(
        stub,
        r -> r.setModelVersion("latest"),
        Status.Code.INVALID_ARGUMENT,
        "'latest', version should be an integral value > 0");
    refuses(
        stub,
        r ->
            r.setInputs(0, input().clearShape().addShape(1).addShape(2))
                .setRawInputContents(0, bytes(1, 2)),
        Status.Code.INVALID_ARGUMENT,
        "unexpected shape for input 'input' for model 'scale': expected [-1, 3], got [1, 2]");
    refuses(
        stub,
        r -> r.setInputs(0, input().setDatatype("INT32")),
        Status.Code.INVALID_ARGUMENT,
        "data-type INT32");
    refuses(
        stub,
        r -> r.setInputs(0, input().setDatatype("FP8")),
        Status.Code.INVALID_ARGUMENT,
        "data-type 'FP8'");
    refuses(
        stub,
        r -> r.setRawInputContents(0, bytes(1, 2)),
        Status.Code.INVALID_ARGUMENT,
        "byte size mismatch for input 'input' for model 'scale': FP32 of shape [1, 3] needs 12, got 8");
    refuses(
        stub,
        r -> r.setInputs(0, input().clearShape().addShape(-1).addShape(3)),
        Status.Code.INVALID_ARGUMENT,
        "invalid shape");
    refuses(
        stub,
        r -> r.setInputs(0, input().clearShape().addShape(1L << 40).addShape(1L << 40)),
        Status.Code.INVALID_ARGUMENT,
        "too large a shape");
    refuses(
        stub,
        r -> r.setInputs(0, input().setName("inptu")),
        Status.Code.INVALID_ARGUMENT,
        "unexpected inference input 'inptu'");
    refuses(
        stub,
        ModelInferRequest.Builder::clearRawInputContents,
        Status.Code.INVALID_ARGUMENT,
        "unable to find data for input tensor 'input' for model 'scale' in request.");
    refuses(
        stub,
        r -> r.setInputs(0, typed(1, 2, 3).getInputs(0)),
        Status.Code.INVALID_ARGUMENT,
        "contents field must not be specified when using raw_input_contents");
    refuses(
        stub,
        r -> r.addRawInputContents(bytes(1)),
        Status.Code.INVALID_ARGUMENT,
        "expected 1 raw input contents but got 2");
    refuses(
        stub,
        r -> r.clearInputs().clearRawInputContents(),
        Status.Code.INVALID_ARGUMENT,
        "input 'input' is missing");
    refuses(
        stub,
        r -> r.clear().mergeFrom(typed(1, 2).build()),
        Status.Code.INVALID_ARGUMENT,
        "needs 3 elements of FP32, got 2");
    refuses(
        stub,
        r -> r.addOutputs(InferRequestedOutputTensor.newBuilder().setName("nope")),
        Status.Code.INVALID_ARGUMENT,
        "unexpected inference output 'nope'");
    refuses(
        stub,
        r -> r.putParameters("triton_x", InferParameter.getDefaultInstance()),
        Status.Code.INVALID_ARGUMENT,
        "'triton_x' is reserved");
    assertThat(slots.active()).allMatch(model -> model.predictions() == 0);
  }

  @Test
  void refusesAMessageThatIsTooLarge() throws Exception {
    GRPCInferenceServiceBlockingStub stub =
        stub(
            start(
                ServeConfig.at(address(Over.TCP))
                    .withBounds(ServeBounds.defaults().withMessageBytesMax(1_000))));

    refuses(
        stub,
        r -> r.setRawInputContents(0, ByteString.copyFrom(new byte[2_000])),
        Status.Code.RESOURCE_EXHAUSTED,
        "1000");
  }

  @Test
  void tellsWhatItServes() throws Exception {
    Files.createDirectories(folder.resolve("models/broken/1"));
    Files.write(folder.resolve("models/broken/1/model.onnx"), new byte[] {1, 2, 3});
    GRPCInferenceServiceBlockingStub stub = stub(start(Over.UNIX));

    assertThat(stub.serverLive(ServerLiveRequest.getDefaultInstance()).getLive()).isTrue();
    assertThat(stub.serverReady(ServerReadyRequest.getDefaultInstance()).getReady()).isFalse();
    assertThat(stub.serverMetadata(ServerMetadataRequest.getDefaultInstance()).getName())
        .isEqualTo("skerry-agent");
    assertThat(ready(stub, "scale", "")).isTrue();
    assertThat(ready(stub, "scale", "8")).isFalse();
    assertThat(ready(stub, "broken", "")).isFalse();

    ModelMetadataResponse metadata =
        stub.modelMetadata(ModelMetadataRequest.newBuilder().setName("scale").build());
    assertThat(metadata.getVersionsList()).containsExactly("9", "10");
    assertThat(metadata.getPlatform()).isEqualTo("onnxruntime_onnx");
    assertThat(metadata.getInputs(0).getShapeList()).containsExactly(-1L, 3L);
    assertThat(
            stub.modelConfig(ModelConfigRequest.newBuilder().setName("scale").build())
                .getConfig()
                .getInput(0)
                .getDataType())
        .isEqualTo(DataType.TYPE_FP32);
    assertThat(stub.repositoryIndex(RepositoryIndexRequest.getDefaultInstance()).getModelsList())
        .extracting(model -> model.getName() + "@" + model.getVersion() + " " + model.getState())
        .containsExactly("broken@1 UNAVAILABLE", "scale@9 READY", "scale@10 READY");
    assertThat(
            stub.repositoryIndex(RepositoryIndexRequest.newBuilder().setReady(true).build())
                .getModelsList())
        .hasSize(2);
    assertThatThrownBy(
            () -> stub.modelConfig(ModelConfigRequest.newBuilder().setName("broken").build()))
        .hasMessageStartingWith(
            "UNAVAILABLE: Request for unknown model: 'broken' version 1 is not at ready state: ");
  }

  @Test
  void tellsItsHealth() throws Exception {
    TestClient client = client(start(Over.TCP));

    assertThat(
            HealthGrpc.newBlockingStub(client.channel())
                .check(HealthCheckRequest.getDefaultInstance())
                .getStatus())
        .isEqualTo(ServingStatus.SERVING);
  }

  @Test
  void handsFeedbackOver() throws Exception {
    FeedbackServiceGrpc.FeedbackServiceBlockingStub stub =
        FeedbackServiceGrpc.newBlockingStub(client(start(Over.TCP)).channel());
    SubmitFeedbackRequest.Builder good =
        SubmitFeedbackRequest.newBuilder()
            .setClientId("mine")
            .setActual(1)
            .setOutcomeAtMillis(1_000);

    assertThat(stub.submitFeedback(good.build()).getJoined()).isTrue();

    assertThat(feedback).containsExactly(new Feedback("", "mine", 1, Instant.ofEpochSecond(1)));
    for (SubmitFeedbackRequest wrong :
        List.of(
            SubmitFeedbackRequest.newBuilder().setActual(1).build(),
            SubmitFeedbackRequest.newBuilder().setPredictionId("x").setActual(1).build(),
            SubmitFeedbackRequest.newBuilder().setClientId("").setActual(1).build(),
            SubmitFeedbackRequest.newBuilder(good.build()).setActual(Double.NaN).build(),
            SubmitFeedbackRequest.newBuilder(good.build()).setOutcomeAtMillis(-1).build())) {
      assertThatThrownBy(() -> stub.submitFeedback(wrong))
          .hasMessageStartingWith("INVALID_ARGUMENT");
    }
    assertThat(feedback).hasSize(1);
  }

  @Test
  void saysWhenThePortIsTaken() throws Exception {
    try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String address = "tcp:127.0.0.1:" + other.getLocalPort();

      assertThatThrownBy(() -> start(ServeConfig.at(ListenAddress.parse(address))))
          .isInstanceOf(ListenException.class)
          .hasMessage("cannot listen on %s: the port is taken; choose another --listen", address);
    }
  }

  @Test
  void neverListensUnencryptedBeyondThisMachine() {
    assertThatThrownBy(() -> start(ServeConfig.at(ListenAddress.parse("tcp:0.0.0.0:0"))))
        .isInstanceOf(ListenException.class)
        .hasMessageContaining("without encryption");
  }

  @Test
  void keepsItsSocketFileToItselfAndRemovesIt() throws Exception {
    AgentServer server = start(Over.UNIX);
    Path socket = ((ListenAddress.Unix) server.address()).path();

    assertThat(Files.getPosixFilePermissions(socket))
        .hasToString("[OWNER_READ, OWNER_WRITE, GROUP_READ, GROUP_WRITE]");
    assertThatThrownBy(() -> start(Over.UNIX))
        .isInstanceOf(ListenException.class)
        .hasMessageContaining("another program serves there");

    server.close();
    assertThat(socket).doesNotExist();
  }

  @Test
  void takesOverASocketThatACrashLeftButNoOtherFile() throws Exception {
    Path socket = ((ListenAddress.Unix) address(Over.UNIX)).path();
    try (ServerSocketChannel crashed = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      crashed.bind(UnixDomainSocketAddress.of(socket));
    }
    assertThat(socket).exists();
    start(Over.UNIX).close();

    Files.writeString(socket, "precious");

    assertThatThrownBy(() -> start(Over.UNIX)).hasMessageContaining("is no socket");
    assertThat(socket).hasContent("precious");
  }

  private static void refuses(
      GRPCInferenceServiceBlockingStub stub,
      UnaryOperator<ModelInferRequest.Builder> change,
      Status.Code code,
      String text) {
    assertThatThrownBy(() -> stub.modelInfer(change.apply(raw(1, 2, 3)).build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class, e -> assertThat(e.getStatus().getCode()).isEqualTo(code))
        .hasMessageContaining(text);
  }

  private static boolean ready(GRPCInferenceServiceBlockingStub stub, String name, String version) {
    return stub.modelReady(ModelReadyRequest.newBuilder().setName(name).setVersion(version).build())
        .getReady();
  }

  private AgentServer start(Over over) throws Exception {
    return start(ServeConfig.at(address(over)));
  }

  private ListenAddress address(Over over) {
    return switch (over) {
      case UNIX -> new ListenAddress.Unix(folder.resolve("agent.sock"));
      case TCP -> new ListenAddress.Tcp("127.0.0.1", 0);
    };
  }

  private AgentServer start(ServeConfig config) throws IOException, ListenException {
    for (int version : List.of(9, 10)) {
      Path place = Files.createDirectories(folder.resolve("models/scale/" + version));
      TinyOnnx.scale(place.resolve("model.onnx"), version);
    }
    ModelRepository repository =
        ModelRepository.load(
            folder.resolve("models"), EngineCatalog.discovered(), LoadOptions.DEFAULTS, slots);
    FeedbackSink sink =
        outcome -> {
          feedback.add(outcome);
          return FeedbackSink.Receipt.JOINED;
        };
    AgentServer server =
        AgentServer.start(
            config,
            slots,
            new Predictor(
                slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE),
            repository,
            Optional.of(sink));
    open.add(server);
    return server;
  }

  private TestClient client(AgentServer server) {
    TestClient client = TestClient.to(server.address());
    open.add(client);
    return client;
  }

  private GRPCInferenceServiceBlockingStub stub(AgentServer server) {
    return client(server).inference();
  }

  private static InferInputTensor.Builder input() {
    return InferInputTensor.newBuilder()
        .setName("input")
        .setDatatype("FP32")
        .addShape(1)
        .addShape(3);
  }

  private static ModelInferRequest.Builder raw(float... values) {
    return ModelInferRequest.newBuilder()
        .setModelName("scale")
        .addInputs(input())
        .addRawInputContents(bytes(values));
  }

  private static ModelInferRequest.Builder typed(float... values) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    for (float value : values) {
      contents.addFp32Contents(value);
    }
    return ModelInferRequest.newBuilder()
        .setModelName("scale")
        .addInputs(input().setContents(contents));
  }

  private static ByteString bytes(float... values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return ByteString.copyFrom(bytes);
  }

  private static float[] floats(ModelInferResponse response) {
    ByteBuffer bytes =
        response.getRawOutputContents(0).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }
}
