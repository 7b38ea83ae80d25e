package io.skerry.training;

import com.google.gson.JsonObject;

/** How good scores are, each figure with its 95 % interval. */
record Metrics(Interval rocAuc, Interval prAuc, Interval accuracy, Interval balancedAccuracy) {
  /**
   * Measures scores of examples of both classes.
   *
   * @param threshold scores from here on count as positive
   * @param seed of the bootstrap
   */
  static Metrics of(Scores scores, double threshold, long seed) {
    long truePositives = 0;
    long trueNegatives = 0;
    for (int i = 0; i < scores.count(); i++) {
      boolean predicted = scores.score(i) >= threshold;
      if (predicted == scores.label(i)) {
        truePositives += predicted ? 1 : 0;
        trueNegatives += predicted ? 0 : 1;
      }
    }
    int positives = scores.positives();
    int negatives = scores.count() - positives;
    return new Metrics(
        RocAuc.interval(scores),
        PrAuc.interval(scores, seed),
        Interval.wilson(truePositives + trueNegatives, scores.count()),
        balanced(truePositives, positives, trueNegatives, negatives));
  }

  /** The mean of both classes' accuracies; its error from both, each taken half. */
  private static Interval balanced(
      long truePositives, int positives, long trueNegatives, int negatives) {
    double value = ((double) truePositives / positives + (double) trueNegatives / negatives) / 2;
    // Agresti and Coull's two successes and two failures keep the error above 0 at the ends.
    double variance =
        (smoothedVariance(truePositives, positives) + smoothedVariance(trueNegatives, negatives))
            / 4;
    return Interval.ofShare(value, Math.sqrt(variance));
  }

  private static double smoothedVariance(long hits, int of) {
    double share = (hits + 2.0) / (of + 4.0);
    return share * (1 - share) / (of + 4.0);
  }

  JsonObject toJson() {
    JsonObject object = new JsonObject();
    object.add("rocAuc", json(rocAuc));
    object.add("prAuc", json(prAuc));
    object.add("accuracy", json(accuracy));
    object.add("balancedAccuracy", json(balancedAccuracy));
    return object;
  }

  private static JsonObject json(Interval interval) {
    JsonObject object = new JsonObject();
    object.addProperty("value", interval.value());
    object.addProperty("low", interval.low());
    object.addProperty("high", interval.high());
    return object;
  }
}
