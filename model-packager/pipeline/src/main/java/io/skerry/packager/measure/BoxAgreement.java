package io.skerry.packager.measure;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How far a candidate finds the boxes that the float model finds, where no label says which are
 * there.
 *
 * <p>Boxes of either that are as sure as the threshold count. One is agreed on where the other
 * finds one of the same class, whose overlap (shared by joint area) is one half or more, and whose
 * score is at most 0.1 below the threshold: what the float model itself hardly decides is no loss.
 * A box answers one other; of several pairs those that overlap most go first. Of an item the {@link
 * BoxLayout#BOXES_MAX} surest are looked at.
 *
 * <pre>{@code agreement = (agreed of the float model's + agreed of the candidate's) / all of both}
 * </pre>
 *
 * <p>Outputs are boxes of six numbers: left, top, right, bottom, score, class.
 */
final class BoxAgreement {
  private static final double OVERLAP_MIN = 0.5;
  private static final double SCORE_TOLERANCE = 0.1;
  private static final int SCORE = 4;
  private static final int CLASS = 5;

  private final double threshold;
  private long boxes;
  private long agreed;
  private int itemsWithBoxes;

  private BoxAgreement(double threshold) {
    this.threshold = threshold;
  }

  private record Pair(int one, int other, double overlap) {}

  /**
   * Compares the boxes of the same items.
   *
   * @param threshold the score from which a box counts
   * @throws IllegalArgumentException if these are no boxes
   */
  static BoxAgreement of(Outputs floats, Outputs candidate, double threshold) {
    if (floats.perItem() % Detections.OUTPUT_NUMBERS != 0
        || floats.perItem() != candidate.perItem()) {
      throw new IllegalArgumentException(
          "boxes have %d numbers each, outputs of an item have %d and %d"
              .formatted(Detections.OUTPUT_NUMBERS, floats.perItem(), candidate.perItem()));
    }
    BoxAgreement agreement = new BoxAgreement(threshold);
    for (int item = 0; item < floats.items(); item++) {
      agreement.add(
          surest(floats, item, threshold - SCORE_TOLERANCE),
          surest(candidate, item, threshold - SCORE_TOLERANCE));
    }
    return agreement;
  }

  /** Whether a box of an item is as sure as the threshold. */
  static boolean hasBox(Outputs outputs, int item, double threshold) {
    return !surest(outputs, item, threshold).isEmpty();
  }

  /** All boxes that count, of both. */
  long boxes() {
    return boxes;
  }

  /** Those of them that are agreed on. */
  long agreed() {
    return agreed;
  }

  /** The share that is agreed on; 1 where there is no box at all. */
  double value() {
    return boxes == 0 ? 1 : (double) agreed / boxes;
  }

  /**
   * Of the value, as if each item with boxes were one trial: boxes of one picture are not
   * independent.
   */
  Interval interval() {
    return Interval.wilson(Math.round(value() * itemsWithBoxes), Math.max(1, itemsWithBoxes));
  }

  private void add(List<float[]> floats, List<float[]> candidate) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < floats.size(); i++) {
      for (int j = 0; j < candidate.size(); j++) {
        double overlap = corners(floats.get(i)).overlap(corners(candidate.get(j)));
        if (overlap >= OVERLAP_MIN
            && Math.round(floats.get(i)[CLASS]) == Math.round(candidate.get(j)[CLASS])) {
          pairs.add(new Pair(i, j, overlap));
        }
      }
    }
    pairs.sort(Comparator.comparingDouble((Pair pair) -> -pair.overlap));
    boolean[] ofFloats = new boolean[floats.size()];
    boolean[] ofCandidate = new boolean[candidate.size()];
    for (Pair pair : pairs) {
      if (!ofFloats[pair.one] && !ofCandidate[pair.other]) {
        ofFloats[pair.one] = true;
        ofCandidate[pair.other] = true;
      }
    }
    long before = boxes;
    count(floats, ofFloats);
    count(candidate, ofCandidate);
    itemsWithBoxes += boxes > before ? 1 : 0;
  }

  private void count(List<float[]> found, boolean[] answered) {
    for (int i = 0; i < answered.length; i++) {
      if (found.get(i)[SCORE] >= threshold) {
        boxes++;
        agreed += answered[i] ? 1 : 0;
      }
    }
  }

  private static List<float[]> surest(Outputs outputs, int item, double scoreMin) {
    return IntStream.range(0, outputs.perItem() / Detections.OUTPUT_NUMBERS)
        .mapToObj(box -> box(outputs, item, box * Detections.OUTPUT_NUMBERS))
        .filter(box -> box[SCORE] > 0 && box[SCORE] >= scoreMin)
        .sorted(Comparator.comparingDouble((float[] box) -> -box[SCORE]))
        .limit(BoxLayout.BOXES_MAX)
        .toList();
  }

  private static float[] box(Outputs outputs, int item, int first) {
    float[] box = new float[Detections.OUTPUT_NUMBERS];
    for (int i = 0; i < box.length; i++) {
      box[i] = outputs.at(item, first + i);
    }
    return box;
  }

  private static Corners corners(float[] box) {
    return new Corners(box[0], box[1], box[2], box[3]);
  }
}
