package io.skerry.bench.agent;

import io.grpc.StatusRuntimeException;
import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.AgentProcess;
import io.skerry.bench.Claim;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.RepositoryModelLoadRequest;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A thousand hot swaps while two clients call. The model's file is replaced, then the model loaded
 * again; every answer must be that of the old or of the new content, and none may go back to a
 * content that was replaced before its call began. Each round has an agent of its own.
 */
final class SwapRow {
  static final List<String> NAMES = List.of("swap-failures", "swap-memory-slope");
  private static final double REQUIRED_SLOPE_KB = 10;
  private static final int SWAPS = 1_000;
  private static final int ROUNDS = 3;
  private static final int CLIENTS = 2;
  private static final int WIDTH = 640;

  private SwapRow() {}

  private record Round(double slope, double early, double late, long answers, long wrong) {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    int swaps = quick ? SWAPS / 10 : SWAPS;
    List<Round> rounds = new ArrayList<>();
    for (int round = 0; round < (quick ? 1 : ROUNDS); round++) {
      rounds.add(round(image, round, swaps));
    }
    rounds.sort(Comparator.comparingDouble(Round::slope));
    Round median = rounds.get(rounds.size() / 2);
    long wrong = rounds.stream().mapToLong(Round::wrong).sum();
    long answers = rounds.stream().mapToLong(Round::answers).sum();
    return List.of(
        new Claim(
            NAMES.get(0),
            "= 0",
            wrong,
            "failed or wrong answers",
            wrong == 0 && rounds.stream().allMatch(round -> round.answers > swaps),
            "%d times %d swaps, %d answers meanwhile".formatted(rounds.size(), swaps, answers)),
        new Claim(
            NAMES.get(1),
            "<= 10",
            Math.round(median.slope * 10) / 10.0,
            "KB per swap",
            median.slope <= REQUIRED_SLOPE_KB,
            "median of %d agents, %.1f to %.1f; of it resident %.1f MB early, %.1f MB at the end"
                .formatted(
                    rounds.size(),
                    rounds.getFirst().slope,
                    rounds.getLast().slope,
                    median.early,
                    median.late)));
  }

  private static Round round(Image image, int number, int swaps) throws Exception {
    Path models = image.scratch().resolve("swaps" + number);
    Path file = models.resolve("m/1/model.onnx");
    BenchModels.adding(file, WIDTH, 0);
    AtomicLong current = new AtomicLong();
    AtomicLong next = new AtomicLong();
    AtomicLong calls = new AtomicLong();
    AtomicLong wrong = new AtomicLong();
    AtomicBoolean ended = new AtomicBoolean();
    List<double[]> memory = new ArrayList<>();
    try (AgentProcess agent = image.start(models).awaitServing();
        AgentClient client = AgentClient.of(agent.socket())) {
      List<Thread> callers = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        callers.add(
            Thread.ofPlatform().start(() -> call(agent, current, next, calls, wrong, ended)));
      }
      try {
        for (int swap = 1; swap <= swaps; swap++) {
          BenchModels.adding(file, WIDTH, swap);
          next.set(swap);
          client
              .blocking()
              .repositoryModelLoad(
                  RepositoryModelLoadRequest.newBuilder().setModelName("m").build());
          current.set(swap);
          // The first tenth fills caches and compiles code.
          if (swap > swaps / 10 && swap % 10 == 0) {
            memory.add(new double[] {swap, agent.facts().memory().resident() / 1e3});
          }
        }
      } finally {
        ended.set(true);
        for (Thread caller : callers) {
          caller.join();
        }
      }
    }
    return new Round(
        slope(memory),
        memory.getFirst()[1] / 1e3,
        memory.getLast()[1] / 1e3,
        calls.get(),
        wrong.get());
  }

  private static void call(
      AgentProcess agent,
      AtomicLong current,
      AtomicLong next,
      AtomicLong calls,
      AtomicLong wrong,
      AtomicBoolean ended) {
    ModelInferRequest request =
        AgentClient.request(
            "m", List.of(Tensor.ofFloats("x", List.of(1L, (long) WIDTH), new float[WIDTH])));
    try (AgentClient client = AgentClient.of(agent.socket())) {
      while (!ended.get()) {
        long oldest = current.get();
        try {
          float answer =
              client
                  .blocking()
                  .modelInfer(request)
                  .getRawOutputContents(0)
                  .asReadOnlyByteBuffer()
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .getFloat(0);
          if (answer < oldest || answer > next.get()) {
            wrong.incrementAndGet();
          }
        } catch (StatusRuntimeException e) {
          wrong.incrementAndGet();
        }
        calls.incrementAndGet();
      }
    }
  }

  /** The slope of the line of least squares. */
  private static double slope(List<double[]> points) {
    double x = points.stream().mapToDouble(point -> point[0]).average().orElse(0);
    double y = points.stream().mapToDouble(point -> point[1]).average().orElse(0);
    double above = 0;
    double below = 0;
    for (double[] point : points) {
      above += (point[0] - x) * (point[1] - y);
      below += (point[0] - x) * (point[0] - x);
    }
    return above / below;
  }
}
