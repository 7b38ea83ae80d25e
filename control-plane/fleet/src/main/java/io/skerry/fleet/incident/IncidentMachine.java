package io.skerry.fleet.incident;

import io.skerry.telemetry.drift.DriftFinding;
import java.util.Optional;

/**
 * The life of an incident. Pure.
 *
 * <pre>
 * OPEN > HARM_CONFIRMED        the interval of the loss of balanced accuracy is beyond the tolerance
 * OPEN | HARM_CONFIRMED > RESOLVED
 * </pre>
 *
 * <p>Harm that was confirmed stays so: later figures are kept, the state is not taken back.
 */
public final class IncidentMachine {
  /** Loss of balanced accuracy that does not matter. */
  public static final double HARM_TOLERANCE = .02;

  /** How much more often the devices of an open incident sample. */
  public static final double SAMPLING_FACTOR = 4;

  private IncidentMachine() {}

  /** The incident that a finding opens. */
  public static Incident opened(DriftFinding finding) {
    return new Incident(IncidentState.OPEN, finding, 0, Optional.empty(), "");
  }

  /** The incident after an event; a resolved one stays as it is. */
  public static Incident after(Incident incident, IncidentEvent event) {
    if (!incident.isOpen()) {
      return incident;
    }
    return switch (event) {
      case IncidentEvent.Persisted _ ->
          new Incident(
              incident.state(),
              incident.finding(),
              incident.confirmations() + 1,
              incident.harm(),
              incident.estimate(),
              "");
      case IncidentEvent.OutcomesCounted counted ->
          new Incident(
              counted.after().isWorseThan(counted.before(), HARM_TOLERANCE)
                  ? IncidentState.HARM_CONFIRMED
                  : incident.state(),
              incident.finding(),
              incident.confirmations(),
              Optional.of(new Incident.Harm(counted.before(), counted.after(), counted.read())),
              incident.estimate(),
              "");
      case IncidentEvent.ScoresCounted counted ->
          new Incident(
              incident.state(),
              incident.finding(),
              incident.confirmations(),
              incident.harm(),
              Optional.of(new Incident.EstimatedHarm(counted.before(), counted.after())),
              "");
      case IncidentEvent.Ended _ -> resolved(incident, "the shift is gone");
      case IncidentEvent.Resolved resolved -> resolved(incident, resolved.reason());
    };
  }

  private static Incident resolved(Incident incident, String reason) {
    return new Incident(
        IncidentState.RESOLVED,
        incident.finding(),
        incident.confirmations(),
        incident.harm(),
        incident.estimate(),
        reason);
  }
}
