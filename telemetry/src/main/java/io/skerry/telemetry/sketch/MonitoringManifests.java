package io.skerry.telemetry.sketch;

import io.skerry.telemetry.signal.Scalar;
import io.skerry.telemetry.signal.Signal;
import io.skerry.wire.artifact.v1.Bins;
import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.IntegerTensor;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.ResidualStreams;
import io.skerry.wire.artifact.v1.ScoreStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** Makes monitoring manifests from reference data. */
public final class MonitoringManifests {
  /** Ordinary bins that a feature gets at most; fewer when its values tie. */
  public static final int ORDINARY_BINS = 32;

  /** Equal bins of the score over [0, 1]. */
  public static final int SCORE_BINS = 64;

  /** Share of variance that the principal subspace explains, with as many directions as it may. */
  // What research calls anomalous of residuals: one in a thousand of the reference.
  private static final double LIMIT_QUANTILE = 0.999;

  private static final int LIMIT_ROWS_MIN = 1000;

  private static final double EXPLAINED_VARIANCE = 0.9;

  /**
   * Directions of the principal subspace at most. A device pays for each with every feature of
   * every prediction; the rest of the variance is watched as the error.
   */
  static final int COMPONENTS_MAX = 32;

  private MonitoringManifests() {}

  /** Correlations of the most important features are explained by these many. */
  private static final int CO_MOMENT_FEATURES = 16;

  /**
   * One monitored scalar.
   *
   * @param offset element index within one item of the input tensor, row-major
   * @param categorical its values are names, not amounts
   * @param missingValue stands for "not measured"
   * @param importance features of less importance are left out first when bytes are short; 0 = as
   *     strongly as it correlates with the score
   * @param scalar what it is of all elements of the input; empty when it is the one at {@code
   *     offset}
   */
  public record Feature(
      String name,
      int offset,
      boolean categorical,
      OptionalDouble missingValue,
      double importance,
      Optional<Scalar> scalar) {
    /** One element. */
    public Feature(
        String name,
        int offset,
        boolean categorical,
        OptionalDouble missingValue,
        double importance) {
      this(name, offset, categorical, missingValue, importance, Optional.empty());
    }

    /** An amount without a value for "not measured". */
    public Feature(String name, int offset) {
      this(name, offset, false, OptionalDouble.empty(), 0);
    }

    /** A scalar of the whole input, by its own name. */
    public static Feature of(Scalar scalar) {
      return new Feature(
          scalar.feature(), 0, false, OptionalDouble.empty(), 0, Optional.of(scalar));
    }
  }

  /**
   * What the model said of the reference rows.
   *
   * @param output the output tensor
   * @param elements per row the score alone, or one element per class
   * @param logits whether the classes' elements need a softmax
   * @param threshold the score from which the positive class is predicted
   * @param priors actual classes of the training rows; empty when not known
   * @param values bins of a score that is no probability; absent for one, and for classes
   */
  public record Scores(
      String output,
      List<float[]> elements,
      boolean logits,
      double threshold,
      List<Long> priors,
      Optional<Values> values) {
    /** Of a model that says a probability or classes. */
    public Scores(
        String output,
        List<float[]> elements,
        boolean logits,
        double threshold,
        List<Long> priors) {
      this(output, elements, logits, threshold, priors, Optional.empty());
    }
  }

  /**
   * What the bins of a score that is no probability lie between.
   *
   * @param reference scores of the reference rows, of the same model for all variants of a version:
   *     devices of every profile are then counted in the same bins and can be judged together
   * @param amount no threshold makes a class of the score
   */
  public record Values(List<Float> reference, boolean amount) {
    public Values {
      reference = List.copyOf(reference);
    }
  }

  /**
   * Counts the baseline of every stream on reference rows, of a model whose output is one score.
   *
   * @param scores the model's score of each row, 0 to 1
   * @param threshold the score from which the positive class is predicted
   * @throws IllegalArgumentException if there is no row, or the sizes disagree
   */
  public static MonitoringManifest fromReference(
      String input,
      List<Feature> features,
      float[][] rows,
      String scoreOutput,
      float[] scores,
      double threshold) {
    List<float[]> elements = new ArrayList<>(scores.length);
    for (float score : scores) {
      elements.add(new float[] {score});
    }
    return fromReference(
        input, features, rows, new Scores(scoreOutput, elements, false, threshold, List.of()));
  }

