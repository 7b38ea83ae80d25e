package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.EchoModel;
import io.skerry.agent.FakeModel;
import io.skerry.artifact.ElementType;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class MirrorTest {
  private static final ModelName NAME = new ModelName("m");
  private static final SlotId MAIN = new SlotId("main");
  private static final SlotId SHADOW = new SlotId("shadow");

  private final ModelSlots slots = new ModelSlots();
  private final Recorder recorder = new Recorder();
  private final Predictor predictor =
      new Predictor(slots, InstantSource.system(), new SplittableRandom(1), recorder);

  @Test
  void aShadowGetsACopyOfWhatWasAnswered() throws Exception {
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(1), FakeModel.answering());

    Prediction answered = predict();

    Prediction shadowed = recorder.shadowed.poll(10, TimeUnit.SECONDS);
    assertThat(answered.model().version().version()).isEqualTo(1);
    assertThat(shadowed.model().version().version()).isEqualTo(2);
    assertThat(shadowed.outputs().getFirst().floats()).containsExactly(12, 14, 16);
    assertThat(shadowed.inputs().getFirst().data())
        .isNotSameAs(answered.inputs().getFirst().data());
  }

  @Test
  void aShadowCountsTheItemsThatItWasGiven() throws Exception {
    put(MAIN, 1, new SlotMode.Active(), EchoModel.of(ElementType.FP32));
    put(SHADOW, 2, shadow(1), EchoModel.of(ElementType.FP32));

    predictor.predict(
        PredictRequest.of(
            NAME, "", List.of(Tensor.ofFloats("x", List.of(3L, 2L), 1, 2, 3, 4, 5, 6))));

    assertThat(recorder.shadowed.poll(10, TimeUnit.SECONDS)).isNotNull();
    ModelStatistics statistics = slots.active(SHADOW).orElseThrow().statistics();
    assertThat(statistics.inferences()).isEqualTo(3);
    assertThat(statistics.executions()).isEqualTo(1);
    assertThat(statistics.batches()).containsOnlyKeys(3);
  }

  @Test
  void aShareOfNothingMirrorsNothing() throws Exception {
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(0), FakeModel.answering());

    for (int i = 0; i < 100; i++) {
      predict();
    }

    assertThat(slots.active(SHADOW).orElseThrow().predictions()).isZero();
  }

  @Test
  void aSlowShadowHoldsNobodyUpAndIsLeftOut() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(1), FakeModel.waiting(new CountDownLatch(1), go));
    int requests = 3 * Mirror.WAITING_MAX;

    for (int i = 0; i < requests; i++) {
      assertThat(predict().outputs()).hasSize(1);
    }

    assertThat(recorder.unmirrored.get()).isBetween(requests - Mirror.WAITING_MAX - 1, requests);
    go.countDown();
    for (int i = recorder.unmirrored.get(); i < requests; i++) {
      assertThat(recorder.shadowed.poll(10, TimeUnit.SECONDS)).isNotNull();
    }
  }

  @Test
  void aFailingShadowIsItsOwnTrouble() throws Exception {
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(1), FakeModel.failing());

    predict();

    FailedPrediction failed = recorder.failed.poll(10, TimeUnit.SECONDS);
    assertThat(failed.model().version().version()).isEqualTo(2);
    assertThat(slots.active(SHADOW).orElseThrow().predictionsFailed()).isEqualTo(1);
    assertThat(slots.active(MAIN).orElseThrow().predictionsFailed()).isZero();
  }

  @Test
  void aShadowWhoseEngineBreaksHasFailed() throws Exception {
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(1), FakeModel.breaking());

    predict();

    FailedPrediction failed = recorder.failed.poll(10, TimeUnit.SECONDS);
    assertThat(failed.model().version().version()).isEqualTo(2);
    assertThat(failed.reason()).contains("broken");
    assertThat(slots.active(SHADOW).orElseThrow().predictionsFailed()).isEqualTo(1);
  }

  @Test
  void aCopyThatFindsNoMemoryIsLeftOutAndTakesNoRoomOfLaterOnes() throws Exception {
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(1), FakeModel.answering());
    Prediction answered = predict();
    assertThat(recorder.shadowed.poll(10, TimeUnit.SECONDS)).isNotNull();
    AtomicBoolean exhausted = new AtomicBoolean(true);
    Mirror mirror =
        new Mirror(
            slots,
            InstantSource.system(),
            System::nanoTime,
            new PredictionIds(InstantSource.system(), new SplittableRandom(1)),
            recorder,
            Runnable::run,
            bytes -> {
              if (exhausted.get()) {
                throw new OutOfMemoryError("no memory");
              }
              return ByteBuffer.allocate(bytes);
            });
    Tensor large = Tensor.ofFloats("input", List.of(3L << 20), new float[3 << 20]);
    Prediction costly = answered.with(List.of(large, large, large), answered.outputs());

    for (int i = 0; i < 3; i++) {
      mirror.mirror(costly, "key");
    }
    assertThat(recorder.unmirrored.get()).isEqualTo(3);
    exhausted.set(false);
    mirror.mirror(costly, "key");

    assertThat(recorder.shadowed.poll(10, TimeUnit.SECONDS)).isNotNull();
  }

  @Test
  void copiesRunWhereTheCallerWantsThem() throws Exception {
    List<Runnable> waiting = new ArrayList<>();
    Predictor scripted =
        new Predictor(
            slots,
            InstantSource.system(),
            System::nanoTime,
            new SplittableRandom(1),
            recorder,
            waiting::add);
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(1), FakeModel.answering());

    scripted.predict(request());
    assertThat(recorder.shadowed).isEmpty();
    waiting.forEach(Runnable::run);

    assertThat(recorder.shadowed.poll().model().version().version()).isEqualTo(2);
  }

  @Test
  void anObserverOfShadowsThatBreaksBreaksNothingElse() throws Exception {
    List<Runnable> waiting = new ArrayList<>();
    PredictionListener breaking =
        new PredictionListener() {
          @Override
          public void predicted(Prediction prediction) {}

          @Override
          public void failed(FailedPrediction failure) {
            throw new IllegalStateException("the observer is broken");
          }

          @Override
          public void shadowed(Prediction primary, Prediction shadow) {
            throw new OutOfMemoryError("the observer has no memory");
          }

          @Override
          public void unmirrored(ModelRef shadow) {
            throw new AssertionError("it was mirrored");
          }
        };
    Predictor scripted =
        new Predictor(
            slots,
            InstantSource.system(),
            System::nanoTime,
            new SplittableRandom(1),
            breaking,
            waiting::add);
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    put(SHADOW, 2, shadow(1), FakeModel.answering());
    scripted.predict(request());
    waiting.removeLast().run();
    put(SHADOW, 3, shadow(1), FakeModel.breaking());
    scripted.predict(request());
    waiting.removeLast().run();

    assertThat(slots.active(SHADOW).orElseThrow().predictionsFailed()).isEqualTo(1);
  }

  @Test
  void anAnswerStandsWhenItsObserversFindNoMemory() throws Exception {
    put(MAIN, 1, new SlotMode.Active(), FakeModel.answering());
    recorder.exhausted.set(true);

    assertThat(predict().outputs()).hasSize(1);
  }

  private static SlotMode shadow(double share) {
    return new SlotMode.Shadow(new SlotMode.Trial(MAIN, share));
  }

  private Prediction predict() throws PredictException {
    return predictor.predict(request());
  }

  private static PredictRequest request() {
    return PredictRequest.of(
        NAME,
        "",
        List.of(
            Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3),
            Tensor.ofFloats("offset", List.of(1L), 10)));
  }

  private void put(SlotId slot, long version, SlotMode mode, LoadedModel model) {
    slots.change(
        List.of(
            new ModelSlots.Change(
                slot,
                Optional.of(
                    new ServingModel(
                        slot,
                        new ModelVersion(NAME, version),
                        Digest.of(new byte[] {(byte) version}),
                        model)),
                mode)));
  }

  private static final class Recorder implements PredictionListener {
    private final BlockingQueue<Prediction> shadowed = new LinkedBlockingQueue<>();
    private final BlockingQueue<FailedPrediction> failed = new LinkedBlockingQueue<>();
    private final AtomicInteger unmirrored = new AtomicInteger();
    private final AtomicBoolean exhausted = new AtomicBoolean();

    @Override
    public void predicted(Prediction prediction) {
      if (exhausted.get()) {
        throw new OutOfMemoryError("no memory");
      }
    }

    @Override
    public void failed(FailedPrediction failure) {
      failed.add(failure);
    }

    @Override
    public void shadowed(Prediction primary, Prediction shadow) {
      shadowed.add(shadow);
    }

    @Override
    public void unmirrored(ModelRef shadow) {
      unmirrored.incrementAndGet();
    }
  }
}
