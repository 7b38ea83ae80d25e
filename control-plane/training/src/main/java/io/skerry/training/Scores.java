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

  /** Indices from the highest score to the lowest. */
  int[] descending() {
    return IntStream.range(0, scores.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -scores[i]))
        .mapToInt(Integer::intValue)
        .toArray();
  }
}
