package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BatchingTest {
  private final Rows rows = new Rows();
  private final BatchingModel model = new BatchingModel(rows, 8, 1);

  private static Tensor input(float... values) {
    return Tensor.ofFloats("x", List.of(values.length / 2L, 2L), values);
  }

  private FutureTask<float[]> start(RunScope scope, float... values) {
    FutureTask<float[]> call =
        new FutureTask<>(() -> model.run(List.of(input(values)), scope).getFirst().floats());
    Thread thread = Thread.ofPlatform().daemon().start(call);
    // Its place in the queue is what the tests are about.
    while (!isWaiting(thread) && !call.isDone() && !rows.isRunning(thread)) {
      Thread.onSpinWait();
    }
    return call;
  }

  private static boolean isWaiting(Thread thread) {
    return thread.getState() == Thread.State.WAITING;
  }

  @Test
  void runsTogetherWhatCameWhileTheModelWasBusy() throws Exception {
    FutureTask<float[]> first = start(RunScope.lasting(), 1, 2);
    FutureTask<float[]> second = start(RunScope.lasting(), 3, 4);
    FutureTask<float[]> third = start(RunScope.lasting(), 5, 6, 7, 8);

    rows.go.countDown();

    assertThat(first.get()).containsExactly(2, 4);
    assertThat(second.get()).containsExactly(6, 8);
    assertThat(third.get()).containsExactly(10, 12, 14, 16);
    assertThat(rows.batches).containsExactly(1L, 3L);
  }

  @Test
  void neverMakesABatchLargerThanItMay() throws Exception {
    List<FutureTask<float[]>> calls = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      calls.add(start(RunScope.lasting(), i, -i));
    }

    rows.go.countDown();

    for (int i = 0; i < 20; i++) {
      assertThat(calls.get(i).get()).containsExactly(2 * i, -2 * i);
    }
    assertThat(rows.batches).containsExactly(1L, 8L, 8L, 3L);
  }

  @Test
  void answersRightUnderLoadInPooledMemory() throws Exception {
    rows.go.countDown();
    TensorPool pool = new TensorPool(1 << 20);
    List<FutureTask<Boolean>> clients = new ArrayList<>();
    for (int client = 0; client < 8; client++) {
      float base = client * 1000;
      FutureTask<Boolean> task =
          new FutureTask<>(
              () -> {
                for (int i = 0; i < 2000; i++) {
                  try (RunScope scope = pool.open()) {
                    float[] made =
                        model.run(List.of(input(base + i, i)), scope).getFirst().floats();
                    if (made[0] != 2 * (base + i) || made[1] != 2 * i) {
                      return false;
                    }
                  }
                }
                return true;
              });
      clients.add(task);
      Thread.ofPlatform().daemon().start(task);
    }

    for (FutureTask<Boolean> client : clients) {
      assertThat(client.get()).isTrue();
    }
  }

  @Test
  void whatIsWrongWithOneCallIsNobodyElsesFault() throws Exception {
    FutureTask<float[]> first = start(RunScope.lasting(), 1, 2);
    FutureTask<float[]> bad = start(RunScope.lasting(), Float.NaN, 4);
    FutureTask<float[]> good = start(RunScope.lasting(), 5, 6);

    rows.go.countDown();

    assertThat(first.get()).containsExactly(2, 4);
    assertThat(good.get()).containsExactly(10, 12);
    assertThatThrownBy(bad::get)
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("no number");
  }

  @Test
  void whateverBreaksLeavesNobodyWaiting() throws Exception {
    FutureTask<float[]> first = start(RunScope.lasting(), 1, 2);
    FutureTask<float[]> bad = start(RunScope.lasting(), Float.POSITIVE_INFINITY, 4);
    FutureTask<float[]> good = start(RunScope.lasting(), 5, 6);

    rows.go.countDown();

    assertThat(first.get()).containsExactly(2, 4);
    assertThat(good.get(20, TimeUnit.SECONDS)).containsExactly(10, 12);
    assertThatThrownBy(() -> bad.get(20, TimeUnit.SECONDS))
        .cause()
        .isInstanceOf(EngineException.class)
        .hasMessage("no such symbol");
    assertThat(model.run(List.of(input(3, 4)), RunScope.lasting()).getFirst().floats())
        .containsExactly(6, 8);
  }

  @Test
  void aClientThatGoesLeavesTheQueue() throws Exception {
    FutureTask<float[]> first = start(RunScope.lasting(), 1, 2);
    RunScope gone = RunScope.lasting();
    FutureTask<float[]> second = start(gone, 3, 4);

    gone.stop();

    assertThatThrownBy(second::get)
        .cause()
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.STOPPED));
    rows.go.countDown();
    assertThat(first.get()).containsExactly(2, 4);
    assertThat(rows.batches).containsExactly(1L);
  }

  @Test
  void waitsOnNoThreadThatMayNot() throws Exception {
    FutureTask<float[]> first = start(RunScope.lasting(), 1, 2);
    RunScope here = RunScope.lasting();
    here.mayNotWait();

    assertThatThrownBy(() -> model.run(List.of(input(3, 4)), here))
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.MUST_WAIT));

    rows.go.countDown();
    assertThat(first.get()).containsExactly(2, 4);
    assertThat(model.run(List.of(input(3, 4)), here).getFirst().floats()).containsExactly(6, 8);
  }

  @Test
  void aClientThatGoesWhileItEntersTheQueueTakesNoPlaceWithIt() throws Exception {
    FutureTask<float[]> first = start(RunScope.lasting(), 1, 2);
    RunScope gone = RunScope.lasting();
    FutureTask<float[]> second =
        new FutureTask<>(() -> model.run(List.of(input(3, 4)), gone).getFirst().floats());
    Thread thread = Thread.ofPlatform().daemon().unstarted(second);
    synchronized (gone) {
      thread.start();
      // It waits in the queue already, and for this lock to say how it can be stopped.
      while (thread.getState() != Thread.State.BLOCKED) {
        Thread.onSpinWait();
      }
      gone.stop();
    }
    assertThatThrownBy(() -> second.get(10, TimeUnit.SECONDS)).hasMessageContaining("stopped");

    rows.go.countDown();

    assertThat(first.get(10, TimeUnit.SECONDS)).containsExactly(2, 4);
    FutureTask<float[]> third = start(RunScope.lasting(), 5, 6);
    assertThat(third.get(10, TimeUnit.SECONDS)).containsExactly(10, 12);
    assertThat(rows.batches).containsExactly(1L, 1L);
  }

  @Test
  void takesTheBatchThatAnswersMostWithinTheBound() throws Exception {
    // A run costs 10 ms and 1 ms for each row.
    assertThat(best(100, nanosPerRow -> 10 + nanosPerRow)).isEqualTo(32);
    assertThat(best(20, nanosPerRow -> 10 + nanosPerRow)).isEqualTo(8);
    // Twice the rows take twice the time: a batch gains nothing.
    assertThat(best(1000, nanosPerRow -> 10 * nanosPerRow)).isEqualTo(1);
  }

  private interface Cost {
    long millis(long rows);
  }

  private static int best(long boundMillis, Cost cost) throws EngineException {
    AtomicLong clock = new AtomicLong();
    LoadedModel model =
        new Rows() {
          @Override
          public List<Tensor> run(List<Tensor> inputs) {
            clock.addAndGet(1_000_000 * cost.millis(inputs.getFirst().shape().getFirst()));
            return List.of();
          }
        };
    return new Batching(Duration.ofMillis(boundMillis)).bestRows(model, clock::get);
  }

  @Test
  void leavesModelsAloneThatTakeNoBatches() {
    LoadedModel fixed =
        new Rows() {
          @Override
          public ModelSignature signature() {
            return new ModelSignature(
                List.of(new TensorSpec("x", ElementType.FP32, List.of(1L, 2L))),
                List.of(new TensorSpec("y", ElementType.FP32, List.of(1L, 2L))));
          }
        };

    assertThat(new Batching(Duration.ofMillis(10)).measured(fixed, System::nanoTime))
        .isSameAs(fixed);
  }

  @Test
  void joinsCallsOnlyOfModelsWhoseRowsAnswerForThemselves() {
    assertThat(rowsMax((values, row) -> 2 * values[row])).isEqualTo(32);
    // The engine may add in another order when there are more rows.
    assertThat(rowsMax((values, row) -> values[row] * (1 + 1e-6f * values.length))).isEqualTo(32);

    // A sequence: its first dimension is time.
    assertThat(rowsMax((values, row) -> values[row] + (row < 2 ? 0 : values[row - 2])))
        .isEqualTo(1);
    // Scaled by the largest of the whole batch, as dynamic quantization does.
    assertThat(rowsMax((values, row) -> values[row] / largest(values))).isEqualTo(1);
    assertThat(rowsMax((values, row) -> values[values.length - 1 - row])).isEqualTo(1);
    // Nothing can be told by a model that says the same to everybody.
    assertThat(rowsMax((values, row) -> 1)).isEqualTo(1);
    assertThat(rowsMax((values, row) -> Float.NaN)).isEqualTo(1);
  }

  @Test
  void joinsNoCallsOfAModelThatMakesOneRowOfMany() {
    assertThat(
            new Batching(Duration.ofMillis(10))
                .measured(
                    new Rows() {
                      @Override
                      public List<Tensor> run(List<Tensor> inputs) {
                        return List.of(Tensor.ofFloats("y", List.of(1L, 2L), 1, 2));
                      }
                    },
                    () -> 0))
        .isInstanceOf(Rows.class);
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private interface Answer {
    float of(float[] values, int at);
  }

  /** The rows of a batch of a model whose run takes 1 ms however many rows it has. */
  private static int rowsMax(Answer answer) {
    AtomicLong clock = new AtomicLong();
    LoadedModel model =
        new Rows() {
          @Override
          public List<Tensor> run(List<Tensor> inputs) {
            clock.addAndGet(1_000_000);
            float[] values = inputs.getFirst().floats();
            float[] made = new float[values.length];
            for (int i = 0; i < made.length; i++) {
              made[i] = answer.of(values, i);
            }
            return List.of(Tensor.ofFloats("y", inputs.getFirst().shape(), made));
          }
        };
    return new Batching(Duration.ofMillis(10)).measured(model, clock::get)
            instanceof BatchingModel batches
        ? batches.rowsMax()
        : 1;
  }

  /** Doubles rows of two; its first run waits until it may go on. */
  private static class Rows implements LoadedModel {
    private final CountDownLatch go = new CountDownLatch(1);
    private final List<Long> batches = Collections.synchronizedList(new ArrayList<>());
    private volatile long runner;

    boolean isRunning(Thread thread) {
      return runner == thread.threadId();
    }

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
      runner = Thread.currentThread().threadId();
      try {
        go.await();
      } catch (InterruptedException e) {
        throw new EngineException(Reason.RUN_FAILED, "interrupted", e);
      }
      Tensor input = inputs.getFirst();
      float[] values = input.floats();
      for (int i = 0; i < values.length; i++) {
        if (Float.isNaN(values[i])) {
          throw new EngineException(Reason.RUN_FAILED, "no number");
        }
        if (Float.isInfinite(values[i])) {
          throw new LinkageError("no such symbol");
        }
        values[i] *= 2;
      }
      batches.add(input.shape().getFirst());
      return List.of(Tensor.ofFloats("y", input.shape(), values));
    }

    @Override
    public void close() {}
  }
}
