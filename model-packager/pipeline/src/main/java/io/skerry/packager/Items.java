package io.skerry.packager;

import io.skerry.artifact.TensorSpec;
import io.skerry.packager.calibrate.DataRefusedException;
import io.skerry.packager.calibrate.Samples;
import io.skerry.packager.measure.Labels;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The data of a packaging, each for its purpose.
 *
 * @param evaluation never items that are calibrated on
 * @param labels of the evaluation items; absent where nobody gave any
 * @param reference what the monitoring baseline is counted on
 */
record Items(Samples calibration, Samples evaluation, Optional<Labels> labels, Samples reference) {
  /** Fewer items cannot both calibrate and judge. */
  static final int SHARED_ITEMS_MIN = 20;

  /**
   * Reads them.
   *
   * @throws DataRefusedException if a file does not fit the model, or there are too few items
   */
  static Items read(PackagingRequest request, TensorSpec input) {
    Samples given = samples(request.calibration(), input);
    Samples reference = request.reference().map(file -> samples(file, input)).orElse(given);
    if (request.evaluationInputs().isPresent()) {
      Samples evaluation = samples(request.evaluationInputs().get(), input);
      return new Items(
          given,
          evaluation,
          request.evaluationLabels().map(file -> Labels.read(file, evaluation.count())),
          reference);
    }
    if (request.evaluationLabels().isPresent()) {
      throw new DataRefusedException(
          "%s: there are labels, but no evaluation inputs that they belong to: give both or none"
              .formatted(request.evaluationLabels().get()));
    }
    if (given.count() < SHARED_ITEMS_MIN) {
      throw new DataRefusedException(
          "%s: holds %d items, at least %d are needed: one half calibrates, the other judges"
              .formatted(given.source(), given.count(), SHARED_ITEMS_MIN));
    }
    return new Items(given.everySecond(0), given.everySecond(1), Optional.empty(), reference);
  }

  private static Samples samples(Path file, TensorSpec input) {
    Samples samples = Samples.read(file, input.elementsPerItem());
    if (samples.type() != input.type()) {
      throw new DataRefusedException(
          "%s: holds %s, the model's input '%s' is %s: convert it"
              .formatted(samples.source(), samples.type(), input.name(), input.type()));
    }
    return samples;
  }
}
