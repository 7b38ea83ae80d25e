package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/** The classes that labels name: whole numbers from 0; of two, 1 is the positive one. */
public final class LabelClasses {
  /** Classes of one dataset. */
  public static final int MAX = 100;

  private static final int MIN = 2;

  private LabelClasses() {}

  /**
   * The class that an outcome names, as accuracy counts it: the nearest whole number.
   *
   * @param classes of the dataset
   * @return empty if it is none of them: then it cannot be learned from
   */
  public static OptionalInt of(double outcome, int classes) {
    long nearest = Math.round(outcome);
    return Double.isFinite(outcome) && nearest >= 0 && nearest < classes
        ? OptionalInt.of((int) nearest)
        : OptionalInt.empty();
  }

  /** How many there are, by the largest label: at least two. */
  static int count(Collection<DeviceSeries> series, Collection<CollectedWindow> collected) {
    int largest = MIN - 1;
    for (DeviceSeries one : series) {
      for (int row = 0; row < one.rows(); row++) {
        largest = Math.max(largest, one.label(row));
      }
    }
    for (CollectedWindow one : collected) {
      largest = Math.max(largest, one.label());
    }
    return largest + 1;
  }

  /**
   * Devices by the rarest class above 0 that they have, the rarest first, then those of class 0
   * only: split stratum by stratum, a class that few devices have reaches every split.
   *
   * @param classes that each device has
   */
  static List<Set<DeviceId>> strata(Map<DeviceId, BitSet> classes) {
    int[] devices = new int[MAX];
    classes.values().forEach(of -> of.stream().forEach(i -> devices[i]++));
    List<Integer> rarest =
        IntStream.range(1, MAX)
            .filter(i -> devices[i] > 0)
            .boxed()
            .sorted(Comparator.comparingInt((Integer i) -> devices[i]))
            .toList();
    Set<DeviceId> left = new HashSet<>(classes.keySet());
    List<Set<DeviceId>> strata = new ArrayList<>();
    for (int one : rarest) {
      Set<DeviceId> stratum = new HashSet<>(left);
      stratum.removeIf(device -> !classes.getOrDefault(device, new BitSet()).get(one));
      left.removeAll(stratum);
      strata.add(stratum);
    }
    strata.add(left);
    return strata;
  }
}
