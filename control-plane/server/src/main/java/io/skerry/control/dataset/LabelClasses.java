package io.skerry.control.dataset;

import io.skerry.protocol.DeviceId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
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
   * Devices by the rarest class that they have, the rarest first, then those that are left: split
   * stratum by stratum, a class that few devices have reaches every split. Of two classes those of
   * 0 only are left, for 0 is what is usual; of more, each is as any other.
   *
   * @param classes that each device has
   * @param devicesMin a class that fewer devices have which no rarer one took makes no stratum
   */
  static List<Set<DeviceId>> strata(Map<DeviceId, BitSet> classes, int devicesMin) {
    int[] devices = new int[MAX];
    classes.values().forEach(of -> of.stream().forEach(i -> devices[i]++));
    boolean several = Arrays.stream(devices, MIN, MAX).anyMatch(count -> count > 0);
    List<Integer> rarest =
        IntStream.range(several ? 0 : 1, MAX)
            .filter(i -> devices[i] > 0)
            .boxed()
            .sorted(Comparator.comparingInt((Integer i) -> devices[i]))
            .toList();
    Set<DeviceId> left = new HashSet<>(classes.keySet());
    List<Set<DeviceId>> strata = new ArrayList<>();
    for (int one : rarest) {
      Set<DeviceId> stratum = new HashSet<>(left);
      stratum.removeIf(device -> !classes.getOrDefault(device, new BitSet()).get(one));
      if (stratum.size() >= devicesMin) {
        left.removeAll(stratum);
        strata.add(stratum);
      }
    }
    strata.add(left);
    return strata;
  }

  /**
   * These splits, but of more than two classes each is learned: where the devices of one were all
   * taken by rarer ones, to judge by, the last of them by name trains.
   */
  static Map<DeviceId, Split> learned(Map<DeviceId, Split> splits, Map<DeviceId, BitSet> classes) {
    BitSet all = new BitSet();
    classes.values().forEach(all::or);
    if (all.length() <= MIN) {
      return splits;
    }
    Map<DeviceId, Split> mended = new HashMap<>(splits);
    all.stream()
        .forEach(
            one -> {
              List<DeviceId> of =
                  classes.entrySet().stream()
                      .filter(device -> device.getValue().get(one))
                      .map(Map.Entry::getKey)
                      .sorted(Comparator.comparing(DeviceId::value))
                      .toList();
              if (of.stream().noneMatch(device -> mended.get(device) == Split.TRAIN)) {
                mended.put(of.getLast(), Split.TRAIN);
              }
            });
    return mended;
  }
}
