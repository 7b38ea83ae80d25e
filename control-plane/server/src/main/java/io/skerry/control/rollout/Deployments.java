package io.skerry.control.rollout;

import io.skerry.control.device.DesiredService;
import io.skerry.control.device.Profiles;
import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.rollout.RolloutOrder.Variant;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.Eligibility;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Carries effects out on the devices of a rollout: set-based, one statement for each group.
 *
 * <p>A device's order is looked for by the device alone, with "is not distinct from" for the rest:
 * until PostgreSQL has counted again, it believes that a new rollout has ordered one device, and
 * would read all of its orders for each of them.
 */
@Singleton
final class Deployments {
  private static final List<String> IN_FLIGHT = names(DeploymentState::isInFlight);
  private static final List<String> BEFORE_SWITCH = names(DeploymentState::isBeforeSwitch);
  private static final List<String> BEFORE_THE_VERSION = names(DeploymentState::isBeforeTheVersion);
  private static final List<String> RETRYABLE = names(DeploymentState::isRetryable);
  private static final List<String> FAILED = names(DeploymentState::isFailure);
  private static final String NOT_REACHED = DeploymentState.NOT_REACHED.name();
  private static final List<String> WAITING =
      List.of(DeploymentState.PENDING.name(), DeploymentState.DEFERRED.name());
  // That may have an order: also of an earlier attempt.
  private static final List<String> ORDERED =
      names(
          state ->
              state.isInFlight()
                  || state.isFailure()
                  || state == DeploymentState.PENDING
                  || state == DeploymentState.NOT_REACHED
                  || state == DeploymentState.COMMITTED
                  || state == DeploymentState.DEFERRED);

  /** How often others are chosen in one step in place of devices that are not ordered anything. */
  static final int CHOICES_MAX = 10;

  private final DesiredService desired;
  private final Arms arms;
  private final Profiles profiles;

  Deployments(DesiredService desired, Arms arms, Profiles profiles) {
    this.desired = desired;
    this.arms = arms;
    this.profiles = profiles;
  }

  private static List<String> names(Predicate<DeploymentState> fits) {
    return Arrays.stream(DeploymentState.values()).filter(fits).map(Enum::name).toList();
  }

  /** Carries an effect out; how many devices got an order to run the version. */
  int carryOut(Transaction transaction, RolloutOrder order, RolloutEffect effect, Instant now) {
    return carryOut(transaction, order, false, effect, now, new ArrayList<>());
  }

