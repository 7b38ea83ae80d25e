package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.EchoModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceStub;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelStreamInferResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class InferStreamTest {
  @SuppressWarnings("NullAway.Init") // JUnit calls start() first.
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start().with("m", EchoModel.of(ElementType.FP32));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void answersInOrderAndMarksEveryAnswerAsTheLastOfItsRequest() throws Exception {
    List<ModelInferRequest> requests = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      requests.add(
          TestServer.floats(i, 0)
              .setId("r" + i)
              .putParameters(
                  "triton_enable_empty_final_response",
                  InferParameter.newBuilder().setBoolParam(true).build())
              .build());
    }

    List<ModelStreamInferResponse> answers = call(server.client(), requests);

    assertThat(answers)
        .extracting(answer -> answer.getInferResponse().getId())
        .containsExactlyElementsOf(requests.stream().map(ModelInferRequest::getId).toList());
    assertThat(answers)
        .allSatisfy(
            answer -> {
              assertThat(answer.getErrorMessage()).isEmpty();
              assertThat(
                      answer
                          .getInferResponse()
                          .getParametersOrThrow("triton_final_response")
                          .getBoolParam())
                  .isTrue();
            });
    assertThat(answers.get(7).getInferResponse().getRawOutputContents(0))
        .isEqualTo(TestServer.bytes(7, 0));
  }

  @Test
  void errorsStayInTheAnswerAndTheStreamGoesOn() throws Exception {
    List<ModelStreamInferResponse> answers =
        call(
            server.client(),
            List.of(
                TestServer.floats(1, 2).setModelName("other").setId("a").build(),
                TestServer.floats(1).setId("b").build(),
                TestServer.floats(1, 2).setId("c").build()));

    assertThat(answers).hasSize(3);
    assertThat(answers.get(0).getErrorMessage())
        .isEqualTo("Request for unknown model: 'other' is not found");
    assertThat(answers.get(0).getInferResponse().getModelName()).isEqualTo("other");
    assertThat(answers.get(0).getInferResponse().getId()).isEqualTo("a");
    assertThat(answers.get(1).getErrorMessage()).contains("unexpected shape for input 'x'");
    assertThat(answers.get(2).getErrorMessage()).isEmpty();
    assertThat(answers.get(2).getInferResponse().getId()).isEqualTo("c");
  }

  @Test
  void aClientThatWantsItGetsTheErrorAsStatus() {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("triton_grpc_error", Metadata.ASCII_STRING_MARSHALLER), "true");
    GRPCInferenceServiceStub stub =
        GRPCInferenceServiceGrpc.newStub(server.client().channel())
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));

    assertThatThrownBy(
            () -> call(stub, List.of(TestServer.floats(1, 2).setModelName("other").build())))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessage("NOT_FOUND: Request for unknown model: 'other' is not found");
  }

  @Test
  void aStreamWithoutRequestsEnds() throws Exception {
    assertThat(call(server.client(), List.of())).isEmpty();
  }

  @Test
  void aStreamThatWasAnsweredAndStaysOpenHoldsNoBytes() throws Exception {
    Reader reader = new Reader();
    StreamObserver<ModelInferRequest> requests =
        GRPCInferenceServiceGrpc.newStub(server.client().channel()).modelStreamInfer(reader);
    for (ModelInferRequest request :
        List.of(
            TestServer.floats(1, 2).build(),
            TestServer.floats(1, 2).setModelName("other").build())) {
      requests.onNext(request);
      assertThat(reader.answers.poll(20, TimeUnit.SECONDS)).isNotNull();
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
    }
    requests.onCompleted();

    reader.done.get(20, TimeUnit.SECONDS);
    QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
  }

  @Test
  void aClientThatSendsWithoutReadingIsHeldBack() throws Exception {
    int floats = 64 << 10;
    server.with(
        "big", EchoModel.of(new TensorSpec("x", ElementType.FP32, List.of(1L, (long) floats))));
    ModelInferRequest request =
        TestServer.raw(
                "FP32", List.of(1L, (long) floats), ByteString.copyFrom(new byte[4 * floats]))
            .setModelName("big")
            .build();
    SilentReader reader = new SilentReader();
    ClientCallStreamObserver<ModelInferRequest> requests =
        (ClientCallStreamObserver<ModelInferRequest>)
            GRPCInferenceServiceGrpc.newStub(server.client().channel()).modelStreamInfer(reader);

    int sent = 0;
    // The transport's windows take a few; then the client itself is told to wait.
    while (sent < 200 && (requests.isReady() || reader.becameReady())) {
      requests.onNext(request);
      sent++;
    }

    assertThat(sent).isLessThan(200);
    assertThat(server.slots().active().getLast().predictions()).isLessThan(200);
    requests.onCompleted();
    reader.readEverything();
    assertThat(reader.done.get(20, TimeUnit.SECONDS)).isEqualTo(sent);
  }

  @Test
  void aStreamTakesRoomForWhatMayBeSentAheadAndIsRefusedWithoutIt() throws Exception {
    ModelInferRequest request = TestServer.floats(1, 2).build();
    try (TestServer narrow =
        TestServer.start(
                config ->
                    config.withBounds(
                        ServeBounds.defaults().withWaitingBytesMax((2 << 20) + (1 << 18), 1 << 20)))
            .with("m", EchoModel.of(ElementType.FP32))) {
      List<StreamObserver<ModelInferRequest>> streams = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        Reader reader = new Reader();
        streams.add(
            GRPCInferenceServiceGrpc.newStub(narrow.client().channel()).modelStreamInfer(reader));
        streams.getLast().onNext(request);
        assertThat(reader.answers.poll(20, TimeUnit.SECONDS)).isNotNull();
      }

      assertThatThrownBy(() -> call(narrow.client(), List.of(request)))
          .rootCause()
          .hasMessageStartingWith("RESOURCE_EXHAUSTED: no room for one more stream now");
      assertThat(narrow.server().service().callStatistics().applications().getFirst().rejected())
          .isEqualTo(1);
      assertThat(narrow.stub().modelInfer(request).getOutputsCount()).isEqualTo(1);

      streams.getFirst().onCompleted();
      QueuedCallsTest.await(() -> narrow.server().service().sentAhead().bytes() == 1 << 20);
      assertThat(call(narrow.client(), List.of(request))).hasSize(1);
      streams.getLast().onError(new IllegalStateException("the application ends"));
      QueuedCallsTest.await(() -> narrow.server().service().sentAhead().bytes() == 0);
    }
  }

  private static List<ModelStreamInferResponse> call(
      TestClient client, List<ModelInferRequest> requests) throws Exception {
    return call(GRPCInferenceServiceGrpc.newStub(client.channel()), requests);
  }

  private static List<ModelStreamInferResponse> call(
      GRPCInferenceServiceStub stub, List<ModelInferRequest> requests) throws Exception {
    Reader reader = new Reader();
    StreamObserver<ModelInferRequest> stream = stub.modelStreamInfer(reader);
    requests.forEach(stream::onNext);
    stream.onCompleted();
    reader.done.get(20, TimeUnit.SECONDS);
    return List.copyOf(reader.answers);
  }

  private static final class Reader implements StreamObserver<ModelStreamInferResponse> {
    private final LinkedBlockingQueue<ModelStreamInferResponse> answers =
        new LinkedBlockingQueue<>();
    private final CompletableFuture<Boolean> done = new CompletableFuture<>();

    @Override
    public void onNext(ModelStreamInferResponse answer) {
      answers.add(answer);
    }

    @Override
    public void onError(Throwable t) {
      done.completeExceptionally(t);
    }

    @Override
    public void onCompleted() {
      done.complete(true);
    }
  }

  private static final class SilentReader
      implements ClientResponseObserver<ModelInferRequest, ModelStreamInferResponse> {
    private final CompletableFuture<Integer> done = new CompletableFuture<>();
    private final LinkedBlockingQueue<Boolean> ready = new LinkedBlockingQueue<>();

    @SuppressWarnings("NullAway.Init") // The stub calls beforeStart() first.
    private volatile ClientCallStreamObserver<ModelInferRequest> call;

    private int answers;
    private volatile boolean reading;

    @Override
    public void beforeStart(ClientCallStreamObserver<ModelInferRequest> requests) {
      call = requests;
      requests.disableAutoRequestWithInitial(0);
      requests.setOnReadyHandler(() -> ready.add(true));
    }

    boolean becameReady() throws InterruptedException {
      return ready.poll(2, TimeUnit.SECONDS) != null && call.isReady();
    }

    void readEverything() {
      reading = true;
      call.request(1);
    }

    @Override
    public void onNext(ModelStreamInferResponse answer) {
      answers++;
      if (reading) {
        call.request(1);
      }
    }

    @Override
    public void onError(Throwable t) {
      done.completeExceptionally(t);
    }

    @Override
    public void onCompleted() {
      done.complete(answers);
    }
  }
}
