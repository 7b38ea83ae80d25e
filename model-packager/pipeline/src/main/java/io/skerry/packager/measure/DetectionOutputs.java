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
   * Sees that what is read as scores can be some: classes have the same shape.
   *
   * @throws IllegalArgumentException if a number is none
   */
  void requireScores(Outputs said) {
    for (int item = 0; item < said.items(); item++) {
      for (int box = 0; box < scores.elementsPerItem(); box++) {
        if (!(said.at(item, box) >= 0 && said.at(item, box) <= SCORE_MAX)) {
          throw new IllegalArgumentException(
              "output '%s' says %s, which is no score: name boxes, classes, scores and count as"
                      .formatted(scores.name(), said.at(item, box))
                  + " outputs, in this order");
        }
      }
    }
  }
}
