package io.skerry.fleet.incident;

import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.DriftFinding;
import java.util.Optional;

/**
 * One cause of drift.
 *
 * @param finding what opened it
 * @param confirmations windows in which a stream of its cohort reached the threshold again
 * @param harm accuracy in the cohort before and after the onset, once both are known
 * @param resolution why it was resolved, empty before
 */
public record Incident(
    IncidentState state,
    DriftFinding finding,
    int confirmations,
    Optional<Harm> harm,
    String resolution) {

  /** Accuracy in the cohort, same model version, before and after the onset. */
  public record Harm(Accuracy before, Accuracy after) {}

  /** Whether it still explains its cohort. */
  public boolean isOpen() {
    return state != IncidentState.RESOLVED;
  }
}
