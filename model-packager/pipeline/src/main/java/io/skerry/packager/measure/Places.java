package io.skerry.packager.measure;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * How the numbers of an output that has places lie: at each place there are as many as there are
 * channels, such as the left of a box or the score of a class.
 *
 * @param channels numbers of a place
 * @param together whether those of a place lie side by side; else those of a channel do
 */
record Places(int channels, boolean together) {
  private static final Places ONE_CHANNEL = new Places(1, true);

  /**
   * Of each output of an item, by its shape; absent of those that need have no places.
   *
   * <p>No shape says which dimension is the channels'. It is all that is before two last ones
   * alike, which are an image's; else the last of four; else the smaller of the first and the last.
   * Of two sizes that are alike, or have a 1 before or behind them where an image has its channels,
   * neither is: a depth map's row of sky would be held to what little varies there. An output of
   * one number for each place of another one, such as scores beside boxes, has places, too.
   *
   * @param shapes their batch left out
   */
  static List<Optional<Places>> of(List<List<Long>> shapes) {
    List<Optional<Places>> places = new ArrayList<>();
    for (List<Long> shape : shapes) {
      places.add(of(shape, shapes));
    }
    return places;
  }

  private static Optional<Places> of(List<Long> shape, List<List<Long>> shapes) {
    List<Long> sizes = aboveOne(shape);
    if (sizes.size() == 1) {
      boolean beside = shapes.stream().anyMatch(other -> isBeside(sizes.getFirst(), other));
      return beside ? Optional.of(ONE_CHANNEL) : Optional.empty();
    }
    if (sizes.size() == 2 && isImage(shape, sizes)) {
      return Optional.of(ONE_CHANNEL);
    }
    return sizes.isEmpty() ? Optional.empty() : Optional.of(ofSeveral(sizes));
  }

  private static List<Long> aboveOne(List<Long> shape) {
    return shape.stream().filter(size -> size > 1).toList();
  }

  private static boolean isImage(List<Long> shape, List<Long> sizes) {
    return sizes.getFirst().equals(sizes.getLast())
        || shape.getFirst() == 1
        || shape.getLast() == 1;
  }

  private static Places ofSeveral(List<Long> sizes) {
    int last = sizes.size() - 1;
    if (last > 1 && sizes.get(last).equals(sizes.get(last - 1))) {
      long channels = sizes.subList(0, last - 1).stream().reduce(1L, Math::multiplyExact);
      return new Places(Math.toIntExact(channels), false);
    }
    boolean together =
        last > 2
            || sizes.getLast() < sizes.getFirst()
            || (last > 1 && sizes.get(0).equals(sizes.get(1)));
    return new Places(Math.toIntExact(together ? sizes.getLast() : sizes.getFirst()), together);
  }

  /** Whether so many numbers are one for each place of another output, of which there are more. */
  private static boolean isBeside(long numbers, List<Long> other) {
    List<Long> sizes = aboveOne(other);
    return sizes.size() == 2
        && numbers == Collections.max(sizes)
        && numbers > Collections.min(sizes);
  }

  /** The channel of one of the numbers of an item. */
  int channelOf(int element, int perItem) {
    return together ? element % channels : element / (perItem / channels);
  }
}
