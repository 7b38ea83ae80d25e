package io.skerry.training;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * What a model said of some examples, with what was true of them: the score of class 1, or the
 * probabilities of all classes if there are more than two. Arrays are not copied.
 */
final class Predictions {
  private final float[] said;
  private final int width;
  private final int[] labels;

  /**
   * Takes what was said.
   *
   * @param said shape [examples, width]
   * @param width 1, or the number of classes
   * @param labels of each example, from 0
   */
  Predictions(float[] said, int width, int[] labels) {
    if (said.length != labels.length * width) {
      throw new IllegalArgumentException(
          "%d figures for %d labels of width %d".formatted(said.length, labels.length, width));
    }
    this.said = said;
    this.width = width;
    this.labels = labels;
  }

  int count() {
    return labels.length;
  }

  int label(int i) {
    return labels[i];
  }

  /** Whether a class has a score of its own. */
  boolean isOfSeveralClasses() {
    return width > 1;
  }

  /** The class with the largest probability, of equal ones the first. */
  int likeliest(int i) {
    int likeliest = 0;
    for (int one = 1; one < width; one++) {
      if (said[i * width + one] > said[i * width + likeliest]) {
        likeliest = one;
      }
    }
    return likeliest;
  }

  /** Classes that some examples have and others do not; of two classes only the positive one. */
  int[] judged() {
    return IntStream.range(width == 1 ? 1 : 0, Math.max(2, width))
        .filter(of -> Arrays.stream(labels).anyMatch(label -> label == of))
        .filter(of -> Arrays.stream(labels).anyMatch(label -> label != of))
        .toArray();
  }

  /** Whether AUCs exist: two classes are there at least. */
  boolean hasTwoClasses() {
    return judged().length > 0;
  }

  /** Scores of one class against all others. */
  Scores of(int one) {
    float[] scores = new float[labels.length];
    boolean[] isOne = new boolean[labels.length];
    for (int i = 0; i < labels.length; i++) {
      scores[i] = said[width == 1 ? i : i * width + one];
      isOne[i] = labels[i] == one;
    }
    return new Scores(scores, isOne);
  }

  /** The mean over {@link #judged} classes, each against the rest. */
  Interval rocAuc() {
    return Interval.mean(mapped(RocAuc::interval));
  }

  /** The mean over {@link #judged} classes, each against the rest. */
  Interval prAuc(long seed) {
    return Interval.mean(mapped(scores -> PrAuc.interval(scores, seed)));
  }

  private List<Interval> mapped(Function<Scores, Interval> figure) {
    return Arrays.stream(judged()).mapToObj(this::of).map(figure).toList();
  }

  /** The largest absolute difference to what another said of the same examples. */
  double maxDifference(Predictions other) {
    double largest = 0;
    for (int i = 0; i < said.length; i++) {
      double difference = Math.abs((double) said[i] - other.said[i]);
      // Not Math.max: a NaN must win.
      if (!(difference <= largest)) {
        largest = difference;
      }
    }
    return largest;
  }
}
