package io.skerry.telemetry.drift;

import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.ReferenceBins;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is judged, in one order, and how a version's counts become a row of numbers in that order.
 *
 * <p>Each statistic is a share of counts: {@code sum of weight x count / sum of counts}. Inputs of
 * every version are placed on the scale of the first version's training data.
 */
final class Statistics {
  /** Classes that are watched one by one; the others together make up the rest. */
  static final int CLASSES_MAX = 8;

  /** Categories of a feature that are watched one by one, the most frequent ones. */
  static final int CATEGORIES_MAX = 8;

  static final String ACTUAL = "$actual";
  static final String ERROR = "$error";

  private final List<Stream> streams;
  private final List<String> inputs;
  private final List<String> outputs;
  private final List<Category> categories;
  private final int classes;
  private final MonitoredStreams scale;

  private Statistics(MonitoredStreams scale) {
    this.scale = scale;
    this.inputs = List.copyOf(scale.inputs().keySet());
    this.outputs = List.copyOf(scale.outputs().keySet());
    this.classes = Math.min(scale.classes(), CLASSES_MAX);
    List<Stream> all = new ArrayList<>();
    for (Stream.Kind kind :
        List.of(
            Stream.Kind.LOCATION,
            Stream.Kind.CONDITIONAL,
            Stream.Kind.SCALE,
            Stream.Kind.QUALITY,
            Stream.Kind.STUCK)) {
      inputs.forEach(name -> all.add(new Stream(name, kind)));
    }
    this.categories = categories(scale, inputs);
    categories.forEach(one -> all.add(one.stream()));
    outputs.forEach(name -> all.add(new Stream(name, Stream.Kind.OUTPUT)));
    // Shares add up to 1: of two classes one says it all.
    int told = classes == 2 ? 1 : classes;
    for (int i = 0; i < told; i++) {
      all.add(new Stream(share(MonitoringPlan.CLASS, i), Stream.Kind.SHARE));
    }
    for (int i = 0; i < told; i++) {
      all.add(new Stream(share(ACTUAL, i), Stream.Kind.SHARE));
    }
    if (classes > 0) {
      all.add(new Stream(ERROR, Stream.Kind.ERROR));
    }
    this.streams = List.copyOf(all);
  }

  /** A category of an input whose share is watched by itself. */
  private record Category(int input, String name, double value) {
    Stream stream() {
      String told =
          value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
      return new Stream(name + ":" + told, Stream.Kind.CATEGORY);
    }
  }

  // A mean position tells little of names: shares that move to and fro along the order of the bins
  // keep it. Of two categories it says it all. Bins are ordered by how frequent they are.
  private static List<Category> categories(MonitoredStreams scale, List<String> inputs) {
    List<Category> categories = new ArrayList<>();
    for (int input = 0; input < inputs.size(); input++) {
      MonitoredStreams.Input of = scale.inputs().get(inputs.get(input));
      if (of == null || of.categories().size() <= 2) {
        continue;
      }
      int name = input;
      of.categories().stream()
          .limit(CATEGORIES_MAX)
          .filter(value -> !Double.isNaN(value))
          .forEach(value -> categories.add(new Category(name, inputs.get(name), value)));
    }
    return List.copyOf(categories);
  }

  // With two classes the second, the positive one, is told.
  private String share(String stream, int place) {
    return stream + ":" + (classes == 2 ? 1 : place);
  }

  static Statistics of(MonitoredStreams first) {
    return new Statistics(first);
  }

  int size() {
    return streams.size();
  }

  List<Stream> streams() {
    return streams;
  }

  Stream stream(int statistic) {
    return streams.get(statistic);
  }

  int inputCount() {
    return inputs.size();
  }

  List<String> inputs() {
    return inputs;
  }

  /** How many statistics, from the first, outlive a version. */
  int inputStatistics() {
    return 5 * inputs.size() + categories.size();
  }

  /** The input that a stream tells of; -1 where it tells of none. */
  int inputOf(Stream stream) {
    if (stream.kind() != Stream.Kind.CATEGORY) {
      return inputs.indexOf(stream.name());
    }
    return categories.stream()
        .filter(one -> one.stream().equals(stream))
        .mapToInt(Category::input)
        .findFirst()
        .orElse(-1);
  }

  /** The feature or stream that a finding of a stream names. */
  String named(Stream stream) {
    int input = inputOf(stream);
    return input < 0 ? stream.name() : inputs.get(input);
  }

  int location(int input) {
    return input;
  }

  int conditional(int input) {
    return inputs.size() + input;
  }

  double standardDeviation(int input) {
    MonitoredStreams.Input of = scale.inputs().get(inputs.get(input));
    return of == null ? 0 : of.standardDeviation();
  }

