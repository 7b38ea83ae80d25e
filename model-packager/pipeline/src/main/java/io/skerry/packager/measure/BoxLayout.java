package io.skerry.packager.measure;

import io.skerry.artifact.TensorSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What the numbers of a detector's output are; its text is what files and options hold.
 *
 * <p>It has to be said: six numbers a box may be corners, score and class, or a centre, a size and
 * two classes, and 85 may be 80 classes with an objectness or 81 without. Whether boxes or their
 * numbers come first is seen, for there are more boxes. Coordinates are in the labels' unit.
 */
public enum BoxLayout {
  /** Boxes of left, top, right, bottom, score, class: overlapping ones are gone already. */
  CORNERS("corners"),
  /** Centre x and y, width, height, then a score of each class. */
  CENTRES("centres"),
  /** Centre x and y, width, height, objectness, then a score of each class if it is an object. */
  CENTRES_OBJECTNESS("centres-objectness"),
  /** Four outputs: {@link DetectionOutputs}. */
  DETECTION_POSTPROCESS("detection-postprocess");

  /** Boxes of an item that are judged: the surest. */
  static final int BOXES_MAX = 300;

  private static final int BEFORE_OVERLAPS_MAX = 3_000;
  private static final double SCORE_MIN = 0.001;
  private static final double OVERLAP_MAX = 0.7;
  private static final int COORDINATES = 4;

  private final String text;

  BoxLayout(String text) {
    this.text = text;
  }

  /** The layout of this text. */
  public static Optional<BoxLayout> parse(String text) {
    return Arrays.stream(values()).filter(layout -> layout.text.equals(text)).findFirst();
  }

  /** As options hold it. */
  String text() {
    return text;
  }

  /** All texts, for messages. */
  public static String texts() {
    return Arrays.stream(values()).map(layout -> layout.text).collect(Collectors.joining(", "));
  }

  private record Box(Corners corners, double score, int of) {}

  /**
   * Which of a model's outputs hold its boxes, in the order in which {@link #reading} wants them;
   * the first number of the first is what devices watch.
   *
   * @param outputs those that may, in the model's order or as they were named
   * @throws IllegalArgumentException if these cannot hold such boxes
   */
  public List<TensorSpec> read(List<TensorSpec> outputs) {
    return this == DETECTION_POSTPROCESS
        ? DetectionOutputs.of(outputs).read()
        : List.of(outputs.getFirst());
  }

  /**
   * What {@link Detections} compares with labels, of what was said.
   *
   * @param outputs as for {@link #read}
   * @param floats what the float model says, by which a wrong layout is seen
   * @throws IllegalArgumentException if these cannot hold such boxes
   */
  public UnaryOperator<Outputs> reading(List<TensorSpec> outputs, Outputs floats) {
    if (this == DETECTION_POSTPROCESS) {
      DetectionOutputs four = DetectionOutputs.of(outputs);
      four.requireScoresAndClasses(floats);
      return four::corners;
    }
    List<Long> item = outputs.getFirst().shapeOfItem();
    return said -> corners(said, item);
  }

  /**
   * The same boxes as corners, score and class, of one output, at most {@value #BOXES_MAX} an item,
   * the surest first. Of boxes of one class that overlap by more than {@value #OVERLAP_MAX} the
   * surest stays.
   *
   * @param shape of an item's output, its batch left out
   * @throws IllegalArgumentException if an output of this shape cannot hold such boxes
   */
  Outputs corners(Outputs said, List<Long> shape) {
    List<Long> dimensions = shape.stream().filter(size -> size != 1).toList();
    if (this == CORNERS) {
      boolean holds =
          dimensions.size() < 2
              ? said.perItem() % Detections.OUTPUT_NUMBERS == 0
              : dimensions.getLast() == Detections.OUTPUT_NUMBERS;
      if (!holds) {
        throw misfit(dimensions, "boxes of corners have 6 numbers each");
      }
      return said;
    }
    int before = COORDINATES + (this == CENTRES_OBJECTNESS ? 1 : 0);
    if (dimensions.size() != 2) {
      throw misfit(dimensions, "boxes and their numbers are two dimensions");
    }
    int numbers = Math.toIntExact(Math.min(dimensions.getFirst(), dimensions.getLast()));
    boolean boxesFirst = dimensions.getLast() == numbers;
    if (numbers <= before) {
      throw misfit(dimensions, "a box has %d numbers and one for each class".formatted(before));
    }
    int count = said.perItem() / numbers;
    float[] corners = new float[said.items() * BOXES_MAX * Detections.OUTPUT_NUMBERS];
    for (int item = 0; item < said.items(); item++) {
      int at = item;
      int first = item * BOXES_MAX * Detections.OUTPUT_NUMBERS;
      List<Box> boxes =
          IntStream.range(0, count)
              .mapToObj(
                  box ->
                      box(
                          numbers,
                          number ->
                              said.at(
                                  at, boxesFirst ? box * numbers + number : number * count + box)))
              .filter(box -> box.score >= SCORE_MIN)
              .sorted(Comparator.comparingDouble((Box box) -> -box.score))
              .limit(BEFORE_OVERLAPS_MAX)
              .toList();
      for (Box box : surest(boxes)) {
        corners[first++] = (float) box.corners.left();
        corners[first++] = (float) box.corners.top();
        corners[first++] = (float) box.corners.right();
        corners[first++] = (float) box.corners.bottom();
        corners[first++] = (float) box.score;
        corners[first++] = box.of;
      }
    }
    return new Outputs(corners, BOXES_MAX * Detections.OUTPUT_NUMBERS);
  }

  @FunctionalInterface
  private interface Numbers {
    float at(int number);
  }

  private Box box(int numbers, Numbers said) {
    int firstClass = this == CENTRES_OBJECTNESS ? COORDINATES + 1 : COORDINATES;
    int best = firstClass;
    for (int number = firstClass + 1; number < numbers; number++) {
      best = said.at(number) > said.at(best) ? number : best;
    }
    double score = said.at(best);
    if (this == CENTRES_OBJECTNESS) {
      score *= said.at(COORDINATES);
    }
    double halfWidth = said.at(2) / 2.0;
    double halfHeight = said.at(3) / 2.0;
    return new Box(
        new Corners(
            said.at(0) - halfWidth,
            said.at(1) - halfHeight,
            said.at(0) + halfWidth,
            said.at(1) + halfHeight),
        score,
        best - firstClass);
  }

  private static List<Box> surest(List<Box> boxes) {
    List<Box> kept = new ArrayList<>();
    for (Box box : boxes) {
      if (kept.size() < BOXES_MAX
          && kept.stream()
              .noneMatch(k -> k.of == box.of && k.corners.overlap(box.corners) > OVERLAP_MAX)) {
        kept.add(box);
      }
    }
    return kept;
  }

  private IllegalArgumentException misfit(List<Long> dimensions, String why) {
    return new IllegalArgumentException(
        "the output of an item is %s, which does not hold boxes '%s', for %s: say which of %s it holds"
            .formatted(
                dimensions.isEmpty()
                    ? "one number"
                    : dimensions.stream().map(String::valueOf).collect(Collectors.joining(" x ")),
                text,
                why,
                texts()));
  }
}
