package io.skerry.bench.drift;

import com.sun.management.ThreadMXBean;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionId;
import io.skerry.agent.observe.Observer;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** What an observed prediction costs the thread that answers a client. */
final class PredictThread {
  private static final int RING = 1024;
  private static final int WARM_ROUNDS = 40;
  private static final ModelRef MODEL =
      new ModelRef(
          new SlotId("main"),
          new ModelVersion(new ModelName("engine-health"), 1),
          Digest.of(new byte[] {1}));

  private PredictThread() {}

  /** Bytes that a prediction that is not sampled allocates there. */
  static long bytesPerPrediction(int features, int rounds) throws MalformedDocumentException {
    Instant now = Instant.ofEpochMilli(1_790_000_000_000L);
    Observer observer = new Observer(() -> now, RING, (stream, record) -> true, new byte[32]);
    observer.watch(
        MODEL,
        MonitoringPlan.of(CountFleet.manifest(features)),
        new DesiredSlot(
            MODEL.slot(),
            1,
            MODEL.version(),
            MODEL.manifest(),
            MODEL.manifest(),
            URI.create("http://127.0.0.1"),
            Optional.empty(),
            new SamplingRates(0, 0),
            Duration.ofHours(1),
            1,
            Duration.ofSeconds(1)));
    List<Prediction> predictions = predictions(features, now);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = 0;
    for (int round = 0; round < WARM_ROUNDS + rounds; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < predictions.size(); i++) {
        observer.predicted(predictions.get(i));
      }
      long after = threads.getCurrentThreadAllocatedBytes();
      allocated += round < WARM_ROUNDS ? 0 : after - before;
      observer.tick();
    }
    return allocated / ((long) rounds * RING);
  }

  private static List<Prediction> predictions(int features, Instant now) {
    Random random = new Random(1);
    List<Prediction> predictions = new ArrayList<>();
    for (int i = 0; i < RING; i++) {
      float[] row = new float[features];
      for (int f = 0; f < features; f++) {
        row[f] = (float) random.nextGaussian();
      }
      predictions.add(
          new Prediction(
              new PredictionId("%026d".formatted(i)),
              "",
              MODEL,
              List.of(Tensor.ofFloats("input", List.of(1L, (long) features), row)),
              List.of(Tensor.ofFloats("score", List.of(1L, 1L), random.nextFloat())),
              now,
              120_000));
    }
    return predictions;
  }
}
