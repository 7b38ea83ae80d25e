package io.skerry.control.rollout;

import io.skerry.control.rollout.Candidates.Packaged;
import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.sql.Columns;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Eligibility;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageMembership.Boundary;
import io.skerry.fleet.rollout.StageMembership.Membership;
import io.skerry.fleet.rollout.StageRule.Selection;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The tables of rollouts, their stages, variants, events and counts. */
final class RolloutTables {
  /**
   * How long after a rollout's end it is known who was in none of its stages, and what each device
   * did meanwhile; how many there were, and what was decided by it, is kept.
   */
  static final Duration DEVICES_KEPT = Duration.ofDays(90);

  // Sums before the arms that they are of.
  private static final List<String> TABLES_OF_DEVICES =
      List.of("rollout_outsider", "rollout_member", "rollout_arm_sum", "rollout_arm");

  /** Rows of a table that are forgotten at a time. */
  static final int FORGOTTEN_MAX = 10_000;

  /** Differences of counts that are read before the engine folds them. */
  static final int COUNTS_MAX = 500;

  private RolloutTables() {}

  /** A rollout as it is kept. */
  record Stored(
      RolloutOrder order,
      RolloutState state,
      long revision,
      String createdBy,
      Instant createdAt,
      @Nullable Instant endedAt,
      boolean released,
      boolean replaced,
      int outsiders) {
    RolloutId id() {
      return order.id();
    }

    /** What is ordered by now. */
    RolloutOrder current() {
      return state.promotion().isPresent() ? order.promoted() : order;
    }

    /** Whether several models go together. */
    boolean isUnit() {
      return order.parts().size() > 1;
    }

    /** The stage up to which devices that come later join: none once another took its place. */
    OptionalInt joinedThrough() {
      return replaced ? OptionalInt.empty() : RolloutMachine.joinedThrough(order.plan(), state);
    }
  }

  static void insert(
      Transaction transaction,
      RolloutOrder order,
      String holdbackAbove,
      List<String> profiles,
      int outsiders,
      String author,
      Instant now) {
    RolloutPlan plan = order.plan();
    transaction.update(
        """
        insert into rollout (id, model, version, slots, profiles, definition, state, phase, stage,
          revision, start_millis, step_millis, progress_millis, holdback_above, outsiders,
          created_by, created_at)
        values (?, ?, ?, ?, ?, ?::jsonb, ?::jsonb, 'DRAFT', 0, 1, ?, ?, ?, ?, ?, ?, ?)
        """,
        order.id().value(),
        order.first().version().model().value(),
        order.first().version().version(),
        order.slots(),
        profiles,
        RolloutCodec.write(order, RolloutOrder.class),
        RolloutCodec.write(RolloutState.draft(plan), RolloutState.class),
        plan.deadlines().start().toMillis(),
        plan.deadlines().step().toMillis(),
        plan.deadlines().progress().toMillis(),
        holdbackAbove,
        outsiders,
        author,
        now);
  }

  static void insertStages(Transaction transaction, RolloutOrder order, Membership membership) {
    List<Boundary> boundaries = membership.boundaries();
    for (int stage = 0; stage < boundaries.size(); stage++) {
      transaction.update(
          """
          insert into rollout_stage (rollout, stage, planned, threshold, representatives, edges,
            fixed)
          values (?, ?, ?, ?, ?, '{}', ?)
          """,
          order.id().value(),
          stage,
          membership.stages().get(stage).size(),
          boundaries.get(stage).threshold(),
          boundaries.get(stage).representatives().stream().map(device -> device.value()).toList(),
          isFixed(order, stage));
      if (isFixed(order, stage)) {
        transaction.update(
            "insert into rollout_member (rollout, stage, device) select ?, ?, unnest(?::text[])",
            order.id().value(),
            stage,
            membership.stages().get(stage).stream().map(one -> one.device().value()).toList());
      }
    }
  }

  // By rank the same devices are found whenever a stage opens; labels and boards change.
  private static boolean isFixed(RolloutOrder order, int stage) {
    if (order.plan().dynamic()) {
      return false;
    }
    return switch (order.plan().steps().get(stage).selection()) {
      case Selection.Cohort _, Selection.Profile _ -> true;
      case Selection.Percent _, Selection.Count _, Selection.Holdback _ -> false;
    };
  }

