package io.skerry.control.rollout;

import io.skerry.control.device.DesiredService;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.DeploymentMachine;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.fleet.rollout.StageCensus;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The devices of rollouts: set-based, one statement for each group that gets the same artifact. */
@Singleton
final class Deployments {
  private static final List<String> UNSTARTED = List.of("OFFERED", "DEFERRED");
  private static final List<String> TOUCHED =
      List.of(
          "OFFERED", "IN_PROGRESS", "DEFERRED", "COMMITTED", "REJECTED", "FAILED", "ROLLED_BACK");

  private final DesiredService desired;

  Deployments(DesiredService desired) {
    this.desired = desired;
  }

  /** A profile's winning artifact. */
  record Variant(Digest manifest, Digest signature) {}

  static void insert(
      Transaction transaction,
      RolloutOrder order,
      List<List<Candidate>> stages,
      Map<String, Variant> variants) {
    List<@Nullable Object[]> rows = new ArrayList<>();
    for (int stage = 0; stage < stages.size(); stage++) {
      for (Candidate candidate : stages.get(stage)) {
        Variant variant = variants.get(candidate.profile().value());
        if (variant == null) {
          throw new IllegalStateException("device without a variant: " + candidate);
        }
        rows.add(
            new @Nullable Object[] {
              order.id().value(),
              candidate.device().value(),
              stage,
              candidate.profile().value(),
              variant.manifest().toString(),
              variant.signature().toString()
            });
      }
    }
    transaction.batch(
        """
        insert into deployment (rollout, device, stage, profile, manifest, signature, state)
        values (?, ?, ?, ?, ?, ?, 'PENDING')
        """,
        rows);
  }

  private record Reported(
      String device, DeploymentState state, SlotReport report, long revision, Digest ordered) {}

  /** Takes what the devices reported last. */
  static void follow(Transaction transaction, RolloutOrder order) {
    List<Reported> reports =
        transaction.list(
            """
            select d.device, d.state, d.revision,
              case when d.state = 'RESTORING' then d.previous_manifest else d.manifest end as ordered,
              r.phase, r.running_model, r.running_version, r.running_manifest
            from deployment d
            join device_slot_report r
              on r.device = d.device and r.slot = ? and r.revision = d.revision
            where d.rollout = ?
              and d.state in ('OFFERED', 'IN_PROGRESS', 'DEFERRED', 'COMMITTED', 'RESTORING')
            """,
            row -> reported(row, order.slot()),
            order.slot().value(),
            order.id().value());
    List<@Nullable Object[]> changed = new ArrayList<>();
    for (Reported one : reports) {
      DeploymentState after =
          DeploymentMachine.after(one.state(), one.report(), one.revision(), one.ordered());
      if (after != one.state()) {
        changed.add(
            new @Nullable Object[] {
              after.name(), after.isEnded() ? after.name() : null, order.id().value(), one.device()
            });
      }
    }
    transaction.batch(
        """
        update deployment set state = ?, outcome = coalesce(?, outcome)
        where rollout = ? and device = ?
        """,
        changed);
    transaction.update(
        """
        update deployment d set error_code = r.error_code, error_detail = r.error_detail
        from device_slot_report r
        where d.rollout = ? and r.device = d.device and r.slot = ? and r.revision = d.revision
          and d.state in ('REJECTED', 'FAILED', 'ROLLED_BACK', 'RESTORE_FAILED')
          and d.error_code is null and r.error_code is not null
        """,
        order.id().value(),
        order.slot().value());
  }

  private static Reported reported(Row row, SlotId slot) {
    Optional<SlotReport.Running> running =
        row.optionalText("running_manifest")
            .map(
                manifest ->
                    new SlotReport.Running(
                        new ModelVersion(
                            new ModelName(row.text("running_model")),
                            row.bigint("running_version")),
                        Digest.parse(manifest)));
    long revision = row.bigint("revision");
    return new Reported(
        row.text("device"),
        DeploymentState.valueOf(row.text("state")),
        new SlotReport(
            slot,
            revision,
            SlotPhase.valueOf(row.text("phase")),
            Optional.empty(),
            Optional.empty(),
            running,
            Optional.empty(),
            0,
            0),
        revision,
        Digest.parse(row.text("ordered")));
  }

  private record Group(int stage, DeploymentState state, boolean online, int devices, int before) {}

  /** Counts the devices, one entry a stage. */
  static List<StageCensus> census(Transaction transaction, RolloutOrder order) {
    List<Group> groups =
        transaction.list(
            """
            select d.stage, d.state, coalesce(p.online, false) as online, count(*) as devices,
              count(*) filter (where d.state <> 'PENDING' and d.previous_manifest is not null)
                as before
            from deployment d left join device_presence p on p.device = d.device
            where d.rollout = ? group by 1, 2, 3
            """,
            row ->
                new Group(
                    row.integer("stage"),
                    DeploymentState.valueOf(row.text("state")),
                    row.flag("online"),
                    row.integer("devices"),
                    row.integer("before")),
            order.id().value());
    List<StageCensus> census = new ArrayList<>();
    for (int stage = 0; stage < order.plan().percents().size(); stage++) {
      Map<DeploymentState, Integer> online = new EnumMap<>(DeploymentState.class);
      Map<DeploymentState, Integer> offline = new EnumMap<>(DeploymentState.class);
      int before = 0;
      for (Group group : groups) {
        if (group.stage() == stage) {
          (group.online() ? online : offline).merge(group.state(), group.devices(), Integer::sum);
          before += group.before();
        }
      }
      census.add(new StageCensus(online, offline, before));
    }
    return census;
  }

