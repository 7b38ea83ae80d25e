package io.skerry.packager.data;

import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Arrays from files as inputs of a model: elements of its type, dimensions that can be its. */
final class ArrayInputs {
  private ArrayInputs() {}

  /**
   * The same elements as floats.
   *
   * @param source what messages name the array by
   * @throws DataRefusedException if a float cannot hold one of them
   */
  static NpyArray floats(String source, NpyArray array) {
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

  /**
   * Sees that an item's dimensions are those of a model's input where there are as many: with as
   * many elements, another order of them would go unseen. Dimensions of 1 move nothing.
   *
   * @param source what messages name the array by
   * @param item dimensions of one item
   * @throws DataRefusedException if they are others
   */
  static void checkLayout(String source, List<Long> item, TensorSpec input) {
    List<Long> wanted = input.shape().stream().skip(1).toList();
    boolean known = wanted.stream().allMatch(dimension -> dimension > 0);
    if (known && item.size() == wanted.size() && !withoutOnes(item).equals(withoutOnes(wanted))) {
      throw new DataRefusedException(
          "%s: items have shape %s, the model's input '%s' takes %s: %s"
              .formatted(source, item, input.name(), wanted, remedy(item, wanted)));
    }
  }

  private static List<Long> withoutOnes(List<Long> dimensions) {
    return dimensions.stream().filter(dimension -> dimension != 1).toList();
  }

  private static String remedy(List<Long> item, List<Long> wanted) {
    List<Integer> moved = moved(item, wanted);
    if (moved.size() < wanted.size()) {
      return "give that shape, or items of as many numbers in one row";
    }
    String axes =
        IntStream.concat(IntStream.of(0), moved.stream().mapToInt(axis -> axis + 1))
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(", "));
    String names =
        switch (axes) {
          case "0, 3, 1, 2" -> " (NHWC to NCHW)";
          case "0, 2, 3, 1" -> " (NCHW to NHWC)";
          default -> "";
        };
    return "transpose it with (%s)%s, so that each value lies where the model reads it"
        .formatted(axes, names);
  }

  /** For each wanted dimension, which of an item's it is; fewer where they are not the same. */
  private static List<Integer> moved(List<Long> item, List<Long> wanted) {
    // Channels move past all others, which keep their order: that is tried first.
    int rank = item.size();
    for (int by : new int[] {rank - 1, 1}) {
      List<Integer> order = IntStream.range(0, rank).mapToObj(i -> (i + by) % rank).toList();
      if (order.stream().map(item::get).toList().equals(wanted)) {
        return order;
      }
    }
    List<Integer> order = new ArrayList<>();
    for (Long dimension : wanted) {
      IntStream.range(0, rank)
          .filter(axis -> !order.contains(axis) && item.get(axis).equals(dimension))
          .findFirst()
          .ifPresent(order::add);
    }
    return order;
  }

  /** Dimensions of one item of an array. */
  static List<Long> itemShape(int[] shape) {
    return IntStream.of(shape).skip(1).mapToObj(dimension -> (long) dimension).toList();
  }
}
