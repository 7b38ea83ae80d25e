package io.skerry.packager.measure;

import java.util.ArrayList;
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
  /**
   * Of each output of an item, by its shape; absent of those that need have no places.
   *
   * <p>No shape says which dimension is the channels'. It is all that is before two last ones
   * alike, which are an image's; else the last of four; else the smaller of the first and the last.
   * An output of one number for each place of another one, such as scores beside boxes, has them,
   * too.
   *
   * @param shapes their batch left out
   */
  static List<Optional<Places>> of(List<List<Long>> shapes) {
    List<Optional<Places>> places = new ArrayList<>();
    for (List<Long> shape : shapes) {
      places.add(of(shape.stream().filter(size -> size > 1).toList(), shapes));
    }
    return places;
  }

  private static Optional<Places> of(List<Long> sizes, List<List<Long>> shapes) {
    if (sizes.size() == 1) {
      boolean beside = shapes.stream().anyMatch(other -> isBeside(sizes.getFirst(), other));
      return beside ? Optional.of(new Places(1, true)) : Optional.empty();
    }
    return sizes.isEmpty() ? Optional.empty() : Optional.of(ofSeveral(sizes));
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
    List<Long> sizes = other.stream().filter(size -> size > 1).toList();
    if (sizes.size() != 2) {
      return false;
    }
    long channels = ofSeveral(sizes).channels();
    return numbers > channels && numbers == sizes.getFirst() * sizes.getLast() / channels;
  }

  /** The channel of one of the numbers of an item. */
  int channelOf(int element, int perItem) {
    return together ? element % channels : element / (perItem / channels);
  }
}