  // Adds whom it chose to be offered something, whatever became of them.
  private int carryOut(
      Transaction transaction,
      RolloutOrder order,
      boolean promoted,
      RolloutEffect effect,
      Instant now,
      List<String> offered) {
    int orders = 0;
    switch (effect) {
      case RolloutEffect.OpenStage(int stage) -> open(transaction, order, stage);
      case RolloutEffect.Offer(int through, int limit) ->
          orders =
              offer(
                  transaction,
                  order,
                  promoted,
                  limit,
                  left ->
                      transaction.list(
                          """
                      select device from deployment
                      where rollout = ? and state = 'PENDING' and online and stage <= ?
                      order by stage, rank limit ? for update
                      """,
                          row -> row.text("device"),
                          order.id().value(),
                          through,
                          left),
                  now,
                  offered);
      case RolloutEffect.CatchUp(int limit) ->
          orders =
              offer(
                  transaction,
                  order,
                  promoted,
                  limit,
                  left ->
                      transaction.list(
                          """
                      select device from deployment
                      where rollout = ? and state = 'DEFERRED' and online and not has_order
                      order by stage, rank limit ? for update
                      """,
                          row -> row.text("device"),
                          order.id().value(),
                          left),
                  now,
                  offered);
      case RolloutEffect.Expire() -> expire(transaction, order, now);
      case RolloutEffect.DeferOffline(int through) ->
          transaction.update(
              """
              update deployment set state = 'DEFERRED', due_at = null
              where rollout = ? and stage <= ? and not online
                and (state = 'PENDING' or state = any(?))
              """,
              order.id().value(),
              through,
              IN_FLIGHT);
      case RolloutEffect.Cancel() -> cancel(transaction, order);
      case RolloutEffect.RestoreTouched() -> restore(transaction, order, now);
      case RolloutEffect.RestoreAgain(boolean anew) -> restoreAgain(transaction, order, anew, now);
      case RolloutEffect.RestoreBrokenUnits() -> restoreBrokenUnits(transaction, order);
      case RolloutEffect.RetryFailed() -> {
        giveUpTaken(transaction, order);
        forgetLate(transaction, order);
        transaction.update(
            """
              update deployment set state = 'PENDING', attempt = attempt + 1, has_order = false,
                due_at = null, failed_as = null, error_code = null, error_detail = null
              where rollout = ? and state = any(?) and not exists (
                select 1 from desired_slot o where o.device = deployment.device
                  and o.slot = any(?) and o.rollout is distinct from deployment.rollout)
              """,
            order.id().value(),
            RETRYABLE,
            order.places());
      }
      case RolloutEffect.ConcludeTrial(boolean promote) -> {
        if (promote) {
          letWait(transaction, order);
        } else {
          drop(transaction, order);
        }
      }
      case RolloutEffect.CloseOut(boolean catchesUp) -> {
        if (catchesUp) {
          markLate(transaction, order);
        }
        transaction.update(
            """
              update deployment set due_at = null,
                state = case when state = 'PENDING' and not ? then 'CANCELLED' else 'DEFERRED' end
              where rollout = ? and (state = 'PENDING' or (state = 'RESTORING' and not online)
                or (state = any(?) and not (? and online)))
              """,
            catchesUp,
            order.id().value(),
            IN_FLIGHT,
            catchesUp);
      }
    }
    return orders;
  }

  // It succeeds without those that are not at an end. Who got what was promoted until now did so
  // in its stages.
  private static void markLate(Transaction transaction, RolloutOrder order) {
    transaction.update(
        """
        update deployment set late = not late
        where rollout = ?
          and late <> (state = any(?) or state = any(?) or state = 'NOT_REACHED')
        """,
        order.id().value(),
        WAITING,
        IN_FLIGHT);
  }

  // What became of them until now is known to whoever lets it go on after the success.
  private static void forgetLate(Transaction transaction, RolloutOrder order) {
    transaction.update(
        """
        update deployment set late = false
        where rollout = ? and late and state <> all(?) and state <> all(?)
          and state <> 'NOT_REACHED'
          and exists (select from rollout r where r.id = ? and r.phase = 'SUCCEEDED')
        """,
        order.id().value(),
        WAITING,
        IN_FLIGHT,
        order.id().value());
  }

  // Whoever never had the order of a rollout that was replaced may have a newer one by now.
  private static void giveUpTaken(Transaction transaction, RolloutOrder order) {
    transaction.update(
        """
        update deployment set state = 'CANCELLED', due_at = null
        where rollout = ? and state = 'DEFERRED' and not has_order and exists (
          select 1 from rollout r join desired_slot o on o.rollout is distinct from r.id
          where r.id = deployment.rollout and r.replaced
            and o.device = deployment.device and o.slot = any(?))
        """,
        order.id().value(),
        order.places());
  }

  private void open(Transaction transaction, RolloutOrder order, int stage) {
    Members.enter(transaction, order, stage);
    if (transaction.number(
            """
            select count(*) from deployment where rollout = ? and stage = ?
              and (ordered_at is not null or state = 'ALREADY_INSTALLED')
            """,
            order.id().value(),
            stage)
        == 0) {
      arms.open(transaction, order, stage);
    }
  }

  private record OfProfile(String profile, List<DeviceId> devices) {}

