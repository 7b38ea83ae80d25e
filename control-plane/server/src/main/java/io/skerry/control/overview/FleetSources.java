package io.skerry.control.overview;

import io.skerry.api.DriftOverview;
import io.skerry.api.DriftStream;
import io.skerry.api.Incident;
import io.skerry.api.IncidentOverview;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutOverview;
import io.skerry.api.StageOverview;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/** Rollouts, incidents and streams in the overview's words. Pure. */
final class FleetSources {
  static final int ROLLOUTS_MAX = 20;
  static final int INCIDENTS_MAX = 20;
  static final int STREAMS_MAX = 8;

  private FleetSources() {}

  static List<RolloutOverview> rollouts(List<Rollout> newest) {
    return newest.stream().limit(ROLLOUTS_MAX).map(FleetSources::rollout).toList();
  }

  static List<IncidentOverview> incidents(List<Incident> newest) {
    return newest.stream()
        .sorted(Comparator.comparing(incident -> Words.isClosed(incident.state())))
        .limit(INCIDENTS_MAX)
        .map(FleetSources::incident)
        .toList();
  }

  /**
   * The streams with the most evidence, in units of evidence (natural logarithm).
   *
   * @param tracks of one model in a slot after another
   */
  static List<DriftOverview> streams(Consumer<Consumer<List<DriftStream>>> tracks) {
    List<DriftStream> most = new ArrayList<>();
    tracks.accept(
        track -> {
          most.addAll(track);
          most.sort(Comparator.comparingDouble(DriftStream::logEvidence).reversed());
          most.subList(Math.min(STREAMS_MAX, most.size()), most.size()).clear();
        });
    return most.stream()
        .map(
            stream ->
                new DriftOverview(
                    stream.cohort(),
                    stream.stream(),
                    stream.logEvidence(),
                    stream.logThreshold(),
                    stream.devices()))
        .toList();
  }

  private static RolloutOverview rollout(Rollout rollout) {
    return new RolloutOverview(
        rollout.id(),
        rollout.state(),
        rollout.model(),
        rollout.version(),
        rollout.touched(),
        rollout.reason(),
        rollout.stages().stream()
            .map(
                stage ->
                    new StageOverview(
                        stage.index() + 1,
                        stage.percent(),
                        stage.state(),
                        stage.devices(),
                        stage.committed(),
                        stage.failed(),
                        stage.verdict(),
                        stage.reason()))
            .toList());
  }

  private static IncidentOverview incident(Incident incident) {
    Incident.Harm harm = incident.harm();
    return new IncidentOverview(
        incident.id(),
        incident.state(),
        incident.model(),
        incident.version(),
        Words.cohorts(incident),
        incident.feature(),
        incident.openedAt(),
        incident.onsetWindow(),
        incident.openedWindow(),
        incident.shiftSigma(),
        Words.moved(incident),
        incident.psi(),
        incident.devices(),
        harm == null ? "too few outcomes yet to tell whether it hurts" : null,
        harm == null ? null : harm.metric(),
        harm == null ? null : harm.before(),
        harm == null ? null : harm.after(),
        harm == null ? null : harm.predictions());
  }
}
