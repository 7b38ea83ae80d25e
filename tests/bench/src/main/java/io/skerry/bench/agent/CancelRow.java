package io.skerry.bench.agent;

import io.skerry.agent.bench.ModelInputs;
import io.skerry.agent.bench.Timings;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.bench.Claim;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.OperatorTime;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** Stops a run of about 150 ms in its middle; the model must answer again after it. */
final class CancelRow {
  static final String NAME = "cancel-running";
  private static final String ENGINE = "onnxruntime";
  private static final double RUN_MILLIS = 150;
  private static final double REQUIRED_MILLIS = 5;
  private static final int PROBE_LAYERS = 200;

  private CancelRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    EngineCatalog engines = EngineCatalog.discovered();
    Path probe = BenchModels.layers(image.scratch().resolve("cancel/probe.onnx"), PROBE_LAYERS);
    double perLayer;
    try (LoadedModel model = engines.load(probe, LoadOptions.DEFAULTS)) {
      List<Tensor> zeros = ModelInputs.zeros(model.signature());
      perLayer = Timings.of(20, () -> model.run(zeros)).p50() / 1e6 / PROBE_LAYERS;
    }
    int layers = (int) Math.ceil(RUN_MILLIS / perLayer);
    Path file = BenchModels.layers(image.scratch().resolve("cancel/slow.onnx"), layers);
    try (LoadedModel model = engines.load(file, LoadOptions.DEFAULTS)) {
      List<Tensor> zeros = ModelInputs.zeros(model.signature());
      double whole = Timings.of(5, () -> model.run(zeros)).p50() / 1e6;
      long node =
          engines.profile(ENGINE, probe, LoadOptions.DEFAULTS, zeros, 1).operators().stream()
              .mapToLong(OperatorTime::nanos)
              .max()
              .orElse(0);
      double[] rounds = new double[quick ? 5 : 21];
      for (int i = 0; i < rounds.length; i++) {
        rounds[i] = stopped(model, zeros, (long) (whole / 3));
      }
      model.run(zeros);
      double median = Timings.median(rounds);
      double required = REQUIRED_MILLIS + node / 1e6;
      return List.of(
          new Claim(
              NAME,
              "<= %.2f".formatted(required),
              Math.round(median * 100) / 100.0,
              "ms",
              median <= required,
              "median of %d stops of a run of %.0f ms, longest node %.2f ms; runs again after it"
                  .formatted(rounds.length, whole, node / 1e6)));
    }
  }

  private static double stopped(LoadedModel model, List<Tensor> inputs, long afterMillis)
      throws InterruptedException {
    AtomicReference<Throwable> ended = new AtomicReference<>();
    try (RunScope scope = new TensorPool(1 << 20).open()) {
      Thread runner =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      model.run(inputs, scope);
                    } catch (EngineException | RuntimeException e) {
                      ended.set(e);
                    }
                  });
      Thread.sleep(afterMillis);
      long start = System.nanoTime();
      scope.stop();
      runner.join();
      double millis = (System.nanoTime() - start) / 1e6;
      if (ended.get() instanceof EngineException e
          && e.reason() == EngineException.Reason.STOPPED) {
        return millis;
      }
      throw new IllegalStateException("the run was not stopped", ended.get());
    }
  }
}