  // Who is chosen and not ordered anything has another state afterwards, and is not chosen again.
  private int offer(
      Transaction transaction,
      RolloutOrder order,
      boolean promoted,
      int limit,
      IntFunction<List<String>> waiting,
      Instant now,
      List<String> offered) {
    int left = limit;
    for (int choice = 0; choice < CHOICES_MAX && left > 0; choice++) {
      List<String> chosen = waiting.apply(left);
      if (chosen.isEmpty()) {
        break;
      }
      offered.addAll(chosen);
      left -= offer(transaction, order, promoted, chosen, now);
    }
    return limit - left;
  }

  private int offer(
      Transaction transaction,
      RolloutOrder order,
      boolean promoted,
      List<String> waiting,
      Instant now) {
    Members.Checked checked = Members.check(transaction, order, waiting);
    // What they were ordered at an earlier attempt.
    sendBack(transaction, order, checked.left());
    List<String> chosen = checked.eligible();
    if (chosen.isEmpty()) {
      return 0;
    }
    String rollout = order.id().value();
    transaction.update(
        """
        update deployment d set due_at = null, (state, has_order) = (
          select case when count(*) > 0 then 'COMMITTED' else 'ALREADY_INSTALLED' end,
            d.has_order or count(*) > 0
          from desired_slot own
          where own.device = d.device and own.rollout is not distinct from d.rollout)
        where d.rollout = ? and d.device = any(?) and not exists (
          select 1 from rollout_variant v
          left join device_slot_report r on r.device = d.device and r.slot = any(?)
            and r.slot = v.slot and r.phase = 'COMMITTED' and r.running_manifest = v.manifest
          left join desired_slot o on o.device = d.device and o.slot = v.slot
            and o.manifest = v.manifest and o.mode = 'ACTIVE' and o.revision = r.revision
          where v.rollout = d.rollout and v.profile = d.profile
            and (r.device is null or o.device is null))
        """,
        rollout,
        chosen,
        order.places());
    for (Part part : order.parts()) {
      rememberPrevious(transaction, order, part, chosen);
    }
    for (Part part : order.parts()) {
      for (OfProfile group : pending(transaction, order, chosen)) {
        desired.order(
            transaction,
            group.devices(),
            part.place(order.plan().kind()),
            order.slotOrder(variant(transaction, order, part, group.profile()), order.mode(part)));
      }
    }
    return transaction.update(
        """
        update deployment set state = 'OFFERED', has_order = true, ordered_at = ?,
          due_at = ?::timestamptz + ? * interval '1 millisecond',
          replacing = ? or previous <> '{}'::jsonb, error_code = null, error_detail = null,
          late = late or ? or exists (select from rollout r where r.id = deployment.rollout
            and r.phase = 'SUCCEEDED')
        where rollout = ? and device = any(?) and state in ('PENDING', 'DEFERRED')
        """,
        now,
        now.toString(),
        order.plan().deadlines().start().toMillis(),
        order.plan().kind().isTrial(),
        promoted,
        rollout,
        chosen);
  }

  private static List<OfProfile> pending(
      Transaction transaction, RolloutOrder order, List<String> chosen) {
    return transaction.list(
        """
        select profile, array_agg(device order by device) as devices from deployment
        where rollout = ? and device = any(?) and state in ('PENDING', 'DEFERRED')
        group by profile order by profile
        """,
        row ->
            new OfProfile(
                row.text("profile"), row.texts("devices").stream().map(DeviceId::new).toList()),
        order.id().value(),
        chosen);
  }

  private static Variant variant(
      Transaction transaction, RolloutOrder order, Part part, String profile) {
    return transaction
        .first(
            "select * from rollout_variant where rollout = ? and slot = ? and profile = ?",
            Deployments::variant,
            order.id().value(),
            part.slot().value(),
            profile)
        .orElseThrow(
            () -> new IllegalStateException("no variant of %s for %s".formatted(part, profile)));
  }

  private static Variant variant(Row row) {
    return new Variant(
        RolloutTables.version(row),
        Digest.parse(row.text("manifest")),
        Digest.parse(row.text("signature")));
  }