  /** What a mean position moves by when a feature moves by one training standard deviation. */
  double slope(int input) {
    MonitoredStreams.Input of = scale.inputs().get(inputs.get(input));
    return of == null ? 0 : of.slope();
  }

  /** The same of a statistic; 0 where it is no position of an input. */
  double slopeOf(int statistic) {
    return statistic < 2 * inputs.size() ? slope(statistic % inputs.size()) : 0;
  }

  /** Edges between the bins of {@link CommonCounts}, in the unit of an input. */
  List<Double> edges(int input) {
    MonitoredStreams.Input of = scale.inputs().get(inputs.get(input));
    List<Double> edges = new ArrayList<>();
    for (int bin = 1; of != null && bin < CommonCounts.BINS; bin++) {
      edges.add(of.bins().quantile((double) bin / CommonCounts.BINS));
    }
    return edges;
  }

  /** The first of those that outcomes tell; there may be none. */
  int firstOutcome() {
    return classes == 0 ? size() : size() - 1 - (classes == 2 ? 1 : classes);
  }

  /** Reads the counts of one version. */
  Reader reader(MonitoredStreams version) {
    return new Reader(version);
  }

  /** Weights of one stream's bins, per number of bins that were added up. */
  private static final class Weights {
    private static final int FOLD_MAX = 4;

    private final int stream;
    private final float[][] location = new float[FOLD_MAX + 1][];
    private final float[][] scale = new float[FOLD_MAX + 1][];
    private final float[] placed;

    Weights(int stream, double[] positions, int ordinary) {
      this.stream = stream;
      this.placed = new float[positions.length];
      for (int bin = 0; bin < placed.length; bin++) {
        placed[bin] = Double.isNaN(positions[bin]) ? 0 : 1;
      }
      for (int fold = 1; fold <= FOLD_MAX; fold *= 2) {
        location[fold] = new float[positions.length];
        scale[fold] = new float[positions.length];
        for (int bin = 0; bin < positions.length; bin++) {
          int end = bin < ordinary ? Math.min(ordinary, bin + fold) : bin + 1;
          for (int i = bin; i < end && placed[bin] > 0; i++) {
            location[fold][bin] += (float) (positions[i] / (end - bin));
            scale[fold][bin] += (float) (2 * Math.abs(positions[i] - .5) / (end - bin));
          }
        }
      }
    }
  }

  /** A version's way from counts to statistics. */
  final class Reader {
    private final MonitoredStreams own;
    private final @Nullable Weights[] inputWeights = new @Nullable Weights[inputs.size()];
    private final @Nullable Weights[] outputWeights = new @Nullable Weights[outputs.size()];
    private final int[] categoryBins = new int[categories.size()];
    private final int classStream;
    private final double[] sums = new double[3];
    private final double[][] values = new double[inputs.size()][];
    private final double[][] positions = new double[inputs.size()][];
    // The same where 2 or 4 neighbouring bins are taken as one, made when it is first asked for.
    private final Map<Folded, double[]> folded = new HashMap<>();

    private Reader(MonitoredStreams own) {
      this.own = own;
      for (int f = 0; f < inputs.size(); f++) {
        MonitoredStreams.Input reference = scale.inputs().get(inputs.get(f));
        MonitoredStreams.Input mine = own.inputs().get(inputs.get(f));
        values[f] = new double[0];
        positions[f] = new double[0];
        if (reference != null && mine != null) {
          values[f] = mine.bins().values();
          positions[f] = reference.bins().positions(mine.bins());
          inputWeights[f] =
              new Weights(
                  own.layout().indexOf(inputs.get(f)), positions[f], mine.bins().ordinary());
        }
      }
      for (int i = 0; i < categoryBins.length; i++) {
        MonitoredStreams.Input mine = own.inputs().get(categories.get(i).name());
        // Another version may keep a category in another bin, or together with others.
        categoryBins[i] = mine == null ? -1 : mine.categories().indexOf(categories.get(i).value());
      }
      for (int i = 0; i < outputs.size(); i++) {
        BaselineBins mine = own.outputs().get(outputs.get(i));
        if (mine != null) {
          outputWeights[i] =
              new Weights(
                  own.layout().indexOf(outputs.get(i)), mine.positions(mine), mine.ordinary());
        }
      }
      classStream = own.layout().indexOf(MonitoringPlan.CLASS);
    }

    MonitoredStreams streams() {
      return own;
    }

    /** The layout's stream of an input; -1 when this version has none of the name. */
    int stream(int input) {
      Weights weights = inputWeights[input];
      return weights == null ? -1 : weights.stream;
    }

    /**
     * A value that stands for each bin of an input.
     *
     * @param fold neighbouring ordinary bins that are taken as one and have one value
     */
    double[] values(int input, int fold) {
      return fold == 1 ? values[input] : folded(input, fold, values[input], true);
    }

