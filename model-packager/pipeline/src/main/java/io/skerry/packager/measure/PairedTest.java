package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A metric of candidate and float model over the same items: the items' own difficulty cancels out.
 *
 * <p>Means over items have the interval of the mean difference; accuracy's test is McNemar's exact
 * one; the ROC curve's are DeLong's; what is no mean over items is resampled, item by item, and its
 * interval is the standard one: estimate ± z · the resampled values' standard deviation.
 * Percentiles of those values would not do: a drawn sample lacks some of the rare classes that the
 * mean is taken over, so that its value is another one on average, and the estimate itself may lie
 * outside.
 *
 * @see <a href="https://doi.org/10.2307/3314608">Efron 1981, standard errors and confidence
 *     intervals by resampling</a>
 */
final class PairedTest {
  private static final int RESAMPLES = 200;
  private static final int SIMPSON_STEPS = 200;
  private static final long SEED = 20260101;

  /** What is known of a metric's value and difference. */
  record Result(Interval interval, double difference, Interval differenceInterval, double pValue) {}

  private final Metric metric;
  private final Outputs outputs;
  private final Outputs floats;
  private final Labels labels;

  private PairedTest(Metric metric, Outputs outputs, Outputs floats, Labels labels) {
    this.metric = metric;
    this.outputs = outputs;
    this.floats = floats;
    this.labels = labels;
  }

  static Result of(Metric metric, Outputs outputs, Outputs floats, Labels labels) {
    PairedTest test = new PairedTest(metric, outputs, floats, labels);
    return switch (metric) {
      case ROC_AUC -> test.ofRocCurves();
      case ACCURACY -> test.ofMeans();
      case MAE, RMSE -> test.ofMeans();
      case MEAN_AVERAGE_PRECISION ->
          test.resampled(
              Detections.of(outputs, labels)::meanAveragePrecision,
              Detections.of(floats, labels)::meanAveragePrecision);
      case MEAN_IOU -> test.resampled(test.ofDrawn(outputs), test.ofDrawn(floats));
      case AGREEMENT -> throw new IllegalArgumentException("no label tells agreement");
    };
  }

  private Result ofRocCurves() {
    RocCurve candidate = RocCurve.of(outputs, labels);
    RocCurve reference = RocCurve.of(floats, labels);
    double difference = candidate.area() - reference.area();
    double error = candidate.standardError(reference);
    return new Result(
        Interval.normal(candidate.area(), candidate.standardError()),
        difference,
        Interval.normal(difference, error),
        normalTail(difference, error));
  }

  private Result ofMeans() {
    double[] candidate = metric.contributions(outputs, labels);
    double[] reference = metric.contributions(floats, labels);
    int items = candidate.length;
    double[] differences = new double[items];
    for (int i = 0; i < items; i++) {
      differences[i] = candidate[i] - reference[i];
    }
    double difference = mean(differences);
    double error = standardError(differences);
    double own = mean(candidate);
    double ownError = standardError(candidate);
    if (metric == Metric.RMSE) {
      // The root's slope carries an interval of the mean square over.
      double value = Math.sqrt(own);
      double both = Math.max(Double.MIN_NORMAL, value + Math.sqrt(mean(reference)));
      return new Result(
          Interval.normal(value, ownError / Math.max(Double.MIN_NORMAL, 2 * value)),
          difference / both,
          Interval.normal(difference / both, error / both),
          normalTail(difference, error));
    }
    if (metric == Metric.MAE) {
      return new Result(
          Interval.normal(own, ownError),
          difference,
          Interval.normal(difference, error),
          normalTail(difference, error));
    }
    long gained = Arrays.stream(differences).filter(d -> d > 0).count();
    long lost = Arrays.stream(differences).filter(d -> d < 0).count();
    return new Result(
        Interval.wilson(Math.round(own * items), items),
        difference,
        Interval.normal(difference, error),
        exactTail(gained, lost));
  }

  /** The metric where each item counts so many times. */
  @FunctionalInterface
  private interface Counted {
    double value(int[] times);
  }

  private Result resampled(Counted candidate, Counted reference) {
    Random random = new Random(SEED);
    double[] values = new double[RESAMPLES];
    double[] differences = new double[RESAMPLES];
    int items = labels.count();
    for (int r = 0; r < RESAMPLES; r++) {
      int[] times = new int[items];
      for (int i = 0; i < items; i++) {
        times[random.nextInt(items)]++;
      }
      values[r] = candidate.value(times);
      differences[r] = values[r] - reference.value(times);
    }
    double value = metric.of(outputs, labels);
    double difference = value - metric.of(floats, labels);
    double error = deviation(differences);
    return new Result(
        Interval.normal(value, deviation(values)).within(0, 1),
        difference,
        Interval.normal(difference, error).within(-1, 1),
        normalTail(difference, error));
  }

  private Counted ofDrawn(Outputs all) {
    return times -> {
      int[] drawn =
          IntStream.range(0, times.length)
              .flatMap(item -> IntStream.range(0, times[item]).map(time -> item))
              .toArray();
      return metric.of(all.chosen(drawn), labels.chosen(drawn));
    };
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(0);
  }

  private static double standardError(double[] values) {
    return deviation(values) / Math.sqrt(values.length);
  }

  private static double deviation(double[] values) {
    double mean = mean(values);
    double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
    return Math.sqrt(squares / Math.max(1, values.length - 1));
  }

  /** Two-sided probability of at least this, if both ways were equally likely. */
  static double exactTail(long gained, long lost) {
    long changed = gained + lost;
    long fewer = Math.min(gained, lost);
    double logHalf = changed * Math.log(0.5);
    double logChoose = 0;
    double sum = 0;
    for (long k = 0; k <= fewer; k++) {
      if (k > 0) {
        logChoose += Math.log((double) (changed - k + 1) / k);
      }
      sum += Math.exp(logChoose + logHalf);
    }
    return Math.min(1, 2 * sum);
  }

  private static double normalTail(double difference, double error) {
    if (error <= 0) {
      return difference == 0 ? 1 : 0;
    }
    return Math.max(0, 1 - 2 * normalUpTo(Math.abs(difference / error)));
  }

  /** Probability of a standard normal value from 0 to z, by Simpson's rule. */
  private static double normalUpTo(double z) {
    double end = Math.min(z, 8);
    double step = end / SIMPSON_STEPS;
    double sum = density(0) + density(end);
    for (int i = 1; i < SIMPSON_STEPS; i++) {
      sum += (i % 2 == 0 ? 2 : 4) * density(i * step);
    }
    return sum * step / 3;
  }

  private static double density(double z) {
    return Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
  }
}
