package io.skerry.control.ingest;

import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.fleet.v1.NamedTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * What a prediction said, as outcomes are compared with it.
 *
 * @param score of class 1, or of the only output; empty with more than two classes
 * @param predictedClass of a version whose output names classes
 */
record Answer(Optional<Double> score, OptionalInt predictedClass) {
  private static final Answer UNKNOWN = new Answer(Optional.empty(), OptionalInt.empty());

  /** The answer of a version whose output is the score. */
  static Answer ofScore(Optional<Double> score) {
    return new Answer(score, OptionalInt.empty());
  }

  /** The answer of a version whose output names so many classes. */
  static Answer ofClass(int predicted, double confidence, int classes) {
    if (classes > 2) {
      return new Answer(Optional.empty(), OptionalInt.of(predicted));
    }
    // Of two, the predicted one lies on its own side of one half, however its confidence is
    // rounded.
    double score =
        predicted == 1 ? Math.max(confidence, .5) : Math.min(1 - confidence, Math.nextDown(.5));
    return new Answer(Optional.of(score), OptionalInt.of(predicted));
  }

  /**
   * The answer that a sample's outputs hold; without score and class where the output that names
   * classes was not sent along.
   */
  static Answer of(Optional<MonitoringPlan> classes, List<NamedTensor> outputs) {
    if (classes.isEmpty()) {
      return ofScore(Scores.of(outputs.getFirst()));
    }
    MonitoringPlan plan = classes.get();
    for (NamedTensor output : outputs) {
      if (output.getName().equals(plan.scoreOutput().orElse(""))
          && output.getDatatype().equals("FP32")
          && output.getData().size() >= plan.scoreElementsNeeded() * Float.BYTES) {
        ByteBuffer values =
            output.getData().asReadOnlyByteBuffer().slice().order(ByteOrder.LITTLE_ENDIAN);
        float confidence = plan.score(values);
        return Float.isFinite(confidence)
            ? ofClass(plan.predictedClass(values), confidence, plan.classCount())
            : UNKNOWN;
      }
    }
    return UNKNOWN;
  }

  /** The class as a column's value. */
  @Nullable Integer storedClass() {
    return predictedClass.isPresent() ? predictedClass.getAsInt() : null;
  }
}
