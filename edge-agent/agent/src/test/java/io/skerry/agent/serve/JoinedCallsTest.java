package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.model.JoinedCalls;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelStatistics;
import io.skerry.wire.inference.ModelStatisticsRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Calls through the server to a short model that runs them together. */
@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class JoinedCallsTest {
  private static final int CALLS = 16;

  private final Rows model = new Rows();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private TestServer server;
  private long heldNanos;

  @BeforeEach
  void start() throws Exception {
    server =
        TestServer.start(config -> config.withQueue(new QueueConfig(2, 100, 1 << 20)))
            .with("m", JoinedCalls.of(model, 8));
    while (!server.slots().active().getFirst().pace().isShort(2 * Float.BYTES)) {
      server.stub().modelInfer(TestServer.floats(1, 2).build());
    }
  }

  @AfterEach
  void stop() {
    model.go.countDown();
    threads.shutdown();
    server.close();
  }

  @Test
  void meetWhileTheModelIsBusy() throws Exception {
    List<Future<ModelInferResponse>> calls = runTogether();

    for (int i = 0; i < CALLS; i++) {
      assertThat(calls.get(i).get(20, TimeUnit.SECONDS).getRawOutputContents(0))
          .isEqualTo(TestServer.bytes(2 * (i + 1), -2 * (i + 1)));
    }
    assertThat(model.rows).containsExactly(1L, 8L, 7L);
  }

  @Test
  void countAsOneRunThatTheyWaitedFor() throws Exception {
    ModelStatistics before = statistics("m");

    for (Future<ModelInferResponse> call : runTogether()) {
      call.get(20, TimeUnit.SECONDS);
    }

    ModelStatistics after = statistics("m");
    assertThat(after.getInferenceCount() - before.getInferenceCount()).isEqualTo(CALLS);
    assertThat(after.getExecutionCount() - before.getExecutionCount()).isEqualTo(3);
    assertThat(after.getInferenceStats().getSuccess().getCount())
        .isEqualTo(after.getInferenceCount());
    assertThat(after.getBatchStatsList())
        .extracting(batch -> batch.getBatchSize() + "x" + batch.getComputeInfer().getCount())
        .containsExactly("1x" + (before.getExecutionCount() + 1), "7x1", "8x1");
    assertThat(
            after.getInferenceStats().getQueue().getNs()
                - before.getInferenceStats().getQueue().getNs())
        .isGreaterThanOrEqualTo((CALLS - 1) * heldNanos);
  }

  @Test
  void thatFindNoMemoryCountAsRejected() {
    server.with("plain", model);
    model.exhausted = true;

    assertThatThrownBy(
            () -> server.stub().modelInfer(TestServer.floats(1, 2).setModelName("plain").build()))
        .hasMessageStartingWith("RESOURCE_EXHAUSTED");

    assertThat(statistics("plain").getInferenceStats().getFail().getCount()).isEqualTo(1);
    assertThat(server.slots().active().getLast().statistics().rejected()).isEqualTo(1);
  }

  private ModelStatistics statistics(String name) {
    return server
        .stub()
        .modelStatistics(ModelStatisticsRequest.newBuilder().setName(name).build())
        .getModelStats(0);
  }

  /** Sixteen calls of a row each: one that runs, and those that came meanwhile. */
  private List<Future<ModelInferResponse>> runTogether() {
    model.rows.clear();
    model.waits = true;
    List<Future<ModelInferResponse>> calls = new ArrayList<>();
    for (int i = 0; i < CALLS; i++) {
      float value = i + 1;
      calls.add(
          threads.submit(() -> server.stub().modelInfer(TestServer.floats(value, -value).build())));
    }
    QueuedCallsTest.await(() -> JoinedCalls.waiting() == CALLS - 1);
    long all = System.nanoTime();
    QueuedCallsTest.await(() -> System.nanoTime() - all > 5_000_000);
    heldNanos = System.nanoTime() - all;
    model.go.countDown();
    return calls;
  }

  /** Doubles rows of two, and notes how many there were; waits when it is told to. */
  private static final class Rows implements LoadedModel {
    private final List<Long> rows = Collections.synchronizedList(new ArrayList<>());
    private final CountDownLatch go = new CountDownLatch(1);
    private volatile boolean waits;
    private volatile boolean exhausted;

    @Override
    public String engine() {
      return "rows";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("x", ElementType.FP32, List.of(-1L, 2L))),
          List.of(new TensorSpec("y", ElementType.FP32, List.of(-1L, 2L))));
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) throws EngineException {
      if (exhausted) {
        throw new OutOfMemoryError("no memory");
      }
      Tensor input = inputs.getFirst();
      rows.add(input.shape().getFirst());
      try {
        if (waits) {
          go.await();
        }
      } catch (InterruptedException e) {
        throw new EngineException(Reason.RUN_FAILED, "interrupted", e);
      }
      float[] values = input.floats();
      for (int i = 0; i < values.length; i++) {
        values[i] *= 2;
      }
      return List.of(Tensor.ofFloats("y", input.shape(), values));
    }

    @Override
    public void close() {}
  }
}
