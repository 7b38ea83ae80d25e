package io.skerry.training;

import java.util.Comparator;
import java.util.stream.IntStream;

/** What a model scored some examples, with what was true of them. Arrays are not copied. */
final class Scores {
  private final float[] scores;
  private final boolean[] labels;

  Scores(float[] scores, boolean[] labels) {
    if (scores.length != labels.length) {
      throw new IllegalArgumentException(
          "%d scores for %d labels".formatted(scores.length, labels.length));
    }
    this.scores = scores;
    this.labels = labels;
  }

  int count() {
    return scores.length;
  }

  float score(int i) {
    return scores[i];
  }

  boolean label(int i) {
    return labels[i];
  }

  int positives() {
    int positives = 0;
    for (boolean label : labels) {
      positives += label ? 1 : 0;
    }
    return positives;
  }

  /** Whether AUCs exist: both classes are there. */
  boolean hasBothClasses() {
    int positives = positives();
    return positives > 0 && positives < count();
  }

  /** Indices from the highest score to the lowest. */
  int[] descending() {
    return IntStream.range(0, scores.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -scores[i]))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** The largest absolute difference to other scores of the same examples. */
  double maxDifference(Scores other) {
    double largest = 0;
    for (int i = 0; i < scores.length; i++) {
      double difference = Math.abs((double) scores[i] - other.scores[i]);
      // Not Math.max: a NaN must win.
      if (!(difference <= largest)) {
        largest = difference;
      }
    }
    return largest;
  }
}
