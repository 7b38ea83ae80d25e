package io.skerry.packager;

import io.skerry.artifact.DeviceTimings;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.Timing;
import io.skerry.packager.sign.Baseline;
import io.skerry.packager.sign.VariantWriter;
import io.skerry.protocol.Digest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What all profiles of one packaging share.
 *
 * @param tuning absent when the model is packaged as it is
 * @param output name of the output that holds the score
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
    String output,
    double maxDrop,
    boolean emulate,
    int emulatedItemsMax,
    Optional<Path> arm64Root,
    List<DeviceTimings> timings,
    Baseline baseline,
    VariantWriter writer) {

  PackagingReport report(List<Variant> variants) {
    return new PackagingReport(
        judge.metric(), judge.floatValue(), calibrationItems, evaluation.count(), variants);
  }

  /** What a device of the profile reported of a file; the last report counts. */
  Optional<Timing> reported(String profile, Digest model) {
    return timings.stream()
        .filter(report -> report.profile().equals(profile))
        .flatMap(report -> report.timings().stream())
        .filter(timing -> timing.model().equals(model))
        .reduce((before, after) -> after)
        .map(
            timing ->
                new Timing(
                    timing.p50Micros(),
                    timing.p99Micros(),
                    timing.loadMillis(),
                    timing.peakMemoryBytes(),
                    Timing.Source.DEVICE));
  }
}
