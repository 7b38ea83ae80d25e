package io.skerry.agent.model;

import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides by measuring on this very device whether calls of a model run in batches, and how large
 * those may be: many small models gain nothing, and then only lose latency.
 *
 * @param latencyMax the longest that the run of one batch may take
 */
public record Batching(Duration latencyMax) {
  /** Throughput in batches, in terms of that of single calls, from which it is worth it. */
  static final double GAIN_MIN = 1.25;

  /** Rows of the largest batch that is tried. */
  static final int ROWS_MAX = 32;

  private static final Logger log = LoggerFactory.getLogger(Batching.class);
  private static final int RUNS = 7;
  private static final long POOL_BYTES = 64L << 20;

  /**
   * Checks the bound.
   *
   * @throws IllegalArgumentException if it is not positive
   */
  public Batching {
    if (!latencyMax.isPositive()) {
      throw new IllegalArgumentException("latency %s is not above 0".formatted(latencyMax));
    }
  }

  /** The model itself, or the same in batches where that gains. */
  LoadedModel measured(LoadedModel model, LongSupplier nanoTime) {
    if (!BatchingModel.isPossible(model.signature())) {
      return model;
    }
    try {
      if (!IndependentRows.are(model, new TensorPool(POOL_BYTES))) {
        log.atInfo()
            .addKeyValue("engine", model.engine())
            .log("rows seem to depend on each other, so calls are not joined");
        return model;
      }
      int rows = bestRows(model, nanoTime);
      log.atInfo()
          .addKeyValue("engine", model.engine())
          .addKeyValue("rows", rows)
          .log("batching measured");
      return rows > 1
          ? new BatchingModel(model, rows, Math.max(1, Runtime.getRuntime().availableProcessors()))
          : model;
    } catch (EngineException | RuntimeException | OutOfMemoryError e) {
      log.atWarn().setCause(e).log("batches cannot be measured, so there are none");
      return model;
    }
  }

  /** The batch that answers most calls a second within the bound; 1 when single calls do. */
  int bestRows(LoadedModel model, LongSupplier nanoTime) throws EngineException {
    double single = medianNanos(model, 1, nanoTime);
    int best = 1;
    double bestNanosPerRow = single / GAIN_MIN;
    for (int rows = 2; rows <= ROWS_MAX; rows *= 2) {
      double nanos = medianNanos(model, rows, nanoTime);
      if (nanos > latencyMax.toNanos()) {
        break;
      }
      if (nanos / rows < bestNanosPerRow) {
        best = rows;
        bestNanosPerRow = nanos / rows;
      }
    }
    return best;
  }

  private static double medianNanos(LoadedModel model, int rows, LongSupplier nanoTime)
      throws EngineException {
    TensorPool pool = new TensorPool(POOL_BYTES);
    long[] nanos = new long[RUNS];
    for (int i = -1; i < RUNS; i++) {
      try (RunScope scope = pool.open()) {
        List<Tensor> inputs = inputs(model, rows, scope);
        long start = nanoTime.getAsLong();
        model.run(inputs, scope);
        // The first is to warm up.
        nanos[Math.max(0, i)] = nanoTime.getAsLong() - start;
      }
    }
    Arrays.sort(nanos);
    return nanos[RUNS / 2];
  }

  private static List<Tensor> inputs(LoadedModel model, int rows, RunScope scope) {
    List<Tensor> inputs = new ArrayList<>();
    for (TensorSpec spec : model.signature().inputs()) {
      List<Long> shape = new ArrayList<>(spec.shape());
      shape.set(0, (long) rows);
      ByteBuffer data = scope.take(Math.toIntExact(Tensor.elements(shape) * spec.type().bytes()));
      while (data.hasRemaining()) {
        data.put((byte) 0);
      }
      inputs.add(new Tensor(spec.name(), spec.type(), shape, data.flip()));
    }
    return inputs;
  }
}
