package io.skerry.bench.agent;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.Timings;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Processor time while five models are loaded and nobody calls. */
final class IdleRow {
  static final String NAME = "cpu-idle";
  private static final int MODELS = 5;
  private static final int ROUNDS = 3;
  private static final int SECONDS = 10;

  private IdleRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path models = image.scratch().resolve("idle");
    for (int i = 0; i < MODELS; i++) {
      BenchModels.autoencoder(models.resolve("m" + i + "/1/model.onnx"));
    }
    double[] rounds = new double[quick ? 1 : ROUNDS];
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
      for (int round = 0; round < rounds.length; round++) {
        double before = agent.facts().cpuSeconds();
        Thread.sleep(SECONDS * 1_000L);
        rounds[round] = (agent.facts().cpuSeconds() - before) / SECONDS * 100;
      }
    }
    double percent = Timings.median(rounds);
    return List.of(
        new Claim(
            NAME,
            "< 1",
            Math.round(percent * 100) / 100.0,
            "% of a core",
            percent < 1,
            "%d models loaded, no calls; median of %d times %d s, at most %.2f"
                .formatted(MODELS, rounds.length, SECONDS, Arrays.stream(rounds).max().orElse(0))));
  }
}
