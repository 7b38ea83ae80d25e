package io.skerry.bench.agent;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.InFlight;
import io.skerry.agent.bench.ProcessFacts;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Memory without a model, and after 100,000 calls of a model of 1 MB. */
final class MemoryRow {
  static final List<String> NAMES =
      List.of("rss-idle", "rss-idle-private", "rss-serving", "rss-serving-private");
  private static final int CALLS = 100_000;
  // The launcher has the JVM give unused memory back every 10 s.
  private static final int SETTLE_MILLIS = 12_000;

  private MemoryRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path none = Files.createDirectories(image.scratch().resolve("no-models"));
    ProcessFacts.Memory idle;
    try (AgentProcess agent = image.start(none, "--allow-empty").awaitServing()) {
      Thread.sleep(SETTLE_MILLIS);
      idle = agent.facts().memory();
    }
    Path models = image.scratch().resolve("memory");
    BenchModels.weighing(models.resolve("m/1/model.onnx"), 1_000_000);
    ModelInferRequest request =
        AgentClient.request("m", List.of(Tensor.ofFloats("x", List.of(1L, 64L), new float[64])));
    ProcessFacts.Memory serving;
    try (AgentProcess agent = image.start(models).awaitServing();
        AgentClient client = AgentClient.of(agent.socket())) {
      int calls = quick ? CALLS / 10 : CALLS;
      new InFlight(client, request, 4).run(calls);
      Thread.sleep(SETTLE_MILLIS);
      serving = agent.facts().memory();
    }
    return List.of(
        claim(NAMES.get(0), 105, idle.resident(), "no model"),
        claim(NAMES.get(1), 65, idle.anonymous(), "of it anonymous: heap, stacks, malloc"),
        claim(NAMES.get(2), 130, serving.resident(), "one model of 1 MB, 12 s after 100,000 calls"),
        claim(NAMES.get(3), 90, serving.anonymous(), "of it anonymous: heap, stacks, malloc"));
  }

  private static Claim claim(String name, double required, long bytes, String detail) {
    double megabytes = Math.round(bytes / 1e5) / 10.0;
    return new Claim(
        name, "<= %.0f".formatted(required), megabytes, "MB", megabytes <= required, detail);
  }
}
