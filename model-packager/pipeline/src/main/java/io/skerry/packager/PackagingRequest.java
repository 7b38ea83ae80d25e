package io.skerry.packager;

import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.graph.InputShape;
import io.skerry.packager.measure.BoxLayout;
import io.skerry.packager.measure.Metric;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is to be packaged.
 *
 * @param file ONNX or TFLite, by its ending
 * @param inputShape what an ONNX model's input is to be, where the file leaves it open
 * @param calibration data, what activation ranges and golden inputs are taken from
 * @param calibrationItemsMax how many of them are taken at most, evenly spread
 * @param goldenItems how many of the first of those golden inputs may be; all when absent
 * @param evaluationInputs data, never the calibration data; when absent, every second item of the
 *     calibration data is kept for evaluation
 * @param evaluationLabels NPY [items], classes from 0; when absent, variants are judged by how far
 *     they agree with the float model
 * @param reference NPY [items, ...], what the monitoring baseline is counted on; the calibration
 *     data when absent
 * @param referenceLabels NPY [items], what the reference items truly are; when absent, what the
 *     data itself tells
 * @param output name of the output that holds the score, the first when absent; of boxes in four
 *     outputs all names, commas between them
 * @param threshold the score from which the positive class is predicted
 * @param monitoring what is watched, under which rules; a spread of all elements where it names no
 *     features
 * @param metric the task's; when absent, by the number of outputs and classes
 * @param boxes what a detector's output holds; corners when absent
 * @param maxDrop how much less than the float model's metric a variant's may be; the metric's own
 *     when absent
 * @param catalog where profiles are found
 * @param profiles ids of the wanted ones
 * @param keys who signs what is for a profile, by its id; an artifact for one without a key stays
 *     unsigned
 * @param emulation absent when accuracy is not proved under emulation
 * @param timings what devices reported; they count where this machine cannot time a profile
 * @param lost files that an earlier packaging saw lose under emulation: where they cannot be run
 *     there again they do not ship
 * @param candidates where the files of all candidates go; absent when they are not wanted
 */
record PackagingRequest(
    ModelVersion model,
    long releaseCounter,
    Path file,
    Optional<InputShape> inputShape,
    Path calibration,
    int calibrationItemsMax,
    Optional<Integer> goldenItems,
    Optional<Path> evaluationInputs,
    Optional<Path> evaluationLabels,
    Optional<Path> reference,
    Optional<Path> referenceLabels,
    Optional<String> output,
    double threshold,
    MonitoringSettings monitoring,
    Optional<Metric> metric,
    Optional<BoxLayout> boxes,
    Optional<Double> maxDrop,
    ProfileCatalog catalog,
    List<String> profiles,
    Map<String, SigningKey> keys,
    Optional<Emulation> emulation,
    List<DeviceTimings> timings,
    List<Lost> lost,
    Optional<Candidates> candidates) {
  /** More items say little more about ranges. */
  static final int CALIBRATION_ITEMS_MAX = 1000;

  /**
   * How accuracy is proved where this machine lacks a profile's instructions.
   *
   * @param itemsMax evaluation items that are run
   * @param arm64Root folder with an arm64 Java; absent for the environment's
   */
  record Emulation(int itemsMax, Optional<Path> arm64Root) {
    /** Enough to see a broken kernel, few enough to wait for. */
    static final int ITEMS_MAX = 400;
  }

  /**
   * Where candidates' files go, for devices to time.
   *
   * @param folder gets a folder for each profile
   * @param bytesMax of all files together; a profile whose files do not fit any more gets none
   * @param alsoTimed whether files of profiles that this machine is of, and so timed, are wanted
   */
  record Candidates(Path folder, long bytesMax, boolean alsoTimed) {}

  /**
   * A file that lost too much on a profile's kind of processor.
   *
   * @param reason one line
   */
  record Lost(String profile, Digest file, String reason) {}

  PackagingRequest {
    timings = List.copyOf(timings);
    lost = List.copyOf(lost);
    profiles = profiles.stream().distinct().toList();
    keys = Map.copyOf(keys);
  }
}
