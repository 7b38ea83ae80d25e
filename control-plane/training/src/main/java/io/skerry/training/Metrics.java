package io.skerry.training;

import com.google.gson.JsonObject;
import java.util.Map;
import java.util.TreeMap;

/** How good scores are, each figure with its 95 % interval. */
record Metrics(Interval rocAuc, Interval prAuc, Interval accuracy, Interval balancedAccuracy) {
  /**
   * Measures what was said of examples of two classes at least. Of more than two, the areas are
   * means over the classes, each against the rest, and the likeliest class is what is said.
   *
   * @param threshold of two classes, scores from here on count as positive
   * @param seed of the bootstrap
   */
  static Metrics of(Predictions said, double threshold, long seed) {
    return said.isOfSeveralClasses()
        ? ofClasses(said, seed)
        : ofScores(said.of(1), threshold, seed);
  }

  private static Metrics ofClasses(Predictions said, long seed) {
    Map<Integer, long[]> classes = new TreeMap<>();
    long right = 0;
    for (int i = 0; i < said.count(); i++) {
      long hit = said.likeliest(i) == said.label(i) ? 1 : 0;
      long[] counted = classes.computeIfAbsent(said.label(i), label -> new long[2]);
      counted[0] += hit;
      counted[1]++;
      right += hit;
    }
    double recalls = 0;
    double variance = 0;
    int count = classes.size();
    for (long[] counted : classes.values()) {
      recalls += (double) counted[0] / counted[1] / count;
      variance += smoothedVariance(counted[0], counted[1]) / count / count;
    }
    return new Metrics(
        said.rocAuc(),
        said.prAuc(seed),
        Interval.wilson(right, said.count()),
        Interval.ofShare(recalls, Math.sqrt(variance)));
  }

  private static Metrics ofScores(Scores scores, double threshold, long seed) {
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

  private static double smoothedVariance(long hits, long of) {
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
