package io.skerry.bench.agent;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.util.List;

/** Processor time while five models are loaded and nobody calls. */
final class IdleRow {
  static final String NAME = "cpu-idle";
  private static final int MODELS = 5;

  private IdleRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path models = image.scratch().resolve("idle");
    for (int i = 0; i < MODELS; i++) {
      BenchModels.autoencoder(models.resolve("m" + i + "/1/model.onnx"));
    }
    int seconds = quick ? 5 : 20;
    try (AgentProcess agent = image.start(models, "--threads", "2").awaitServing();
        AgentClient client = AgentClient.of(agent.socket())) {
      // Threads that would spin exist only after a run.
      for (int i = 0; i < MODELS; i++) {
        client
            .blocking()
            .modelInfer(
                AgentClient.request(
                    "m" + i, List.of(Tensor.ofFloats("x", List.of(1L, 640L), new float[640]))));
      }
      Thread.sleep(2_000);
      double before = agent.facts().cpuSeconds();
      Thread.sleep(seconds * 1_000L);
      double percent = (agent.facts().cpuSeconds() - before) / seconds * 100;
      return List.of(
          new Claim(
              NAME,
              "< 1",
              Math.round(percent * 100) / 100.0,
              "% of a core",
              percent < 1,
              "%d models loaded, no calls for %d s".formatted(MODELS, seconds)));
    }
  }
}
