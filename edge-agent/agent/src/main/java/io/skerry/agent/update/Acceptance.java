package io.skerry.agent.update;

import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.TensorSpec;
import io.skerry.profile.HardwareProfile;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * What a loaded model must show on this very device before it may answer: the golden outputs, and
 * the latency that its profile allows.
 *
 * <p>The profile's latency is that of the 99th percentile. A device that works meanwhile measures
 * too much, never too little; so the median must be within it, in the best of {@link #ROUNDS}
 * rounds. A model that fails that is too slow for sure.
 */
final class Acceptance {
  static final int RUNS = 11;
  static final int ROUNDS = 3;

  private static final int WARM_UPS = 2;
  // A round of slow runs ends early, so that a hopeless model does not hold the device for minutes.
  private static final Duration ROUND_MAX = Duration.ofSeconds(2);
  private static final int RUNS_MIN = 3;

  private final LongSupplier nanoTime;

  Acceptance(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** Refuses a model that does not give the golden outputs. */
  static void checkGolden(ModelVersion version, LoadedModel model, GoldenSet golden)
      throws UpdateException {
    int number = 0;
    for (GoldenCase example : golden.cases()) {
      number++;
      Optional<String> difference = difference(example, golden, model);
      if (difference.isPresent()) {
        throw new UpdateException(
            ErrorCode.GOLDEN_MISMATCH,
            "%s fails golden input %d: %s".formatted(version, number, difference.get()));
      }
    }
  }

  /** Refuses a model that is slower here than its profile allows. */
  void checkLatency(
      ModelVersion version, LoadedModel model, GoldenSet golden, HardwareProfile profile)
      throws UpdateException {
    Duration latency = latency(golden.cases().getFirst(), model, profile.latencyBudget());
    if (latency.compareTo(profile.latencyBudget()) > 0) {
      throw new UpdateException(
          ErrorCode.ACCEPTANCE_LATENCY,
          "%s takes %d µs for a prediction here (median of %d), profile %s allows %d µs"
              .formatted(
                  version,
                  latency.toNanos() / 1000,
                  RUNS,
                  profile.id(),
                  profile.latencyBudget().toNanos() / 1000));
    }
  }

  private static Optional<String> difference(
      GoldenCase example, GoldenSet golden, LoadedModel model) throws UpdateException {
    Set<String> missing = new HashSet<>();
    example.outputs().forEach(output -> missing.add(output.name()));
    for (Tensor output : run(example, model)) {
      missing.remove(output.name());
      Optional<String> difference =
          example.difference(
              output.name(),
              output.type(),
              output.shape(),
              output.data(),
              golden.tolerance(output.name()));
      if (difference.isPresent()) {
        return difference;
      }
    }
    return missing.isEmpty()
        ? Optional.empty()
        : Optional.of("outputs %s are missing".formatted(missing));
  }

  private Duration latency(GoldenCase example, LoadedModel model, Duration budget)
      throws UpdateException {
    for (int i = 0; i < WARM_UPS; i++) {
      run(example, model);
    }
    long best = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && best > budget.toNanos(); round++) {
      best = Math.min(best, medianNanos(example, model));
    }
    return Duration.ofNanos(best);
  }

  private long medianNanos(GoldenCase example, LoadedModel model) throws UpdateException {
    List<Tensor> inputs = inputs(example, model);
    long[] nanos = new long[RUNS];
    long total = 0;
    int runs = 0;
    while (runs < RUNS && (runs < RUNS_MIN || total < ROUND_MAX.toNanos())) {
      long start = nanoTime.getAsLong();
      run(inputs, model);
      nanos[runs] = nanoTime.getAsLong() - start;
      total += nanos[runs];
      runs++;
    }
    Arrays.sort(nanos, 0, runs);
    return nanos[runs / 2];
  }

  private static List<Tensor> run(GoldenCase example, LoadedModel model) throws UpdateException {
    return run(inputs(example, model), model);
  }

  private static List<Tensor> run(List<Tensor> inputs, LoadedModel model) throws UpdateException {
    try {
      return model.run(inputs);
    } catch (EngineException e) {
      throw new UpdateException(
          e.reason() == EngineException.Reason.OUT_OF_MEMORY
                  || e.reason() == EngineException.Reason.NO_ROOM
              ? ErrorCode.ACCEPTANCE_MEMORY
              : ErrorCode.GOLDEN_MISMATCH,
          "golden inputs cannot be run: " + e.getMessage(),
          e);
    }
  }

  private static List<Tensor> inputs(GoldenCase example, LoadedModel model) throws UpdateException {
    List<Tensor> inputs = new ArrayList<>();
    for (TensorSpec spec : model.signature().inputs()) {
      GoldenTensor golden =
          example.inputs().stream()
              .filter(tensor -> tensor.name().equals(spec.name()))
              .findFirst()
              .orElseThrow(
                  () ->
                      new UpdateException(
                          ErrorCode.GOLDEN_MISMATCH,
                          "golden inputs have no '%s'".formatted(spec.name())));
      ByteBuffer direct = ByteBuffer.allocateDirect(golden.data().remaining());
      direct.put(golden.data()).flip().order(ByteOrder.LITTLE_ENDIAN);
      inputs.add(new Tensor(golden.name(), golden.type(), golden.shape(), direct));
    }
    return inputs;
  }
}
