package io.skerry.simulator.world;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.sketch.WindowSketch;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
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

    One(DeviceId device, int[] counts) {
      this.device = device;
      this.counts = counts;
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

  /** Keeps a window. */
  void add(SlotId slot, ModelVersion version, long index, DeviceId device, int[] counts) {
    versions
        .computeIfAbsent(new Place(slot, version), key -> new Windows())
        .add(index, new One(device, counts));
  }

  /**
   * Counts by bin of what a version took on devices of each profile.
   *
   * @param profile what a device is now
   */
  Map<ProfileId, List<Long>> of(
      SlotId slot, ModelVersion version, Function<DeviceId, Optional<ProfileId>> profile) {
    Map<ProfileId, long[]> sums = new HashMap<>();
    Windows windows = versions.get(new Place(slot, version));
    if (windows != null) {
      windows
          .byIndex
          .values()
          .forEach(
              each ->
                  each.forEach(
                      one ->
                          profile
                              .apply(one.device)
                              .ifPresent(
                                  of ->
                                      add(
                                          one.counts,
                                          sums.computeIfAbsent(
                                              of, key -> new long[WindowSketch.LATENCY_BINS])))));
    }
    Map<ProfileId, List<Long>> usual = new HashMap<>();
    sums.forEach((of, sum) -> usual.put(of, Arrays.stream(sum).boxed().toList()));
    return usual;
  }

  private static void add(int[] counts, long[] to) {
    for (int bin = 0; bin < to.length; bin++) {
      to[bin] += counts[bin];
    }
  }
}
