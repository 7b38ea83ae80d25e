package io.skerry.packager.measure;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.calibrate.DataRefusedException;
import io.skerry.packager.calibrate.Samples;
import java.nio.file.Path;

/** The true class of each item, from 0. */
public final class Labels {
  private final int[] classes;

  private Labels(int[] classes) {
    this.classes = classes;
  }

  /**
   * Labels from an NPY file of any number type, shape [items].
   *
   * @param items that there must be
   * @throws DataRefusedException if it is no such file, or holds something else
   */
  public static Labels read(Path file, int items) {
    NpyArray array = Samples.readArray(file);
    if (array.length() != items) {
      throw new DataRefusedException(
          "%s: holds %d labels for %d evaluation items: give one per item"
              .formatted(file, array.length(), items));
    }
    int[] classes = new int[items];
    for (int i = 0; i < items; i++) {
      double label =
          switch (array.type()) {
            case FLOAT32 -> array.floats()[i];
            case INT8 -> array.bytes()[i];
            case INT32 -> array.ints()[i];
            case INT64 -> array.longs()[i];
          };
      classes[i] = (int) label;
      if (classes[i] != label || label < 0) {
        throw new DataRefusedException(
            "%s: label %d is %s: labels are classes from 0".formatted(file, i, label));
      }
    }
    return new Labels(classes);
  }

  /** These labels. */
  public static Labels of(int... classes) {
    return new Labels(classes.clone());
  }

  public int count() {
    return classes.length;
  }

  public int at(int item) {
    return classes[item];
  }

  /** The largest label. */
  public int largest() {
    int largest = 0;
    for (int label : classes) {
      largest = Math.max(largest, label);
    }
    return largest;
  }
}