  // What another rollout has ordered back counts most, be it to nothing: the device may run still
  // what was taken back from it. Then what runs, more than what was ordered: an order may have
  // failed, and one that no device has proved is nothing to go back to. Last, what the rollout that
  // is under way found. A further attempt knows already. What a rollout brings is nothing to return
  // to, but in a unit: a model of it may have been ordered and proved in that version before.
  private static void rememberPrevious(
      Transaction transaction, RolloutOrder order, Part part, List<String> chosen) {
    if (order.plan().kind().isTrial()) {
      return;
    }
    String slot = part.slot().value();
    int found =
        transaction.update(
            """
        update deployment d set previous = d.previous || jsonb_build_object(?::text, before.of)
        from (
          select distinct on (found.device) found.device, found.of
          from (
            select r.device, r.slot, v.manifest, jsonb_build_object('model', v.model,
              'version', v.version, 'manifest', v.manifest, 'signature', v.signature) as of,
              1 as best
            from device_slot_report r
            join variant v on v.manifest = r.running_manifest and v.winner
              and v.signature is not null
            where r.slot = ? and r.device = any(?) and not exists (
              select from desired_slot off where off.device = r.device and off.slot = r.slot
                and off.mode = 'OFF' and off.rollout is not null)
            union all
            select o.device, o.slot, o.manifest, jsonb_build_object('model', o.model,
              'version', o.version, 'manifest', o.manifest, 'signature', o.signature),
              case when earlier.previous -> o.slot ->> 'manifest' = o.manifest then 0 else 2 end
            from desired_slot o
            left join deployment earlier on earlier.rollout = o.rollout and earlier.device = o.device
            where o.slot = ? and o.device = any(?) and o.mode = 'ACTIVE'
              and (o.rollout is null or earlier.state in ('COMMITTED', 'ALREADY_INSTALLED')
                or earlier.previous -> o.slot ->> 'manifest' = o.manifest)
            union all
            select o.device, o.slot, earlier.previous -> o.slot ->> 'manifest', earlier.previous -> o.slot, 3
            from desired_slot o
            join deployment earlier on earlier.rollout = o.rollout and earlier.device = o.device
              and earlier.previous ?? o.slot
            where o.slot = ? and o.device = any(?) and o.mode = 'ACTIVE') found
          join device on device.id = found.device
          join rollout_variant n on n.rollout = ? and n.slot = found.slot
            and n.profile = device.profile
            and (n.manifest <> found.manifest or (? and found.best in (0, 2)))
          order by found.device, found.best) before
        where d.rollout = ? and d.device = before.device and not d.previous ?? ?
        """,
            slot,
            slot,
            chosen,
            slot,
            chosen,
            slot,
            chosen,
            order.id().value(),
            order.parts().size() > 1,
            order.id().value(),
            slot);
    if (found > 0) {
      transaction.update(
          """
          update rollout set replacing = array_append(replacing, ?)
          where id = ? and not ? = any(replacing)
          """,
          slot,
          order.id().value(),
          slot);
    }
  }

  private static void expire(Transaction transaction, RolloutOrder order, Instant now) {
    transaction.update(
        """
        update deployment set due_at = null,
          state = case when state = 'RESTORING' then 'RESTORE_FAILED'
            when state = any(?) then 'NOT_REACHED' else 'TIMED_OUT' end,
          again_at = case when state = 'RESTORING' then ?::timestamptz
            + (?::bigint[])[restores + 1] * interval '1 millisecond' end,
          failed_as = coalesce(failed_as, case when state <> 'RESTORING' and state <> all(?)
            then 'TIMED_OUT' end),
          error_detail = case when state = 'OFFERED' then 'did not begin in time'
            else 'did not get beyond ' || state || ' in time' end
        where rollout = ? and due_at <= ? and online and (state = 'RESTORING' or state = any(?))
        """,
        BEFORE_THE_VERSION,
        now.toString(),
        pauses(order),
        BEFORE_THE_VERSION,
        order.id().value(),
        now,
        IN_FLIGHT);
  }

  // Before each order to go back that is given again; beyond the last there is none.
  private static List<Long> pauses(RolloutOrder order) {
    return IntStream.range(0, RolloutPlan.RESTORES_MAX)
        .mapToObj(restores -> order.plan().deadlines().restoreAgain(restores))
        .flatMap(Optional::stream)
        .map(Duration::toMillis)
        .toList();
  }

