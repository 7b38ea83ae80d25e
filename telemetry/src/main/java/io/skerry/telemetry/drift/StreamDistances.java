package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.StreamLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Sets the counts of every cohort in one window beside those that it learned from.
 *
 * <p>Features are compared on the common scale, whatever version a device runs; what a version
 * makes in its own bins, of the devices that run the leading one. Values that have a place count:
 * those that are missing or no number are told by the verdict about quality. A device counts as far
 * as {@link DeviceShare} lets it, and where one added bins up, those of all are added up.
 */
final class StreamDistances {
  private static final int PLACED = 2;

  private final Statistics statistics;
  private final Map<ModelVersion, Statistics.Reader> versions;
  private final int devicesMin;
  private final Map<Cohort, List<Counted>> cohorts = new TreeMap<>();

  /** A device's window, how much of it counts, and whether it has learned its outputs. */
  private record Counted(DeviceWindow window, double share, boolean outputs) {}

  /**
   * Of one window.
   *
   * @param devicesMin of a cohort that is compared
   */
  StreamDistances(
      Statistics statistics, Map<ModelVersion, Statistics.Reader> versions, int devicesMin) {
    this.statistics = statistics;
    this.versions = versions;
    this.devicesMin = devicesMin;
  }

  /**
   * Adds a device's window to a cohort.
   *
   * @param share of its counts that counts, above 0 to 1
   * @param outputs whether it has learned what its version makes
   */
  void add(Cohort cohort, DeviceWindow window, double share, boolean outputs) {
    cohorts
        .computeIfAbsent(cohort, key -> new ArrayList<>())
        .add(new Counted(window, share, outputs));
  }

  /** What lies how far from what was learned; nothing of what nobody learned. */
  List<StreamDistance> from(Map<Cohort, LearnedCounts> learned, @Nullable ModelVersion leading) {
    List<StreamDistance> distances = new ArrayList<>();
    cohorts.forEach(
        (cohort, devices) -> {
          LearnedCounts before = LearnedCounts.of(cohort, learned);
          if (before != null && devices.size() >= devicesMin) {
            compare(cohort, devices, before, leading, distances);
          }
        });
    return distances;
  }

  private void compare(
      Cohort cohort,
      List<Counted> devices,
      LearnedCounts before,
      @Nullable ModelVersion leading,
      List<StreamDistance> distances) {
    LearnedCounts now = counted(devices, leading);
    for (int input = 0; input < statistics.inputCount(); input++) {
      int fold = Math.max(before.fold(input, versions), now.fold(input, versions));
      CommonCounts expected = new CommonCounts();
      before.addTo(expected, input, versions, fold);
      CommonCounts observed = new CommonCounts();
      now.addTo(observed, input, versions, fold);
      String name = statistics.inputs().get(input);
      Sides sides = used(expected.counts(), observed.counts());
      if (sides.isTold()) {
        distances.add(new StreamDistance(cohort, name, now.telling(input, versions), sides.size()));
      }
    }
    Statistics.Reader reader = leading == null ? null : versions.get(leading);
    if (reader == null || leading == null) {
      return;
    }
    StreamLayout layout = reader.streams().layout();
    for (int stream = layout.features(); stream < layout.size(); stream++) {
      String name = layout.names().get(stream);
      if (!name.equals(MonitoringPlan.CLAMPED)) {
        int devicesTelling = now.outputTelling(leading, stream);
        Sides sides = output(before, now, leading, layout, stream);
        if (sides.isTold()) {
          distances.add(new StreamDistance(cohort, name, devicesTelling, sides.size()));
        }
      }
    }
  }

  /** Counts that are compared, in the bins that either side counted in. */
  record Sides(List<Long> expected, List<Long> observed) {
    boolean isTold() {
      return sum(expected) > 0 && sum(observed) > 0;
    }

    EffectSize size() {
      return EffectSize.of(array(expected), array(observed));
    }

    private static long sum(List<Long> counts) {
      return counts.stream().mapToLong(Long::longValue).sum();
    }

    private static long[] array(List<Long> counts) {
      return counts.stream().mapToLong(Long::longValue).toArray();
    }
  }

  /**
   * What is compared of one output of a cohort; empty where nobody learned it.
   *
   * @param name of the stream that is counted
   */
  Optional<Sides> output(
      Cohort cohort, String name, Map<Cohort, LearnedCounts> learned, ModelVersion leading) {
    LearnedCounts before = LearnedCounts.of(cohort, learned);
    Statistics.Reader reader = versions.get(leading);
    if (before == null || reader == null) {
      return Optional.empty();
    }
    StreamLayout layout = reader.streams().layout();
    int stream = layout.indexOf(name);
    return stream < layout.features()
        ? Optional.empty()
        : Optional.of(
                output(
                    before,
                    counted(cohorts.getOrDefault(cohort, List.of()), leading),
                    leading,
                    layout,
                    stream))
            .filter(Sides::isTold);
  }

  private static Sides output(
      LearnedCounts before,
      LearnedCounts now,
      ModelVersion leading,
      StreamLayout layout,
      int stream) {
    int fold = Math.max(before.outputFold(leading, stream), now.outputFold(leading, stream));
    return used(
        placed(before.output(leading, layout, stream), layout, stream, fold),
        placed(now.output(leading, layout, stream), layout, stream, fold));
  }

  private static LearnedCounts counted(List<Counted> devices, @Nullable ModelVersion leading) {
    LearnedCounts now = new LearnedCounts(0);
    for (Counted one : devices) {
      DeviceWindow window = one.window();
      if (one.outputs() && window.version().equals(leading)) {
        now.add(window.version(), window.counts(), one.share());
      } else {
        now.addInputs(window.version(), window.counts(), one.share());
      }
    }
    return now;
  }

  private static Sides used(long[] expected, long[] observed) {
    // A bin that nobody ever counted in is none: chance would be taken for larger than it is.
    List<Long> before = new ArrayList<>();
    List<Long> now = new ArrayList<>();
    for (int bin = 0; bin < expected.length; bin++) {
      if (expected[bin] + observed[bin] > 0) {
        before.add(expected[bin]);
        now.add(observed[bin]);
      }
    }
    return new Sides(before, now);
  }

  // In their order: what is below the ordinary bins, these, what is above.
  private static long[] placed(long[] counts, StreamLayout layout, int stream, int fold) {
    int ordinary = layout.ordinary(stream);
    boolean own = layout.own(stream) > 0;
    long[] placed = new long[Math.ceilDiv(ordinary, fold) + PLACED];
    for (int bin = 0; bin < ordinary; bin++) {
      placed[1 + bin / fold] += counts[bin];
    }
    placed[0] = own ? counts[ordinary + BaselineBins.BELOW] : 0;
    placed[placed.length - 1] = own ? counts[ordinary + BaselineBins.ABOVE] : 0;
    return placed;
  }
}
