package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.FakeModel;
import io.skerry.agent.TinyOnnx;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SwapUnderLoadTest {
  private static final ModelName NAME = new ModelName("m");
  private static final SlotId MAIN = new SlotId("main");
  private static final int THREADS = 4;

  private final ModelSlots slots = new ModelSlots();
  private final Predictor predictor =
      new Predictor(
          slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);
  private final LongAdder answers = new LongAdder();

  @Tag("slow")
  @Test
  void noPredictionFailsWhileARealEngineIsSwapped(@TempDir Path folder) throws Exception {
    EngineCatalog engines = EngineCatalog.discovered();
    Path odd = TinyOnnx.scale(folder.resolve("odd.onnx"), 1);
    Path even = TinyOnnx.scale(folder.resolve("even.onnx"), 2);
    List<ServingModel> all = new ArrayList<>();

    underLoad(
        // The version that answers is named in the answer, so its factor can be checked.
        (prediction, input) ->
            assertThat(prediction.outputs().getFirst().floats()[0])
                .isEqualTo(input * (2 - prediction.model().version().version() % 2)),
        300,
        version -> engines.load(version % 2 == 1 ? odd : even, LoadOptions.DEFAULTS),
        List.of(),
        all);

    for (ServingModel model : all) {
      assertThat(model.awaitClosed(Duration.ofSeconds(10))).isTrue();
      assertThat(model.predictionsFailed()).isZero();
    }
    assertThat(all.stream().mapToLong(ServingModel::predictions).sum()).isEqualTo(answers.sum());
  }

  @Test
  void closingNeverMeetsARun() throws Exception {
    List<FakeModel> fakes = new ArrayList<>();
    List<ServingModel> all = new ArrayList<>();

    underLoad(
        (prediction, input) ->
            assertThat(prediction.outputs().getFirst().floats()[0]).isEqualTo(2 * input),
        1_000,
        version -> {
          FakeModel fake = FakeModel.answering();
          fakes.add(fake);
          return fake;
        },
        List.of(Tensor.ofFloats("offset", List.of(1L), 0)),
        all);

    for (ServingModel model : all) {
      assertThat(model.awaitClosed(Duration.ofSeconds(10))).isTrue();
    }
    assertThat(fakes).hasSize(1_001).allMatch(FakeModel::closed).noneMatch(FakeModel::met);
  }

  private interface Loading {
    LoadedModel load(long version) throws Exception;
  }

  private interface Check {
    void check(Prediction prediction, float input);
  }

  private void underLoad(
      Check check, int swaps, Loading loading, List<Tensor> more, List<ServingModel> all)
      throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    swap(1, loading, all);
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Future<?>> clients = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        clients.add(
            threads.submit(
                () -> {
                  for (int n = 0; !stop.get(); n++) {
                    List<Tensor> inputs = new ArrayList<>(more);
                    inputs.add(Tensor.ofFloats("input", List.of(1L, 3L), n, 0, 0));
                    check.check(predictor.predict(PredictRequest.of(NAME, "", inputs)), n);
                    answers.increment();
                  }
                  return null;
                }));
      }
      try {
        for (int version = 2; version <= swaps + 1; version++) {
          swap(version, loading, all);
        }
      } finally {
        stop.set(true);
      }
      for (Future<?> client : clients) {
        client.get();
      }
    }
    slots.close();
    assertThat(answers.sum()).isPositive();
  }

  private void swap(long version, Loading loading, List<ServingModel> all) throws Exception {
    ServingModel model =
        new ServingModel(
            MAIN, new ModelVersion(NAME, version), Digest.of(new byte[0]), loading.load(version));
    all.add(model);
    slots.activate(MAIN, model);
  }
}
