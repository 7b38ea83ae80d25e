package io.skerry.packager.measure;

import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Says how good a candidate is: by labels, or by the float model where there are none. */
public final class Judge {
  /** How far a single output may be from the float model's, as a share of its span. */
  private static final double SCORE_TOLERANCE = 0.1;

  private final Metric metric;
  private final Outputs floats;
  private final Optional<Labels> labels;
  private final double threshold;
  private final UnaryOperator<Outputs> reading;
  private final Outputs readFloats;
  private final Agreement agreement;

  /** Of each output, whether its elements have places, and need not be scores of classes. */
  private final List<Optional<Places>> places;

  /** What agrees where no labels tell. */
  private enum Agreement {
    /** Each output by its own scale: see {@link #byFloatModel}. */
    NUMBERS,
    /** Boxes: see {@link #byBoxes}. */
    BOXES
  }

  private Judge(
      Metric metric,
      Outputs floats,
      Optional<Labels> labels,
      double threshold,
      UnaryOperator<Outputs> reading,
      Agreement agreement,
      List<Optional<Places>> places) {
    this.agreement = agreement;
    this.places = List.copyOf(places);
    this.metric = metric;
    this.floats = floats;
    this.labels = labels;
    this.threshold = threshold;
    this.reading = reading;
    this.readFloats = reading.apply(floats);
  }

  /**
   * Judges by what each item truly is.
   *
   * @param floats what the float model says about the evaluation items
   * @param threshold the score from which the positive class is predicted
   */
  public static Judge byLabels(Metric metric, Outputs floats, Labels labels, double threshold) {
    return byLabels(metric, floats, labels, threshold, UnaryOperator.identity());
  }

  /**
   * The same where outputs do not say as they are what the metric compares with labels.
   *
   * @param reading what they say; throws an {@link IllegalArgumentException} if they cannot
   */
  public static Judge byLabels(
      Metric metric,
      Outputs floats,
      Labels labels,
      double threshold,
      UnaryOperator<Outputs> reading) {
    return new Judge(
        metric,
        floats,
        Optional.of(labels),
        threshold,
        reading,
        Agreement.NUMBERS,
        List.of(Optional.empty()));
  }

  /**
   * Judges by what the float model says: {@link Metric#AGREEMENT}, the share of items on which a
   * candidate agrees with it in each output:
   *
   * <ul>
   *   <li>Several elements: the largest is the same one.
   *   <li>Elements in several dimensions, which need not be classes, or one for each place of such:
   *       about the same, see {@link PlacesAgreement}.
   *   <li>One element that the float model keeps within 0 and 1: it is on the same side of the
   *       threshold and differs by at most 0.1.
   *   <li>One element otherwise: it differs by at most a tenth of the float model's span over the
   *       items.
   * </ul>
   *
   * @param floats what the float model says about the evaluation items
   * @param shapes of each output of an item, its batch left out
   * @param threshold the score from which the positive class is predicted
   */
  public static Judge byFloatModel(Outputs floats, List<List<Long>> shapes, double threshold) {
    return byFloatModel(floats, threshold, Places.of(shapes));
  }

  /** The same where the outputs' places are known. */
  static Judge byFloatModel(Outputs floats, double threshold, List<Optional<Places>> places) {
    return new Judge(
        Metric.AGREEMENT,
        floats,
        Optional.empty(),
        threshold,
        UnaryOperator.identity(),
        Agreement.NUMBERS,
        places);
  }

  /**
   * Judges a detector by the boxes that the float model finds: {@link Metric#AGREEMENT}, the share
   * of boxes that both find.
   *
   * @param floats what the float model says about the evaluation items
   * @param threshold the score from which a box counts
   * @param reading the boxes of what was said: left, top, right, bottom, score, class
   * @see BoxAgreement
   */
  public static Judge byBoxes(Outputs floats, double threshold, UnaryOperator<Outputs> reading) {
    return new Judge(
        Metric.AGREEMENT,
        floats,
        Optional.empty(),
        threshold,
        reading,
        Agreement.BOXES,
        List.of(Optional.empty()));
  }

