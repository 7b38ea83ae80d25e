package io.skerry.packager.data;

import io.skerry.artifact.npy.NpyArray;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * What each item truly is: a class from 0, or as many numbers as the task has for an item (targets
 * of a regression, the class of each pixel, boxes).
 */
public final class Labels {
  private final float[] values;
  private final int perItem;

  private Labels(float[] values, int perItem) {
    this.values = values;
    this.perItem = perItem;
  }

  /**
   * Labels from an NPY file of any number type, shape [items] or [items, ...].
   *
   * @param items that there must be
   * @throws DataRefusedException if it is no such file, or holds something else
   */
  public static Labels read(Path file, int items) {
    return of(file.toString(), Samples.readArray(file), items);
  }

  /**
   * Labels from an array of any number type, shape [items] or [items, ...].
   *
   * @param source what messages name them by
   * @param items that there must be
   * @throws DataRefusedException if there are not as many, or one is no number
   */
  public static Labels of(String source, NpyArray array, int items) {
    int count = array.shape().length == 0 ? 0 : array.shape()[0];
    if (count != items || items == 0) {
      throw new DataRefusedException(
          "%s: holds %d labels for %d items: give one per item".formatted(source, count, items));
    }
    if (array.length() == 0) {
      throw new DataRefusedException(
          "%s: holds %d labels of nothing: give every item a number".formatted(source, count));
    }
    float[] values = new float[array.length()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (array.type()) {
            case FLOAT32 -> array.floats()[i];
            case INT8 -> array.bytes()[i];
            case INT32 -> array.ints()[i];
            case INT64 -> array.longs()[i];
          };
      if (!Float.isFinite(values[i])) {
        throw new DataRefusedException(
            "%s: label %d is %s: give every item a number"
                .formatted(source, i / (values.length / items), values[i]));
      }
    }
    return new Labels(values, values.length / items);
  }

  /** These classes. */
  public static Labels of(int... classes) {
    float[] values = new float[classes.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = classes[i];
    }
    return new Labels(values, 1);
  }

  public int count() {
    return values.length / perItem;
  }

  /** Numbers of one item. */
  public int perItem() {
    return perItem;
  }

  /** The class of an item. */
  public int at(int item) {
    return (int) values[item * perItem];
  }

  /** One number of an item. */
  public float at(int item, int element) {
    return values[item * perItem + element];
  }

  /** Whether every item is one class from 0. */
  public boolean areClasses() {
    return perItem == 1 && firstThatIsNoClass() < 0;
  }

  /** The class of each item, where each has a single 1 at its class's place and zeros else. */
  public Optional<Labels> oneHot() {
    int[] classes = new int[perItem > 1 ? count() : 0];
    for (int item = 0; item < classes.length; item++) {
      int ones = 0;
      for (int i = 0; i < perItem; i++) {
        float value = at(item, i);
        if (value == 1) {
          classes[item] = i;
          ones++;
        } else if (value != 0) {
          return Optional.empty();
        }
      }
      if (ones != 1) {
        return Optional.empty();
      }
    }
    return perItem > 1 ? Optional.of(of(classes)) : Optional.empty();
  }

  /** The first number that is no class from 0; -1 when all are. */
  public int firstThatIsNoClass() {
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0 || values[i] != (int) values[i]) {
        return i;
      }
    }
    return -1;
  }

  /** The largest number. */
  public int largest() {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, value);
    }
    return (int) largest;
  }

  /** Labels of these items, in this order. */
  public Labels chosen(int... items) {
    float[] chosen = new float[items.length * perItem];
    for (int i = 0; i < items.length; i++) {
      System.arraycopy(values, items[i] * perItem, chosen, i * perItem, perItem);
    }
    return new Labels(chosen, perItem);
  }

  @Override
  public String toString() {
    return "Labels" + Arrays.toString(new int[] {count(), perItem});
  }
}