  /**
   * Counts the baseline of every stream on reference rows.
   *
   * @param input the input tensor that the features are taken from
   * @param features one per column of {@code rows}
   * @param rows monitored values, shape [rows][features], in the order in which they occurred
   * @throws IllegalArgumentException if there is no row, or the sizes disagree
   */
  public static MonitoringManifest fromReference(
      String input, List<Feature> features, float[][] rows, Scores scores) {
    return fromReference(input, features, rows, scores, MonitoringSettings.NONE);
  }

  /**
   * Counts the baseline of every stream on reference rows as a device will count it under privacy
   * rules.
   *
   * @param exactRows as above, before a rule has acted
   * @param settings rules and budget; its features are the caller's to give
   * @throws IllegalArgumentException as above
   */
  public static MonitoringManifest fromReference(
      String input,
      List<Feature> features,
      float[][] exactRows,
      Scores scores,
      MonitoringSettings settings) {
    checkSizes(features, exactRows, scores.elements());
    PrivacyRules rules = settings.rules();
    float[][] rows = rounded(input, features, exactRows, rules);
    double[] scoreSteps = rules.steps(PrivacyRules.output(scores.output()));
    MonitoringManifest.Builder manifest =
        MonitoringManifest.newBuilder()
            .setFormat(MonitoringPlan.FORMAT)
            .setInput(input)
            .setBaselineRows(rows.length)
            .setCoMomentFeatures(Math.min(CO_MOMENT_FEATURES, features.size()));
    MonitoringPlan reader = MonitoringPlan.ofScore(unCounted(scores));
    float[] confidence = new float[rows.length];
    long[] bins = new long[SCORE_BINS];
    long[] classes = new long[reader.classCount()];
    for (int row = 0; row < rows.length; row++) {
      ByteBuffer output = bytes(scores.elements().get(row));
      confidence[row] = PrivacyRules.rounded(reader.score(output), scoreSteps);
      if (!Float.isNaN(confidence[row])) {
        bins[WindowSketch.scoreBin(confidence[row])]++;
        classes[reader.predictedClass(output)]++;
      }
    }
    double[] mean = new double[features.size()];
    double[] deviation = new double[features.size()];
    for (int column = 0; column < features.size(); column++) {
      Feature feature = features.get(column);
      float[] values = column(rows, column);
      float missing = (float) feature.missingValue().orElse(Double.NaN);
      mean[column] = mean(values, missing);
      deviation[column] = deviation(values, mean[column], missing);
      FeatureStream.Builder stream = manifest.addFeaturesBuilder();
      feature.scalar().map(Scalar::toWire).ifPresent(stream::setScalar);
      stream
          .setName(feature.name())
          .setOffset(feature.offset())
          .setBins(bins(feature, values, missing))
          .setMean(mean[column])
          .setStandardDeviation(deviation[column])
          .setImportance(
              feature.importance() > 0
                  ? feature.importance()
                  : Math.abs(correlation(values, confidence, missing)));
    }
    ScoreStream.Builder score = unCounted(scores).toBuilder();
    Arrays.stream(bins).forEach(score::addBaseline);
    scores.values().ifPresent(values -> score.setValue(scoreBins(values, confidence, scoreSteps)));
    if (scores.values().filter(Values::amount).isPresent()) {
      score.setAmount(true);
    } else {
      Arrays.stream(classes).forEach(score::addClassBaseline);
    }
    manifest.setScore(score);
    if (features.size() >= 2) {
      manifest.setResidual(residual(rows, mean, deviation));
    }
    return settings.into(manifest).build();
  }

  /**
   * The manifest of a model whose inputs or outputs are int8; it was counted on the reals that
   * their integers stand for.
   */
  public static MonitoringManifest ofIntegers(
      MonitoringManifest manifest, List<IntegerTensor> integers) {
    MonitoringManifest.Builder with = manifest.toBuilder().addAllIntegers(integers);
    return with.setFormat(MonitoringPlan.format(with)).build();
  }