  /** What it judges by. */
  public Metric metric() {
    return metric;
  }

  /** The score from which a positive class is predicted, or something found. */
  double threshold() {
    return threshold;
  }

  /** What the float model says about the items. */
  public Outputs floats() {
    return floats;
  }

  /** What the float model says in the first output, which devices watch. */
  public Outputs score() {
    return agreement == Agreement.BOXES ? floats : floats.parts().getFirst();
  }

  /** Whether the elements of an output are classes, of which the largest is the answer. */
  public boolean comparesClasses() {
    return score().perItem() > 1
        && agreement != Agreement.BOXES
        && places.getFirst().isEmpty()
        && (metric == Metric.ACCURACY || metric == Metric.ROC_AUC || metric == Metric.AGREEMENT);
  }

  /**
   * The float model's own value.
   *
   * @throws IllegalArgumentException if the metric cannot be had of these outputs
   */
  public double floatValue() {
    if (agreement == Agreement.BOXES
        && BoxAgreement.of(readFloats, readFloats, threshold).boxes() == 0) {
      throw new IllegalArgumentException(
          "the given model finds no box with a score from %s".formatted(threshold));
    }
    return labels.map(known -> metric.of(readFloats, known)).orElse(1.0);
  }

  /**
   * Some of the items, in order: of every kind, a class or items with boxes and without, as large a
   * share as there is of all, and one at least where there are more wanted than kinds.
   *
   * @param wanted how many, from 1; all where there are no more
   */
  public int[] spread(int wanted) {
    Map<Integer, List<Integer>> kinds = new TreeMap<>();
    for (int item = 0; item < floats.items(); item++) {
      kinds.computeIfAbsent(kind(item), kind -> new ArrayList<>()).add(item);
    }
    int left = Math.min(wanted, floats.items());
    int itemsLeft = floats.items();
    int kindsLeft = kinds.size();
    List<Integer> chosen = new ArrayList<>();
    // The rarest first, so that what its one item takes is shared out among the others.
    for (List<Integer> items :
        kinds.values().stream().sorted(Comparator.comparingInt(List::size)).toList()) {
      int share = Math.toIntExact((long) left * items.size() / itemsLeft);
      int taken = Math.clamp(share, Math.min(1, left), Math.max(1, left - (kindsLeft - 1)));
      for (int index : Samples.spread(items.size(), Math.min(taken, left))) {
        chosen.add(items.get(index));
      }
      left -= Math.min(taken, Math.min(items.size(), left));
      itemsLeft -= items.size();
      kindsLeft--;
    }
    return chosen.stream().mapToInt(Integer::intValue).sorted().toArray();
  }

  private int kind(int item) {
    if (agreement == Agreement.BOXES) {
      return BoxAgreement.hasBox(readFloats, item, threshold) ? 1 : 0;
    }
    if (labels.isEmpty()) {
      return 0;
    }
    return switch (metric) {
      case ROC_AUC, ACCURACY -> labels.get().at(item);
      case MEAN_AVERAGE_PRECISION -> Detections.hasBox(labels.get(), item) ? 1 : 0;
      case RMSE, MAE, MEAN_IOU, AGREEMENT -> 0;
    };
  }

  /** The same judge of these items only. */
  public Judge chosen(int... chosen) {
    return new Judge(
        metric,
        floats.chosen(chosen),
        labels.map(known -> known.chosen(chosen)),
        threshold,
        reading,
        agreement,
        places);
  }

