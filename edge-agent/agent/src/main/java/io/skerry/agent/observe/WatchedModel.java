package io.skerry.agent.observe;

import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.artifact.ElementType;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotMode;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sample.SampleChoice;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.telemetry.wire.ModelReference;
import io.skerry.wire.fleet.v1.Differences;
import io.skerry.wire.fleet.v1.Window;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/**
 * One version that is observed: its settings, which any thread reads, and its open window, which
 * only the consumer touches.
 */
final class WatchedModel {
  private static final long NONE = Long.MIN_VALUE;

  private final ModelReference reference;
  private final WindowSketch sketch;
  private final LongAdder failed = new LongAdder();
  private final LongAdder skipped = new LongAdder();
  private final ShadowDifferences differences = new ShadowDifferences();
  private volatile SampleChoice choice;
  private volatile boolean shadow;
  private volatile long windowMillis;
  private long window = NONE;
  private long windowLength;

  WatchedModel(ModelRef model, MonitoringPlan plan, DesiredSlot order) {
    this.reference = new ModelReference(model.slot(), model.version(), model.manifest());
    this.sketch = new WindowSketch(plan);
    this.choice = choice(order.sampling());
    this.windowMillis = checked(order.window());
    this.shadow = order.mode() instanceof SlotMode.Shadow;
  }

  void configure(DesiredSlot order) {
    choice = choice(order.sampling());
    windowMillis = checked(order.window());
    shadow = order.mode() instanceof SlotMode.Shadow;
  }

  /** Whether it answers nobody: then nobody can say whether it was right. */
  boolean isShadow() {
    return shadow;
  }

  /** Called by any thread. */
  void differ(Prediction primary, Prediction shadowed) {
    float score = score(shadowed.outputs());
    differences.compare(
        primary,
        shadowed,
        Float.isNaN(score)
            ? Optional.empty()
            : Optional.of(
                new ShadowDifferences.Scores(score(primary.outputs()), score, plan().threshold())));
  }

  /** Called by any thread. */
  void leaveOut() {
    differences.leaveOut();
  }

  private SampleChoice choice(SamplingRates rates) {
    return new SampleChoice(rates, SampleChoice.saltOf(reference.manifest().hex()));
  }

  private static long checked(Duration window) {
    return Math.max(1, window.toMillis());
  }

  ModelReference reference() {
    return reference;
  }

  MonitoringPlan plan() {
    return sketch.plan();
  }

  SampleChoice choice() {
    return choice;
  }

  /** Called by any thread. */
  void fail() {
    failed.increment();
  }

  /** Called by any thread. */
  void skip() {
    skipped.increment();
  }

  /** The monitored input, when this prediction's can be read as the plan says. */
  Optional<ByteBuffer> monitoredInput(List<Tensor> inputs) {
    if (plan().featureCount() == 0) {
      return Optional.empty();
    }
    for (Tensor input : inputs) {
      if (input.name().equals(plan().input())
          && input.type() == ElementType.FP32
          && input.data().remaining() >= plan().elementsNeeded() * Float.BYTES) {
        return Optional.of(input.data().slice().order(input.data().order()));
      }
    }
    return Optional.empty();
  }

  /** The score of the first item; NaN when there is none. */
  float score(List<Tensor> outputs) {
    String wanted = plan().scoreOutput().orElse("");
    for (Tensor output : outputs) {
      int position = output.data().position() + plan().scoreOffset() * Float.BYTES;
      if (output.name().equals(wanted)
          && output.type() == ElementType.FP32
          && position + Float.BYTES <= output.data().limit()) {
        return output.data().getFloat(position);
      }
    }
    return Float.NaN;
  }

  /** Counts into the open window; opens one for {@code atMillis} when none is open. */
  void observe(Observation observation) {
    open(observation.atMillis);
    sketch.observe(observation.view, observation.score, observation.latencyMicros);
  }

  private void open(long atMillis) {
    if (window == NONE) {
      windowLength = windowMillis;
      window = Math.floorDiv(atMillis, windowLength);
    }
  }

  /** Takes over what other threads counted meanwhile. */
  void collect(long nowMillis) {
    long failures = failed.sumThenReset();
    long skips = skipped.sumThenReset();
    if (failures > 0 || skips > 0 || !differences.isEmpty()) {
      open(nowMillis);
      for (long i = 0; i < failures; i++) {
        sketch.fail();
      }
      sketch.skip(skips);
    }
  }

  /**
   * Whether the open window is over. One that lies ahead of this time is too: the clock was put
   * back, and nobody waits for what a wrong clock called tomorrow.
   */
  boolean isOver(long nowMillis) {
    if (window == NONE) {
      return false;
    }
    long current = Math.floorDiv(nowMillis, windowLength);
    return current > window || current + 1 < window;
  }

  /** The window that is open; empty when nothing was counted. */
  Optional<Window> seal() {
    if (window == NONE) {
      return Optional.empty();
    }
    long sealed = window;
    window = NONE;
    Optional<Differences> differed = differences.seal();
    if (sketch.isEmpty() && differed.isEmpty()) {
      return Optional.empty();
    }
    Window counts =
        sketch.seal(reference.toWire(), sealed, sealed * windowLength, (sealed + 1) * windowLength);
    return Optional.of(
        differed.map(sums -> counts.toBuilder().setDifferences(sums).build()).orElse(counts));
  }
}
