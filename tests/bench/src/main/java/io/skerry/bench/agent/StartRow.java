package io.skerry.bench.agent;

import io.grpc.StatusRuntimeException;
import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.Timings;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** From the start of the process to the first answered prediction. */
final class StartRow {
  static final String NAME = "start-to-first-answer";
  private static final double REQUIRED_MILLIS = 700;

  private StartRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path models = image.scratch().resolve("start");
    BenchModels.autoencoder(models.resolve("ae/1/model.onnx"));
    ModelInferRequest request =
        AgentClient.request("ae", List.of(Tensor.ofFloats("x", List.of(1L, 640L), new float[640])));
    // The first start is the client's warm-up, and the disk's.
    millis(image, models, request);
    double[] rounds = new double[quick ? 3 : 9];
    for (int i = 0; i < rounds.length; i++) {
      rounds[i] = millis(image, models, request);
    }
    double median = Timings.median(rounds);
    return List.of(
        new Claim(
            NAME,
            "<= 700",
            Math.round(median),
            "ms",
            median <= REQUIRED_MILLIS,
            "median of %d starts, %.0f to %.0f"
                .formatted(
                    rounds.length,
                    Arrays.stream(rounds).min().orElse(0),
                    Arrays.stream(rounds).max().orElse(0))));
  }

  private static double millis(Image image, Path models, ModelInferRequest request)
      throws Exception {
    long start = System.nanoTime();
    try (AgentProcess agent = image.start(models)) {
      agent.awaitSocket();
      while (true) {
        try (AgentClient client = AgentClient.of(agent.socket())) {
          client.blocking().modelInfer(request);
          return (System.nanoTime() - start) / 1e6;
        } catch (StatusRuntimeException notYet) {
          Thread.sleep(1);
        }
      }
    }
  }
}
