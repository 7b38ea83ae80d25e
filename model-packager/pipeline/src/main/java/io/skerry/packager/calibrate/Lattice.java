package io.skerry.packager.calibrate;

import java.nio.FloatBuffer;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The few values that a model's input takes, where it came as 8-bit integers: pixels, or samples
 * that a converter or an earlier quantization rounded. Integers of the same step, or of a whole
 * fraction of it, lose nothing of them, where any other step rounds every value anew.
 */
public final class Lattice {
  /** As many as 8 bits can tell apart. */
  private static final int VALUES_MAX = 256;

  /** How far from a whole number of steps a value may be, in steps. */
  private static final double OFF_MAX = 1e-3;

  private final TreeSet<Float> values = new TreeSet<>();
  private boolean tooMany;

  Lattice() {}

  /**
   * Values that are whole multiples of a step.
   *
   * @param lowest multiple that stands for a value, at most 0
   * @param levels multiples from the lowest on, at most 256, the last of them at least 0
   */
  public record Steps(double step, int lowest, int levels) {}

  void add(FloatBuffer seen) {
    float last = Float.NaN;
    for (int i = seen.position(); i < seen.limit() && !tooMany; i++) {
      // Adding 0 makes one zero of both.
      float value = seen.get(i) + 0f;
      if (value != last && values.add(value)) {
        tooMany = values.size() > VALUES_MAX;
      }
      last = value;
    }
  }

  void merge(Lattice other) {
    values.addAll(other.values);
    tooMany |= other.tooMany || values.size() > VALUES_MAX;
  }

  /**
   * The steps of what was seen; absent when it is not made of at most 256 even ones with 0, or of
   * ones so small that a float scale cannot say them.
   */
  public Optional<Steps> steps() {
    if (tooMany || values.size() < 2) {
      return Optional.empty();
    }
    double least = Double.POSITIVE_INFINITY;
    Float before = null;
    for (Float value : values) {
      least = before == null ? least : Math.min(least, (double) value - before);
      before = value;
    }
    double low = Math.min(0, values.first());
    double high = Math.max(0, values.last());
    double levels = Math.rint((high - low) / least);
    if (!(levels < VALUES_MAX)) {
      return Optional.empty();
    }
    // The whole span tells the step best; zero need not be among the values, but on the lattice.
    double step =
        ((double) values.last() - values.first())
            / Math.rint(((double) values.last() - values.first()) / least);
    for (float value : values) {
      double multiple = value / step;
      if (Math.abs(multiple - Math.rint(multiple)) > OFF_MAX) {
        return Optional.empty();
      }
    }
    int finer = Math.max(1, (int) ((VALUES_MAX - 1) / Math.max(1, levels)));
    double chosen = step / finer;
    if (chosen < Float.MIN_NORMAL) {
      return Optional.empty();
    }
    int lowest = (int) Math.rint(low / chosen);
    int highest = (int) Math.rint(high / chosen);
    return highest - lowest < VALUES_MAX
        ? Optional.of(new Steps(chosen, lowest, highest - lowest + 1))
        : Optional.empty();
  }
}