  // Where something else has ordered their place meanwhile, that stays.
  private void restoreAgain(
      Transaction transaction, RolloutOrder order, boolean anew, Instant now) {
    if (anew) {
      transaction.update(
          """
          update deployment set restores = 0, again_at = ?
          where rollout = ? and state = 'RESTORE_FAILED'
          """,
          now,
          order.id().value());
    }
    transaction.update(
        """
        update deployment d set again_at = null
        where d.rollout = ? and d.again_at is not null and not exists (
          select from desired_slot o
          where o.device = d.device and o.rollout is not distinct from d.rollout and o.mode <> 'OFF')
        """,
        order.id().value());
    List<String> devices =
        transaction.list(
            """
            select device from deployment
            where rollout = ? and state = 'RESTORE_FAILED' and online and again_at <= ?
            order by device for update
            """,
            row -> row.text("device"),
            order.id().value(),
            now);
    transaction.update(
        """
        update deployment set restores = restores + 1, again_at = null
        where rollout = ? and device = any(?)
        """,
        order.id().value(),
        devices);
    restore(transaction, order, devices, now);
  }

  // Whose place in the desired document is still this rollout's, for the version that it brings;
  // what they report waits until they are ordered something else. A model that a unit did not turn
  // into another says nothing: a device that was sent back has it still. Where it turned none into
  // another, whether the device was sent back is known only by its order.
  private static List<String> withOrder(
      Transaction transaction, RolloutOrder order, List<String> states) {
    return transaction.list(
        """
        select d.device from deployment d
        where d.rollout = ? and d.state = any(?) and exists (
          select 1 from desired_slot o
          join rollout_variant v on v.rollout = d.rollout and v.manifest = o.manifest
          where o.device = d.device and o.rollout is not distinct from d.rollout
            and v.profile = d.profile and o.mode <> 'OFF'
            and (o.manifest is distinct from d.previous -> o.slot ->> 'manifest'
              or (d.has_order and not exists (
                select from rollout_variant any_part
                where any_part.rollout = d.rollout and any_part.profile = d.profile
                  and any_part.manifest
                    is distinct from d.previous -> any_part.slot ->> 'manifest'))))
        order by d.device for update of d
        """,
        row -> row.text("device"),
        order.id().value(),
        states);
  }

  /** Whether some device is still ordered what this rollout brings. */
  static boolean anyOrdered(Transaction transaction, RolloutOrder order) {
    return !withOrder(transaction, order, ORDERED).isEmpty();
  }

  private void cancel(Transaction transaction, RolloutOrder order) {
    // Who was too late, or failed, may still switch while its order stands.
    List<String> waiting = new ArrayList<>(WAITING);
    waiting.add(NOT_REACHED);
    List<String> late = new ArrayList<>(FAILED);
    late.addAll(waiting);
    List<String> either = new ArrayList<>(late);
    either.addAll(BEFORE_SWITCH);
    // At once: between two looks a device could go from the one to the other.
    List<String> devices = withOrder(transaction, order, either);
    List<String> keeping = running(transaction, order, of(transaction, order, devices, late));
    devices.removeAll(new HashSet<>(keeping));
    sendBack(transaction, order, devices);
    transaction.update(
        """
        update deployment set due_at = null,
          state = case when device = any(?) then 'COMMITTED' else 'CANCELLED' end
        where rollout = ? and (state = any(?) or state = any(?))
        """,
        keeping,
        order.id().value(),
        BEFORE_SWITCH,
        waiting);
  }

  private static List<String> of(
      Transaction transaction, RolloutOrder order, List<String> devices, List<String> states) {
    return transaction.list(
        """
        select device from deployment where rollout = ? and device = any(?) and state = any(?)
        order by device
        """,
        row -> row.text("device"),
        order.id().value(),
        devices,
        states);
  }