  /**
   * The manifest of a model whose input is a signal, of which features are scalars.
   *
   * @param signal what the scalars were measured of
   */
  public static MonitoringManifest ofSignal(MonitoringManifest manifest, Signal signal) {
    MonitoringManifest.Builder with = manifest.toBuilder().setSignal(signal.toWire());
    return with.setFormat(MonitoringPlan.format(with)).build();
  }

  private static float[][] rounded(
      String input, List<Feature> features, float[][] values, PrivacyRules rules) {
    float[][] rows = new float[values.length][];
    for (int row = 0; row < rows.length; row++) {
      rows[row] = values[row].clone();
    }
    for (int column = 0; column < features.size(); column++) {
      Feature feature = features.get(column);
      double[] steps = rules.steps(feature.name(), PrivacyRules.input(input));
      float missing = (float) feature.missingValue().orElse(Double.NaN);
      for (int row = 0; row < rows.length && steps.length > 0; row++) {
        if (rows[row][column] != missing) {
          rows[row][column] = PrivacyRules.rounded(rows[row][column], steps);
        }
      }
    }
    return rows;
  }

  private static ScoreStream unCounted(Scores scores) {
    int classes = scores.elements().getFirst().length;
    return ScoreStream.newBuilder()
        .setOutput(scores.output())
        .setOffset(0)
        .setThreshold(scores.threshold())
        .setClasses(classes)
        .setLogits(scores.logits())
        .addAllClassPriors(scores.priors())
        .build();
  }

