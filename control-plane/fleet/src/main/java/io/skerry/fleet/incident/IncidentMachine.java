package io.skerry.fleet.incident;

import io.skerry.fleet.incident.Incident.Broken;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.Stream;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The life of an incident. Pure.
 *
 * <pre>
 * OPEN > HARM_CONFIRMED        the interval of the loss of balanced accuracy is beyond the tolerance,
 *                              with eight devices on both sides
 * OPEN | HARM_CONFIRMED > RESOLVED
 * </pre>
 *
 * <p>Harm that was confirmed stays so: later figures are kept, the state is not taken back.
 */
public final class IncidentMachine {
  /** Loss of balanced accuracy that does not matter. */
  public static final double HARM_TOLERANCE = .02;

  /** Devices on each side without which no harm is confirmed: a bad one must not stand for all. */
  static final int HARM_DEVICES_MIN = 8;

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
      case IncidentEvent.Persisted(List<Stream> broken) ->
          new Incident(
              incident.state(),
              incident.finding(),
              incident.confirmations() + 1,
              incident.harm(),
              incident.estimate(),
              broken(incident, broken),
              "");
      case IncidentEvent.Looked looked ->
          new Incident(
              incident.state(),
              incident.finding(),
              incident.confirmations(),
              incident.harm(),
              incident.estimate(),
              still(incident, looked),
              "");
      case IncidentEvent.OutcomesCounted counted ->
          new Incident(
              isHarm(counted) ? IncidentState.HARM_CONFIRMED : incident.state(),
              incident.finding(),
              incident.confirmations(),
              Optional.of(new Incident.Harm(counted.before(), counted.after(), counted.read())),
              incident.estimate(),
              incident.broken(),
              "");
      case IncidentEvent.ScoresCounted counted ->
          new Incident(
              incident.state(),
              incident.finding(),
              incident.confirmations(),
              incident.harm(),
              Optional.of(new Incident.EstimatedHarm(counted.before(), counted.after())),
              incident.broken(),
              "");
      case IncidentEvent.Ended _ -> resolved(incident, "the shift is gone");
      case IncidentEvent.Resolved resolved -> resolved(incident, resolved.reason());
    };
  }

  private static boolean isHarm(IncidentEvent.OutcomesCounted counted) {
    return Math.min(counted.after().devices(), counted.before().devices()) >= HARM_DEVICES_MIN
        && counted.after().isWorseThan(counted.before(), HARM_TOLERANCE);
  }

  private static Incident resolved(Incident incident, String reason) {
    return new Incident(
        IncidentState.RESOLVED,
        incident.finding(),
        incident.confirmations(),
        incident.harm(),
        incident.estimate(),
        incident.broken(),
        reason);
  }

  // No other incident opens in a cohort that is explained: what breaks there later is told by this,
  // also what had got better when it opened.
  private static List<Broken> broken(Incident incident, List<Stream> news) {
    Map<Stream, Broken> broken = new LinkedHashMap<>();
    incident.broken().forEach(one -> broken.put(one.stream(), one));
    news.stream()
        .filter(one -> !incident.finding().isWorse() || !one.equals(incident.finding().movedBy()))
        .forEach(one -> broken.put(one, Broken.of(one)));
    return broken.values().stream()
        // Wrong predictions first: many lost values must leave room for them.
        .sorted(Comparator.comparing(one -> one.kind() != Stream.Kind.ERROR))
        .limit(Incident.BROKEN_MAX)
        .toList();
  }

  // One window within its tolerance says little: a share is now and then small by chance.
  private static List<Broken> still(Incident incident, IncidentEvent.Looked looked) {
    return incident.broken().stream()
        .map(
            one -> {
              boolean isWithin = looked.within().contains(one.stream());
              boolean isBeyond = looked.beyond().contains(one.stream());
              int quiet = isWithin ? one.quiet() + 1 : isBeyond ? 0 : one.quiet();
              return new Broken(one.name(), one.kind(), quiet);
            })
        .filter(one -> one.quiet() < DriftLedger.QUIET_WINDOWS)
        .toList();
  }
}
