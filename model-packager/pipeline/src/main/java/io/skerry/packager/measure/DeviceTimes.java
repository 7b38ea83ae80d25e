package io.skerry.packager.measure;

import io.skerry.artifact.DeviceTimings;
import io.skerry.protocol.Digest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * What the devices of a profile reported of candidates' files, as times that compare.
 *
 * <p>Every device that timed a file counts. Those of one profile are not equally fast, and need not
 * have timed the same files: each is set to the pace of one of them first, so that a fast device
 * makes no file fast that it alone timed.
 *
 * <pre>{@code
 * pace(d)    = exp(mean over files that d and the yardstick timed of ln(p50(d) / p50(yardstick)))
 * micros(f)  = median over devices d that timed f of p50(d, f) / pace(d)
 * }</pre>
 *
 * <p>The yardstick is the device that timed the most of the float files, then of all, the last of
 * those alike. A device that timed no file that the yardstick did has no pace, and does not count.
 * A file's memory is the largest that any device took, because it has to fit on each; its loading
 * time the median.
 */
public final class DeviceTimes {
  private final Map<String, Map<Digest, DeviceTimings.Timing>> devices = new LinkedHashMap<>();
  private final Set<Digest> all;

  private DeviceTimes(Set<Digest> all) {
    this.all = all;
  }

  /**
   * Times of each file that a device timed.
   *
   * @param reports of devices; of several of one device the last counts, file by file
   * @param profile whose devices count
   * @param floats files of floats
   * @param all files of all candidates
   */
  public static Map<Digest, Timing> of(
      List<DeviceTimings> reports, String profile, Set<Digest> floats, Set<Digest> all) {
    DeviceTimes times = new DeviceTimes(all);
    reports.stream().filter(report -> report.profile().equals(profile)).forEach(times::add);
    return times.devices.values().stream()
        .reduce((best, next) -> covers(next, floats) >= covers(best, floats) ? next : best)
        .map(times::atPaceOf)
        .orElse(Map.of());
  }

  private void add(DeviceTimings report) {
    Map<Digest, DeviceTimings.Timing> device = new HashMap<>();
    report.timings().stream()
        .filter(timing -> all.contains(timing.model()))
        .forEach(timing -> device.put(timing.model(), timing));
    if (!device.isEmpty()) {
      devices.computeIfAbsent(report.device(), name -> new HashMap<>()).putAll(device);
    }
  }

  /** One more float file counts more than any number of others. */
  private static long covers(Map<Digest, DeviceTimings.Timing> device, Set<Digest> floats) {
    long ofFloats = floats.stream().filter(device::containsKey).count();
    return (ofFloats << Integer.SIZE) + device.size();
  }

  private Map<Digest, Timing> atPaceOf(Map<Digest, DeviceTimings.Timing> yardstick) {
    Map<Digest, List<Timing>> told = new HashMap<>();
    for (Map<Digest, DeviceTimings.Timing> device : devices.values()) {
      double pace = pace(device, yardstick);
      if (pace > 0) {
        device.forEach(
            (file, timing) ->
                told.computeIfAbsent(file, none -> new ArrayList<>()).add(paced(timing, pace)));
      }
    }
    Map<Digest, Timing> times = new HashMap<>();
    told.forEach((file, timings) -> times.put(file, together(timings)));
    return times;
  }

  /** How many times the yardstick's time a device takes; 0 if nothing says it. */
  private static double pace(
      Map<Digest, DeviceTimings.Timing> device, Map<Digest, DeviceTimings.Timing> yardstick) {
    double sum = 0;
    int shared = 0;
    for (Map.Entry<Digest, DeviceTimings.Timing> each : device.entrySet()) {
      DeviceTimings.Timing same = yardstick.get(each.getKey());
      if (same != null) {
        sum += Math.log(each.getValue().p50Micros() / same.p50Micros());
        shared++;
      }
    }
    return shared == 0 ? 0 : Math.exp(sum / shared);
  }

  private static Timing paced(DeviceTimings.Timing timing, double pace) {
    return new Timing(
        timing.p50Micros() / pace,
        timing.p99Micros() / pace,
        timing.loadMillis(),
        timing.peakMemoryBytes(),
        Timing.Source.DEVICE);
  }

  private static Timing together(List<Timing> timings) {
    return new Timing(
        median(timings, Timing::p50Micros),
        median(timings, Timing::p99Micros),
        median(timings, Timing::loadMillis),
        timings.stream().mapToLong(Timing::peakMemoryBytes).max().orElse(0),
        Timing.Source.DEVICE);
  }

  /** The middle one; of an even number the mean of both in the middle. */
  private static double median(Collection<Timing> timings, ToDoubleFunction<Timing> of) {
    double[] sorted = timings.stream().mapToDouble(of).sorted().toArray();
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