  private static ByteBuffer bytes(float[] elements) {
    ByteBuffer bytes =
        ByteBuffer.allocate(elements.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(elements);
    return bytes;
  }

  private static void checkSizes(List<Feature> features, float[][] rows, List<float[]> scores) {
    if (rows.length == 0 || features.isEmpty()) {
      throw new IllegalArgumentException(
          "reference data has %d rows and %d features: at least 1 of each is needed"
              .formatted(rows.length, features.size()));
    }
    if (scores.size() != rows.length) {
      throw new IllegalArgumentException(
          "reference data has %d rows and %d scores".formatted(rows.length, scores.size()));
    }
    for (float[] row : rows) {
      if (row.length != features.size()) {
        throw new IllegalArgumentException(
            "a reference row has %d values for %d features".formatted(row.length, features.size()));
      }
    }
  }

  private static Bins bins(Feature feature, float[] values, float missing) {
    if (feature.scalar().filter(Scalar::isBounded).isPresent()) {
      // Darkness is no impossible value, though the reference is of days only.
      Scalar scalar = feature.scalar().get();
      float[] sorted = sortedFinite(values, missing);
      float[] edges = edges(sorted);
      if (edges.length == 0 && sorted.length > 0) {
        edges = edgesAround(sorted[0], scalar);
      }
      return counted(ReferenceBins.of(edges, scalar.minimum(), scalar.maximum(), missing), values);
    }
    return feature.categorical() ? categoryBins(values, missing) : measuredBins(values, missing);
  }

  // Of a scalar that the reference has one value of, as sounds that never clip, no other value is
  // impossible: in one bin nothing would tell these from it.
  private static float[] edgesAround(float value, Scalar scalar) {
    float below = Math.nextDown(value);
    if (!(value > scalar.minimum())) {
      return new float[] {value};
    }
    return value < scalar.maximum() ? new float[] {below, value} : new float[] {below};
  }

  private static Bins measuredBins(float[] values, float missing) {
    return counted(between(values, missing), values);
  }

  private static ReferenceBins between(float[] values, float missing) {
    float[] sorted = sortedFinite(values, missing);
    if (sorted.length == 0) {
      return ReferenceBins.of(new float[0], 0, 0, missing);
    }
    double low = sorted[0];
    double high = sorted[sorted.length - 1];
    // Another machine of the same kind may run a little outside what the reference saw; half a
    // range beyond it a value is no plausible measurement.
    double margin = Math.max((high - low) / 2, 1e-6 + Math.abs(high) * 0.01);
    return ReferenceBins.of(
        edges(sorted), lowest(low, margin, missing), highest(high, margin, missing), missing);
  }

  // The value for "not measured" stays outside, or it would count as a measurement.
  private static float lowest(double low, double margin, float missing) {
    float lowest = (float) (low - margin);
    return missing < low && missing >= lowest ? Math.nextUp(missing) : lowest;
  }

  private static float highest(double high, double margin, float missing) {
    float highest = (float) (high + margin);
    return missing > high && missing <= highest ? Math.nextDown(missing) : highest;
  }

  /** The most frequent categories have a bin each; the other known ones share the last. */
  private static Bins categoryBins(float[] values, float missing) {
    float[] sorted = sortedFinite(values, missing);
    if (sorted.length == 0) {
      return measuredBins(values, missing);
    }
    TreeMap<Float, Long> frequency = new TreeMap<>();
    for (float value : sorted) {
      frequency.merge(value, 1L, Long::sum);
    }
    List<Float> known =
        frequency.entrySet().stream()
            .sorted(Map.Entry.<Float, Long>comparingByValue().reversed())
            .map(Map.Entry::getKey)
            .limit(ReferenceBins.CATEGORIES_MAX)
            .toList();
    List<Float> ascending = known.stream().sorted().toList();
    float[] categories = new float[known.size()];
    int[] bins = new int[categories.length];
    for (int i = 0; i < categories.length; i++) {
      categories[i] = ascending.get(i);
      int rank = known.indexOf(ascending.get(i));
      bins[i] = Math.min(rank, ORDINARY_BINS - 1);
    }
    return counted(ReferenceBins.ofCategories(categories, bins, missing), values);
  }

  private static Bins scoreBins(Values values, float[] said, double[] steps) {
    float[] reference = new float[values.reference().size()];
    for (int i = 0; i < reference.length; i++) {
      reference[i] = PrivacyRules.rounded(values.reference().get(i), steps);
    }
    return counted(between(reference, Float.NaN), said);
  }

  private static Bins derivedBins(float[] values) {
    return counted(
        ReferenceBins.of(edges(sortedFinite(values, Float.NaN)), 0, Float.MAX_VALUE, Float.NaN),
        values);
  }

  /**
   * Quantile edges. A value that fills whole bins by itself gets a bin of its own: an edge at the
   * value and one just below it, in place of the quantiles that fell together.
   */
  static float[] edges(float[] sorted) {
    float[] edges = new float[ORDINARY_BINS - 1];
    int count = 0;
    int quantile = 1;
    while (quantile < ORDINARY_BINS && sorted.length > 0) {
      float value = quantile(sorted, quantile);
      int ties = 1;
      while (quantile + ties < ORDINARY_BINS && quantile(sorted, quantile + ties) == value) {
        ties++;
      }
      quantile += ties;
      float below = Math.nextDown(value);
      boolean othersBelow = count == 0 ? sorted[0] < value : edges[count - 1] < below;
      if (ties > 1 && othersBelow) {
        edges[count++] = below;
      }
      if (value < sorted[sorted.length - 1]) {
        edges[count++] = value;
      }
    }
    return Arrays.copyOf(edges, count);
  }

  private static float quantile(float[] sorted, int quantile) {
    int index = (int) Math.ceil((double) quantile * sorted.length / ORDINARY_BINS) - 1;
    return sorted[Math.max(0, index)];
  }

  private static Bins counted(ReferenceBins bins, float[] values) {
    long[] baseline = new long[bins.count()];
    for (int i = 0; i < values.length; i++) {
      baseline[bins.index(values[i])]++;
      if (i > 0 && Float.floatToRawIntBits(values[i]) == Float.floatToRawIntBits(values[i - 1])) {
        baseline[bins.stuck()]++;
      }
    }
    return bins.toWire(baseline);
  }

  private static ResidualStreams residual(float[][] rows, double[] mean, double[] deviation) {
    SymmetricEigen eigen = SymmetricEigen.of(correlation(rows, mean, deviation));
    int rank = rank(eigen.values());
    float[] components = new float[rank * mean.length];
    float[] eigenvalues = new float[rank];
    for (int j = 0; j < rank; j++) {
      eigenvalues[j] = (float) Math.max(1e-6, eigen.values()[j]);
      for (int i = 0; i < mean.length; i++) {
        components[j * mean.length + i] = (float) eigen.vectors()[j][i];
      }
    }
    Residuals residuals = new Residuals(mean, deviation, components, eigenvalues);
    float[] errors = new float[rows.length];
    float[] distances = new float[rows.length];
    Residuals.Scratch scratch = new Residuals.Scratch(residuals);
    for (int i = 0; i < rows.length; i++) {
      residuals.compute(rows[i], scratch);
      errors[i] = scratch.squaredPredictionError;
      distances[i] = scratch.hotelling;
    }
    ResidualStreams.Builder streams =
        ResidualStreams.newBuilder()
            .setSquaredPredictionError(derivedBins(errors))
            .setHotelling(derivedBins(distances))
            .setSquaredPredictionErrorLimit(limit(errors))
            .setHotellingLimit(limit(distances));
    for (float component : components) {
      streams.addComponents(component);
    }
    for (float eigenvalue : eigenvalues) {
      streams.addEigenvalues(eigenvalue);
    }
    return streams.build();
  }

  // The 99.9 % quantile; 0 of fewer values than tell one.
  private static float limit(float[] values) {
    float[] sorted = sortedFinite(values, Float.NaN);
    return sorted.length < LIMIT_ROWS_MIN
        ? 0
        : sorted[(int) Math.ceil(LIMIT_QUANTILE * sorted.length) - 1];
  }

  /** Always leaves one direction out: without a rest there is no prediction error to watch. */
  private static int rank(double[] values) {
    double total = Arrays.stream(values).sum();
    int most = Math.min(COMPONENTS_MAX, values.length - 1);
    double explained = 0;
    for (int rank = 1; rank < most; rank++) {
      explained += values[rank - 1];
      if (explained >= EXPLAINED_VARIANCE * total) {
        return rank;
      }
    }
    return most;
  }

  private static double[][] correlation(float[][] rows, double[] mean, double[] deviation) {
    int features = mean.length;
    double[][] sums = new double[features][features];
    long complete = 0;
    double[] z = new double[features];
    for (float[] row : rows) {
      if (!isFinite(row)) {
        continue;
      }
      complete++;
      for (int i = 0; i < features; i++) {
        z[i] = deviation[i] > 0 ? (row[i] - mean[i]) / deviation[i] : 0;
        for (int j = 0; j <= i; j++) {
          sums[i][j] += z[i] * z[j];
        }
      }
    }
    for (int i = 0; i < features; i++) {
      for (int j = 0; j <= i; j++) {
        sums[i][j] /= Math.max(1, complete);
        sums[j][i] = sums[i][j];
      }
    }
    return sums;
  }

  private static boolean isFinite(float[] row) {
    for (float value : row) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  private static float[] column(float[][] rows, int column) {
    float[] values = new float[rows.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = rows[i][column];
    }
    return values;
  }

  private static boolean measured(float value, float missing) {
    return Float.isFinite(value) && value != missing;
  }

  private static float[] sortedFinite(float[] values, float missing) {
    float[] finite = new float[values.length];
    int count = 0;
    for (float value : values) {
      if (measured(value, missing)) {
        // Adding zero turns -0 into 0: the two compare equal but sort apart.
        finite[count++] = value + 0.0f;
      }
    }
    float[] sorted = Arrays.copyOf(finite, count);
    Arrays.sort(sorted);
    return sorted;
  }

  private static double mean(float[] values, float missing) {
    double sum = 0;
    long count = 0;
    for (float value : values) {
      if (measured(value, missing)) {
        sum += value;
        count++;
      }
    }
    return count == 0 ? 0 : sum / count;
  }

  private static double deviation(float[] values, double mean, float missing) {
    double sum = 0;
    long count = 0;
    for (float value : values) {
      if (measured(value, missing)) {
        sum += (value - mean) * (value - mean);
        count++;
      }
    }
    return count == 0 ? 0 : Math.sqrt(sum / count);
  }

  private static double correlation(float[] x, float[] y, float missing) {
    double meanX = mean(x, missing);
    double meanY = mean(y, Float.NaN);
    double xx = 0;
    double yy = 0;
    double xy = 0;
    for (int i = 0; i < x.length; i++) {
      if (measured(x[i], missing) && Float.isFinite(y[i])) {
        xx += (x[i] - meanX) * (x[i] - meanX);
        yy += (y[i] - meanY) * (y[i] - meanY);
        xy += (x[i] - meanX) * (y[i] - meanY);
      }
    }
    return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
  }
}
