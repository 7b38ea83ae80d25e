package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.util.function.IntToLongFunction;

/** Arrays from files as inputs of a model: elements of its type. */
final class ArrayInputs {
  private ArrayInputs() {}

  /**
   * The same elements in the type of a model's input: integers become floats.
   *
   * @param source what messages name the array by
   * @throws DataRefusedException if a float cannot hold one of them
   */
  static NpyArray converted(String source, NpyArray array, TensorSpec input) {
    if (input.type() != ElementType.FP32) {
      return array;
    }
    return switch (array.type()) {
      case FLOAT32 -> array;
      case INT8 -> floats(source, array, i -> array.bytes()[i]);
      case INT32 -> floats(source, array, i -> array.ints()[i]);
      case INT64 -> floats(source, array, i -> array.longs()[i]);
    };
  }

  private static NpyArray floats(String source, NpyArray array, IntToLongFunction at) {
    float[] floats = new float[array.length()];
    for (int i = 0; i < floats.length; i++) {
      long value = at.applyAsLong(i);
      floats[i] = (float) value;
      if ((long) floats[i] != value) {
        throw new DataRefusedException(
            "%s: holds %d, which no 32-bit float is: write inputs as floats, scaled as the model takes them"
                .formatted(source, value));
      }
    }
    return NpyArray.ofFloats(floats, array.shape());
  }
}
