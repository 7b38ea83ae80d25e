package io.skerry.control.rollout;

import static io.skerry.fleet.rollout.RolloutPlan.RESTORES_MAX;

import io.skerry.api.Rollout;
import io.skerry.api.RolloutDevice;
import io.skerry.control.rollout.RolloutTables.Stored;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.Verdict;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageProgress;
import io.skerry.fleet.rollout.StageRule;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Rollouts as API and pages show them. */
final class RolloutViews {
  private static final String NOT_RESTORED = DeploymentState.RESTORE_FAILED.name();

  private RolloutViews() {}

  /** As it was decided last. */
  static Rollout view(Transaction transaction, Stored stored) {
    return view(transaction, stored, RolloutTables.census(transaction, stored.id()), null);
  }

  /** With what the gates say of the open stage now. */
  static Rollout judged(Transaction transaction, Stored stored) {
    Census census = RolloutTables.census(transaction, stored.id());
    var open = RolloutMachine.openStage(stored.state());
    if (open.isEmpty()) {
      return view(transaction, stored, census, null);
    }
    List<GateResult> now =
        RolloutMachine.judgeOpen(
            stored.order().plan(),
            stored.state(),
            census,
            StageEvidence.of(transaction, stored.current(), open.getAsInt()));
    return view(transaction, stored, census, now);
  }

  private static Rollout view(
      Transaction transaction, Stored stored, Census census, @Nullable List<GateResult> now) {
    RolloutOrder order = stored.order();
    RolloutState state = stored.state();
    List<Integer> planned =
        transaction.list(
            "select planned from rollout_stage where rollout = ? order by stage",
            row -> row.integer("planned"),
            order.id().value());
    Map<Integer, Integer> failed = new TreeMap<>();
    transaction.forEach(
        """
        select stage, count(*) as devices from deployment
        where rollout = ? and failed_as is not null group by stage
        """,
        row -> failed.put(row.integer("stage"), row.integer("devices")),
        order.id().value());
    int open = RolloutMachine.openStage(state).orElse(-1);
    List<Rollout.Stage> stages = new ArrayList<>();
    for (int stage = 0; stage < state.stages().size(); stage++) {
      StageProgress progress = state.stages().get(stage);
      stages.add(
          stage(
              stage,
              order.plan().steps().get(stage),
              progress,
              stage == open && now != null ? now : progress.evidence(),
              census,
              failed.getOrDefault(stage, 0),
              progress.openedAt().isPresent() ? census.devices(stage) : planned.get(stage)));
    }
    // What held it back is not what a person reads of it any more once it goes back.
    boolean held = state.phase() instanceof RolloutPhase.Succeeded && !state.held().isEmpty();
    int stuck = census.count(DeploymentState.RESTORE_FAILED);
    String reason =
        held
            ? state.held()
            : stuck == 0 ? explained(state) : explained(state) + notRestored(transaction, stored);
    return new Rollout(
        order.id().value(),
        state.phase().code(),
        order.plan().kind().code(),
        order.first().version().model().value(),
        order.first().version().version(),
        order.first().slot().value(),
        order.parts().stream()
            .map(
                part ->
                    new Rollout.Part(
                        part.slot().value(),
                        part.version().model().value(),
                        part.version().version()))
            .toList(),
        stages,
        stages.stream().mapToInt(Rollout.Stage::devices).sum(),
        stored.outsiders() + census.count(DeploymentState.NOT_ELIGIBLE),
        census.touched(),
        state.phase() instanceof RolloutPhase.Paused paused ? paused.why().name() : null,
        reason.isEmpty() ? null : reason,
        RolloutAct.allowedIn(order.plan(), state).stream()
            .filter(act -> act != RolloutAct.RETRY || stuck > 0 || !isGoingBack(state))
            .map(RolloutAct::wireName)
            .toList(),
        stored.createdBy(),
        stored.revision(),
        stored.createdAt(),
        stored.endedAt());
  }

