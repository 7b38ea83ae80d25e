package io.skerry.packager;

import io.skerry.artifact.DeviceTimings;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.Unjudged;
import io.skerry.packager.sign.Baseline;
import io.skerry.packager.sign.VariantWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What all profiles of one packaging share.
 *
 * @param tuning absent when the model is packaged as it is
 * @param unjudged absent when all outputs are judged by
 * @param sharedItems of the evaluation, that are the same as some of calibration
 * @param maxDrop how much of the metric a variant may lose
 * @param emulate whether accuracy is proved under emulation where this machine is not of the
 *     profile
 * @param emulatedItemsMax evaluation items that are run there
 * @param timings reports of devices
 * @param lost files that lost under emulation before
 */
record PackagingContext(
    Forms forms,
    Optional<Tuning> tuning,
    Judge judge,
    Optional<Unjudged> unjudged,
    int calibrationItems,
    int sharedItems,
    Samples evaluation,
    double maxDrop,
    boolean emulate,
    int emulatedItemsMax,
    Optional<Path> arm64Root,
    List<DeviceTimings> timings,
    List<PackagingRequest.Lost> lost,
    Baseline baseline,
    VariantWriter writer) {

  /** Why a form must not ship whatever it does where it is judged. */
  Optional<String> fault(Forms.Form form) {
    return unjudged.flatMap(others -> form.unjudged().flatMap(others::fault));
  }

  /** What must be known of a form that ships. */
  Optional<String> remark(Forms.Form form) {
    return unjudged.flatMap(others -> form.unjudged().flatMap(others::remark));
  }

  PackagingReport report(List<Variant> variants) {
    return report(variants, Map.of());
  }

  PackagingReport report(List<Variant> variants, Map<String, String> refused) {
    return new PackagingReport(
        judge.metric(),
        judge.floatValue(),
        calibrationItems,
        evaluation.count(),
        sharedItems,
        variants,
        refused,
        baseline.toldSignal());
  }
}
