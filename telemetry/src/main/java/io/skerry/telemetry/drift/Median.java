package io.skerry.telemetry.drift;

/** The value in the middle, found without sorting all (Hoare's selection). */
final class Median {
  private Median() {}

  /**
   * The median of the first values; of an even number the upper of the two in the middle.
   *
   * @param values none NaN; in another order afterwards
   * @param count at least 1
   */
  static float of(float[] values, int count) {
    int middle = count / 2;
    int from = 0;
    int to = count - 1;
    while (from < to) {
      float pivot = values[(from + to) >>> 1];
      int left = from;
      int right = to;
      while (left <= right) {
        while (values[left] < pivot) {
          left++;
        }
        while (values[right] > pivot) {
          right--;
        }
        if (left <= right) {
          float swapped = values[left];
          values[left++] = values[right];
          values[right--] = swapped;
        }
      }
      if (middle <= right) {
        to = right;
      } else if (middle >= left) {
        from = left;
      } else {
        break;
      }
    }
    return values[middle];
  }
}
