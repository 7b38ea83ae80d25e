package io.skerry.agent.observe;

import io.skerry.agent.model.Prediction;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finds in a prediction what a version's plan monitors. Allocates nothing; for any thread. */
final class MonitoredTensors {
  private final MonitoringPlan plan;
  private final String scoreOutput;
  private final int inputBytesNeeded;
  private final int scoreBytesNeeded;

  MonitoredTensors(MonitoringPlan plan) {
    this.plan = plan;
    this.scoreOutput = plan.scoreOutput().orElse("");
    this.inputBytesNeeded = plan.inputBytesNeeded();
    this.scoreBytesNeeded = plan.scoreBytesNeeded();
  }

  /** The monitored input, when all items of this prediction can be read as the plan says. */
  @Nullable Tensor input(Prediction prediction) {
    return plan.featureCount() == 0
        ? null
        : readable(
            prediction.inputs(),
            plan.input(),
            plan.inputDatatype(),
            plan.inputElementBytes(),
            inputBytesNeeded,
            plan.isInputWhole(),
            prediction.items());
  }

  /** The output that the score is read from, likewise. */
  @Nullable Tensor score(Prediction prediction) {
    return scoreOutput.isEmpty()
        ? null
        : readable(
            prediction.outputs(),
            scoreOutput,
            plan.scoreDatatype(),
            plan.scoreElementBytes(),
            scoreBytesNeeded,
            false,
            prediction.items());
  }

  private static @Nullable Tensor readable(
      List<Tensor> tensors,
      String name,
      String type,
      int element,
      int needed,
      boolean whole,
      int items) {
    for (int i = 0; i < tensors.size(); i++) {
      Tensor tensor = tensors.get(i);
      ByteBuffer data = tensor.data();
      if (tensor.name().equals(name)
          && tensor.type().name().equals(type)
          && data.position() % element == 0
          && items > 0
          && data.remaining() % ((long) items * element) == 0
          && data.remaining() / items >= needed
          && (!whole || data.remaining() / items == needed)) {
        return tensor;
      }
    }
    return null;
  }

  /** Reads monitored values, score and class of an item; the score is NaN when there is none. */
  void read(
      Prediction prediction,
      @Nullable Tensor input,
      @Nullable Tensor output,
      int item,
      Observation into) {
    if (input != null) {
      read(prediction, input, item, into.view);
    }
    into.score = Float.NaN;
    into.predictedClass = 0;
    if (output != null) {
      int first = first(output.data(), plan.scoreElementBytes(), prediction.items(), item);
      into.predictedClass = plan.predictedClass(output.data(), first);
      into.score = plan.score(output.data(), first, into.predictedClass);
    }
  }

  /** Reads the monitored values of an item. */
  void read(Prediction prediction, Tensor input, int item, float[] view) {
    int first = first(input.data(), plan.inputElementBytes(), prediction.items(), item);
    plan.view(input.data(), first, view);
  }

  /** Measures the scalars of an item, which looks at every element of it. */
  void measure(
      Prediction prediction, Tensor input, int item, float[] view, MonitoringPlan.Scratch scratch) {
    int first = first(input.data(), plan.inputElementBytes(), prediction.items(), item);
    plan.measure(input.data(), first, view, scratch);
  }

  /** Copies an item from its first byte on, as many as {@code into} holds. */
  void copy(Prediction prediction, Tensor input, int item, ByteBuffer into) {
    int element = plan.inputElementBytes();
    int first = first(input.data(), element, prediction.items(), item) * element;
    into.put(0, input.data(), first, into.capacity());
  }

  private static int first(ByteBuffer data, int element, int items, int item) {
    return data.position() / element + data.remaining() / element / items * item;
  }

  /** The score of its first item. */
  Optional<Float> firstScore(Prediction prediction) {
    Tensor output = score(prediction);
    if (output == null) {
      return Optional.empty();
    }
    int first = first(output.data(), plan.scoreElementBytes(), prediction.items(), 0);
    int predictedClass = plan.predictedClass(output.data(), first);
    return Optional.of(plan.score(output.data(), first, predictedClass));
  }
}
