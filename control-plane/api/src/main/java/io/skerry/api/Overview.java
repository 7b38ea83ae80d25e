package io.skerry.api;

import java.time.Instant;
import java.util.List;

/**
 * The whole loop at a glance: what the console's first page shows.
 *
 * @param attention what needs somebody now, worst first; empty when all is well
 * @param rollouts newest first
 * @param incidents open ones first, then newest first
 * @param drift streams that moved most, most first
 * @param runs newest first
 */
public record Overview(
    Instant at,
    List<Attention> attention,
    List<DatasetBatch> datasets,
    List<Run> runs,
    List<ModelView> models,
    List<Packaging> packagings,
    FleetOverview fleet,
    List<RolloutOverview> rollouts,
    List<IncidentOverview> incidents,
    List<DriftOverview> drift,
    TelemetryView telemetry) {
  public Overview {
    attention = List.copyOf(attention);
    datasets = List.copyOf(datasets);
    runs = List.copyOf(runs);
    models = List.copyOf(models);
    packagings = List.copyOf(packagings);
    rollouts = List.copyOf(rollouts);
    incidents = List.copyOf(incidents);
    drift = List.copyOf(drift);
  }
}
