package io.skerry.agent.serve;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.Predictor;
import java.util.Optional;

/**
 * What an agent serves.
 *
 * @param control who loads and unloads models for clients; clients may not when empty
 * @param feedback who takes feedback; FeedbackService is not offered when empty
 */
public record Served(
    ModelSlots slots,
    Predictor predictor,
    ModelListing listing,
    Optional<ModelControl> control,
    Optional<FeedbackSink> feedback) {
  /** What a control plane decides, without feedback. */
  public static Served of(ModelSlots slots, Predictor predictor, ModelListing listing) {
    return new Served(slots, predictor, listing, Optional.empty(), Optional.empty());
  }

  /** The same with somebody who takes feedback. */
  public Served withFeedback(FeedbackSink sink) {
    return new Served(slots, predictor, listing, control, Optional.of(sink));
  }

  /** The same with somebody who loads and unloads models for clients. */
  public Served withControl(ModelControl models) {
    return new Served(slots, predictor, listing, Optional.of(models), feedback);
  }
}