  /**
   * How good a candidate is.
   *
   * @param outputs what it says about the same items
   * @throws IllegalArgumentException if the metric cannot be had of these outputs
   */
  public Quality quality(Outputs outputs) {
    if (floats.items() != outputs.items() || floats.perItem() != outputs.perItem()) {
      throw new IllegalArgumentException(
          "%d items of %d outputs where the float model has %d of %d"
              .formatted(outputs.items(), outputs.perItem(), floats.items(), floats.perItem()));
    }
    OptionalInt flips = flips(outputs);
    double noise = outputs.signalToNoise(floats);
    if (agreement == Agreement.BOXES) {
      BoxAgreement both = ofBoxes(outputs);
      return agreement(both.value(), both.interval(), flips, noise);
    }
    if (labels.isEmpty()) {
      long agreeing = agreeing(outputs);
      double value = (double) agreeing / floats.items();
      return agreement(value, Interval.wilson(agreeing, floats.items()), flips, noise);
    }
    Outputs read = reading.apply(outputs);
    double value = metric.of(read, labels.get());
    PairedTest.Result result = PairedTest.of(metric, read, readFloats, labels.get());
    return new Quality(
        metric,
        value,
        result.interval(),
        result.difference(),
        result.differenceInterval(),
        result.pValue(),
        metric.loss(floatValue(), value),
        metric == Metric.MEAN_IOU ? OptionalInt.of(pixelFlips(read)) : flips,
        noise,
        floats.items());
  }

  private Quality agreement(double value, Interval interval, OptionalInt flips, double noise) {
    Interval below = new Interval(interval.low() - 1, interval.high() - 1);
    return new Quality(
        metric, value, interval, value - 1, below, 1, 1 - value, flips, noise, floats.items());
  }

  /**
   * Compares boxes.
   *
   * @throws IllegalArgumentException if the float model finds none in these items
   */
  private BoxAgreement ofBoxes(Outputs outputs) {
    floatValue();
    return BoxAgreement.of(readFloats, reading.apply(outputs), threshold);
  }

  /** Labels of other items, or in another order, look so; but a model may be as bad. */
  private Optional<String> guessed(Labels known) {
    OptionalDouble guessing = metric.guessing(known);
    if (guessing.isEmpty()) {
      return Optional.empty();
    }
    double bound = guessing.getAsDouble();
    Interval own = PairedTest.of(metric, readFloats, readFloats, known).interval();
    boolean better = metric.isError() ? own.high() < bound : own.low() > bound;
    return better
        ? Optional.empty()
        : Optional.of(
            String.format(
                Locale.ROOT,
                "the given model itself reaches %.4f, no better than guessing does (%.4f) as far as %d items tell: check the labels",
                floatValue(),
                bound,
                floats.items()));
  }

  /** What a reader of a value must know; absent when the metric says it all. */
  public Optional<String> remark(double value) {
    if (labels.isPresent()) {
      return guessed(labels.get());
    }
    if (agreement == Agreement.BOXES) {
      // Compared with itself, each of its boxes counts twice.
      long boxes = BoxAgreement.of(readFloats, readFloats, threshold).boxes() / 2;
      return Optional.of(
          String.format(
              Locale.ROOT,
              "no labels given, agrees with the given model on %.2f %% of boxes, of which that finds"
                  + " %d in %d held-out items",
              100 * value,
              boxes,
              floats.items()));
    }
    Outputs score = score();
    long decisions =
        IntStream.range(0, floats.items()).map(item -> decision(score, item)).distinct().count();
    return Optional.of(
        String.format(
            Locale.ROOT,
            "no labels given, agrees with the given model on %d of %d held-out items%s%s%s",
            Math.round(value * floats.items()),
            floats.items(),
            places.size() > 1 ? ", in each of %d outputs".formatted(places.size()) : "",
            decides(0) && decisions == 1 ? ", all of one class there" : "",
            places.stream().anyMatch(Optional::isPresent)
                ? ", within a tenth of the spread of an output's numbers: if they are boxes, say which with --boxes"
                : ""));
  }

