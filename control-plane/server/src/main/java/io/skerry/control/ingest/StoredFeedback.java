package io.skerry.control.ingest;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.time.Instant;
import java.util.Optional;

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

  /** The prediction that the feedback belongs to. */
  public record Prediction(SlotId slot, ModelVersion version, double score, Instant at) {}
}