  void carryOut(Transaction transaction, RolloutOrder order, RolloutEffect effect, Instant now) {
    switch (effect) {
      case RolloutEffect.OfferStage(int stage) -> offer(transaction, order, stage, now);
      case RolloutEffect.FailOverdue(Instant offeredUntil, Instant startedUntil) ->
          failOverdue(transaction, order, offeredUntil, startedUntil);
      case RolloutEffect.DeferOffline(int stage) ->
          transaction.update(
              """
              update deployment d set state = 'DEFERRED' from device_presence p
              where d.rollout = ? and d.stage = ? and d.state in ('OFFERED', 'IN_PROGRESS')
                and p.device = d.device and not p.online
              """,
              order.id().value(),
              stage);
      case RolloutEffect.RestoreUnstarted _ -> restore(transaction, order, UNSTARTED, now);
      case RolloutEffect.RestoreTouched _ -> restore(transaction, order, TOUCHED, now);
    }
  }

  private void offer(Transaction transaction, RolloutOrder order, int stage, Instant now) {
    String rollout = order.id().value();
    String slot = order.slot().value();
    transaction.update(
        """
        update deployment d set previous_model = o.model, previous_version = o.version,
          previous_manifest = o.manifest, previous_signature = o.signature
        from desired_slot o
        where d.rollout = ? and d.stage = ? and d.state = 'PENDING' and o.device = d.device
          and o.slot = ?
        """,
        rollout,
        stage,
        slot);
    // What runs counts more than what was ordered: an order may have failed.
    transaction.update(
        """
        update deployment d set previous_model = v.model, previous_version = v.version,
          previous_manifest = v.manifest, previous_signature = v.signature
        from device_slot_report r join variant v on v.manifest = r.running_manifest and v.winner
        where d.rollout = ? and d.stage = ? and d.state = 'PENDING' and r.device = d.device
          and r.slot = ? and v.profile = d.profile and v.signature is not null
        """,
        rollout,
        stage,
        slot);
    for (Batch batch :
        batches(
            transaction,
            """
            select manifest, signature, array_agg(device order by device) as devices
            from deployment where rollout = ? and stage = ? and state = 'PENDING'
            group by manifest, signature order by manifest
            """,
            rollout,
            stage)) {
      desired.order(
          transaction,
          batch.devices(),
          order.slot(),
          order.slotOrder(order.version(), batch.manifest(), batch.signature()));
    }
    transaction.update(
        """
        update deployment d set state = 'OFFERED', ordered_at = ?, revision = o.revision
        from desired_slot o
        where d.rollout = ? and d.stage = ? and d.state = 'PENDING' and o.device = d.device
          and o.slot = ?
        """,
        now,
        rollout,
        stage,
        slot);
  }

  private static void failOverdue(
      Transaction transaction, RolloutOrder order, Instant offeredUntil, Instant startedUntil) {
    transaction.update(
        """
        update deployment d set
          state = case when d.state = 'RESTORING' then 'RESTORE_FAILED' else 'FAILED' end,
          outcome = coalesce(d.outcome, 'FAILED'),
          error_detail = case when d.state = 'OFFERED' then 'did not begin in time'
            else 'did not come to an end in time' end
        from device_presence p
        where d.rollout = ? and p.device = d.device and p.online
          and ((d.state = 'OFFERED' and d.ordered_at <= ?)
            or (d.state in ('IN_PROGRESS', 'RESTORING') and d.ordered_at <= ?))
        """,
        order.id().value(),
        offeredUntil,
        startedUntil);
  }

  // Devices that a newer rollout has taken over are left to it; without a version before, the order
  // stands.
  private void restore(
      Transaction transaction, RolloutOrder order, List<String> states, Instant now) {
    String condition =
        """
        d.rollout = ? and d.state = any(?) and d.previous_manifest is not null
          and exists (select 1 from desired_slot own where own.device = d.device
            and own.slot = ? and own.rollout = d.rollout)
        """;
    String rollout = order.id().value();
    String slot = order.slot().value();
    List<Previous> groups =
        transaction.list(
            """
            select d.previous_model, d.previous_version, d.previous_manifest as manifest,
              d.previous_signature as signature, array_agg(d.device order by d.device) as devices
            from deployment d where
            """
                + condition
                + "group by 1, 2, 3, 4 order by 3",
            row ->
                new Previous(
                    new ModelVersion(
                        new ModelName(row.text("previous_model")), row.bigint("previous_version")),
                    batch(row)),
            rollout,
            states,
            slot);
    for (Previous group : groups) {
      desired.order(
          transaction,
          group.batch().devices(),
          order.slot(),
          order.slotOrder(group.version(), group.batch().manifest(), group.batch().signature()));
    }
    for (Previous group : groups) {
      transaction.update(
          """
          update deployment d set state = 'RESTORING', ordered_at = ?, revision = o.revision
          from desired_slot o
          where d.rollout = ? and d.device = any(?) and o.device = d.device and o.slot = ?
          """,
          now,
          rollout,
          group.batch().devices().stream().map(DeviceId::value).toList(),
          slot);
    }
  }

  private record Batch(Digest manifest, Digest signature, List<DeviceId> devices) {}

  private record Previous(ModelVersion version, Batch batch) {}

  private static List<Batch> batches(
      Transaction transaction, String sql, String rollout, int stage) {
    return transaction.list(sql, Deployments::batch, rollout, stage);
  }

  private static Batch batch(Row row) {
    return new Batch(
        Digest.parse(row.text("manifest")),
        Digest.parse(row.text("signature")),
        row.texts("devices").stream().map(DeviceId::new).toList());
  }
}
