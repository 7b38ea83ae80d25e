package io.skerry.simulator.world;

import io.skerry.fleet.gate.ArmCounts.Bins;
import io.skerry.fleet.gate.LatencyHistory;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SlotId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/** Latencies of the newest windows of every version: what was usual before another one comes. */
final class UsualLatencies {
  /** Windows of a version that are kept, of all devices together. */
  static final int WINDOWS_MAX = 2000;

  private final Map<Place, Windows> versions = new HashMap<>();

  private record Place(SlotId slot, ModelVersion version) {}

  private static final class One {
    private final DeviceId device;
    private final int[] counts;
    private final int fold;

    One(DeviceId device, int[] counts, int fold) {
      this.device = device;
      this.counts = counts;
      this.fold = fold;
    }
  }

  private static final class Windows {
    private final TreeMap<Long, Deque<One>> byIndex = new TreeMap<>();
    private int size;

    void add(long index, One one) {
      byIndex.computeIfAbsent(index, key -> new ArrayDeque<>()).add(one);
      size++;
      if (size > WINDOWS_MAX) {
        Map.Entry<Long, Deque<One>> oldest = byIndex.firstEntry();
        oldest.getValue().removeFirst();
        if (oldest.getValue().isEmpty()) {
          byIndex.remove(oldest.getKey());
        }
        size--;
      }
    }
  }

  /**
   * Keeps a window.
   *
   * @param fold neighbouring bins that the device added up
   */
  void add(SlotId slot, ModelVersion version, long index, DeviceId device, int[] counts, int fold) {
    versions
        .computeIfAbsent(new Place(slot, version), key -> new Windows())
        .add(index, new One(device, counts, fold));
  }

  /**
   * What a version took on devices of each profile.
   *
   * @param profile what a device is now
   */
  Map<ProfileId, LatencyHistory> of(
      SlotId slot, ModelVersion version, Function<DeviceId, Optional<ProfileId>> profile) {
    Map<ProfileId, LatencyHistory> usual = new HashMap<>();
    Windows windows = versions.get(new Place(slot, version));
    if (windows != null) {
      windows.byIndex.values().forEach(each -> each.forEach(one -> add(one, profile, usual)));
    }
    return usual;
  }

  private static void add(
      One one,
      Function<DeviceId, Optional<ProfileId>> profile,
      Map<ProfileId, LatencyHistory> usual) {
    profile
        .apply(one.device)
        .ifPresent(
            of ->
                usual
                    .computeIfAbsent(of, key -> new LatencyHistory())
                    .add(new Bins(one.counts.length, one.fold, bin -> one.counts[bin])));
  }
}
