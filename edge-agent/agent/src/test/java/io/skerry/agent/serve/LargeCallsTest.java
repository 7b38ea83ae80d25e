package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ServerLiveRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Large calls to a model whose calls are known to be short. */
@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class LargeCallsTest {
  private static final int ROWS = 60_000;

  // More connections than threads that serve sockets.
  private static final int CLIENTS = 4;

  @TempDir private Path folder;

  private final Rows model = new Rows();
  private final List<TestClient> clients = new ArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    Path socket = folder.resolve("agent.sock");
    server =
        TestServer.start(config -> ServeConfig.at(new ListenAddress.Unix(socket))).with("m", model);
    for (int i = 0; i < CLIENTS; i++) {
      clients.add(TestClient.to(server.server().address()));
    }
    while (!server.slots().active().getFirst().pace().isShort(Float.BYTES)) {
      clients.getFirst().inference().modelInfer(raw(1));
    }
    assertAllLive();
  }

  @AfterEach
  void stop() {
    model.go.countDown();
    clients.forEach(TestClient::close);
    threads.shutdown();
    server.close();
  }

  private static ModelInferRequest raw(int rows) {
    return TestServer.raw("FP32", List.of((long) rows, 1L), TestServer.bytes(new float[rows]))
        .build();
  }

  private static ModelInferRequest typed(int rows) {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype("FP32")
                .addShape(rows)
                .addShape(1)
                .setContents(
                    InferTensorContents.newBuilder()
                        .addAllFp32Contents(Collections.nCopies(rows, 0f))))
        .build();
  }

  private void assertAllLive() {
    for (TestClient client : clients) {
      assertThat(
              client
                  .inference()
                  .withDeadlineAfter(10, TimeUnit.SECONDS)
                  .serverLive(ServerLiveRequest.getDefaultInstance())
                  .getLive())
          .isTrue();
    }
  }

  @Test
  void tellTheirPaceOfTheVersionThatAnswers() {
    SlotId slot = new SlotId("trial");
    ServingModel trial =
        new ServingModel(
            slot, new ModelVersion(new ModelName("m"), 2), Digest.of(new byte[] {2}), new Rows());
    server
        .slots()
        .change(
            List.of(
                new ModelSlots.Change(
                    slot,
                    Optional.of(trial),
                    new SlotMode.Ab(new SlotMode.Trial(new SlotId("slot-1"), 1)))));

    for (int call = 0; call < 50; call++) {
      clients.getFirst().inference().modelInfer(raw(1));
    }

    assertThat(trial.predictions()).isEqualTo(50);
    assertThat(trial.pace().isShort(Float.BYTES)).isTrue();
  }

  @Test
  void keepNobodyWaiting() throws Exception {
    assertNobodyWaitsFor(raw(ROWS));
  }

  @Test
  void keepNobodyWaitingWhenTheyAreTyped() throws Exception {
    assertNobodyWaitsFor(typed(ROWS));
  }

  private void assertNobodyWaitsFor(ModelInferRequest large) throws Exception {
    Future<?> call = threads.submit(() -> clients.getFirst().inference().modelInfer(large));
    assertThat(model.entered.await(20, TimeUnit.SECONDS)).isTrue();

    assertAllLive();

    model.go.countDown();
    call.get(20, TimeUnit.SECONDS);
  }

  @Test
  void aSmallOneThatHasToWaitKeepsNobodyWaitingEither() throws Exception {
    model.waits = true;

    assertNobodyWaitsFor(raw(1));
  }

  @Test
  void stopWhenTheirClientGoes() throws Exception {
    CancellableContext context = Context.current().withCancellation();
    Future<?> call =
        threads.submit(context.wrap(() -> clients.getFirst().inference().modelInfer(raw(ROWS))));
    assertThat(model.entered.await(20, TimeUnit.SECONDS)).isTrue();

    context.cancel(null);

    assertThat(model.stopped.await(10, TimeUnit.SECONDS)).isTrue();
    assertThatThrownBy(() -> call.get(20, TimeUnit.SECONDS)).hasMessageContaining("CANCELLED");
  }

  /** Answers one row at once; runs of more say that they began and wait until they may go on. */
  private static final class Rows implements LoadedModel {
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final CountDownLatch entered = new CountDownLatch(1);
    private final CountDownLatch go = new CountDownLatch(1);
    private volatile boolean waits;

    @Override
    public String engine() {
      return "rows";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("x", ElementType.FP32, List.of(-1L, 1L))),
          List.of(new TensorSpec("y", ElementType.FP32, List.of(-1L, 1L))));
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) throws EngineException {
      return run(inputs, RunScope.lasting());
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
      Tensor input = inputs.getFirst();
      if (waits) {
        scope.requireMayWait();
      }
      if (waits || input.shape().getFirst() > 1) {
        scope.enter(
            () -> {
              stopped.countDown();
              go.countDown();
            });
        try {
          entered.countDown();
          go.await();
        } catch (InterruptedException e) {
          throw new EngineException(Reason.RUN_FAILED, "interrupted", e);
        } finally {
          scope.leave();
        }
        if (scope.isStopped()) {
          throw new EngineException(Reason.STOPPED, "stopped");
        }
      }
      return List.of(new Tensor("y", input.type(), input.shape(), input.data().duplicate()));
    }

    @Override
    public void close() {}
  }
}
