package io.skerry.bench.agent;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.agent.bench.InFlight;
import io.skerry.agent.bench.ProcessFacts.Memory;
import io.skerry.agent.bench.Timings;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToLongFunction;

/** Memory without a model, and after 100,000 calls of a model of 1 MB; medians of rounds. */
final class MemoryRow {
  static final List<String> NAMES =
      List.of("rss-idle", "rss-idle-private", "rss-serving", "rss-serving-private");
  private static final int ROUNDS = 3;
  private static final int CALLS = 100_000;
  // The launcher has the JVM give unused memory back every 10 s.
  private static final int SETTLE_MILLIS = 12_000;

  private MemoryRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path none = Files.createDirectories(image.scratch().resolve("no-models"));
    Path models = image.scratch().resolve("memory");
    BenchModels.weighing(models.resolve("m/1/model.onnx"), 1_000_000);
    List<Memory> idle = new ArrayList<>();
    List<Memory> serving = new ArrayList<>();
    for (int round = 0; round < (quick ? 1 : ROUNDS); round++) {
      idle.add(idle(image, none));
      serving.add(serving(image, models, quick ? CALLS / 10 : CALLS));
    }
    return List.of(
        claim(NAMES.get(0), 105, idle, Memory::resident, "no model"),
        claim(NAMES.get(1), 65, idle, Memory::anonymous, "of it anonymous: heap, stacks, malloc"),
        claim(
            NAMES.get(2),
            130,
            serving,
            Memory::resident,
            "one model of 1 MB, 12 s after 100,000 calls"),
        claim(
            NAMES.get(3), 90, serving, Memory::anonymous, "of it anonymous: heap, stacks, malloc"));
  }

  private static Memory idle(Image image, Path none) throws Exception {
    try (AgentProcess agent = image.start(none, "--allow-empty").awaitServing()) {
      Thread.sleep(SETTLE_MILLIS);
      return agent.facts().memory();
    }
  }

  private static Memory serving(Image image, Path models, int calls) throws Exception {
    ModelInferRequest request =
        AgentClient.request("m", List.of(Tensor.ofFloats("x", List.of(1L, 64L), new float[64])));
    try (AgentProcess agent = image.start(models).awaitServing();
        AgentClient client = AgentClient.of(agent.socket())) {
      new InFlight(client, request, 4).run(calls);
      Thread.sleep(SETTLE_MILLIS);
      return agent.facts().memory();
    }
  }

  private static Claim claim(
      String name, double required, List<Memory> rounds, ToLongFunction<Memory> part, String what) {
    double[] megabytes =
        rounds.stream().mapToDouble(round -> part.applyAsLong(round) / 1e6).toArray();
    double median = Math.round(Timings.median(megabytes) * 10) / 10.0;
    return new Claim(
        name,
        "<= %.0f".formatted(required),
        median,
        "MB",
        median <= required,
        "%s; median of %d, %.1f to %.1f"
            .formatted(
                what,
                megabytes.length,
                Arrays.stream(megabytes).min().orElse(0),
                Arrays.stream(megabytes).max().orElse(0)));
  }
}
