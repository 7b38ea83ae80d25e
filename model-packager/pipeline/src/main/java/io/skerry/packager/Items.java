package io.skerry.packager;

import io.skerry.artifact.TensorSpec;
import io.skerry.packager.data.DataReader;
import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Dataset;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The data of a packaging, each for its purpose.
 *
 * @param evaluation never items that are calibrated on
 * @param labels of the evaluation items; absent where nobody gave any
 * @param reference what the monitoring baseline is counted on
 * @param referenceLabels of these; absent where nobody gave any
 * @param shared how many of the evaluation's are the same as some that are calibrated on, as rows
 *     of a table may be
 */
record Items(
    Samples calibration,
    Samples evaluation,
    Optional<Labels> labels,
    Samples reference,
    Optional<Labels> referenceLabels,
    int shared) {
  /** Fewer items cannot both calibrate and judge. */
  static final int SHARED_ITEMS_MIN = 20;

  /** Of data of which fewer items are alike than this share, some that are alike are the same. */
  private static final double DISTINCT_SHARE_MIN = 0.9;

  /**
   * Reads them.
   *
   * @throws DataRefusedException if a file does not fit the model, there are too few items, or they
   *     are no numbers, or all the same
   */
  static Items read(PackagingRequest request, TensorSpec input) {
    Items items = items(request, input);
    items.calibration.requireVaried(input.name(), "about its range");
    items.evaluation.requireVaried(input.name(), "of how good a variant is");
    return items;
  }

  private static Items items(PackagingRequest request, TensorSpec input) {
    request.evaluationInputs().ifPresent(file -> requireOther(file, request.calibration()));
    Dataset given = DataReader.read(request.calibration(), input, request.calibrationItemsMax());
    Samples calibration = given.samples();
    calibration.requireNumbers(input.name());
    Dataset referenceData =
        request
            .reference()
            .map(file -> DataReader.read(file, input, DataReader.ITEMS_MAX))
            .orElse(given);
    Samples reference = referenceData.samples();
    Optional<Labels> referenceLabels = referenceLabels(request, referenceData);
    if (request.evaluationInputs().isPresent()) {
      Path file = request.evaluationInputs().get();
      Dataset evaluation = DataReader.read(file, input, DataReader.ITEMS_MAX);
      evaluation.samples().requireNumbers(input.name());
      int shared = shared(calibration, evaluation.samples(), true);
      int count = evaluation.samples().count();
      Optional<Labels> own =
          evaluation.labels().map(array -> Labels.of(file.toString(), array, count));
      return new Items(
          calibration,
          evaluation.samples(),
          request.evaluationLabels().map(labels -> Labels.read(labels, count)).or(() -> own),
          reference,
          referenceLabels,
          shared);
    }
    if (request.evaluationLabels().isPresent()) {
      throw new DataRefusedException(
          "%s: there are labels, but no evaluation inputs that they belong to: give both or none"
              .formatted(request.evaluationLabels().get()));
    }
    if (calibration.count() < SHARED_ITEMS_MIN) {
      throw new DataRefusedException(
          "%s: holds %d items, at least %d are needed: one half calibrates, the other judges"
              .formatted(calibration.source(), calibration.count(), SHARED_ITEMS_MIN));
    }
    int count = calibration.count();
    String source = request.calibration().toString();
    Optional<Labels> all = given.labels().map(array -> Labels.of(source, array, count));
    int[] judges =
        all.map(labels -> labels.oneHot().orElse(labels))
            .filter(Labels::areClasses)
            .map(Items::judges)
            .orElseGet(() -> turns(count));
    int[] calibrates = IntStream.range(0, count).filter(i -> !contains(judges, i)).toArray();
    Samples kept = calibration.chosen(calibrates);
    Samples evaluation = calibration.chosen(judges);
    return new Items(
        kept,
        evaluation,
        all.map(labels -> labels.chosen(judges)),
        reference,
        referenceLabels,
        shared(kept, evaluation, false));
  }

  /**
   * How many items are the same as calibration items.
   *
   * @param others whether they are from other data, and refused where they are a copy, or mostly
   *     the same: but where items are alike in data itself, those of other data are, too
   */
  static int shared(Samples calibration, Samples evaluation, boolean others) {
    if (calibration.type() != evaluation.type()) {
      return 0;
    }
    List<Digest> calibrating = calibration.digests().toList();
    List<Digest> judging = evaluation.digests().toList();
    Set<Digest> calibrated = Set.copyOf(calibrating);
    List<Digest> shared = judging.stream().filter(calibrated::contains).toList();
    // Calibration data is less, or told apart before: of a few levels it may hold each row once.
    boolean alike =
        calibrated.size() < DISTINCT_SHARE_MIN * calibration.count()
            || Set.copyOf(judging).size() < DISTINCT_SHARE_MIN * evaluation.count();
    boolean mostly =
        2 * shared.size() > evaluation.count() || 2 * Set.copyOf(shared).size() > calibrated.size();
    boolean copied = judging.equals(calibrating);
    if (others && (copied || (mostly && !alike))) {
      throw new DataRefusedException(
          "%s: %d of its %d items are calibration items, of which there are %d: evaluate on other items, or leave the evaluation out and half of them are kept for it"
              .formatted(
                  evaluation.source(), shared.size(), evaluation.count(), calibration.count()));
    }
    return shared.size();
  }

  private static int[] turns(int count) {
    return IntStream.range(0, count).filter(i -> i % 2 == 1).toArray();
  }

  /**
   * The items that judge: of each class every second, so that neither half lacks a class that has
   * two items, however they are ordered. Ascending.
   */
  static int[] judges(Labels classes) {
    Map<Integer, Boolean> nextJudges = new HashMap<>();
    int[] judges = new int[classes.count()];
    int found = 0;
    for (int item = 0; item < classes.count(); item++) {
      int behind = item - 2 * found;
      boolean judge = nextJudges.getOrDefault(classes.at(item), behind > 0);
      nextJudges.put(classes.at(item), !judge);
      if (judge) {
        judges[found++] = item;
      }
    }
    return Arrays.copyOf(judges, found);
  }

  private static boolean contains(int[] ascending, int item) {
    return Arrays.binarySearch(ascending, item) >= 0;
  }

  /**
   * Sees that data is not the calibration data, nor a folder of it or around it whose images are
   * the same.
   *
   * @throws DataRefusedException if it is
   */
  static void requireOther(Path data, Path calibration) {
    if (!Files.exists(data) || !Files.exists(calibration)) {
      // Whoever reads them says so.
      return;
    }
    try {
      Path one = data.toRealPath();
      Path other = calibration.toRealPath();
      boolean folders = Files.isDirectory(one) && Files.isDirectory(other);
      boolean within = folders && (holdsFoldersOf(other, one) || holdsFoldersOf(one, other));
      if (within || Files.isSameFile(one, other)) {
        throw new DataRefusedException(
            "%s is the calibration data%s, which says nothing of other data: evaluate on other items,"
                    .formatted(data, folders && !one.equals(other) ? " in part" : "")
                + " or leave the evaluation out and half of them are kept for it");
      }
    } catch (IOException e) {
      throw new DataRefusedException(
          "%s is unreadable: %s: see that you may read it".formatted(data, e.getMessage()), e);
    }
  }

  private static boolean holdsFoldersOf(Path outer, Path inner) {
    return inner.startsWith(outer) && DataReader.readsFoldersWithin(outer);
  }

  private static Optional<Labels> referenceLabels(PackagingRequest request, Dataset reference) {
    int count = reference.samples().count();
    return request
        .referenceLabels()
        .map(file -> Labels.read(file, count))
        .or(
            () ->
                reference
                    .labels()
                    .map(array -> Labels.of(reference.samples().source(), array, count)));
  }
}
