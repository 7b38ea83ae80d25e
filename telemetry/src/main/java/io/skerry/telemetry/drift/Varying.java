package io.skerry.telemetry.drift;

/**
 * Learns what statistics vary by around a baseline that was learned before anybody asked for it.
 *
 * <p>Around their own mean in these windows: a device that has moved varies by no more for it.
 */
final class Varying {
  private final float[] count;
  private final float[] sum;
  private final float[] squares;
  private int left;

  /**
   * Knows nothing yet.
   *
   * @param windows to learn from
   */
  Varying(int statistics, int windows) {
    count = new float[statistics];
    sum = new float[statistics];
    squares = new float[statistics];
    left = windows;
  }

  /** Takes what a window's row differs by from the baseline, from this place on. */
  void add(float[] row, int from) {
    left--;
    for (int i = 0; i < count.length; i++) {
      float value = row[from + i];
      if (!Float.isNaN(value)) {
        count[i]++;
        sum[i] += value;
        squares[i] += value * value;
      }
    }
  }

  boolean isOver() {
    return left <= 0;
  }

  /** What a statistic varied by; 0 = not known. */
  float variance(int at) {
    float n = count[at];
    return n < 2 ? 0 : Math.max(0, (squares[at] - sum[at] * sum[at] / n) / (n - 1));
  }

  void write(StateWriter to) {
    to.putInt(left);
    to.putFloats(count);
    to.putFloats(sum);
    to.putFloats(squares);
  }

  static Varying read(StateReader from, int statistics, int most) {
    Varying read = new Varying(statistics, from.getCount(most));
    from.getFloats(read.count);
    from.getFloats(read.sum);
    from.getFloats(read.squares);
    return read;
  }
}
