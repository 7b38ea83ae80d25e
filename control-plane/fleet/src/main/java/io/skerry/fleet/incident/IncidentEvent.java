package io.skerry.fleet.incident;

import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.EstimatedAccuracy;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.drift.WindowVerdict;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** What can happen to an incident. */
public sealed interface IncidentEvent {
  /**
   * Streams of the cohort reached the threshold again.
   *
   * @param broken those among them that are harm by themselves, in whichever way they are worse
   */
  record Persisted(List<Stream> broken) implements IncidentEvent {
    public Persisted {
      broken = List.copyOf(broken);
    }

    /** What a window in which a cohort persists says of it. */
    public static Persisted of(WindowVerdict verdict, Cohort cohort) {
      return new Persisted(
          verdict.streams().stream()
              .filter(one -> one.fired() && one.cohort().equals(cohort) && one.effect() > 0)
              .map(StreamVerdict::stream)
              .filter(stream -> stream.kind().isWorseAbove())
              .toList());
    }
  }

  /**
   * A window told of streams that had broken after it opened.
   *
   * @param within those within their tolerance
   * @param beyond those that are not
   */
  record Looked(Set<Stream> within, Set<Stream> beyond) implements IncidentEvent {
    public Looked {
      within = Set.copyOf(within);
      beyond = Set.copyOf(beyond);
    }

    /** What a window says of what is broken in an incident's cohort. */
    public static Looked of(WindowVerdict verdict, Incident incident) {
      Map<Boolean, Set<Stream>> byWhether =
          verdict.streams().stream()
              .filter(one -> one.cohort().equals(incident.finding().cohort()))
              .filter(
                  one ->
                      incident.broken().stream().anyMatch(of -> of.stream().equals(one.stream())))
              .collect(
                  Collectors.partitioningBy(
                      one -> one.effect() <= one.tolerance(),
                      Collectors.mapping(StreamVerdict::stream, Collectors.toSet())));
      return new Looked(
          byWhether.getOrDefault(true, Set.of()), byWhether.getOrDefault(false, Set.of()));
    }
  }

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
