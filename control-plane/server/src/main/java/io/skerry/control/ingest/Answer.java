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
 * @param confidence in that class
 */
record Answer(Optional<Double> score, OptionalInt predictedClass, Optional<Double> confidence) {
  private static final Answer UNKNOWN = ofScore(Optional.empty());

  /** The answer of a version whose output is the score. */
  static Answer ofScore(Optional<Double> score) {
    return new Answer(score, OptionalInt.empty(), Optional.empty());
  }

  /** The answer of a version whose output names so many classes. */
  static Answer ofClass(int predicted, double confidence, int classes) {
    if (classes > 2) {
      return new Answer(Optional.empty(), OptionalInt.of(predicted), Optional.of(confidence));
    }
    // Of two, the predicted one lies on its own side of one half, however its confidence is
    // rounded.
    double score =
        predicted == 1 ? Math.max(confidence, .5) : Math.min(1 - confidence, Math.nextDown(.5));
    return new Answer(Optional.of(score), OptionalInt.of(predicted), Optional.of(confidence));
  }

  /**
   * The answer that a sample's outputs hold; without score and class where the output that says
   * them was not sent along.
   *
   * @param reading how the version's score is read; empty = from the first output
   */
  static Answer of(Optional<MonitoringPlan> reading, List<NamedTensor> outputs) {
    if (reading.isEmpty()) {
      return ofScore(Scores.of(outputs.getFirst()));
    }
    MonitoringPlan plan = reading.get();
    for (NamedTensor output : outputs) {
      if (output.getName().equals(plan.scoreOutput().orElse(""))
          && output.getDatatype().equals(plan.scoreDatatype())
          && output.getData().size() >= plan.scoreBytesNeeded()) {
        ByteBuffer values =
            output.getData().asReadOnlyByteBuffer().slice().order(ByteOrder.LITTLE_ENDIAN);
        float score = plan.score(values);
        if (!Float.isFinite(score)) {
          return UNKNOWN;
        }
        return plan.hasClasses()
            ? ofClass(plan.predictedClass(values), score, plan.classCount())
            : ofScore(Optional.of((double) score));
      }
    }
    return UNKNOWN;
  }

  /** The class as a column's value. */
  @Nullable Integer storedClass() {
    return predictedClass.isPresent() ? predictedClass.getAsInt() : null;
  }
}