    /** The place of each bin of an input on the common scale; the same of these. */
    double[] positions(int input, int fold) {
      return fold == 1 ? positions[input] : folded(input, fold, positions[input], false);
    }

    private double[] folded(int input, int fold, double[] of, boolean values) {
      int stream = stream(input);
      return stream < 0
          ? of
          : folded.computeIfAbsent(
              new Folded(input, fold, values),
              key -> means(of, own.layout().ordinary(stream), fold));
    }

    private static double[] means(double[] of, int ordinary, int fold) {
      double[] means = of.clone();
      for (int first = 0; first < ordinary; first += fold) {
        int end = Math.min(ordinary, first + fold);
        double mean = Arrays.stream(of, first, end).average().orElse(Double.NaN);
        Arrays.fill(means, first, end, mean);
      }
      return means;
    }

    private record Folded(int input, int fold, boolean values) {}

    /** Writes the statistics; NaN where too little was counted. */
    void read(DeviceWindow window, long predictionsMin, float[] into) {
      WindowCounts counts = window.counts();
      int f = inputs.size();
      for (int i = 0; i < f; i++) {
        input(counts, i, predictionsMin, into);
      }
      int at = 5 * f;
      for (int i = 0; i < categoryBins.length; i++) {
        into[at++] = category(counts, i, predictionsMin);
      }
      for (@Nullable Weights weights : outputWeights) {
        into[at++] = location(counts, weights, predictionsMin);
      }
      int told = classes == 2 ? 1 : classes;
      // Of neighbouring classes that were added up nobody knows which it was.
      boolean apart = classStream >= 0 && counts.fold(classStream) == 1;
      double predicted = apart ? counts.total(classStream) : 0;
      for (int i = 0; i < told; i++) {
        into[at++] =
            predicted < predictionsMin
                ? Float.NaN
                : (float) (counts.count(classStream, classes == 2 ? 1 : i) / predicted);
      }
      DeviceWindow.Outcomes outcomes = window.outcomes();
      boolean enough = outcomes.known() >= predictionsMin;
      double weight = outcomes.right() + outcomes.wrong();
      for (int i = 0; i < told; i++) {
        int actual = classes == 2 ? 1 : i;
        into[at++] =
            enough && actual < outcomes.actual().size()
                ? (float) (outcomes.actual().get(actual) / weight)
                : Float.NaN;
      }
      if (classes > 0) {
        into[at] = enough ? (float) (outcomes.wrong() / weight) : Float.NaN;
      }
    }

    private void input(WindowCounts counts, int input, long predictionsMin, float[] into) {
      int f = inputs.size();
      Weights weights = inputWeights[input];
      into[f + input] = Float.NaN;
      if (weights == null || !counts.has(weights.stream)) {
        into[input] = Float.NaN;
        into[2 * f + input] = Float.NaN;
        into[3 * f + input] = Float.NaN;
        into[4 * f + input] = Float.NaN;
        return;
      }
      int stream = weights.stream;
      int fold = counts.fold(stream);
      counts.sums(stream, weights.placed, weights.location[fold], weights.scale[fold], sums);
      double placed = sums[0];
      int ordinary = counts.layout().ordinary(stream);
      double total = counts.total(stream);
      long valid = 0;
      for (int bin = 0; bin < ordinary; bin++) {
        valid += counts.count(stream, bin);
      }
      double invalid = total - valid;
      boolean enough = placed >= predictionsMin;
      into[input] = enough ? (float) (sums[1] / placed) : Float.NaN;
      into[2 * f + input] = enough ? (float) (sums[2] / placed) : Float.NaN;
      into[3 * f + input] = total >= predictionsMin ? (float) (invalid / total) : Float.NaN;
      into[4 * f + input] =
          total >= predictionsMin
              ? (float) (counts.count(stream, ordinary + ReferenceBins.OWN_BINS - 1) / total)
              : Float.NaN;
    }

    private float category(WindowCounts counts, int category, long predictionsMin) {
      Weights weights = inputWeights[categories.get(category).input()];
      int bin = categoryBins[category];
      if (weights == null
          || bin < 0
          || !counts.has(weights.stream)
          || counts.fold(weights.stream) > 1) {
        return Float.NaN;
      }
      double placed = counts.sum(weights.stream, weights.placed);
      return placed < predictionsMin
          ? Float.NaN
          : (float) (counts.count(weights.stream, bin) / placed);
    }

    private float location(WindowCounts counts, @Nullable Weights weights, long predictionsMin) {
      if (weights == null || !counts.has(weights.stream)) {
        return Float.NaN;
      }
      double placed = counts.sum(weights.stream, weights.placed);
      return placed < predictionsMin
          ? Float.NaN
          : (float)
              (counts.sum(weights.stream, weights.location[counts.fold(weights.stream)]) / placed);
    }
  }
}
