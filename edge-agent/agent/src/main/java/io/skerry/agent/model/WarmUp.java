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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of a model that was loaded, before anybody waits for it: an engine makes much of what it
 * needs in its first run. On zeros, because nobody has told what else the model takes; one that
 * takes no zeros serves all the same.
 */
public final class WarmUp {
  /** After this a run is stopped: a start waits for no slow model. */
  static final Duration PATIENCE = Duration.ofMillis(100);

  /** Larger inputs are not made: making them takes longer than what they save. */
  static final long INPUT_BYTES_MAX = 16L << 20;

  private static final Logger log = LoggerFactory.getLogger(WarmUp.class);

  private WarmUp() {}

  /** Runs it once; what comes of that is told in the log only. */
  public static void run(ModelVersion version, LoadedModel model) {
    run(version, model, PATIENCE);
  }

  static void run(ModelVersion version, LoadedModel model, Duration patience) {
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