  // Of these, who runs what it was ordered, all of it.
  private static List<String> running(
      Transaction transaction, RolloutOrder order, List<String> devices) {
    return transaction.list(
        """
        select o.device from desired_slot o
        left join device_slot_report r on r.device = o.device and r.slot = o.slot
          and r.running_manifest = o.manifest
        where o.rollout = ? and o.device = any(?) and o.slot = any(?) and o.mode <> 'OFF'
        group by o.device having count(r.device) = count(*)
        """,
        row -> row.text("device"),
        order.id().value(),
        devices,
        order.places());
  }

  private void restore(Transaction transaction, RolloutOrder order, Instant now) {
    restore(transaction, order, withOrder(transaction, order, ORDERED), now);
    cancelUnordered(transaction, order);
  }

  private void restore(
      Transaction transaction, RolloutOrder order, List<String> devices, Instant now) {
    sendBack(transaction, order, devices);
    transaction.update(
        """
        update deployment set ordered_at = ?, has_order = true,
          state = case when previous = '{}'::jsonb then 'CANCELLED' else 'RESTORING' end,
          due_at = case when online and previous <> '{}'::jsonb
            then ?::timestamptz + ? * interval '1 millisecond' end
        where rollout = ? and device = any(?)
        """,
        now,
        now.toString(),
        order.plan().deadlines().progress().toMillis(),
        order.id().value(),
        devices);
  }

  // Nothing of them goes back: nobody is to wait for their return.
  private static void cancelUnordered(Transaction transaction, RolloutOrder order) {
    transaction.update(
        """
        update deployment set state = 'CANCELLED'
        where rollout = ? and state = 'DEFERRED' and not has_order
        """,
        order.id().value());
  }

  /** Of these rollouts, those with devices whose unit failed and was not taken back yet. */
  static Set<String> withBrokenUnits(Transaction transaction, List<String> rollouts) {
    return Set.copyOf(
        transaction.list(
            """
            select id from rollout where id = any(?) and exists (
              select from deployment of
              where of.rollout = rollout.id and of.has_order and of.state = any(?))
            """,
            row -> row.text("id"),
            rollouts,
            FAILED));
  }

  private void restoreBrokenUnits(Transaction transaction, RolloutOrder order) {
    if (order.parts().size() == 1) {
      return;
    }
    List<String> devices =
        transaction.list(
            """
            select device from deployment where rollout = ? and has_order and state = any(?)
            order by device
            """,
            row -> row.text("device"),
            order.id().value(),
            FAILED);
    sendBack(transaction, order, devices);
    transaction.update(
        "update deployment set has_order = false where rollout = ? and device = any(?)",
        order.id().value(),
        devices);
  }

  private record Previous(SlotId slot, Variant variant, List<DeviceId> devices) {}

  // To what they ran before, or to nothing. Devices that a newer rollout has taken over are left to
  // it.
  private void sendBack(Transaction transaction, RolloutOrder order, List<String> devices) {
    for (Part part : order.parts()) {
      fitPrevious(transaction, order, part, devices);
    }
    List<Previous> groups =
        transaction.list(
            """
            select o.slot, d.previous -> o.slot ->> 'model' as model,
              (d.previous -> o.slot ->> 'version')::bigint as version,
              d.previous -> o.slot ->> 'manifest' as manifest,
              d.previous -> o.slot ->> 'signature' as signature,
              array_agg(d.device order by d.device) as devices
            from deployment d
            join desired_slot o on o.device = d.device and o.rollout is not distinct from d.rollout
            where d.rollout = ? and d.device = any(?) and d.previous ?? o.slot
            group by 1, 2, 3, 4, 5 order by 1, 4
            """,
            row ->
                new Previous(
                    new SlotId(row.text("slot")),
                    variant(row),
                    row.texts("devices").stream().map(DeviceId::new).toList()),
            order.id().value(),
            devices);
    for (Previous group : groups) {
      desired.order(
          transaction,
          group.devices(),
          group.slot(),
          order.slotOrder(group.variant(), new SlotMode.Active()));
    }
    for (Part part : order.parts()) {
      switchOff(transaction, order, part, devices);
    }
  }

