package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
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

    assertThat(hungry.rows).startsWith(1, 1, 1, 1, 4, 4).endsWith(250, 1, 1000);
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

      assertNoRoom(() -> model.run(List.of(rows(100_000))));
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
    hungry.noisyCount = hungry.counts + 3;
    model.run(List.of(rows(4)));

    model.run(List.of(rows(4)));
    model.run(List.of(rows(16)));

    assertThat(hungry.rows).endsWith(16);
  }

  @Test
  void tellsHowRunsGrowAnewWhenTheirNoiseIsGone() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);
    model.run(List.of(rows(16)));
    hungry.noisyCount = hungry.counts + 1;
    model.run(List.of(rows(64)));
    model.run(List.of(rows(64)));

    model.run(List.of(rows(256)));

    assertThat(hungry.rows).endsWith(256);
  }

  @Test
  void countsAgainBeforeItRefusesForTheSakeOfOneCount() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);
    model.run(List.of(rows(16)));
    hungry.noisyCount = hungry.counts + 1;
    model.run(List.of(rows(64)));

    model.run(List.of(rows(200)));

    assertThat(hungry.rows).endsWith(200);
    available = OptionalLong.of(20 * MIB);
    assertNoRoom(() -> model.run(List.of(rows(400))));
  }

  @Test
  void leadsUpToPicturesWhoseBothSidesAreOpen() throws Exception {
    hungry.takes(ElementType.UINT8, -1L, 3L, -1L, -1L);
    LoadedModel model = measured(bytes -> 64 * bytes);

    model.run(List.of(picture(600)));

    assertThat(hungry.shapes)
        .contains(List.of(1L, 3L, 300L, 300L))
        .endsWith(List.of(1L, 3L, 600L, 600L));
    assertNoRoom(() -> model.run(List.of(picture(1200))));
    assertThat(hungry.most).isLessThan(available.getAsLong());
  }

  @Test
  void refusesAPictureOfAModelThatTakesNoSmallOnesBeforeItTakesTooMuch() {
    hungry.takes(ElementType.UINT8, -1L, 3L, -1L, -1L);
    hungry.least = 3 * 32 * 32;
    LoadedModel model = measured(bytes -> 64 * bytes);

    assertNoRoom(() -> model.run(List.of(picture(1200))));

    assertThat(hungry.most).isBetween(1L, available.getAsLong());
  }

  @Test
  void leadsUpToLongStrings() throws Exception {
    hungry.takes(ElementType.BYTES, -1L);
    LoadedModel model = measured(bytes -> 100 * bytes);

    model.run(List.of(strings(2, 100_000)));
    model.run(List.of(strings(1, 500_000)));

    assertNoRoom(() -> model.run(List.of(strings(1, 2_000_000))));
    assertThat(hungry.most).isLessThan(available.getAsLong());
  }

  @Test
  void runsAloneWhatNoSmallerRunTellsAnythingOf() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);
    model.run(List.of(rows(2)));
    hungry.least = 4 * Float.BYTES * 300;

    model.run(List.of(rows(300)));

    assertThat(hungry.rows).endsWith(300);
  }

  @Test
  void refusesWhatFindsNoMemoryWhileItIsLedUpTo() {
    hungry.outOfMemoryAt = 16;
    LoadedModel model = measured(rows -> rows * MIB / 16);

    assertNoRoom(() -> model.run(List.of(rows(1000))));

    assertThat(hungry.rows).doesNotContain(1000);
  }

  @Test
  void stopsSmallerRunsWhenTheirCallerGoes() throws Exception {
    LoadedModel model = measured(rows -> rows * MIB / 16);
    CountDownLatch started = new CountDownLatch(1);
    hungry.pause(started, new CountDownLatch(1));
    RunScope scope = RunScope.lasting();

    CompletableFuture<Void> call = running(model, scope);
    started.await();
    scope.stop();

    assertThat(call)
        .failsWithin(10, TimeUnit.SECONDS)
        .withThrowableOfType(ExecutionException.class)
        .withMessageContaining("stopped while its memory was measured");
    assertThat(hungry.rows).containsExactly(1);
  }

  private static void assertNoRoom(ThrowingCallable run) {
    assertThatThrownBy(run)
        .isInstanceOfSatisfying(
            EngineException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NO_ROOM));
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
    LoadedModel model = measured(rows -> rows * MIB);
    hungry.blind = true;

    model.run(List.of(rows(3000)));
    model.run(List.of(rows(3000)));

    assertThat(hungry.rows).endsWith(3000, 3000);
    assertThat(measured(rows -> rows * MIB)).as("nor is anything done for it").isSameAs(hungry);
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

  private static Tensor picture(int side) {
    return new Tensor(
        "input",
        ElementType.UINT8,
        List.of(1L, 3L, (long) side, (long) side),
        ByteBuffer.allocateDirect(3 * side * side));
  }

  private static Tensor strings(int many, int length) {
    return new Tensor(
        "input",
        ElementType.BYTES,
        List.of((long) many),
        ByteStrings.write(Collections.nCopies(many, new byte[length])));
  }

  /** Takes memory by its input's rows, or bytes, in a process that may take some itself. */
  private static final class Hungry implements LoadedModel {
    private final List<Integer> rows = new ArrayList<>();
    private final List<List<Long>> shapes = new ArrayList<>();
    private TensorSpec input = new TensorSpec("input", ElementType.FP32, List.of(-1L, 4L));
    private LongUnaryOperator need = rows -> 0;
    private long least;
    private int outOfMemoryAt = Integer.MAX_VALUE;
    private long most;
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

    void takes(ElementType type, Long... shape) {
      input = new TensorSpec("input", type, List.of(shape));
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
      return new ModelSignature(List.of(input), List.of(input));
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
    public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
      Tensor given = inputs.getFirst();
      int first = Math.toIntExact(given.shape().getFirst());
      int bytes = given.data().remaining();
      if (bytes < least) {
        throw new EngineException(Reason.RUN_FAILED, "too small");
      }
      synchronized (this) {
        rows.add(first);
        shapes.add(given.shape());
        peak = Math.max(peak, need.applyAsLong(input.type() == ElementType.FP32 ? first : bytes));
        most = Math.max(most, peak);
        gaveBack = scope.givesBack();
      }
      if (first >= outOfMemoryAt) {
        throw new OutOfMemoryError("no memory");
      }
      started.countDown();
      scope.enter(go::countDown);
      try {
        go.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        scope.leave();
      }
      if (scope.isStopped()) {
        throw new EngineException(Reason.STOPPED, "stopped");
      }
      return inputs;
    }

    @Override
    public void close() {}
  }
}
