package io.skerry.control.rollout;

import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.ArmSums;
import io.skerry.fleet.gate.Comparison;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.Metric;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What was seen of a stage since it opened, read from sums that follow {@link Arms}' rows by the
 * table's triggers: it costs profiles and metrics, and not devices.
 */
final class StageEvidence {
  /** Differences, each of one metric, that are read before they are folded. */
  static final int DIFFERENCES_MAX = 500;

  // Doubles are added in the order in which devices send: the last places differ.
  private static final double ROUNDED = 1e-9;

  // The metrics of a row of sums "s", each in the place that its number says.
  private static final String OF_METRICS =
      """
      cross join unnest(s.devices, s.trials, s.hits, s.trials_squared, s.product, s.hits_squared)
        with ordinality as m (devices, trials, hits, trials2, product, hits2, metric)
      """;

  private StageEvidence() {}

  record Sum(
      String slot,
      String profile,
      boolean newer,
      boolean own,
      Metric metric,
      ArmSums sums,
      int rows) {}

  /** What was seen of a stage since it opened; of each part of a unit by itself. */
  static Evidence of(Transaction transaction, RolloutOrder order, int stage) {
    return ofAll(transaction, order, stage, sums(transaction, order.id(), stage));
  }

  /** The same, and adds differences up, so that the next look reads few rows. */
  static Evidence folded(Transaction transaction, RolloutOrder order, int stage) {
    List<Sum> sums = sums(transaction, order.id(), stage);
    if (sums.stream().mapToInt(Sum::rows).sum() > sums.size() + DIFFERENCES_MAX) {
      fold(transaction, order.id(), stage);
    }
    return ofAll(transaction, order, stage, sums);
  }

  // Of a unit, devices that are away are told of with its first part.
  private static Evidence ofAll(
      Transaction transaction, RolloutOrder order, int stage, List<Sum> counted) {
    List<Sum> sums = new ArrayList<>(counted);
    sums.addAll(LostDevices.sums(transaction, order.id(), stage, order.first().slot().value()));
    return of(transaction, order, stage, sums);
  }

  private static List<Sum> sums(Transaction transaction, RolloutId id, int stage) {
    return transaction.list(
        """
        select slot, profile, newer, own, m.metric, sum(m.devices)::bigint as devices,
          sum(m.trials) as trials, sum(m.hits) as hits, sum(m.trials2) as trials2,
          sum(m.product) as product, sum(m.hits2) as hits2, count(*) as rows
        from rollout_arm_sum s
        %s
        where rollout = ? and stage = ? and m.metric <= ?
          and (m.devices, m.trials, m.hits, m.trials2, m.product, m.hits2) <> (0, 0, 0, 0, 0, 0)
        group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
        """
            .formatted(OF_METRICS),
        StageEvidence::sum,
        id.value(),
        stage,
        // What a newer build counts besides is none of this one's.
        Metric.NUMBER_MAX);
  }

  /** A row of sums. */
  static Sum sum(Row row) {
    return new Sum(
        row.text("slot"),
        row.text("profile"),
        row.flag("newer"),
        row.flag("own"),
        Metric.ofNumber(row.integer("metric")).orElseThrow(),
        new ArmSums(
            row.bigint("devices"),
            row.number("trials"),
            row.number("hits"),
            row.number("trials2"),
            row.number("product"),
            row.number("hits2")),
        row.integer("rows"));
  }

  /** Adds differences up; others add meanwhile: what this statement does not see it leaves. */
  static void fold(Transaction transaction, RolloutId id, int stage) {
    transaction.update(
        """
        with folded as (delete from rollout_arm_sum where rollout = ? and stage = ? returning *)
        insert into rollout_arm_sum
        select rollout, stage, slot, profile, newer, own, array_agg(devices order by metric),
          array_agg(trials order by metric), array_agg(hits order by metric),
          array_agg(trials2 order by metric), array_agg(product order by metric),
          array_agg(hits2 order by metric)
        from (
          select rollout, stage, slot, profile, newer, own, m.metric,
            sum(m.devices)::bigint as devices, sum(m.trials) as trials, sum(m.hits) as hits,
            sum(m.trials2) as trials2, sum(m.product) as product, sum(m.hits2) as hits2
          from folded s
          %s
          group by 1, 2, 3, 4, 5, 6, 7) metrics
        group by 1, 2, 3, 4, 5, 6
        """
            .formatted(OF_METRICS),
        id.value(),
        stage);
  }

  /** Begins a stage's evidence anew, if there is any. */
  static void forget(Transaction transaction, RolloutId id, int stage) {
    LostDevices.forget(transaction, id, stage);
    int forgotten =
        transaction.update(
            "delete from rollout_arm where rollout = ? and stage = ?", id.value(), stage);
    transaction.update(
        "delete from rollout_arm_sum where rollout = ? and stage = ?", id.value(), stage);
    // A device that was counted between the two has its arm, and lost its sum.
    int mended = mend(transaction, id, stage);
    if (forgotten + mended > 0) {
      transaction.update("insert into rollout_arm_change (rollout) values (?)", id.value());
    }
  }

