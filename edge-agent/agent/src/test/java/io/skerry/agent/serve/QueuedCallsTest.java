package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.agent.model.ServingModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelInferResponse.InferOutputTensor;
import io.skerry.wire.inference.ModelStatistics;
import io.skerry.wire.inference.ModelStatisticsRequest;
import io.skerry.wire.inference.StatisticDuration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Calls that wait while the only place to run is taken. */
@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class QueuedCallsTest {
  private final CountDownLatch running = new CountDownLatch(1);
  private final CountDownLatch go = new CountDownLatch(1);
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private TestServer server;
  private Future<?> first;

  @BeforeEach
  void start() throws Exception {
    server =
        TestServer.start(config -> config.withQueue(new QueueConfig(1, 2, 1_000)))
            .with("m", FakeModel.waiting(running, go));
    first = threads.submit(() -> server.stub().modelInfer(request().build()));
    assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
  }

  @AfterEach
  void stop() throws Exception {
    go.countDown();
    first.get(20, TimeUnit.SECONDS);
    threads.shutdown();
    server.close();
  }

  @Test
  void aTimeoutEndsTheWaitWhileTheOtherStillRuns() {
    ModelInferRequest impatient =
        request()
            .putParameters("timeout", InferParameter.newBuilder().setInt64Param(2_000).build())
            .build();

    assertThatThrownBy(() -> server.stub().modelInfer(impatient))
        .hasMessage("UNAVAILABLE: Request timeout expired");
    assertThat(fails().getCount()).isEqualTo(1);
  }

  @Test
  void aDeadlineRemovesTheCallFromTheQueue() {
    StatusRuntimeException late =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () ->
                server
                    .stub()
                    .withDeadlineAfter(20, TimeUnit.MILLISECONDS)
                    .modelInfer(request().build()));

    assertThat(late.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    await(() -> server.server().service().callStatistics().waiting() == 0);
    await(() -> fails().getCount() == 1);
  }

  @Test
  void aClientThatGoesLeavesTheQueue() throws Exception {
    CancellableContext context = Context.current().withCancellation();
    Future<?> call =
        threads.submit(context.wrap(() -> server.stub().modelInfer(request().build())));
    await(() -> server.server().service().callStatistics().waiting() == 1);

    context.cancel(null);

    assertThatThrownBy(() -> call.get(20, TimeUnit.SECONDS)).hasMessageContaining("CANCELLED");
    await(() -> server.server().service().callStatistics().waiting() == 0);
  }

  @Test
  void aCallThatWaitedIsAnsweredWithWhateverOutputsTheVersionHasThatAnswers() throws Exception {
    Future<ModelInferResponse> waited =
        threads.submit(() -> server.stub().modelInfer(request().build()));
    await(() -> server.server().service().callStatistics().waiting() == 1);
    EchoModel other =
        EchoModel.of(
            new TensorSpec("input", ElementType.FP32, List.of(-1L, 3L)),
            new TensorSpec("offset", ElementType.FP32, List.of(1L)));
    SlotId slot = server.slots().active().getFirst().slot();
    server
        .slots()
        .activate(
            slot,
            new ServingModel(
                slot, new ModelVersion(new ModelName("m"), 2), Digest.of(new byte[1]), other));

    go.countDown();

    assertThat(waited.get(20, TimeUnit.SECONDS).getOutputsList())
        .extracting(InferOutputTensor::getName)
        .containsExactly("input_out", "offset_out");
  }

  @Test
  void aFullQueueRefusesAndWhatWaitsIsAnswered() throws Exception {
    List<Future<?>> waiting = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      waiting.add(threads.submit(() -> server.stub().modelInfer(request().build())));
    }
    await(() -> server.server().service().callStatistics().waiting() == 2);

    assertThatThrownBy(() -> server.stub().modelInfer(request().build()))
        .hasMessageStartingWith("UNAVAILABLE: Exceeds maximum queue size");

    go.countDown();
    for (Future<?> call : waiting) {
      call.get(20, TimeUnit.SECONDS);
    }
    assertThat(server.slots().active().getFirst().predictionsFailed()).isZero();
  }

  private StatisticDuration fails() {
    ModelStatistics statistics =
        server
            .stub()
            .modelStatistics(ModelStatisticsRequest.newBuilder().setName("m").build())
            .getModelStats(0);
    return statistics.getInferenceStats().getFail();
  }

  static ModelInferRequest.Builder request() {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("input")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(3))
        .addInputs(InferInputTensor.newBuilder().setName("offset").setDatatype("FP32").addShape(1))
        .addRawInputContents(TestServer.bytes(1, 2, 3))
        .addRawInputContents(TestServer.bytes(0));
  }

  static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }
}
