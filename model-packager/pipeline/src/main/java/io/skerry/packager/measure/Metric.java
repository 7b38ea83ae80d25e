package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** How good predictions are; its text is what files and APIs hold. */
public enum Metric {
  /** Area under the ROC curve, of the probability of label 1. */
  ROC_AUC("rocAuc", 0.002),
  /** Share of items whose largest output is the labelled one. */
  ACCURACY("accuracy", 0.005),
  /** Root of the mean squared error of all outputs. */
  RMSE("rmse", 0.02),
  /** Mean absolute error of all outputs. */
  MAE("mae", 0.02),
  /** Mean average precision of boxes: {@link Detections}. */
  MEAN_AVERAGE_PRECISION("meanAveragePrecision", 0.01),
  /** Mean over classes of shared by joint pixels; outputs are classes first, then pixels. */
  MEAN_IOU("meanIou", 0.01),
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

  /** All texts, for messages. */
  public static String texts() {
    return Arrays.stream(values()).map(Metric::text).collect(Collectors.joining(", "));
  }

  /** As files and APIs write it. */
  public String text() {
    return text;
  }

  /**
   * How much of it a variant may lose when nobody says otherwise; of errors, as a share of the
   * float model's.
   */
  public double maxDrop() {
    return maxDrop;
  }

  /** Whether smaller is better. */
  public boolean isError() {
    return this == RMSE || this == MAE;
  }

  /** What a value has lost against the float model's: below 0 when it is better. */
  public double loss(double floatValue, double value) {
    return isError()
        ? (value - floatValue) / Math.max(floatValue, Double.MIN_NORMAL)
        : floatValue - value;
  }

  /**
   * Its value.
   *
   * @param labels one per item of the outputs
   * @throws IllegalArgumentException if outputs and labels do not fit each other, for the ROC curve
   *     if there is one class only, or if it is {@link #AGREEMENT}, which no label tells
   */
  public double of(Outputs outputs, Labels labels) {
    if (outputs.items() != labels.count()) {
      throw new IllegalArgumentException(
          "%d outputs for %d labels".formatted(outputs.items(), labels.count()));
    }
    return switch (this) {
      case ROC_AUC -> RocCurve.of(outputs, labels).area();
      case ACCURACY, MAE -> mean(contributions(outputs, labels));
      case RMSE -> Math.sqrt(mean(contributions(outputs, labels)));
      case MEAN_AVERAGE_PRECISION ->
          Detections.of(outputs, labels).meanAveragePrecision(labels.count());
      case MEAN_IOU -> meanIou(outputs, labels);
      case AGREEMENT -> throw new IllegalArgumentException("no label tells agreement");
    };
  }

  /**
   * What each item adds to the mean that the metric is: right or not, absolute or squared error.
   * Empty when the metric is no mean over items.
   */
  double[] contributions(Outputs outputs, Labels labels) {
    double[] each = new double[labels.count()];
    switch (this) {
      case ACCURACY -> {
        for (int i = 0; i < each.length; i++) {
          each[i] = outputs.prediction(i) == labels.at(i) ? 1 : 0;
        }
      }
      case RMSE, MAE -> {
        if (outputs.perItem() != labels.perItem()) {
          throw new IllegalArgumentException(
              "an item has %d outputs and %d labels"
                  .formatted(outputs.perItem(), labels.perItem()));
        }
        for (int i = 0; i < each.length; i++) {
          for (int j = 0; j < outputs.perItem(); j++) {
            double error = Math.abs((double) outputs.at(i, j) - labels.at(i, j));
            each[i] += (this == RMSE ? error * error : error) / outputs.perItem();
          }
        }
      }
      case ROC_AUC, MEAN_AVERAGE_PRECISION, MEAN_IOU, AGREEMENT -> {
        return new double[0];
      }
    }
    return each;
  }

  /**
   * What whoever has not seen an item may reach: by chance, or by the best answer that is the same
   * for all. Empty where nobody knows.
   */
  OptionalDouble guessing(Labels labels) {
    return switch (this) {
      case ROC_AUC -> OptionalDouble.of(0.5);
      case ACCURACY -> OptionalDouble.of(largestShare(labels));
      case RMSE, MAE -> OptionalDouble.of(errorOfOneAnswer(labels));
      case MEAN_AVERAGE_PRECISION, MEAN_IOU, AGREEMENT -> OptionalDouble.empty();
    };
  }

  private static double largestShare(Labels labels) {
    long largest =
        IntStream.range(0, labels.count())
            .boxed()
            .collect(Collectors.groupingBy(labels::at, Collectors.counting()))
            .values()
            .stream()
            .mapToLong(Long::longValue)
            .max()
            .orElse(0);
    return (double) largest / labels.count();
  }

  /** The mean has the least squared error, the median the least absolute one. */
  private double errorOfOneAnswer(Labels labels) {
    double sum = 0;
    for (int element = 0; element < labels.perItem(); element++) {
      double[] known = new double[labels.count()];
      for (int item = 0; item < known.length; item++) {
        known[item] = labels.at(item, element);
      }
      Arrays.sort(known);
      double answer = this == RMSE ? mean(known) : known[known.length / 2];
      sum +=
          Arrays.stream(known)
              .map(value -> Math.abs(value - answer))
              .map(error -> this == RMSE ? error * error : error)
              .average()
              .orElse(0);
    }
    double error = sum / labels.perItem();
    return this == RMSE ? Math.sqrt(error) : error;
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(0);
  }

  private static double meanIou(Outputs outputs, Labels labels) {
    int pixels = labels.perItem();
    if (outputs.perItem() % pixels != 0 || outputs.perItem() / pixels < 2) {
      throw new IllegalArgumentException(
          "an item has %d outputs, which are no classes of %d pixels"
              .formatted(outputs.perItem(), pixels));
    }
    int classes = outputs.perItem() / pixels;
    long[] shared = new long[classes];
    long[] joint = new long[classes];
    for (int item = 0; item < labels.count(); item++) {
      for (int pixel = 0; pixel < pixels; pixel++) {
        int said = outputs.classOf(item, pixel, pixels);
        int known = (int) labels.at(item, pixel);
        if (known < 0 || known >= classes) {
          continue;
        }
        joint[said]++;
        if (said == known) {
          shared[known]++;
        } else {
          joint[known]++;
        }
      }
    }
    double sum = 0;
    int present = 0;
    for (int c = 0; c < classes; c++) {
      if (joint[c] > 0) {
        sum += (double) shared[c] / joint[c];
        present++;
      }
    }
    return present == 0 ? 0 : sum / present;
  }
}
