package io.skerry.control.ingest;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * An actual outcome.
 *
 * @param actual the outcome, 0 or 1 for a classifier
 * @param prediction what it was the outcome of, when the device still knew it
 */
public record StoredFeedback(
    DeviceId device,
    String predictionId,
    double actual,
    Instant outcomeAt,
    Optional<Prediction> prediction) {

  /**
   * The prediction that the feedback belongs to.
   *
   * @param score of class 1, or of the only output; empty with more than two classes
   * @param predictedClass of a version whose output names classes
   */
  public record Prediction(
      SlotId slot,
      ModelVersion version,
      Optional<Double> score,
      OptionalInt predictedClass,
      Instant at) {
    /**
     * Whether it came true; empty when it is not known what was predicted.
     *
     * @param threshold from which score class 1 is predicted, where no class is named
     */
    public Optional<Boolean> isRight(double actual, double threshold) {
      return predictedClass.isPresent()
          ? Optional.of(predictedClass.getAsInt() == Math.round(actual))
          : score.map(of -> (of >= threshold) == (actual >= .5));
    }
  }
}