  // What a device ran before it became another board does not load on this one: the same version's
  // artifact for what it is now. If there is none, the one that it ran where that fits still, as
  // where a finer profile was made for it; else nothing. One of which nobody knows what it is keeps
  // what it had.
  private void fitPrevious(
      Transaction transaction, RolloutOrder order, Part part, List<String> devices) {
    transaction.update(
        """
        update deployment d set previous = (d.previous - before.slot) || coalesce((
            select jsonb_build_object(before.slot, jsonb_build_object('model', v.model,
              'version', v.version, 'manifest', v.manifest, 'signature', v.signature))
            from variant v
            where v.model = before.model and v.version = before.version and v.winner
              and v.profile = before.profile and v.manifest is not null
              and v.signature is not null and not v.refused),
            case when d.device = any(?)
              then jsonb_build_object(before.slot, d.previous -> before.slot) end,
            '{}'::jsonb)
        from (
          select own.device, slot, device.profile, own.previous -> slot ->> 'model' as model,
            (own.previous -> slot ->> 'version')::bigint as version,
            own.previous -> slot ->> 'manifest' as manifest
          from deployment own join device on device.id = own.device
          cross join (select ?::text as slot) of
          where own.rollout = ? and own.device = any(?) and own.previous ?? slot
            and device.profile is not null) before
        where d.rollout = ? and d.device = before.device
          and exists (select from variant other
            where other.model = before.model and other.version = before.version
              and other.manifest = before.manifest)
          and not exists (select from variant same
            where same.model = before.model and same.version = before.version
              and same.manifest = before.manifest and same.profile = before.profile)
        """,
        stillFitting(transaction, order, part, devices),
        part.slot().value(),
        order.id().value(),
        devices,
        order.id().value());
  }

  // Of these, whom a finer profile than that of what they ran fits best.
  private List<String> stillFitting(
      Transaction transaction, RolloutOrder order, Part part, List<String> devices) {
    List<String> fitting = new ArrayList<>();
    transaction.forEach(
        "select device.id, device.facts, ran.profile as of, ran.engine,"
            + Candidates.DESCRIBED
            + """
               from deployment own
               join device on device.id = own.device
               cross join (select ?::text as slot) part
               join variant ran on ran.model = own.previous -> part.slot ->> 'model'
                 and ran.version = (own.previous -> part.slot ->> 'version')::bigint
                 and ran.manifest = own.previous -> part.slot ->> 'manifest'
                 and ran.profile <> device.profile
               where own.rollout = ? and own.device = any(?)
               """,
        row -> {
          ProfileId of = new ProfileId(row.text("of"));
          Eligibility loads =
              Eligibility.of(
                  new Eligibility.Device(Optional.of(of), row.texts("engines")),
                  new Eligibility.Needs(Map.of(of, Set.of(row.text("engine")))));
          if (loads instanceof Eligibility.Eligible && profiles.fits(of, row.text("facts"))) {
            fitting.add(row.text("id"));
          }
        },
        part.slot().value(),
        order.id().value(),
        devices);
    return fitting;
  }

  private void switchOff(
      Transaction transaction, RolloutOrder order, Part part, List<String> devices) {
    List<OfProfile> groups =
        transaction.list(
            """
            select d.profile, array_agg(d.device order by d.device) as devices
            from deployment d
            join desired_slot o on o.device = d.device and o.rollout is not distinct from d.rollout
              and o.slot = ? and o.mode <> 'OFF'
            where d.rollout = ? and d.device = any(?) and not d.previous ?? o.slot
            group by d.profile order by d.profile
            """,
            row ->
                new OfProfile(
                    row.text("profile"), row.texts("devices").stream().map(DeviceId::new).toList()),
            part.place(order.plan().kind()).value(),
            order.id().value(),
            devices);
    for (OfProfile group : groups) {
      desired.order(
          transaction,
          group.devices(),
          part.place(order.plan().kind()),
          order.slotOrder(variant(transaction, order, part, group.profile()), new SlotMode.Off()));
    }
  }

