package io.skerry.telemetry.drift;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What one window said.
 *
 * @param learning devices that are still learning their baseline
 * @param judged devices that have one
 * @param streams verdicts, by cohort and stream
 * @param distances how far the counts of each cohort and stream lie from those that were learned;
 *     empty where nobody asked
 * @param found a new cause
 * @param evidence what the new cause was found from
 * @param persisting explained cohorts of which a stream fired again
 * @param ended explained cohorts that have been quiet for {@link DriftLedger#QUIET_WINDOWS}
 */
public record WindowVerdict(
    long window,
    int learning,
    int judged,
    List<StreamVerdict> streams,
    List<StreamDistance> distances,
    Optional<DriftFinding> found,
    Optional<DriftEvidence> evidence,
    Set<Cohort> persisting,
    Set<Cohort> ended) {
  public WindowVerdict {
    streams = List.copyOf(streams);
    distances = List.copyOf(distances);
    persisting = Set.copyOf(persisting);
    ended = Set.copyOf(ended);
  }
}
