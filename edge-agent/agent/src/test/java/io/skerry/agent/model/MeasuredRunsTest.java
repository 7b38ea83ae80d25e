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
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class MeasuredRunsTest {
  private static final long MIB = 1 << 20;

  private final Hungry hungry = new Hungry();
  private volatile OptionalLong available = OptionalLong.of(100 * MIB);
  private final RunRoom room = new RunRoom(new MemoryRoom(() -> available));

  @Test
  void leadsUpToARunThatFits() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);

    model.run(List.of(rows(1000)));

    assertThat(hungry.rows).startsWith(1, 1, 1, 1, 4, 4).endsWith(256, 1, 1000);
  }

  @Test
  void refusesWithoutEverTakingMoreThanThereIs() {
    for (LongUnaryOperator need :
        List.<LongUnaryOperator>of(
            rows -> rows * MIB / 16,
            rows -> rows * rows * MIB / 4096,
            rows -> 5 * MIB + 4096 * rows)) {
      hungry.rows.clear();
      LoadedModel model = measured(need);
      int tooMany = 100_000;

      assertThatThrownBy(() -> model.run(List.of(rows(tooMany))))
          .isInstanceOfSatisfying(
              EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NO_ROOM));
      assertThat(hungry.rows)
          .allSatisfy(rows -> assertThat(need.applyAsLong(rows)).isLessThan(available.getAsLong()));
    }
  }

  @Test
  void measuresNothingTwiceAndAsksNobodyForSmallRuns() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);
    model.run(List.of(rows(100)));
    model.run(List.of(rows(100)));
    hungry.rows.clear();
    hungry.counts = 0;
    available = OptionalLong.of(0);

    model.run(List.of(rows(1)));
    model.run(List.of(rows(100)));

    assertThat(hungry.rows).containsExactly(1, 100);
    assertThat(hungry.counts).isZero();
    assertThat(hungry.gaveBack).isFalse();
  }

  @Test
  void believesTheSmallerOfTwoCounts() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);
    hungry.noisyCount = 3;
    model.run(List.of(rows(4)));

    model.run(List.of(rows(4)));
    model.run(List.of(rows(16)));

    assertThat(hungry.rows).endsWith(16);
  }

  @Test
  void letsOneThatFitsOnlyAloneWait() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);
    model.run(List.of(rows(1000)));
    model.run(List.of(rows(1000)));
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    hungry.pause(started, go);
    CompletableFuture<Void> first = running(model, RunScope.lasting());
    started.await();

    RunScope impatient = new TensorPool(0).open();
    CompletableFuture<Void> leaves = running(model, impatient);
    CompletableFuture<Void> second = running(model, RunScope.lasting());
    impatient.stop();
    assertThat(leaves).failsWithin(10, TimeUnit.SECONDS);
    assertThat(second).isNotDone();
    go.countDown();

    assertThat(first).succeedsWithin(10, TimeUnit.SECONDS);
    assertThat(second).succeedsWithin(10, TimeUnit.SECONDS);
  }

  @Test
  void refusesNothingWhereNothingCanBeTold() throws Exception {
    hungry.blind = true;
    LoadedModel model = measured(rows -> rows * MIB);

    model.run(List.of(rows(3000)));
    model.run(List.of(rows(3000)));

    assertThat(hungry.rows).endsWith(3000, 3000);
  }

  private static CompletableFuture<Void> running(LoadedModel model, RunScope scope) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            model.run(List.of(rows(1000)), scope);
          } catch (EngineException e) {
            throw new IllegalStateException(e);
          }
        },
        task -> Thread.ofPlatform().daemon().start(task));
  }

  private LoadedModel measured(LongUnaryOperator need) {
    hungry.need = need;
    return MeasuredRuns.of(hungry, room, hungry::begin);
  }

  private static Tensor rows(int rows) {
    return Tensor.ofFloats("input", List.of((long) rows, 4L), new float[4 * rows]);
  }

  /** Takes memory by the rows of its input, in a process that may take some itself. */
  private static final class Hungry implements LoadedModel {
    private final List<Integer> rows = new ArrayList<>();
    private LongUnaryOperator need = rows -> 0;
    private long peak;
    private int noisyCount;
    private int counts;
    private boolean blind;
    private boolean gaveBack;
    private CountDownLatch started = new CountDownLatch(0);
    private CountDownLatch go = new CountDownLatch(0);

    PeakMemory.Since begin() {
      counts++;
      peak = 0;
      long noise = counts == noisyCount ? 60 * MIB : 0;
      return () -> blind ? OptionalLong.empty() : OptionalLong.of(peak + noise);
    }

    void pause(CountDownLatch begun, CountDownLatch mayEnd) {
      started = begun;
      go = mayEnd;
    }

    @Override
    public String engine() {
      return "hungry";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 4L))),
          List.of(new TensorSpec("output", ElementType.FP32, List.of(-1L, 4L))));
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) {
      throw new IllegalStateException("runs have a scope");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs, RunScope scope) {
      int size = Math.toIntExact(inputs.getFirst().shape().getFirst());
      synchronized (this) {
        rows.add(size);
        peak = Math.max(peak, need.applyAsLong(size));
        gaveBack = scope.givesBack();
      }
      started.countDown();
      try {
        go.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return inputs;
    }

    @Override
    public void close() {}
  }
}
