package io.skerry.packager;

import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.measure.Metric;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is to be packaged.
 *
 * @param file ONNX or TFLite, by its ending
 * @param calibration data, what activation ranges and golden inputs are taken from
 * @param calibrationItemsMax how many of them are taken at most, evenly spread
 * @param evaluationInputs data, never the calibration data; when absent, every second item of the
 *     calibration data is kept for evaluation
 * @param evaluationLabels NPY [items], classes from 0; when absent, variants are judged by how far
 *     they agree with the float model
 * @param reference NPY [items, ...], what the monitoring baseline is counted on; the calibration
 *     data when absent
 * @param output name of the output that holds the score; the first when absent
 * @param threshold the score from which the positive class is predicted
 * @param features monitored elements; a spread of all when empty
 * @param metric the task's; when absent, by the number of outputs and classes
 * @param maxDrop how much less than the float model's metric a variant's may be; the metric's own
 *     when absent
 * @param catalog where profiles are found
 * @param profiles ids of the wanted ones
 * @param keys who signs what is for a profile, by its id; an artifact for one without a key stays
 *     unsigned
 */
record PackagingRequest(
    ModelVersion model,
    long releaseCounter,
    Path file,
    Path calibration,
    int calibrationItemsMax,
    Optional<Path> evaluationInputs,
    Optional<Path> evaluationLabels,
    Optional<Path> reference,
    Optional<String> output,
    double threshold,
    List<Feature> features,
    Optional<Metric> metric,
    Optional<Double> maxDrop,
    ProfileCatalog catalog,
    List<String> profiles,
    Map<String, SigningKey> keys) {
  /** More items say little more about ranges. */
  static final int CALIBRATION_ITEMS_MAX = 1000;

  PackagingRequest {
    features = List.copyOf(features);
    profiles = List.copyOf(profiles);
    keys = Map.copyOf(keys);
  }
}