  private long agreeing(Outputs outputs) {
    List<Outputs> wanted = floats.parts();
    List<Outputs> said = outputs.parts();
    List<IntPredicate> agrees = new ArrayList<>();
    for (int part = 0; part < wanted.size(); part++) {
      agrees.add(agrees(wanted.get(part), said.get(part), places.get(part)));
    }
    return IntStream.range(0, floats.items())
        .filter(item -> agrees.stream().allMatch(part -> part.test(item)))
        .count();
  }

  /** Of which items an output says the same. */
  private IntPredicate agrees(Outputs wanted, Outputs said, Optional<Places> ofPlaces) {
    if (ofPlaces.isPresent()) {
      PlacesAgreement agreement = new PlacesAgreement(wanted, ofPlaces.get(), threshold);
      return item -> agreement.agrees(said, item);
    }
    if (wanted.perItem() > 1) {
      return item -> wanted.prediction(item) == said.prediction(item);
    }
    boolean probability = isProbability(wanted);
    double most = SCORE_TOLERANCE * (probability ? 1 : span(wanted));
    return item ->
        (Outputs.isSameWithoutEnd(wanted.at(item, 0), said.at(item, 0))
                || Math.abs((double) wanted.at(item, 0) - said.at(item, 0)) <= most)
            && (!probability || decision(wanted, item) == decision(said, item));
  }

  /** Whether items are of classes: one of several elements, or one score and its threshold. */
  public boolean saysClasses() {
    return switch (metric) {
      case ROC_AUC, ACCURACY -> true;
      case AGREEMENT -> agreement != Agreement.BOXES && decides(0);
      case RMSE, MAE, MEAN_AVERAGE_PRECISION, MEAN_IOU -> false;
    };
  }

  /** Items of which something else is decided than by the float model. */
  private OptionalInt flips(Outputs outputs) {
    if (!saysClasses()) {
      return OptionalInt.empty();
    }
    List<Outputs> wanted = floats.parts();
    List<Outputs> said = outputs.parts();
    List<Integer> deciding =
        IntStream.range(0, wanted.size())
            .filter(part -> metric != Metric.AGREEMENT || decides(part))
            .boxed()
            .toList();
    return OptionalInt.of(
        (int)
            IntStream.range(0, floats.items())
                .filter(
                    item ->
                        deciding.stream()
                            .anyMatch(
                                part ->
                                    decision(wanted.get(part), item)
                                        != decision(said.get(part), item)))
                .count());
  }

  /** Pixels of another class than the float model's. */
  private int pixelFlips(Outputs read) {
    int pixels = labels.orElseThrow().perItem();
    int flips = 0;
    for (int item = 0; item < readFloats.items(); item++) {
      for (int pixel = 0; pixel < pixels; pixel++) {
        flips +=
            readFloats.classOf(item, pixel, pixels) == read.classOf(item, pixel, pixels) ? 0 : 1;
      }
    }
    return flips;
  }

  private int decision(Outputs outputs, int item) {
    if (outputs.perItem() > 1) {
      return outputs.prediction(item);
    }
    return outputs.at(item, 0) >= threshold ? 1 : 0;
  }

  /** Whether an output says one of several things; numbers that have places say where. */
  private boolean decides(int part) {
    Outputs outputs = floats.parts().get(part);
    return places.get(part).isEmpty() && (outputs.perItem() > 1 || isProbability(outputs));
  }

  private static boolean isProbability(Outputs outputs) {
    return outputs.perItem() == 1
        && IntStream.range(0, outputs.items())
            .allMatch(item -> outputs.at(item, 0) >= 0 && outputs.at(item, 0) <= 1);
  }

  /** Of the numbers that are finite. */
  static double span(Outputs outputs) {
    DoubleSummaryStatistics scores =
        IntStream.range(0, outputs.items())
            .mapToDouble(item -> outputs.at(item, 0))
            .filter(Double::isFinite)
            .summaryStatistics();
    return scores.getCount() == 0 ? 0 : scores.getMax() - scores.getMin();
  }
}
