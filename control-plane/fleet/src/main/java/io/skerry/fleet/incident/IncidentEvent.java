package io.skerry.fleet.incident;

import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.EstimatedAccuracy;

/** What can happen to an incident. */
public sealed interface IncidentEvent {
  /** A stream of the cohort reached the threshold again. */
  record Persisted() implements IncidentEvent {}

  /**
   * Outcomes of the cohort were joined and counted.
   *
   * @param read share of them that was read: of more than can be, an even sample over devices
   */
  record OutcomesCounted(Accuracy before, Accuracy after, double read) implements IncidentEvent {
    /** All were read. */
    public OutcomesCounted(Accuracy before, Accuracy after) {
      this(before, after, 1);
    }
  }

  /** The cohort's scores were counted, and calibrated. */
  record ScoresCounted(EstimatedAccuracy before, EstimatedAccuracy after)
      implements IncidentEvent {}

  /** The shift has been gone for long enough. */
  record Ended() implements IncidentEvent {}

  /** Somebody, or a version that has learned the new data, put an end to it. */
  record Resolved(String reason) implements IncidentEvent {}
}
