package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.sun.management.ThreadMXBean;
import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelStreamInferResponse;
import io.skerry.wire.inference.ServerLiveRequest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests of some megabytes: as a whole, and how many at a time. */
class LargeRequestsTest {
  private static final int ROWS = 150_000;

  private final ExecutorService threads = Executors.newCachedThreadPool();

  @AfterEach
  void stop() {
    threads.shutdown();
  }

  @Test
  void keepsEveryByteOfALargeRequest() throws Exception {
    byte[] data = new byte[3 << 20];
    new Random(1).nextBytes(data);
    ByteString sent = ByteString.copyFrom(data);
    TensorSpec any = new TensorSpec("x", ElementType.UINT8, List.of(-1L, -1L));
    try (TestServer server = TestServer.start().with("m", EchoModel.of(any))) {
      assertThat(
              server
                  .stub()
                  .modelInfer(
                      TestServer.raw("UINT8", List.of(1L, (long) data.length), sent).build())
                  .getRawOutputContents(0))
          .isEqualTo(sent);
    }
  }

  @Test
  void refusesRequestsThatTogetherHaveNoRoomAndTakesThemLater() throws Exception {
    CountDownLatch running = new CountDownLatch(2);
    CountDownLatch go = new CountDownLatch(1);
    try (TestServer server =
        TestServer.start(
                config -> config.withBounds(ServeBounds.defaults().withRequestBytesMax(5_000_000)))
            .with("m", FakeModel.waiting(running, go))) {
      List<Future<?>> calls = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        calls.add(threads.submit(() -> server.stub().modelInfer(large())));
      }
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();

      assertThatThrownBy(() -> server.stub().modelInfer(large()))
          .isInstanceOf(StatusRuntimeException.class)
          .hasMessage(
              "RESOURCE_EXHAUSTED: no room for this request now: requests may have 5000000 bytes together; try again");
      assertThatThrownBy(() -> server.stub().withCompression("gzip").modelInfer(large()))
          .hasMessageStartingWith("RESOURCE_EXHAUSTED: no room for this request now");
      assertThat(server.server().service().callStatistics().applications().getFirst().rejected())
          .isEqualTo(2);
      assertThat(server.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive())
          .isTrue();

      go.countDown();
      for (Future<?> call : calls) {
        call.get(20, TimeUnit.SECONDS);
      }
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
      assertThat(server.stub().modelInfer(large()).getOutputsCount()).isEqualTo(1);
    }
  }

  /** Of two bytes each comes an object. */
  @ParameterizedTest
  @ValueSource(strings = {"identity", "gzip"})
  void countsWhatARequestOfManySmallPartsTakesOfTheHeap(String compression) throws Exception {
    ModelInferRequest.Builder inputs = large().toBuilder();
    ModelInferRequest.Builder parameters = large().toBuilder();
    InferInputTensor.Builder strings = InferInputTensor.newBuilder();
    for (int i = 0; i < 150_000; i++) {
      inputs.addInputs(InferInputTensor.getDefaultInstance());
      parameters.putParameters(Integer.toString(i), InferParameter.getDefaultInstance());
      strings.getContentsBuilder().addBytesContents(ByteString.copyFromUtf8("x"));
    }
    try (TestServer server =
        TestServer.start(
                config -> config.withBounds(ServeBounds.defaults().withRequestBytesMax(5_000_000)))
            .with("m", FakeModel.answering())) {
      for (ModelInferRequest each :
          List.of(
              inputs.build(), parameters.build(), large().toBuilder().addInputs(strings).build())) {
        assertThat(each.getSerializedSize()).isLessThan(5_000_000);
        assertThatThrownBy(() -> server.stub().withCompression(compression).modelInfer(each))
            .isInstanceOf(StatusRuntimeException.class)
            .hasMessage(
                "RESOURCE_EXHAUSTED: no room for this request now: requests may have 5000000 bytes together; try again");
      }
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
      assertThat(server.stub().modelInfer(large()).getOutputsCount()).isEqualTo(1);
    }
  }

  @Test
  void aRequestTakesRoomUntilItsRunEndsAlsoWhenItsClientHasGone() throws Exception {
    countsUntilTheRunEnds(
        server -> {
          ListenableFuture<ModelInferResponse> call =
              GRPCInferenceServiceGrpc.newFutureStub(server.client().channel()).modelInfer(large());
          return () -> call.cancel(true);
        });
  }

  @Test
  void aStreamsRequestTakesRoomUntilItsRunEndsAlsoWhenItsClientHasGone() throws Exception {
    countsUntilTheRunEnds(
        server -> {
          ClientCall<ModelInferRequest, ModelStreamInferResponse> stream =
              server
                  .client()
                  .channel()
                  .newCall(
                      GRPCInferenceServiceGrpc.getModelStreamInferMethod(), CallOptions.DEFAULT);
          stream.start(new ClientCall.Listener<>() {}, new Metadata());
          stream.sendMessage(large());
          return () -> stream.cancel("the application ends", null);
        });
  }

  private static void countsUntilTheRunEnds(Function<TestServer, Runnable> call) throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    try (TestServer server =
        TestServer.start(
                config -> config.withBounds(ServeBounds.defaults().withRequestBytesMax(5_000_000)))
            .with("m", FakeModel.waiting(running, go))) {
      Runnable leave = call.apply(server);
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();

      leave.run();
      // On the same connection: the server knows by then that the other call was cancelled.
      assertThat(server.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive())
          .isTrue();

      assertThat(server.server().service().requests().bytes()).isGreaterThan(1_800_000);
      go.countDown();
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
    }
  }

  @Test
  void whoTakesNoAnswersGetsNoMoreUntilItTakesThem() throws Exception {
    ModelInferRequest request = tensor(3 << 20).toBuilder().setModelName("m").build();
    TensorSpec any = new TensorSpec("x", ElementType.UINT8, List.of(-1L, -1L));
    try (TestServer server =
        TestServer.start(
                config ->
                    config.withBounds(ServeBounds.defaults().withWaitingBytesMax(1 << 20, 4 << 20)))
            .with("m", EchoModel.of(any))) {
      Application unnamed = server.server().service().applications().unnamed();
      ManagedChannel idle =
          NettyChannelBuilder.forTarget(server.server().address().toString().replace("tcp:", ""))
              .flowControlWindow(64 << 10)
              .usePlaintext()
              .build();
      List<ClientCall<ModelInferRequest, ModelInferResponse>> calls = new ArrayList<>();
      for (int i = 1; i <= 2; i++) {
        ClientCall<ModelInferRequest, ModelInferResponse> call =
            idle.newCall(GRPCInferenceServiceGrpc.getModelInferMethod(), CallOptions.DEFAULT);
        calls.add(call);
        call.start(new ClientCall.Listener<>() {}, new Metadata());
        call.sendMessage(request);
        call.halfClose();
        long waiting = i * (3L << 20);
        QueuedCallsTest.await(() -> unnamed.untaken() >= waiting);
      }

      assertThatThrownBy(() -> server.stub().modelInfer(request))
          .hasMessageStartingWith("RESOURCE_EXHAUSTED: no room for one more answer now");
      assertThat(server.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive())
          .isTrue();

      calls.getFirst().request(1);
      calls.getLast().cancel("enough", null);
      QueuedCallsTest.await(() -> unnamed.untaken() == 0);
      assertThat(server.stub().modelInfer(request).getOutputsCount()).isEqualTo(1);
      idle.shutdownNow();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5_000, 3 << 20})
  void unpacksEveryByte(int bytes) throws Exception {
    ModelInferRequest request = tensor(bytes);

    assertThat(read(packed(request))).isEqualTo(request);
  }

  @Test
  void aCompressedTensorComesIntoTheHeapOnce() throws Exception {
    int bytes = 32 << 20;
    InputStream packed = packed(tensor(bytes));
    ThreadMXBean heap = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = heap.getCurrentThreadAllocatedBytes();

    MessageLite request = read(packed);

    assertThat(heap.getCurrentThreadAllocatedBytes() - before)
        .isBetween((long) bytes, bytes + (2L << 20));
    assertThat(request.getSerializedSize()).isGreaterThan(bytes);
  }

  /** Unpacked it fills what it is unpacked into to the last byte, which says that more comes. */
  @ParameterizedTest
  @ValueSource(ints = {4 << 10, 12 << 10, 28 << 10})
  void readsNothingBehindAMessageThatIsCutOff(int bytes) throws Exception {
    byte[] message = new byte[bytes];
    // Field 15 as a varint again and again, and of the last one only a byte that is not the last.
    for (int i = 0; i < bytes - 2; i += 2) {
      message[i] = 0x78;
      message[i + 1] = 1;
    }
    message[bytes - 2] = 0x78;
    message[bytes - 1] = (byte) 0x80;
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(message);
    }
    InputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()));

    assertThatThrownBy(() -> read(in))
        .isInstanceOf(StatusRuntimeException.class)
        .hasRootCauseMessage(
            "While parsing a protocol message, the input ended unexpectedly in the middle of a field.  This could mean either that the input has been truncated or that an embedded message misreported its own length.");
  }

  private static MessageLite read(InputStream packed) throws IOException {
    return MessageReader.read(ModelInferRequest.getDefaultInstance(), packed, bytes -> {});
  }

  @Test
  void aSecondMessageFreesNothingOfACallThatHasOne() {
    try (Applications applications = new Applications(List.of(), Optional.empty())) {
      RequestBudget budget = new RequestBudget(1 << 20, 1);
      ServerStreamTracer call =
          new CallBytes(budget, applications.unnamed(), of -> applications.unnamed())
              .newServerStreamTracer("infer", new Metadata());
      call.serverCallStarted(
          new ServerStreamTracer.ServerCallInfo<ModelInferRequest, ModelInferResponse>() {
            @Override
            public MethodDescriptor<ModelInferRequest, ModelInferResponse> getMethodDescriptor() {
              return GRPCInferenceServiceGrpc.getModelInferMethod();
            }

            @Override
            public Attributes getAttributes() {
              return Attributes.EMPTY;
            }

            @Override
            public @Nullable String getAuthority() {
              return null;
            }
          });
      call.inboundMessage(0);
      call.inboundWireSize(1000);

      call.inboundMessage(1);

      assertThat(budget.bytes()).isEqualTo(1000);
      call.streamClosed(Status.CANCELLED);
      assertThat(budget.bytes()).isZero();
    }
  }

  private static ModelInferRequest tensor(int bytes) {
    byte[] data = new byte[bytes];
    new Random(1).nextBytes(data);
    return TestServer.raw("UINT8", List.of(1L, (long) bytes), ByteString.copyFrom(data)).build();
  }

  private static InputStream packed(ModelInferRequest request) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      request.writeTo(out);
    }
    return new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()));
  }

  @Test
  void saysWhatIsNoMessageHoweverLargeItIs() throws Exception {
    byte[] broken = new byte[2 << 20];
    broken[0] = 0x0a;
    try (TestServer server = TestServer.start().with("m", EchoModel.of(ElementType.FP32))) {
      assertThat(HostileRequestsTest.send(server, broken, CallOptions.DEFAULT))
          .isEqualTo(Status.Code.INVALID_ARGUMENT);
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
    }
  }

  static ModelInferRequest large() {
    ModelInferRequest.Builder request = QueuedCallsTest.request();
    request.setInputs(0, request.getInputs(0).toBuilder().setShape(0, ROWS));
    return request
        .setRawInputContents(0, ByteString.copyFrom(new byte[ROWS * 3 * Float.BYTES]))
        .build();
  }
}
