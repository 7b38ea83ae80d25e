package io.skerry.bench.agent;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.Timings;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Raw engine run, empty call, and served call of 2.5 KB in and out, over the Unix socket. */
final class LatencyRow {
  static final String NAME = "latency-added";
  private static final double REQUIRED_MICROS = 25;
  private static final int WARM_UP = 30_000;
  private static final int CALLS = 2_000;

  private LatencyRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path models = image.scratch().resolve("latency");
    Path model = BenchModels.autoencoder(models.resolve("ae/1/model.onnx"));
    ModelInferRequest request =
        AgentClient.request("ae", List.of(Tensor.ofFloats("x", List.of(1L, 640L), new float[640])));
    int warmUp = quick ? WARM_UP / 10 : WARM_UP;
    List<Timings> raws = new ArrayList<>();
    List<Timings> empties = new ArrayList<>();
    List<Timings> serveds = new ArrayList<>();
    try (AgentProcess agent = image.start(models).awaitServing();
        AgentClient client = AgentClient.of(agent.socket());
        RawEngine raw = new RawEngine(model, 640)) {
      Timings.of(warmUp, raw::run);
      Timings.of(warmUp, client::live);
      Timings.of(warmUp, () -> client.blocking().modelInfer(request));
      for (int round = 0; round < (quick ? 3 : 11); round++) {
        raws.add(Timings.of(CALLS, raw::run));
        empties.add(Timings.of(CALLS, client::live));
        serveds.add(Timings.of(CALLS, () -> client.blocking().modelInfer(request)));
      }
    }
    Timings raw = Timings.median(raws);
    Timings empty = Timings.median(empties);
    Timings served = Timings.median(serveds);
    double added = (served.p50() - empty.p50() - raw.p50()) / 1e3;
    return List.of(
        new Claim(
            NAME,
            "<= 25",
            Math.round(added * 10) / 10.0,
            "us",
            added <= REQUIRED_MICROS,
            "served %s, empty call %s, raw run %s; medians of %d rounds of %d calls"
                .formatted(served, empty, raw, raws.size(), CALLS)));
  }
}
