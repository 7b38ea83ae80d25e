package io.skerry.bench.agent;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.InFlight;
import io.skerry.agent.bench.Timings;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Predictions per second with 16 calls in flight, against what transport and engine allow. */
final class ThroughputRow {
  static final String NAME = "throughput-16";
  private static final double REQUIRED_PERCENT = 90;
  private static final int CONCURRENCY = 16;
  private static final int WARM_UP = 60_000;
  private static final int CALLS = 20_000;

  private ThroughputRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path models = image.scratch().resolve("throughput");
    Path model = BenchModels.autoencoder(models.resolve("ae/1/model.onnx"));
    ModelInferRequest request =
        AgentClient.request("ae", List.of(Tensor.ofFloats("x", List.of(1L, 640L), new float[640])));
    int warmUp = quick ? WARM_UP / 10 : WARM_UP;
    List<Double> empties = new ArrayList<>();
    List<Double> serveds = new ArrayList<>();
    List<Double> raws = new ArrayList<>();
    try (AgentProcess agent = image.start(models).awaitServing();
        AgentClient client = AgentClient.of(agent.socket());
        RawEngine raw = new RawEngine(model, 640)) {
      InFlight load = new InFlight(client, request, CONCURRENCY);
      load.runEmpty(warmUp);
      load.run(warmUp);
      Timings.of(warmUp, raw::run);
      for (int round = 0; round < (quick ? 3 : 9); round++) {
        empties.add(load.runEmpty(CALLS));
        serveds.add(load.run(CALLS));
        raws.add(Timings.of(2_000, raw::run).p50() / 1e9);
      }
    }
    double empty = median(empties);
    double raw = median(raws);
    double served = median(serveds);
    double possible = 1 / (1 / empty + raw / Runtime.getRuntime().availableProcessors());
    double percent = served / possible * 100;
    return List.of(
        new Claim(
            NAME,
            ">= 90",
            Math.round(percent * 10) / 10.0,
            "% of what is possible",
            percent >= REQUIRED_PERCENT,
            "%.0f predictions a second; empty calls %.0f a second, raw run %.1f us, so %.0f possible"
                .formatted(served, empty, raw * 1e6, possible)));
  }

  private static double median(List<Double> values) {
    return Timings.median(values.stream().mapToDouble(Double::doubleValue).toArray());
  }
}
