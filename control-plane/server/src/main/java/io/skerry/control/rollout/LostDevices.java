package io.skerry.control.rollout;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.protocol.RolloutId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * Devices that were there and are away: of those that the stage ordered the version, each of which
 * was there then, and of controls and earlier stages each that told something since it opened.
 *
 * <p>Controls are of no stage that is open: who waits in one may wait for being away. A site
 * without power and a broker that was away hit both alike. Counting reads every device of the
 * stage: it is kept with it, and done every few windows.
 */
final class LostDevices {
  private static final Gson GSON = new Gson();

  // Whatever became of the order: a device that failed it and died is gone as well.
  private static final List<String> ORDERED =
      Stream.concat(
              Arrays.stream(DeploymentState.values()).filter(DeploymentState::isInFlight),
              Stream.of(
                  DeploymentState.COMMITTED,
                  DeploymentState.REJECTED,
                  DeploymentState.FAILED,
                  DeploymentState.TIMED_OUT,
                  DeploymentState.ROLLED_BACK))
          .map(Enum::name)
          .toList();

  private LostDevices() {}

  private record Kept(String profile, boolean newer, boolean own, long devices, long lost) {}

  /** What was counted of a stage that was opened then. */
  record Counted(int stage, Optional<Instant> openedAt, String lost) {
    boolean isOf(Counted other) {
      return stage == other.stage && openedAt.equals(other.openedAt);
    }
  }

  /** Nothing yet of the stage that is open; empty if none is. */
  static Optional<Counted> open(Transaction transaction, RolloutId id) {
    return RolloutTables.find(transaction, id.value())
        .map(stored -> RolloutMachine.openStage(stored.state()))
        .filter(OptionalInt::isPresent)
        .map(
            stage ->
                new Counted(
                    stage.getAsInt(),
                    transaction
                        .first(
                            "select stage_opened_at from rollout where id = ?",
                            row -> row.optionalInstant("stage_opened_at"),
                            id.value())
                        .flatMap(at -> at),
                    ""));
  }

  /** Counts them anew, without keeping it. */
  static Counted count(Transaction transaction, RolloutId id, Counted open) {
    int stage = open.stage();
    List<Kept> counted = new ArrayList<>();
    transaction.forEach(
        """
        select d.profile, true as newer, d.stage = ? as own, count(*) as devices,
          count(*) filter (where not p.online) as lost
        from deployment d join device_presence p on p.device = d.device
        left join (select distinct device from rollout_arm
          where rollout = ? and stage = ? and newer) told on told.device = d.device
        where d.rollout = ? and d.ordered_at is not null
          and (d.state = any(?) or (d.state = 'DEFERRED' and d.has_order))
          and (d.stage = ? or told.device is not null)
        group by 1, 2, 3
        union all
        select arm.profile, false, false, count(*), count(*) filter (where not p.online)
        from (select distinct device, profile from rollout_arm
          where rollout = ? and stage = ? and not newer) arm
        join device_presence p on p.device = arm.device
        where not exists (select from deployment d
          where d.rollout = ? and d.device = arm.device and d.stage <= ?)
        group by 1
        order by 1, 2, 3
        """,
        row -> counted.add(kept(row)),
        stage,
        id.value(),
        stage,
        id.value(),
        ORDERED,
        stage,
        id.value(),
        stage,
        id.value(),
        stage);
    return new Counted(stage, open.openedAt(), GSON.toJson(counted));
  }

  /** Keeps it; whether there is something else to judge now. */
  static boolean keep(Transaction transaction, RolloutId id, Counted counted) {
    return transaction.update(
            """
            update rollout_stage set lost = given.lost
            from (select ?::jsonb as lost) given
            where rollout = ? and stage = ? and rollout_stage.lost <> given.lost
            """,
            counted.lost(),
            id.value(),
            counted.stage())
        > 0;
  }

  private static Kept kept(Row row) {
    return new Kept(
        row.text("profile"),
        row.flag("newer"),
        row.flag("own"),
        row.bigint("devices"),
        row.bigint("lost"));
  }

  /** As they were counted last. */
  static List<StageEvidence.Sum> sums(
      Transaction transaction, RolloutId id, int stage, String slot) {
    return transaction
        .first(
            "select lost from rollout_stage where rollout = ? and stage = ?",
            row -> row.text("lost"),
            id.value(),
            stage)
        .map(json -> GSON.fromJson(json, new TypeToken<List<Kept>>() {}))
        .orElse(List.of())
        .stream()
        .map(
            one ->
                new StageEvidence.Sum(
                    slot,
                    one.profile(),
                    one.newer(),
                    one.own(),
                    Metric.LOST_DEVICES,
                    ArmSums.ofDevices(one.devices(), one.lost()),
                    0))
        .toList();
  }

  /** A stage opens. */
  static void forget(Transaction transaction, RolloutId id, int stage) {
    transaction.update(
        "update rollout_stage set lost = '[]' where rollout = ? and stage = ?", id.value(), stage);
  }
}