  private void drop(Transaction transaction, RolloutOrder order) {
    List<String> devices = withOrder(transaction, order, ORDERED);
    for (Part part : order.parts()) {
      switchOff(transaction, order, part, devices);
    }
    transaction.update(
        """
        update deployment set state = 'RESTORED', due_at = null
        where rollout = ? and device = any(?)
        """,
        order.id().value(),
        devices);
    cancelUnordered(transaction, order);
  }

  /**
   * Carries an effect out on the devices of a trial that was good: what is offered now is the
   * active version. On who waits for that no more the trial ends.
   */
  int promote(Transaction transaction, RolloutOrder trial, RolloutEffect effect, Instant now) {
    List<String> offered = new ArrayList<>();
    int orders = carryOut(transaction, trial.promoted(), true, effect, now, offered);
    switch (effect) {
      // At every step of the engine: all others that are on trial still wait as before.
      case RolloutEffect.Offer _, RolloutEffect.CatchUp _ -> endTrials(transaction, trial, offered);
      // On whom these find at an end it ended when they were offered the version.
      case RolloutEffect.OpenStage _, RolloutEffect.Expire _, RolloutEffect.DeferOffline _ -> {}
      case RolloutEffect.RestoreBrokenUnits _, RolloutEffect.RestoreAgain _ -> {}
      case RolloutEffect.ConcludeTrial _, RolloutEffect.Cancel _, RolloutEffect.CloseOut _ ->
          endTrials(transaction, trial);
      case RolloutEffect.RestoreTouched _, RolloutEffect.RetryFailed _ ->
          endTrials(transaction, trial);
    }
    return orders;
  }

  /** Nobody gets any more what was good on trial. */
  void giveUp(Transaction transaction, RolloutOrder trial) {
    transaction.update(
        """
        update deployment set state = 'CANCELLED', due_at = null
        where rollout = ? and state = any(?)
        """,
        trial.id().value(),
        WAITING);
    endTrials(transaction, trial);
  }

  // Also who was late, or is under way: they may fit still, and each proves it by its probation.
  // Nobody was ordered it yet as the active version, whoever failed the trial included: evidence
  // of each stage begins anew.
  private static void letWait(Transaction transaction, RolloutOrder order) {
    transaction.update(
        """
        update deployment d set ordered_at = null, late = false,
          has_order = has_order and not waits, due_at = case when not waits then due_at end,
          state = case when waits then 'PENDING' else state end
        from (
          select device, state in ('COMMITTED', 'NOT_REACHED') or state = any(?) or state = any(?)
            as waits
          from deployment where rollout = ?) who
        where d.rollout = ? and d.device = who.device
        """,
        WAITING,
        IN_FLIGHT,
        order.id().value(),
        order.id().value());
  }

  private void endTrials(Transaction transaction, RolloutOrder trial) {
    for (Part part : trial.parts()) {
      List<String> over =
          transaction.list(
              """
              select d.device from desired_slot o
              join deployment d on d.rollout = o.rollout and d.device = o.device
                and d.state <> all(?)
              where o.rollout = ? and o.slot = ? and o.mode <> 'OFF'
              order by d.device
              """,
              row -> row.text("device"),
              WAITING,
              trial.id().value(),
              part.place(trial.plan().kind()).value());
      if (!over.isEmpty()) {
        switchOff(transaction, trial, part, over);
      }
    }
  }

  // Of these devices, on those that do not wait.
  private void endTrials(Transaction transaction, RolloutOrder trial, List<String> devices) {
    if (devices.isEmpty()) {
      return;
    }
    List<String> over =
        transaction.list(
            """
            select device from deployment
            where rollout = ? and device = any(?) and state <> all(?) order by device
            """,
            row -> row.text("device"),
            trial.id().value(),
            devices,
            WAITING);
    if (!over.isEmpty()) {
      trial.parts().forEach(part -> switchOff(transaction, trial, part, over));
    }
  }
}
