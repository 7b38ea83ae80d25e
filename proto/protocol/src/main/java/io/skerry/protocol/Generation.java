package io.skerry.protocol;

import java.util.Comparator;

/**
 * Orders a device's desired documents: the highest wins, whatever was lost, doubled or reordered.
 *
 * @param term grows when the database is restored from a backup, from 1
 * @param counter grows with every document within a term, from 1; 0 means none yet
 */
public record Generation(long term, long counter) implements Comparable<Generation> {
  /** Below every generation that a control plane issues. */
  public static final Generation NONE = new Generation(0, 0);

  private static final Comparator<Generation> ORDER =
      Comparator.comparingLong(Generation::term).thenComparingLong(Generation::counter);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a part is negative
   */
  public Generation {
    if (term < 0 || counter < 0) {
      throw new IllegalArgumentException("generation %d.%d is negative".formatted(term, counter));
    }
  }

  /** The next document in the same term. */
  public Generation next() {
    return new Generation(term, counter + 1);
  }

  /** Whether this one supersedes the other. */
  public boolean isAfter(Generation other) {
    return compareTo(other) > 0;
  }

  @Override
  public int compareTo(Generation other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return term + "." + counter;
  }
}
