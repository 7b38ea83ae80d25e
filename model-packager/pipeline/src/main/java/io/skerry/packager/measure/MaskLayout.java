package io.skerry.packager.measure;

import io.skerry.artifact.TensorSpec;
import io.skerry.packager.data.Labels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.List;

/**
 * How an output says of each pixel what it shows. Read, it is classes first, then pixels, as {@link
 * Metric#MEAN_IOU} takes it: exporters for PyTorch write that, those for TensorFlow pixels first.
 * One number for each pixel is how sure class 1 is.
 */
public final class MaskLayout {
  /** What labels call a pixel of which nobody knows, where there are not as many classes. */
  public static final int LEFT_OUT = 255;

  private enum Layout {
    CLASSES_FIRST,
    CLASSES_LAST,
    ONE_NUMBER
  }

  private final Layout layout;
  private final int pixels;
  private final int classes;
  private final double threshold;

  private MaskLayout(Layout layout, int pixels, int classes, double threshold) {
    this.layout = layout;
    this.pixels = pixels;
    this.classes = classes;
    this.threshold = threshold;
  }

  /**
   * Masks of an output.
   *
   * @param perItem numbers that it says of an item
   * @param threshold from which a single number is class 1
   * @throws IllegalArgumentException if it holds none of these labels' size, or nothing tells how
   *     they lie
   */
  public static MaskLayout of(TensorSpec output, int perItem, Labels labels, double threshold) {
    int pixels = labels.perItem();
    if (perItem % pixels != 0) {
      throw new IllegalArgumentException(
          "%d labels an item, output '%s' has shape %s: give the class of each of its pixels"
              .formatted(pixels, output.name(), output.shape()));
    }
    int classes = perItem / pixels;
    if (classes == 1) {
      return new MaskLayout(Layout.ONE_NUMBER, pixels, 2, threshold);
    }
    List<Long> shape = output.shapeOfItem();
    boolean first = shape.getFirst() == classes;
    boolean last = shape.getLast() == classes;
    if (first == last && shape.size() > 1) {
      throw new IllegalArgumentException(
          "%d labels an item, output '%s' has shape %s: nothing tells which dimension holds the %d classes: %s"
              .formatted(
                  pixels,
                  output.name(),
                  output.shape(),
                  classes,
                  first
                      ? "export the model for pictures of another size"
                      : "give the class of each pixel, or export the model with classes in the second or last dimension"));
    }
    return new MaskLayout(
        last && !first ? Layout.CLASSES_LAST : Layout.CLASSES_FIRST, pixels, classes, threshold);
  }

  /**
   * Refuses labels that no mask of so many classes can be judged by.
   *
   * @throws IllegalArgumentException if one is no class, or all are the same one
   */
  public void check(Labels labels) {
    BitSet named = new BitSet();
    for (int item = 0; item < labels.count(); item++) {
      for (int pixel = 0; pixel < pixels; pixel++) {
        float label = labels.at(item, pixel);
        boolean isLeftOut = label < 0 || (label == LEFT_OUT && classes <= LEFT_OUT);
        if (label != (int) label || (label >= classes && !isLeftOut)) {
          throw new IllegalArgumentException(
              "item %d has a pixel of %s, the model says %d classes: number them from 0, %d leaves a pixel out"
                  .formatted(item, label, classes, LEFT_OUT));
        }
        if (!isLeftOut) {
          named.set((int) label);
        }
      }
    }
    if (named.cardinality() < 2) {
      throw new IllegalArgumentException(
          "its pixels are of %s: number classes from 0, %d leaves a pixel out, and give items that show several"
              .formatted(
                  named.isEmpty() ? "no class" : "class %d alone".formatted(named.nextSetBit(0)),
                  LEFT_OUT));
    }
  }

  /** What was said, classes first, then pixels. */
  public Outputs read(Outputs said) {
    if (layout == Layout.CLASSES_FIRST) {
      return said;
    }
    int perItem = Math.multiplyExact(classes, pixels);
    MemorySegment numbers = Numbers.of((long) said.items() * perItem);
    for (int item = 0; item < said.items(); item++) {
      for (int pixel = 0; pixel < pixels; pixel++) {
        for (int c = 0; c < classes; c++) {
          numbers.setAtIndex(
              ValueLayout.JAVA_FLOAT,
              (long) item * perItem + (long) c * pixels + pixel,
              number(said, item, pixel, c));
        }
      }
    }
    return new Outputs(numbers, List.of(perItem));
  }

  private float number(Outputs said, int item, int pixel, int c) {
    if (layout == Layout.CLASSES_LAST) {
      return said.at(item, pixel * classes + c);
    }
    return (said.at(item, pixel) >= threshold) == (c == 1) ? 1 : 0;
  }
}
