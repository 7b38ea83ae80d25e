package io.skerry.packager.measure;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Boxes as TFLite's detection operator (TFLite_Detection_PostProcess) says them, in four outputs of
 * an item:
 *
 * <pre>
 * boxes    [n, 4]   top, left, bottom, right
 * classes  [n]      from 0
 * scores   [n]      0 to 1
 * count    [1]      how many of the n are boxes
 * </pre>
 *
 * <p>Overlapping ones are gone already.
 */
final class DetectionOutputs {
  private static final int OUTPUTS = 4;
  private static final int COORDINATES = 4;

  /** Integers that stand for scores may say a little more than 1. */
  private static final float SCORE_MAX = 1.1f;

  /** A class that was computed may be a little beside its number. */
  private static final double CLASS_ERROR_MAX = 0.02;

  private final TensorSpec boxes;
  private final TensorSpec classes;
  private final TensorSpec scores;
  private final TensorSpec count;

  private DetectionOutputs(List<TensorSpec> outputs) {
    boxes = outputs.get(0);
    classes = outputs.get(1);
    scores = outputs.get(2);
    count = outputs.get(3);
  }

  /**
   * These outputs: boxes, classes, scores, count.
   *
   * @throws IllegalArgumentException if there are not four, or they are of other shapes or types
   */
  static DetectionOutputs of(List<TensorSpec> outputs) {
    if (outputs.size() != OUTPUTS || !new DetectionOutputs(outputs).fit()) {
      throw new IllegalArgumentException(
          "the outputs are %s, boxes '%s' are four of floats, [n, 4], [n], [n] and [1] an item:"
                  .formatted(
                      outputs.stream()
                          .map(o -> "'%s' %s %s".formatted(o.name(), o.type(), o.shape()))
                          .collect(Collectors.joining(", ")),
                      BoxLayout.DETECTION_POSTPROCESS.text())
              + " name boxes, classes, scores and count as outputs, in this order");
    }
    return new DetectionOutputs(outputs);
  }

  private boolean fit() {
    return List.of(boxes, classes, scores, count).stream()
            .allMatch(output -> output.type() == ElementType.FP32)
        && boxes.shape().size() > 1
        && boxes.shape().getLast() == COORDINATES
        && boxes.elementsPerItem() == COORDINATES * scores.elementsPerItem()
        && classes.elementsPerItem() == scores.elementsPerItem()
        && count.elementsPerItem() == 1;
  }

  /** The order in which {@link #corners} reads them: devices watch the first number, a score. */
  List<TensorSpec> read() {
    return List.of(scores, boxes, classes, count);
  }

  /** The same boxes as corners, score and class; those that do not count have a score of 0. */
  Outputs corners(Outputs said) {
    int each = scores.elementsPerItem();
    int ofBoxes = each;
    int ofClasses = ofBoxes + each * COORDINATES;
    int ofCount = ofClasses + each;
    float[] corners = new float[said.items() * each * Detections.OUTPUT_NUMBERS];
    int at = 0;
    for (int item = 0; item < said.items(); item++) {
      int counted = Math.round(said.at(item, ofCount));
      for (int box = 0; box < each; box++) {
        int place = ofBoxes + box * COORDINATES;
        corners[at++] = said.at(item, place + 1);
        corners[at++] = said.at(item, place);
        corners[at++] = said.at(item, place + 3);
        corners[at++] = said.at(item, place + 2);
        corners[at++] = box < counted ? said.at(item, box) : 0;
        corners[at++] = said.at(item, ofClasses + box);
      }
    }
    return new Outputs(corners, each * Detections.OUTPUT_NUMBERS);
  }

  /**
   * Sees that what is read as scores and as classes can be some: both have the same shape. Of two
   * classes, 0 and 1 may be scores too; then scores that stand for classes tell, for they are no
   * whole numbers.
   *
   * @throws IllegalArgumentException if a number is none
   */
  void requireScoresAndClasses(Outputs said) {
    int each = scores.elementsPerItem();
    int ofClasses = each + each * COORDINATES;
    int ofCount = ofClasses + each;
    for (int item = 0; item < said.items(); item++) {
      int counted = Math.round(said.at(item, ofCount));
      for (int box = 0; box < each; box++) {
        float score = said.at(item, box);
        if (!(score >= 0 && score <= SCORE_MAX)) {
          throw exchanged(scores, score, "score");
        }
        float known = said.at(item, ofClasses + box);
        // What lies behind the boxes that count may be anything.
        if (box < counted && !isClass(known)) {
          throw exchanged(classes, known, "class from 0");
        }
      }
    }
  }

  private static boolean isClass(float number) {
    double nearest = Math.rint(number);
    return nearest >= 0 && Math.abs(number - nearest) <= CLASS_ERROR_MAX;
  }

  private static IllegalArgumentException exchanged(TensorSpec output, float said, String what) {
    return new IllegalArgumentException(
        "output '%s' says %s, which is no %s: name boxes, classes, scores and count as outputs, in this order"
            .formatted(output.name(), said, what));
  }
}
