package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ServerLiveRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

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
