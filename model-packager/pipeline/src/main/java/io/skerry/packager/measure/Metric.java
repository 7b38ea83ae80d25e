package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.IntStream;

/** How good predictions are, 0 to 1, larger is better; its text is what files and APIs hold. */
public enum Metric {
  /** Area under the ROC curve, of the probability of label 1. */
  ROC_AUC("rocAuc", 0.005),
  /** Share of items whose largest output is the labelled one. */
  ACCURACY("accuracy", 0.005),
  /**
   * Share of items on which a candidate agrees with the float model: {@link Judge#byFloatModel}.
   * More may be lost of it than of accuracy, because an item that the float model itself hardly
   * decides also counts.
   */
  AGREEMENT("agreement", 0.02);

  private final String text;
  private final double maxDrop;

  Metric(String text, double maxDrop) {
    this.text = text;
    this.maxDrop = maxDrop;
  }

  /** The metric of this text. */
  public static Optional<Metric> parse(String text) {
    return Arrays.stream(values()).filter(metric -> metric.text.equals(text)).findFirst();
  }

  /** As files and APIs write it. */
  public String text() {
    return text;
  }

  /** How much of it a variant may lose when nobody says otherwise. */
  public double maxDrop() {
    return maxDrop;
  }

  /**
   * Its value.
   *
   * @param labels one per item of the outputs
   * @throws IllegalArgumentException if there are fewer items than labels, for the ROC curve, one
   *     class only, or if it is {@link #AGREEMENT}, which no label tells
   */
  public double of(Outputs outputs, Labels labels) {
    if (outputs.items() != labels.count()) {
      throw new IllegalArgumentException(
          "%d outputs for %d labels".formatted(outputs.items(), labels.count()));
    }
    return switch (this) {
      case ROC_AUC -> rocAuc(outputs, labels);
      case ACCURACY -> accuracy(outputs, labels);
      case AGREEMENT -> throw new IllegalArgumentException("no label tells agreement");
    };
  }

  private static double accuracy(Outputs outputs, Labels labels) {
    int right = 0;
    for (int i = 0; i < labels.count(); i++) {
      right += outputs.prediction(i) == labels.at(i) ? 1 : 0;
    }
    return (double) right / labels.count();
  }

  /** By ranks; items of equal score share their mean rank. */
  private static double rocAuc(Outputs outputs, Labels labels) {
    int items = labels.count();
    int[] order =
        IntStream.range(0, items)
            .boxed()
            .sorted(Comparator.comparingDouble(outputs::score))
            .mapToInt(Integer::intValue)
            .toArray();
    double positiveRanks = 0;
    long positives = 0;
    for (int first = 0; first < items; ) {
      int last = first;
      while (last + 1 < items && outputs.score(order[last + 1]) == outputs.score(order[first])) {
        last++;
      }
      double rank = (first + last) / 2.0 + 1;
      for (int i = first; i <= last; i++) {
        if (labels.at(order[i]) == 1) {
          positiveRanks += rank;
          positives++;
        }
      }
      first = last + 1;
    }
    long negatives = items - positives;
    if (positives == 0 || negatives == 0) {
      throw new IllegalArgumentException("labels are of one class only");
    }
    return (positiveRanks - positives * (positives + 1) / 2.0) / ((double) positives * negatives);
  }
}
