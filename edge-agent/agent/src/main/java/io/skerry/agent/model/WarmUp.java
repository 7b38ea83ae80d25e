package io.skerry.agent.model;

import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.ModelVersion;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of each model that is loaded, before anybody waits for it: an engine makes much of what
 * it needs in its first run. On zeros, because nobody has told what else the model takes; one that
 * takes no zeros serves all the same. All models that are loaded together have one time together;
 * those that come after it are not run. Not thread-safe.
 */
public final class WarmUp {
  /** After this a run is stopped: a start waits for no slow model. */
  static final Duration PATIENCE = Duration.ofMillis(100);

  /** For all models that are loaded together. */
  static final Duration PATIENCE_TOGETHER = Duration.ofSeconds(1);

  /** Larger inputs are not made: making them takes longer than what they save. */
  static final long INPUT_BYTES_MAX = 16L << 20;

  private static final Logger log = LoggerFactory.getLogger(WarmUp.class);

  private final long patienceNanos;
  private final LongSupplier nanoTime;
  private long spentNanos;

  WarmUp(Duration patience, LongSupplier nanoTime) {
    this.patienceNanos = patience.toNanos();
    this.nanoTime = nanoTime;
  }

  /** For models that are loaded together from now on. */
  public static WarmUp together() {
    return new WarmUp(PATIENCE_TOGETHER, System::nanoTime);
  }

  /** What is left for one model that may have so much. */
  Duration left(Duration most) {
    long left = Math.max(0, patienceNanos - spentNanos);
    return Duration.ofNanos(Math.min(left, most.toNanos()));
  }

  /** Runs it once; what comes of that is told in the log only. */
  public void run(ModelVersion version, LoadedModel model) {
    Duration patience = left(PATIENCE);
    if (patience.isZero()) {
      log.atInfo()
          .addKeyValue("model", version)
          .log("model not warmed up: those loaded before it took the time");
      return;
    }
    long began = nanoTime.getAsLong();
    try {
      run(version, model, patience);
    } finally {
      spentNanos += nanoTime.getAsLong() - began;
    }
  }

  private static void run(ModelVersion version, LoadedModel model, Duration patience) {
    List<TensorSpec> specs = model.signature().inputs();
    List<List<Long>> shapes =
        specs.stream()
            .map(spec -> spec.shape().stream().map(size -> Math.max(1, size)).toList())
            .toList();
    if (SmallerInputs.zeroBytes(specs, shapes) > INPUT_BYTES_MAX) {
      log.atInfo().addKeyValue("model", version).log("model not warmed up: its inputs are large");
      return;
    }
    try (RunScope scope = RunScope.lasting()) {
      List<Tensor> inputs = new ArrayList<>();
      for (int i = 0; i < specs.size(); i++) {
        inputs.add(SmallerInputs.zeros(specs.get(i), shapes.get(i)));
      }
      CompletableFuture<Void> stop =
          CompletableFuture.runAsync(
              scope::stop,
              CompletableFuture.delayedExecutor(patience.toNanos(), TimeUnit.NANOSECONDS));
      try {
        model.run(inputs, scope);
      } finally {
        stop.cancel(false);
      }
    } catch (EngineException | RuntimeException | OutOfMemoryError e) {
      boolean slow =
          e instanceof EngineException stopped
              && stopped.reason() == EngineException.Reason.STOPPED;
      log.atInfo()
          .addKeyValue("model", version)
          .addKeyValue("reason", slow ? "longer than " + patience.toMillis() + " ms" : e.toString())
          .log("model not warmed up: a run on zeros did not end");
    }
  }
}
