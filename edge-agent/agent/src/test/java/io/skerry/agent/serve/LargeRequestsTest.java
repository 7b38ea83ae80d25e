package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.sun.management.ThreadMXBean;
import io.grpc.CallOptions;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelStreamInferResponse;
import io.skerry.wire.inference.ServerLiveRequest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
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
        TestServer.start(config -> config.withRequestBytesMax(5_000_000))
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

  @Test
  void aRequestTakesRoomUntilItsRunEndsAlsoWhenItsClientHasGone() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    try (TestServer server =
        TestServer.start(config -> config.withRequestBytesMax(5_000_000))
            .with("m", FakeModel.waiting(running, go))) {
      CancellableContext context = Context.current().withCancellation();
      Future<?> call = threads.submit(context.wrap(() -> server.stub().modelInfer(large())));
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();

      context.cancel(null);
      assertThatThrownBy(() -> call.get(20, TimeUnit.SECONDS)).hasMessageContaining("CANCELLED");
      // On the same connection: the server knows by then that the other call was cancelled.
      assertThat(server.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive())
          .isTrue();

      assertThat(server.server().service().requests().bytes()).isGreaterThan(1_800_000);
      go.countDown();
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
    }
  }

  @Test
  void aStreamsRequestTakesRoomUntilItsRunEndsAlsoWhenItsClientHasGone() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    try (TestServer server =
        TestServer.start(config -> config.withRequestBytesMax(5_000_000))
            .with("m", FakeModel.waiting(running, go))) {
      StreamObserver<ModelInferRequest> stream =
          GRPCInferenceServiceGrpc.newStub(server.client().channel())
              .modelStreamInfer(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ModelStreamInferResponse answer) {}

                    @Override
                    public void onError(Throwable t) {}

                    @Override
                    public void onCompleted() {}
                  });
      stream.onNext(large());
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();

      stream.onError(new IllegalStateException("the application ends"));
      assertThat(server.stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive())
          .isTrue();

      assertThat(server.server().service().requests().bytes()).isGreaterThan(1_800_000);
      go.countDown();
      QueuedCallsTest.await(() -> server.server().service().requests().bytes() == 0);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5_000, 3 << 20})
  void unpacksEveryByte(int bytes) throws Exception {
    ModelInferRequest request = tensor(bytes);

    assertThat(LargeMessages.read(ModelInferRequest.getDefaultInstance(), packed(request)))
        .isEqualTo(request);
  }

  @Test
  void aCompressedTensorComesIntoTheHeapOnce() throws Exception {
    int bytes = 32 << 20;
    InputStream packed = packed(tensor(bytes));
    ThreadMXBean heap = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = heap.getCurrentThreadAllocatedBytes();

    MessageLite request = LargeMessages.read(ModelInferRequest.getDefaultInstance(), packed);

    assertThat(heap.getCurrentThreadAllocatedBytes() - before)
        .isBetween((long) bytes, bytes + (4L << 20));
    assertThat(request.getSerializedSize()).isGreaterThan(bytes);
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