  private static String notRestored(Transaction transaction, Stored stored) {
    return transaction
        .first(
            """
            select count(again_at) as waiting, count(*) - count(again_at) as given_up
            from deployment where rollout = ? and state = 'RESTORE_FAILED'
            """,
            row ->
                "; of devices that could not go back %d are ordered back again, and %d not any more"
                    .formatted(row.integer("waiting"), row.integer("given_up")),
            stored.id().value())
        .orElse("");
  }

  private static String explained(RolloutState state) {
    return state.promotion().isPresent() && state.phase() instanceof RolloutPhase.Running
        ? "the trial was good and its version goes through the stages as the active one; "
            + state.promotion().get().verdict()
        : state.phase().explanation();
  }

  private static boolean isGoingBack(RolloutState state) {
    return state.phase() instanceof RolloutPhase.RollingBack
        || state.phase() instanceof RolloutPhase.RolledBack;
  }

  private static Rollout.Stage stage(
      int index,
      StageRule rule,
      StageProgress progress,
      List<GateResult> gates,
      Census census,
      int failed,
      int devices) {
    Map<String, Integer> counts = new TreeMap<>();
    int committed = 0;
    for (Census.Cell cell : census.cells()) {
      if (cell.stage() == index) {
        counts.merge(cell.state().name(), cell.devices(), Integer::sum);
        committed += cell.state().isSuccess() ? cell.devices() : 0;
      }
    }
    return new Rollout.Stage(
        index,
        rule.selection() instanceof StageRule.Selection.Percent(int percent) ? percent : 0,
        rule.text(),
        progress.state().name(),
        devices,
        committed,
        failed,
        counts,
        verdict(gates),
        reason(progress, gates),
        gates.stream().map(RolloutViews::gate).toList());
  }

  private static Rollout.Gate gate(GateResult result) {
    return new Rollout.Gate(
        result.gate(),
        result.scope(),
        result.verdict().name(),
        result.action().name(),
        result.required(),
        result.reason(),
        result.numbers());
  }

  private static @Nullable String verdict(List<GateResult> gates) {
    if (gates.isEmpty()) {
      return null;
    }
    for (Verdict worst : List.of(Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NO_DATA)) {
      if (gates.stream().anyMatch(result -> result.verdict() == worst && result.blocks())) {
        return worst.name();
      }
    }
    return Verdict.PASS.name();
  }

  private static @Nullable String reason(StageProgress progress, List<GateResult> gates) {
    if (gates.isEmpty()) {
      return progress.reason().isEmpty() ? null : progress.reason();
    }
    String told = gates.stream().map(GateResult::toString).collect(Collectors.joining("; "));
    return progress.reason().isEmpty() ? told : progress.reason() + ". " + told;
  }

  private static String again(Row row) {
    int restores = row.integer("restores");
    return row.optionalInstant("again_at")
        .map(
            at ->
                "could not go back, is ordered back again at %s or once it is online (%d of %d)"
                    .formatted(at.truncatedTo(ChronoUnit.SECONDS), restores + 1, RESTORES_MAX))
        .orElse(
            "could not go back, %s: see why, then retry the rollout or start a newer one"
                .formatted(
                    restores == 0
                        ? "and nobody tries again"
                        : "also not at %d more tries".formatted(restores)));
  }

  static RolloutDevice device(Row row) {
    String code = row.optionalText("error_code").orElse("");
    String detail = row.optionalText("error_detail").orElse("");
    String said = code.isEmpty() ? detail : detail.isEmpty() ? code : code + ": " + detail;
    String again = row.text("state").equals(NOT_RESTORED) ? again(row) : "";
    String error = said.isEmpty() || again.isEmpty() ? said + again : said + "; " + again;
    return new RolloutDevice(
        row.text("device"),
        row.integer("stage"),
        row.text("profile"),
        row.text("state"),
        row.flag("online"),
        row.integer("attempt"),
        error.isEmpty() ? null : error);
  }
}
