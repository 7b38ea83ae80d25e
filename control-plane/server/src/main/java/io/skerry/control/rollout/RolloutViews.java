package io.skerry.control.rollout;

import io.skerry.api.Rollout;
import io.skerry.control.rollout.RolloutStore.Stored;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.Verdict;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.StageProgress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Rollouts as API and pages show them. */
final class RolloutViews {
  private RolloutViews() {}

  private record Counts(int stage, int devices, int touched, int committed, int failed) {
    static final Counts NONE = new Counts(0, 0, 0, 0, 0);
  }

  static Rollout view(Transaction transaction, Stored stored) {
    Map<Integer, Counts> counts = new HashMap<>();
    transaction
        .list(
            """
            select stage, count(*) as devices, count(*) filter (where state <> 'PENDING') as touched,
              count(*) filter (where state = 'COMMITTED') as committed,
              count(*) filter (where outcome in ('REJECTED', 'FAILED', 'ROLLED_BACK')) as failed
            from deployment where rollout = ? group by stage
            """,
            row ->
                new Counts(
                    row.integer("stage"),
                    row.integer("devices"),
                    row.integer("touched"),
                    row.integer("committed"),
                    row.integer("failed")),
            stored.order().id().value())
        .forEach(one -> counts.put(one.stage(), one));
    List<Rollout.Stage> stages = new ArrayList<>();
    for (int stage = 0; stage < stored.state().stages().size(); stage++) {
      stages.add(
          stage(
              stage,
              stored.order().plan().percents().get(stage),
              stored.state().stages().get(stage),
              counts.getOrDefault(stage, Counts.NONE)));
    }
    String reason = stored.state().phase().explanation();
    return new Rollout(
        stored.order().id().value(),
        stored.state().phase().code(),
        stored.order().version().model().value(),
        stored.order().version().version(),
        stored.order().slot().value(),
        stages,
        counts.values().stream().mapToInt(Counts::devices).sum(),
        counts.values().stream().mapToInt(Counts::touched).sum(),
        reason.isEmpty() ? null : reason,
        allowed(stored.state().phase()),
        stored.createdAt(),
        stored.endedAt());
  }

  private static Rollout.Stage stage(
      int index, int percent, StageProgress progress, Counts counts) {
    return new Rollout.Stage(
        index,
        percent,
        progress.state().name(),
        counts.devices(),
        counts.committed(),
        counts.failed(),
        verdict(progress.evidence()),
        reason(progress));
  }

  private static @Nullable String verdict(List<GateResult> evidence) {
    if (evidence.isEmpty()) {
      return null;
    }
    for (Verdict worst : List.of(Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NO_DATA)) {
      if (evidence.stream().anyMatch(result -> result.verdict() == worst && result.blocks())) {
        return worst.name();
      }
    }
    return Verdict.PASS.name();
  }

  private static @Nullable String reason(StageProgress progress) {
    if (progress.evidence().isEmpty()) {
      return progress.reason().isEmpty() ? null : progress.reason();
    }
    String gates =
        progress.evidence().stream().map(GateResult::toString).collect(Collectors.joining("; "));
    return progress.reason().isEmpty() ? gates : progress.reason() + ". " + gates;
  }

  private static List<String> allowed(RolloutPhase phase) {
    return switch (phase) {
      case RolloutPhase.Running _ -> List.of("pause", "promote", "abort", "rollback");
      case RolloutPhase.Paused _ -> List.of("resume", "promote", "abort", "rollback");
      case RolloutPhase.Draft _, RolloutPhase.Ready _ -> List.of("abort");
      case RolloutPhase.Aborting _ -> List.of("rollback");
      case RolloutPhase.Aborted _,
          RolloutPhase.RollingBack _,
          RolloutPhase.RolledBack _,
          RolloutPhase.Succeeded _,
          RolloutPhase.Superseded _ ->
          List.of();
    };
  }
}
