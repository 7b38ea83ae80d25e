package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How windows that devices collected join a snapshot. */
final class CollectedSplit {
  // A challenger is judged on the slice's held-out devices: they need more than the usual share.
  static final DeviceSplit SHARES = new DeviceSplit(0.10, 0.35);
  static final int REPEAT_MAX = 20;
  private static final int STRATUM_MIN = 2;
  // Collected windows together weigh this much against the older ones.
  static final double WEIGHT = 0.5;

  private CollectedSplit() {}

  static Map<DeviceId, Split> assign(
      Collection<CollectedWindow> windows, Map<DeviceId, Split> kept) {
    Set<DeviceId> sliced = new HashSet<>();
    Map<DeviceId, BitSet> classes = new HashMap<>();
    for (CollectedWindow one : windows) {
      classes.computeIfAbsent(one.device(), device -> new BitSet()).set(one.label());
      if (one.slice()) {
        sliced.add(one.device());
      }
    }
    Set<DeviceId> known = new HashSet<>(classes.keySet());
    known.retainAll(kept.keySet());
    classes.keySet().removeAll(known);
    Map<DeviceId, BitSet> others = new HashMap<>(classes);
    others.keySet().removeAll(sliced);
    classes.keySet().retainAll(sliced);
    // One device of a class can only learn: with some of another class it may judge.
    List<Set<DeviceId>> strata = new ArrayList<>(LabelClasses.strata(classes, STRATUM_MIN));
    strata.addAll(LabelClasses.strata(others, STRATUM_MIN));
    strata.add(known);
    return SHARES.assign(strata, kept);
  }

  /**
   * Earlier windows and new ones, each prediction once. What was the slice of an earlier snapshot
   * is not of this one.
   */
  static List<CollectedWindow> joined(
      Collection<CollectedWindow> earlier, Collection<CollectedWindow> fresh) {
    Map<String, CollectedWindow> joined = new LinkedHashMap<>();
    earlier.forEach(one -> joined.put(one.key(), one.outsideSlice()));
    fresh.forEach(one -> joined.put(one.key(), one));
    return List.copyOf(joined.values());
  }

  static int repeat(
      SnapshotContent before, Collection<CollectedWindow> collected, Map<DeviceId, Split> splits) {
    long older =
        before.series().stream()
            .filter(one -> before.split(one.device()) == Split.TRAIN)
            .mapToLong(one -> one.examples(before.window()))
            .sum();
    long fresh = collected.stream().filter(one -> splits.get(one.device()) == Split.TRAIN).count();
    if (fresh == 0) {
      return 1;
    }
    return Math.clamp(Math.round(WEIGHT * older / fresh), 1, REPEAT_MAX);
  }
}
