package io.skerry.packager;

import io.skerry.artifact.TensorSpec;
import io.skerry.packager.data.DataReader;
import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Dataset;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The data of a packaging, each for its purpose.
 *
 * @param evaluation never items that are calibrated on
 * @param labels of the evaluation items; absent where nobody gave any
 * @param reference what the monitoring baseline is counted on
 * @param referenceLabels of these; absent where nobody gave any
 */
record Items(
    Samples calibration,
    Samples evaluation,
    Optional<Labels> labels,
    Samples reference,
    Optional<Labels> referenceLabels) {
  /** Fewer items cannot both calibrate and judge. */
  static final int SHARED_ITEMS_MIN = 20;

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
      if (isSameFile(file, request.calibration())) {
        throw new DataRefusedException(
            "%s is the calibration data, which says nothing of other data: evaluate on other items,"
                    .formatted(file)
                + " or leave the evaluation out and half of them are kept for it");
      }
      int count = evaluation.samples().count();
      Optional<Labels> own =
          evaluation.labels().map(array -> Labels.of(file.toString(), array, count));
      return new Items(
          calibration,
          evaluation.samples(),
          request.evaluationLabels().map(labels -> Labels.read(labels, count)).or(() -> own),
          reference,
          referenceLabels);
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
    return new Items(
        calibration.chosen(calibrates),
        calibration.chosen(judges),
        all.map(labels -> labels.chosen(judges)),
        reference,
        referenceLabels);
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

  private static boolean isSameFile(Path one, Path other) {
    try {
      return Files.isSameFile(one, other);
    } catch (IOException e) {
      throw new DataRefusedException("%s: is unreadable: %s".formatted(one, e.getMessage()), e);
    }
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
