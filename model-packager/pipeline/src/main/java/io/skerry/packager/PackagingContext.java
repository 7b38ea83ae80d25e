package io.skerry.packager;

import io.skerry.artifact.DeviceTimings;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.Timing;
import io.skerry.packager.sign.Baseline;
import io.skerry.packager.sign.VariantWriter;
import io.skerry.protocol.Digest;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What all profiles of one packaging share.
 *
 * @param tuning absent when the model is packaged as it is
 * @param read names of the outputs that are judged by
 * @param maxDrop how much of the metric a variant may lose
 * @param emulate whether accuracy is proved under emulation where this machine is not of the
 *     profile
 * @param emulatedItemsMax evaluation items that are run there
 * @param timings reports of devices
 */
record PackagingContext(
    Forms forms,
    Optional<Tuning> tuning,
    Judge judge,
    int calibrationItems,
    Samples evaluation,
    List<String> read,
    double maxDrop,
    boolean emulate,
    int emulatedItemsMax,
    Optional<Path> arm64Root,
    List<DeviceTimings> timings,
    Baseline baseline,
    VariantWriter writer) {

  PackagingReport report(List<Variant> variants) {
    return report(variants, Map.of());
  }

  PackagingReport report(List<Variant> variants, Map<String, String> refused) {
    return new PackagingReport(
        judge.metric(),
        judge.floatValue(),
        calibrationItems,
        evaluation.count(),
        variants,
        refused);
  }

  /**
   * What one device of a profile reported, by the file: times of several would not compare. It is
   * the one that timed the most of the float files, then of all; the last of those alike.
   *
   * @param floats files of floats
   * @param all files of all candidates
   */
  Map<Digest, Timing> reported(String profile, Set<Digest> floats, Set<Digest> all) {
    Map<String, Map<Digest, Timing>> devices = new LinkedHashMap<>();
    for (DeviceTimings report : timings) {
      if (report.profile().equals(profile)) {
        Map<Digest, Timing> device =
            devices.computeIfAbsent(report.device(), name -> new HashMap<>());
        report.timings().forEach(timing -> device.put(timing.model(), timing(timing)));
      }
    }
    return devices.values().stream()
        .reduce(
            (best, next) -> covers(next, floats, all) >= covers(best, floats, all) ? next : best)
        .orElse(Map.of());
  }

  private static long covers(Map<Digest, Timing> device, Set<Digest> floats, Set<Digest> all) {
    return floats.stream().filter(device::containsKey).count() * (all.size() + 1)
        + all.stream().filter(device::containsKey).count();
  }

  private static Timing timing(DeviceTimings.Timing timing) {
    return new Timing(
        timing.p50Micros(),
        timing.p99Micros(),
        timing.loadMillis(),
        timing.peakMemoryBytes(),
        Timing.Source.DEVICE);
  }
}
