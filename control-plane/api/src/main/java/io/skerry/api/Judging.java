package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How variants are judged, where the evaluation data does not tell; as {@code skerry pack} takes
 * it.
 *
 * @param metric one of {@link #METRICS}; by labels and outputs when absent
 * @param boxes what the output of a detector holds, one of {@link #BOXES}: its boxes are held
 *     against the labels or, without any, against those that the model finds as it was given; what
 *     the model is known to end in, or corners, when absent
 * @param scoreOutput the output that holds the score; the first when absent. For {@code
 *     detection-postprocess} the names of the four, with commas between them
 * @param maxDrop how much less of the metric than the float model a variant may have, 0 to 100:
 *     .005 is half a point, of errors half a per cent; the metric's own when absent
 */
public record Judging(
    @Nullable String metric,
    @Nullable String boxes,
    @Nullable String scoreOutput,
    @Nullable Double maxDrop) {
  /** By what the data tells. */
  public static final Judging BY_DATA = new Judging(null, null, null, null);

  /** The metric of detectors. */
  public static final String OF_BOXES = "meanAveragePrecision";

  /** What variants can be judged by. */
  public static final List<String> METRICS =
      List.of("rocAuc", "accuracy", "rmse", "mae", OF_BOXES, "meanIou", VariantQuality.AGREEMENT);

  /** What the output of a detector may hold. */
  public static final List<String> BOXES =
      List.of("corners", "centres", "centres-objectness", "detection-postprocess");

  /** The most that may be lost. */
  public static final double MAX_DROP_MAX = 100;
}