  /** Keeps who is in no stage, and why. */
  static void insertOutsiders(
      Transaction transaction, RolloutId id, Map<String, String> reasonByDevice) {
    Columns rows = new Columns(2);
    reasonByDevice.forEach((device, reason) -> rows.add(device, reason));
    transaction.update(
        """
        insert into rollout_outsider (rollout, device, reason)
        select ?, told.* from unnest(?::text[], ?::text[]) as told
        """,
        rows.after(id.value()));
  }

  static void insertVariants(
      Transaction transaction, RolloutOrder order, Map<Part, Map<String, Packaged>> variants) {
    List<@Nullable Object[]> rows = new ArrayList<>();
    variants.forEach(
        (part, byProfile) ->
            byProfile.forEach(
                (profile, packaged) ->
                    rows.add(
                        new @Nullable Object[] {
                          order.id().value(),
                          part.slot().value(),
                          profile,
                          packaged.variant().version().model().value(),
                          packaged.variant().version().version(),
                          packaged.variant().manifest().toString(),
                          packaged.variant().signature().toString(),
                          packaged.engine()
                        })));
    transaction.batch(
        """
        insert into rollout_variant (rollout, slot, profile, model, version, manifest, signature,
          engine)
        values (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        rows);
  }

  private record Engines(ProfileId profile, Set<String> names) {}

  /** What a device has to have for what a rollout brings. */
  static Eligibility.Needs needs(Transaction transaction, RolloutId id) {
    return new Eligibility.Needs(
        transaction
            .list(
                """
                select profile, array_agg(distinct engine) filter (where engine <> '') as engines
                from rollout_variant where rollout = ? group by profile
                """,
                row ->
                    new Engines(
                        new ProfileId(row.text("profile")), Set.copyOf(row.texts("engines"))),
                id.value())
            .stream()
            .collect(Collectors.toMap(Engines::profile, Engines::names)));
  }

  /**
   * Keeps the state and the event that led to it. The revision grows by what people do and by what
   * was decided, and not by what only moves at each look: who acts on what they saw has to be
   * refused for another decision, and for nothing else.
   */
  static void keep(
      Transaction transaction,
      RolloutId id,
      RolloutEvent event,
      RolloutState before,
      RolloutState state,
      Instant now) {
    boolean looked =
        event instanceof RolloutEvent.Observed
            || event instanceof RolloutEvent.Ordered
            || event instanceof RolloutEvent.Unheard;
    boolean moved = looked && state.isDecidedLike(before);
    int stage = RolloutMachine.openStage(state).orElse(0);
    transaction.update(
        """
        update rollout set state = ?::jsonb, phase = ?, stage = ?, stage_opened_at = ?::timestamptz,
          revision = revision + ?,
          ended_at = case when ? then coalesce(ended_at, ?) end
        where id = ?
        """,
        RolloutCodec.write(state, RolloutState.class),
        state.phase().code(),
        stage,
        state.stages().get(stage).openedAt().map(Instant::toString).orElse(null),
        moved ? 0 : 1,
        state.phase().isTerminal(),
        now,
        id.value());
    transaction.update(
        """
        insert into rollout_event (rollout, sequence, at, event)
        select ?, 1 + coalesce(max(sequence), 0), ?, ?::jsonb from rollout_event where rollout = ?
        """,
        id.value(),
        now,
        RolloutCodec.write(event, RolloutEvent.class),
        id.value());
  }

  /** Locks the rollout until the transaction ends, waiting for it. */
  static Optional<Stored> lock(Transaction transaction, RolloutId id) {
    return transaction.first(
        "select * from rollout where id = ? for update", RolloutTables::stored, id.value());
  }

  static Optional<Stored> find(Transaction transaction, String id) {
    return transaction.first("select * from rollout where id = ?", RolloutTables::stored, id);
  }

  /** The newest; without those that cannot be read. */
  static List<Stored> newest(Transaction transaction, int limit) {
    return transaction
        .list(
            "select * from rollout order by created_at desc, id limit ?",
            row -> readable(row, unused -> {}),
            limit)
        .stream()
        .flatMap(Optional::stream)
        .toList();
  }

  /** A rollout whose row another build wrote, or somebody by hand. */
  record Unreadable(RolloutId id, RuntimeException why) {}

  /**
   * Rollouts that are under way, or whose late devices still catch up.
   *
   * @param unreadable told of those that cannot be read: they must not hold up the others
   */
  static List<Stored> followed(
      Transaction transaction, int limit, Consumer<Unreadable> unreadable) {
    return transaction
        .list(
            """
            select * from rollout
            where not released and phase not in ('DRAFT', 'WAITING_FOR_APPROVAL', 'READY')
            order by created_at, id limit ?
            """,
            row -> readable(row, unreadable),
            limit)
        .stream()
        .flatMap(Optional::stream)
        .toList();
  }

  /** Rollouts that a newer one of these slots and profiles takes the place of. */
  static List<RolloutId> superseded(
      Transaction transaction, RolloutOrder newer, List<String> profiles) {
    return transaction.list(
        """
        select id from rollout
        where not released and id <> ? and slots && ? and profiles && ?
          and phase not in ('DRAFT', 'WAITING_FOR_APPROVAL', 'READY')
        order by created_at
        """,
        row -> new RolloutId(row.text("id")),
        newer.id().value(),
        newer.slots(),
        profiles);
  }

  /** Of these, those that have not ended, and trials that are being promoted. */
  static List<Stored> supersededUnderWay(
      Transaction transaction, RolloutOrder order, List<String> profiles) {
    return superseded(transaction, order, profiles).stream()
        .flatMap(id -> find(transaction, id.value()).stream())
        .filter(
            other ->
                !other.state().phase().isTerminal()
                    || (RolloutMachine.isPromoted(other.order().plan(), other.state())
                        && anyWaits(transaction, other.id())))
        .toList();
  }

  private static boolean anyWaits(Transaction transaction, RolloutId id) {
    return transaction.number(
            "select count(*) from (select from deployment where rollout = ? and state = 'PENDING' limit 1) w",
            id.value())
        > 0;
  }

  /** One that is under way in the same slots and profiles. */
  static Optional<RolloutId> underWay(
      Transaction transaction, RolloutOrder order, List<String> profiles) {
    return supersededUnderWay(transaction, order, profiles).stream().map(Stored::id).findFirst();
  }

  /** Follows a rollout again that was over, and its devices as they are now. */
  static void followAgain(Transaction transaction, RolloutId id) {
    transaction.update("update rollout set released = false where id = ?", id.value());
    transaction.update(
        """
        update deployment d set live = true, online = p.online, away_since = null,
          ordered_at = case when d.state = 'DEFERRED' then now() else d.ordered_at end
        from device_presence p
        where d.rollout = ? and not d.live and d.state <> 'REMOVED' and p.device = d.device
        """,
        id.value());
    DeviceFollower.goOnAgain(transaction, id);
  }

  static List<String> profiles(Transaction transaction, RolloutId id) {
    return transaction
        .first(
            "select profiles from rollout where id = ?", row -> row.texts("profiles"), id.value())
        .orElse(List.of());
  }

  /** Ends the following of a rollout whose place another takes. */
  static void replace(Transaction transaction, RolloutId id) {
    transaction.update("update rollout set replaced = true where id = ?", id.value());
    release(transaction, id);
  }

  /** Waits no more for who has not come back of a rollout that went back, or was about to. */
  static void awaitNobody(Transaction transaction, RolloutId id) {
    transaction.update(
        """
        update deployment set state = 'CANCELLED',
          error_detail = 'was not back when nobody waited for it any more: it may still run this'
        where rollout = ? and (state = 'RESTORING' or (state = 'DEFERRED' and has_order))
        """,
        id.value());
  }

  /** Devices that could not go back, run what was rolled back, and were to try again. */
  static int stillToGoBack(Transaction transaction, RolloutId id) {
    return Math.toIntExact(
        transaction.number(
            """
            select count(*) from deployment d
            where d.rollout = ? and d.again_at is not null and d.state = 'RESTORE_FAILED'
              and exists (select from desired_slot o where o.device = d.device
                and o.rollout is not distinct from d.rollout and o.mode <> 'OFF')
            """,
            id.value()));
  }

  /** Ends the following. */
  static void release(Transaction transaction, RolloutId id) {
    if (transaction.number(
            "select count(*) from rollout where id = ? and phase = 'ROLLED_BACK'", id.value())
        > 0) {
      awaitNobody(transaction, id);
    }
    transaction.update("update rollout set released = true where id = ?", id.value());
    transaction.update(
        """
        update deployment set live = false, due_at = null, again_at = null
        where rollout = ? and live
        """,
        id.value());
  }

  static List<RolloutEvent> events(Transaction transaction, RolloutId id, List<Instant> times) {
    return transaction.list(
        "select at, event from rollout_event where rollout = ? order by sequence",
        row -> {
          times.add(row.instant("at"));
          return RolloutCodec.GSON.fromJson(row.text("event"), RolloutEvent.class);
        },
        id.value());
  }

  /** The rollout of a row; empty where it cannot be read. */
  static Optional<Stored> readable(Row row, Consumer<Unreadable> unreadable) {
    RolloutId id = new RolloutId(row.text("id"));
    try {
      return Optional.of(stored(row));
    } catch (RuntimeException e) {
      unreadable.accept(new Unreadable(id, e));
      return Optional.empty();
    }
  }

  static Stored stored(Row row) {
    return new Stored(
        RolloutCodec.GSON.fromJson(row.text("definition"), RolloutOrder.class),
        RolloutCodec.GSON.fromJson(row.text("state"), RolloutState.class),
        row.bigint("revision"),
        row.text("created_by"),
        row.instant("created_at"),
        row.optionalInstant("ended_at").orElse(null),
        row.flag("released"),
        row.flag("replaced"),
        row.integer("outsiders"));
  }

  private record OfRollout(RolloutId rollout, Census.Cell cell) {}

  /** The devices of several rollouts, counted. */
  static Map<RolloutId, Census> census(Transaction transaction, List<RolloutId> rollouts) {
    List<OfRollout> cells =
        transaction.list(
            """
            select rollout, stage, profile, state, online, replacing, late,
              sum(devices)::bigint as devices
            from deployment_count where rollout = any(?)
            group by 1, 2, 3, 4, 5, 6, 7 having sum(devices) <> 0
            order by 1, 2, 3, 4, 5, 6, 7
            """,
            row ->
                new OfRollout(
                    new RolloutId(row.text("rollout")),
                    new Census.Cell(
                        row.integer("stage"),
                        new ProfileId(row.text("profile")),
                        DeploymentState.valueOf(row.text("state")),
                        row.flag("online"),
                        row.flag("replacing"),
                        row.flag("late"),
                        row.integer("devices"))),
            rollouts.stream().map(RolloutId::value).toList());
    Map<RolloutId, List<Census.Cell>> byRollout = new HashMap<>();
    cells.forEach(
        one ->
            byRollout.computeIfAbsent(one.rollout(), unused -> new ArrayList<>()).add(one.cell()));
    Map<RolloutId, Census> all = new HashMap<>();
    byRollout.forEach((rollout, of) -> all.put(rollout, new Census(of)));
    return all;
  }

  static Census census(Transaction transaction, RolloutId rollout) {
    return census(transaction, List.of(rollout)).getOrDefault(rollout, Census.NONE);
  }

  /** Adds the differences up, so that the next look reads few rows; others may add meanwhile. */
  static void foldCounts(Transaction transaction, RolloutId rollout) {
    if (transaction.number(
            "select count(*) from deployment_count where rollout = ?", rollout.value())
        < COUNTS_MAX) {
      return;
    }
    transaction.update(
        """
        with folded as (delete from deployment_count where rollout = ? returning *)
        insert into deployment_count
          (rollout, stage, profile, state, online, replacing, late, devices)
        select rollout, stage, profile, state, online, replacing, late, sum(devices) from folded
        group by 1, 2, 3, 4, 5, 6, 7 having sum(devices) <> 0
        """,
        rollout.value());
  }

  /**
   * Compares the counts with the devices and mends them; the caller holds the rollout's row.
   *
   * @return counts that were wrong
   */
  static int sweep(Transaction transaction, RolloutId rollout) {
    return transaction.update(
        """
        insert into deployment_count
          (rollout, stage, profile, state, online, replacing, late, devices)
        select ?, stage, profile, state, online, replacing, late, sum(n) from (
          select stage, profile, state, online, replacing, late, 1 as n from deployment
          where rollout = ?
          union all
          select stage, profile, state, online, replacing, late, -devices from deployment_count
          where rollout = ?) differences
        group by 2, 3, 4, 5, 6, 7 having sum(n) <> 0
        """,
        rollout.value(),
        rollout.value(),
        rollout.value());
  }

  /** Forgets of rollouts that ended long ago what {@link #DEVICES_KEPT} is about; how many rows. */
  static int forget(Transaction transaction, Instant now) {
    int most = 0;
    for (String table : TABLES_OF_DEVICES) {
      most =
          Math.max(
              most,
              transaction.update(
                  """
                  delete from %1$s where ctid = any(array(
                    select of.ctid from %1$s of join rollout on rollout.id = of.rollout
                    where rollout.ended_at < ? limit ?))
                  """
                      .formatted(table),
                  now.minus(DEVICES_KEPT),
                  FORGOTTEN_MAX));
    }
    return most;
  }

  static ModelVersion version(Row row) {
    return new ModelVersion(new ModelName(row.text("model")), row.bigint("version"));
  }
}
