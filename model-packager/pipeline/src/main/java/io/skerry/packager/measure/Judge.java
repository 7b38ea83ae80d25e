package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import java.util.DoubleSummaryStatistics;
import java.util.Locale;
import java.util.Optional;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Says how good a candidate is: by labels, or by the float model where there are none. */
public final class Judge {
  /** How far a single output may be from the float model's, as a share of its span. */
  private static final double SCORE_TOLERANCE = 0.1;

  private final Metric metric;
  private final ToDoubleFunction<Outputs> value;
  private final DoubleFunction<Optional<String>> remark;

  private Judge(
      Metric metric, ToDoubleFunction<Outputs> value, DoubleFunction<Optional<String>> remark) {
    this.metric = metric;
    this.value = value;
    this.remark = remark;
  }

  /** Judges by the true class of each item. */
  public static Judge byLabels(Metric metric, Labels labels) {
    return new Judge(metric, outputs -> metric.of(outputs, labels), value -> Optional.empty());
  }

  /**
   * Judges by what the float model says: {@link Metric#AGREEMENT}, the share of items on which a
   * candidate agrees with it.
   *
   * <ul>
   *   <li>Several outputs: the largest is the same one.
   *   <li>One output that the float model keeps within 0 and 1: it is on the same side of the
   *       threshold and differs by at most 0.1.
   *   <li>One output otherwise: it differs by at most a tenth of the float model's span over the
   *       items.
   * </ul>
   *
   * @param floats what the float model says about the evaluation items
   * @param threshold the score from which the positive class is predicted
   */
  public static Judge byFloatModel(Outputs floats, double threshold) {
    return new Judge(
        Metric.AGREEMENT,
        outputs -> agreement(floats, outputs, threshold),
        value -> Optional.of(remark(value, floats, threshold)));
  }

  /** What it judges by. */
  public Metric metric() {
    return metric;
  }

  /**
   * How good a candidate is, 0 to 1.
   *
   * @throws IllegalArgumentException if the metric cannot be had of these outputs
   */
  public double value(Outputs outputs) {
    return value.applyAsDouble(outputs);
  }

  /** What a reader of a value must know; absent when the metric says it all. */
  public Optional<String> remark(double value) {
    return remark.apply(value);
  }

  private static double agreement(Outputs floats, Outputs outputs, double threshold) {
    if (floats.items() != outputs.items() || floats.perItem() != outputs.perItem()) {
      throw new IllegalArgumentException(
          "%d items of %d outputs where the float model has %d of %d"
              .formatted(outputs.items(), outputs.perItem(), floats.items(), floats.perItem()));
    }
    boolean probability = isProbability(floats);
    double tolerance = SCORE_TOLERANCE * (probability ? 1 : span(floats));
    long agreeing =
        IntStream.range(0, floats.items())
            .filter(
                item ->
                    floats.perItem() > 1
                        ? floats.prediction(item) == outputs.prediction(item)
                        : Math.abs((double) floats.at(item, 0) - outputs.at(item, 0)) <= tolerance
                            && (!probability
                                || decision(floats, item, threshold)
                                    == decision(outputs, item, threshold)))
            .count();
    return (double) agreeing / floats.items();
  }

  private static String remark(double value, Outputs floats, double threshold) {
    long decisions =
        IntStream.range(0, floats.items())
            .map(item -> decision(floats, item, threshold))
            .distinct()
            .count();
    boolean decides = floats.perItem() > 1 || isProbability(floats);
    return String.format(
        Locale.ROOT,
        "no labels given, agrees with the given model on %d of %d held-out items%s",
        Math.round(value * floats.items()),
        floats.items(),
        decides && decisions == 1 ? ", all of one class there" : "");
  }

  private static int decision(Outputs outputs, int item, double threshold) {
    if (outputs.perItem() > 1) {
      return outputs.prediction(item);
    }
    return outputs.at(item, 0) >= threshold ? 1 : 0;
  }

  private static boolean isProbability(Outputs floats) {
    return floats.perItem() == 1
        && IntStream.range(0, floats.items())
            .allMatch(item -> floats.at(item, 0) >= 0 && floats.at(item, 0) <= 1);
  }

  private static double span(Outputs floats) {
    DoubleSummaryStatistics scores =
        IntStream.range(0, floats.items())
            .mapToDouble(item -> floats.at(item, 0))
            .summaryStatistics();
    return scores.getMax() - scores.getMin();
  }
}
