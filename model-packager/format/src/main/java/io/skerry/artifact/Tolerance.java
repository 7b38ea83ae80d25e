package io.skerry.artifact;

/**
 * How far an output may be off: {@code absolute + relative · |expected|}.
 *
 * @param absolute ≥ 0 and finite
 * @param relative ≥ 0 and finite
 */
public record Tolerance(double absolute, double relative) {
  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a part is negative or not finite
   */
  public Tolerance {
    if (!(absolute >= 0 && relative >= 0 && absolute + relative < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "tolerance %s + %s · |expected| is impossible".formatted(absolute, relative));
    }
  }
}
