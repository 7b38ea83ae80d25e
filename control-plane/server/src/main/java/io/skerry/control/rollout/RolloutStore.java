package io.skerry.control.rollout;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.rollout.PauseReason;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageProgress;
import io.skerry.fleet.rollout.StageState;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The tables of rollouts and their stages. */
final class RolloutStore {
  private static final Gson GSON = new Gson();

  private RolloutStore() {}

  record Stored(
      RolloutOrder order, RolloutState state, Instant createdAt, @Nullable Instant endedAt) {}

  static void insert(Transaction transaction, RolloutOrder order, String actor, Instant now) {
    RolloutPlan plan = order.plan();
    transaction.update(
        """
        insert into rollout (id, slot, model, version, phase, stage, reason, percents, soak_millis,
          window_millis, start_deadline_millis, progress_deadline_millis, stage_deadline_millis,
          on_failed_devices, sampling_base, sampling_notable, probation_predictions,
          probation_millis, not_eligible, created_by, created_at)
        values (?, ?, ?, ?, 'READY', 0, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        order.id().value(),
        order.slot().value(),
        order.version().model().value(),
        order.version().version(),
        plan.percents().stream().mapToLong(Integer::longValue).toArray(),
        plan.soak().toMillis(),
        order.window().toMillis(),
        plan.deadlines().start().toMillis(),
        plan.deadlines().progress().toMillis(),
        plan.deadlines().stage().toMillis(),
        order.onFailedDevices().name(),
        order.sampling().base(),
        order.sampling().notable(),
        order.probationPredictions(),
        order.probation().toMillis(),
        order.notEligible(),
        actor,
        now);
    save(transaction, order.id(), RolloutState.ready(plan), now);
  }

  static void save(Transaction transaction, RolloutId id, RolloutState state, Instant now) {
    RolloutPhase phase = state.phase();
    transaction.update(
        """
        update rollout set phase = ?, stage = ?, pause_reason = ?, superseded_by = ?, reason = ?,
          ended_at = case when ? then coalesce(ended_at, ?) end where id = ?
        """,
        phase.code(),
        stage(phase),
        phase instanceof RolloutPhase.Paused paused ? paused.why().name() : null,
        phase instanceof RolloutPhase.Superseded superseded ? superseded.by().value() : null,
        phase.explanation(),
        phase.isTerminal(),
        now,
        id.value());
    List<@Nullable Object[]> rows = new ArrayList<>();
    for (int stage = 0; stage < state.stages().size(); stage++) {
      StageProgress progress = state.stages().get(stage);
      rows.add(
          new @Nullable Object[] {
            id.value(),
            stage,
            progress.state().name(),
            progress.openedAt().orElse(null),
            progress.soakingSince().orElse(null),
            progress.reason(),
            GSON.toJson(progress.evidence())
          });
    }
    for (@Nullable Object[] row : rows) {
      transaction.update(
          """
          insert into rollout_stage (rollout, stage, state, opened_at, soaking_since, reason,
            evidence)
          values (?, ?, ?, ?::timestamptz, ?::timestamptz, ?, ?::jsonb)
          on conflict (rollout, stage) do update set state = excluded.state,
            opened_at = excluded.opened_at, soaking_since = excluded.soaking_since,
            reason = excluded.reason, evidence = excluded.evidence
          """,
          row);
    }
  }

  private static int stage(RolloutPhase phase) {
    return switch (phase) {
      case RolloutPhase.Running(int stage) -> stage;
      case RolloutPhase.Paused(int stage, PauseReason _, String _) -> stage;
      case RolloutPhase.Draft _,
          RolloutPhase.Ready _,
          RolloutPhase.Aborting _,
          RolloutPhase.Aborted _,
          RolloutPhase.RollingBack _,
          RolloutPhase.RolledBack _,
          RolloutPhase.Succeeded _,
          RolloutPhase.Superseded _ ->
          0;
    };
  }

  static List<RolloutId> active(Transaction transaction) {
    return transaction.list(
        "select id from rollout where ended_at is null order by created_at limit 1000",
        row -> new RolloutId(row.text("id")));
  }

  static List<RolloutId> activeIn(Transaction transaction, SlotId slot) {
    return transaction.list(
        "select id from rollout where ended_at is null and slot = ? order by created_at",
        row -> new RolloutId(row.text("id")),
        slot.value());
  }

  /** Locks the rollout until the transaction ends; empty when another replica works on it. */
  static Optional<Stored> claim(Transaction transaction, RolloutId id) {
    return transaction
        .first(
            "select * from rollout where id = ? for update skip locked",
            RolloutStore::head,
            id.value())
        .map(head -> head.with(stages(transaction, id)));
  }

  /** Locks the rollout until the transaction ends, waiting for it. */
  static Optional<Stored> lock(Transaction transaction, RolloutId id) {
    return transaction
        .first("select * from rollout where id = ? for update", RolloutStore::head, id.value())
        .map(head -> head.with(stages(transaction, id)));
  }

  static Optional<Stored> find(Transaction transaction, String id) {
    return transaction
        .first("select * from rollout where id = ?", RolloutStore::head, id)
        .map(head -> head.with(stages(transaction, head.order().id())));
  }

  static List<Stored> newest(Transaction transaction, int limit) {
    return transaction
        .list(
            "select * from rollout order by created_at desc, id limit ?", RolloutStore::head, limit)
        .stream()
        .map(head -> head.with(stages(transaction, head.order().id())))
        .toList();
  }

  private record Head(
      RolloutOrder order, RolloutPhase phase, Instant createdAt, @Nullable Instant endedAt) {
    Stored with(List<StageProgress> stages) {
      return new Stored(order, new RolloutState(phase, stages), createdAt, endedAt);
    }
  }

  private static List<StageProgress> stages(Transaction transaction, RolloutId id) {
    return transaction.list(
        "select * from rollout_stage where rollout = ? order by stage",
        row ->
            new StageProgress(
                StageState.valueOf(row.text("state")),
                row.optionalInstant("opened_at"),
                row.optionalInstant("soaking_since"),
                row.text("reason"),
                GSON.fromJson(row.text("evidence"), new TypeToken<List<GateResult>>() {})),
        id.value());
  }

  private static Head head(Row row) {
    RolloutPlan plan =
        new RolloutPlan(
            Arrays.stream(row.bigints("percents")).mapToObj(percent -> (int) percent).toList(),
            Duration.ofMillis(row.bigint("soak_millis")),
            new RolloutPlan.Deadlines(
                Duration.ofMillis(row.bigint("start_deadline_millis")),
                Duration.ofMillis(row.bigint("progress_deadline_millis")),
                Duration.ofMillis(row.bigint("stage_deadline_millis"))));
    RolloutOrder order =
        new RolloutOrder(
            new RolloutId(row.text("id")),
            new SlotId(row.text("slot")),
            new ModelVersion(new ModelName(row.text("model")), row.bigint("version")),
            plan,
            Duration.ofMillis(row.bigint("window_millis")),
            GateAction.valueOf(row.text("on_failed_devices")),
            new SamplingRates(row.number("sampling_base"), row.number("sampling_notable")),
            row.integer("probation_predictions"),
            Duration.ofMillis(row.bigint("probation_millis")),
            row.integer("not_eligible"));
    return new Head(
        order, phase(row), row.instant("created_at"), row.optionalInstant("ended_at").orElse(null));
  }

  private static RolloutPhase phase(Row row) {
    String reason = row.text("reason");
    int stage = row.integer("stage");
    String code = row.text("phase");
    return switch (code) {
      case "DRAFT" -> new RolloutPhase.Draft();
      case "READY" -> new RolloutPhase.Ready();
      case "RUNNING" -> new RolloutPhase.Running(stage);
      case "PAUSED" ->
          new RolloutPhase.Paused(stage, PauseReason.valueOf(row.text("pause_reason")), reason);
      case "ABORTING" -> new RolloutPhase.Aborting(reason);
      case "ABORTED" -> new RolloutPhase.Aborted(reason);
      case "ROLLING_BACK" -> new RolloutPhase.RollingBack(reason);
      case "ROLLED_BACK" -> new RolloutPhase.RolledBack(reason);
      case "SUCCEEDED" -> new RolloutPhase.Succeeded();
      case "SUPERSEDED" -> new RolloutPhase.Superseded(new RolloutId(row.text("superseded_by")));
      default -> throw new IllegalStateException("rollout in unknown phase " + code);
    };
  }
}