  // Of one moment: what is counted changes arms and sums together.
  private static final String DIFFERENCES =
      """
      select rollout, stage, slot, profile, newer, own, metric, sum(devices) as devices,
        sum(trials) as trials, sum(hits) as hits, sum(trials2) as trials2,
        sum(product) as product, sum(hits2) as hits2
      from (
        select arm.rollout, arm.stage, arm.slot, arm.profile, arm.newer, arm.own, m.i as metric,
          count(*) as devices, sum(m.t) as trials, sum(m.h) as hits, sum(m.t * m.t) as trials2,
          sum(m.t * m.h) as product, sum(m.h * m.h) as hits2
        from rollout_arm arm
        cross join unnest(arm.trials, arm.hits) with ordinality as m (t, h, i)
        where arm.rollout = ? and arm.stage = ? and m.t > 0 group by 1, 2, 3, 4, 5, 6, 7
        union all
        select rollout, stage, slot, profile, newer, own, m.metric, -sum(m.devices),
          -sum(m.trials), -sum(m.hits), -sum(m.trials2), -sum(m.product), -sum(m.hits2)
        from rollout_arm_sum s
        %s
        where rollout = ? and stage = ? group by 1, 2, 3, 4, 5, 6, 7) both_sides
      group by 1, 2, 3, 4, 5, 6, 7
      having sum(devices) <> 0 or abs(sum(trials)) > ? * max(abs(trials))
        or abs(sum(hits)) > ? * max(abs(hits)) or abs(sum(trials2)) > ? * max(abs(trials2))
        or abs(sum(product)) > ? * max(abs(product)) or abs(sum(hits2)) > ? * max(abs(hits2))
      """
          .formatted(OF_METRICS);

  /** How many sums differ from the arms; reads the arms of every device. */
  static int wrong(Transaction transaction, RolloutId id, int stage) {
    return (int)
        transaction.number(
            "select count(*) from (" + DIFFERENCES + ") wrong", differing(id, stage));
  }

  /** Mends sums that differ from the arms; the caller holds the rollout's row. How many. */
  static int mend(Transaction transaction, RolloutId id, int stage) {
    return transaction.update(
        """
        insert into rollout_arm_sum
        select rollout, stage, slot, profile, newer, own,
          array_fill(0::bigint, array[metric - 1]::integer[]) || devices::bigint,
          array_fill(0::double precision, array[metric - 1]::integer[]) || trials,
          array_fill(0::double precision, array[metric - 1]::integer[]) || hits,
          array_fill(0::double precision, array[metric - 1]::integer[]) || trials2,
          array_fill(0::double precision, array[metric - 1]::integer[]) || product,
          array_fill(0::double precision, array[metric - 1]::integer[]) || hits2
        from (%s) wrong
        """
            .formatted(DIFFERENCES),
        differing(id, stage));
  }

  private static Object[] differing(RolloutId id, int stage) {
    return new Object[] {
      id.value(), stage, id.value(), stage, ROUNDED, ROUNDED, ROUNDED, ROUNDED, ROUNDED
    };
  }

  /** The evidence that sums are. */
  static Evidence of(Transaction transaction, RolloutOrder order, int stage, List<Sum> sums) {
    Map<String, List<Sum>> bySlot = sums.stream().collect(Collectors.groupingBy(Sum::slot));
    boolean trial = order.plan().kind().isTrial();
    boolean unit = order.parts().size() > 1;
    Set<String> replacing = unit && !trial ? replacing(transaction, order) : Set.of();
    Map<SlotId, Evidence> parts = new HashMap<>();
    for (Part part : order.parts()) {
      List<Sum> all = bySlot.getOrDefault(part.slot().value(), List.of());
      List<Sum> alone =
          stage == 0 ? List.of() : all.stream().filter(sum -> isAlone(sum, trial)).toList();
      Evidence seen =
          new Evidence(compared(all), compared(alone), Arms.promise(transaction, part.version()));
      boolean first = unit && !trial && !replacing.contains(part.slot().value());
      parts.put(part.slot(), first ? seen.asFirst() : seen);
    }
    return unit ? Evidence.of(parts) : parts.getOrDefault(order.first().slot(), Evidence.NONE);
  }

  // On trial a device is its own control, but for its process; otherwise everybody's are those not
  // touched yet.
  private static boolean isAlone(Sum sum, boolean trial) {
    return sum.own() || (!sum.newer() && (!trial || sum.metric().isOfProcess()));
  }

  // Slots in which some device ran another version before.
  private static Set<String> replacing(Transaction transaction, RolloutOrder order) {
    return transaction
        .first(
            "select replacing from rollout where id = ?",
            row -> Set.copyOf(row.texts("replacing")),
            order.id().value())
        .orElse(Set.of());
  }

  private static Map<ProfileId, Evidence.OfProfile> compared(List<Sum> sums) {
    Map<String, Map<Metric, Comparison>> byProfile = new TreeMap<>();
    for (Sum one : sums) {
      byProfile
          .computeIfAbsent(one.profile(), unused -> new EnumMap<>(Metric.class))
          .merge(
              one.metric(),
              one.newer()
                  ? new Comparison(one.sums(), ArmSums.NONE)
                  : new Comparison(ArmSums.NONE, one.sums()),
              (left, right) ->
                  new Comparison(
                      left.newer().plus(right.newer()), left.older().plus(right.older())));
    }
    Map<ProfileId, Evidence.OfProfile> profiles = new HashMap<>();
    byProfile.forEach(
        (profile, metrics) ->
            profiles.put(new ProfileId(profile), new Evidence.OfProfile(metrics)));
    return profiles;
  }
}
