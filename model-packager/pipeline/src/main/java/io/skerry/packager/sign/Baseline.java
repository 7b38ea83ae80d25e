package io.skerry.packager.sign;

import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.TensorScale;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.signal.Elements;
import io.skerry.telemetry.signal.Meter;
import io.skerry.telemetry.signal.Scalar;
import io.skerry.telemetry.signal.StatedSignal;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringManifests.Scores;
import io.skerry.telemetry.sketch.MonitoringManifests.Values;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.MonitoringSettings;
import io.skerry.wire.artifact.v1.IntegerTensor;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a device compares its inputs with.
 *
 * @param input name of the input tensor
 * @param features monitored elements of one item
 * @param reference what these elements were in training
 * @param output what is read of the answer
 * @param settings privacy rules and budget
 * @param classes what each reference item truly is; absent where that is not known, or no class
 * @param integers scales of the input and of outputs that are int8, by their names
 * @param signal what the input is as a whole, of which features are scalars
 */
public record Baseline(
    String input,
    List<Feature> features,
    Samples reference,
    Output output,
    MonitoringSettings settings,
    Optional<Labels> classes,
    Map<String, TensorScale> integers,
    Optional<StatedSignal.Taken> signal) {
  /** Elements that are watched where nobody named any. */
  public static final int UNNAMED_FEATURES_MAX = 64;

  /** Said of a signal that nothing is counted of. */
  public static final String NO_SCALAR = ", of which privacy rules leave no scalar to be counted";

  private static final double SUM_TOLERANCE = 0.02;

  /**
   * What is read of the answer.
   *
   * @param name of the output tensor
   * @param threshold the score from which the positive class is predicted, where it holds a score
   * @param classes how many of its elements are classes; 0 where its first element is a score
   * @param logits whether a softmax makes probabilities of the classes' elements
   * @param values what the bins of a score that is no probability lie between
   */
  public record Output(
      String name, double threshold, int classes, boolean logits, Optional<Values> values) {
    /** One whose first element is the score, a probability. */
    public static Output score(String name, double threshold) {
      return new Output(name, threshold, 0, false, Optional.empty());
    }

    /**
     * One whose first element is an amount, or a score that may be no probability.
     *
     * @param said by the float model about the reference items
     * @param scale of an output that is int8
     * @param amount the threshold makes no class of it
     */
    public static Output score(
        String name, double threshold, Outputs said, @Nullable TensorScale scale, boolean amount) {
      List<Float> scores = new ArrayList<>(said.items());
      for (int item = 0; item < said.items(); item++) {
        scores.add(real(said.at(item, 0), scale));
      }
      boolean probability =
          !amount
              && scores.stream()
                  // Of an item that lacks values a model may say no number.
                  .filter(score -> !score.isNaN())
                  .allMatch(score -> score >= -SUM_TOLERANCE && score <= 1 + SUM_TOLERANCE);
      return new Output(
          name,
          threshold,
          0,
          false,
          probability ? Optional.empty() : Optional.of(new Values(scores, amount)));
    }

    /**
     * One whose elements are classes, if a manifest can hold as many.
     *
     * @param said by the float model; whether it says probabilities is seen by their sum
     * @param scale of an output that is int8
     */
    public static Output classes(
        String name, double threshold, Outputs said, @Nullable TensorScale scale) {
      if (said.perItem() < 2 || said.perItem() > MonitoringPlan.CLASSES_MAX) {
        return score(name, threshold);
      }
      // Each of the integers is off by up to half a step.
      double tolerance = SUM_TOLERANCE + (scale == null ? 0 : said.perItem() * scale.scale() / 2);
      boolean probabilities = true;
      for (int item = 0; item < said.items(); item++) {
        double sum = 0;
        boolean negative = false;
        for (int i = 0; i < said.perItem(); i++) {
          float value = real(said.at(item, i), scale);
          sum += value;
          negative |= value < -SUM_TOLERANCE;
        }
        // Of an item that lacks values a model may say no number.
        probabilities &= Double.isNaN(sum) || (!negative && Math.abs(sum - 1) <= tolerance);
      }
      return new Output(name, threshold, said.perItem(), !probabilities, Optional.empty());
    }
  }

  public Baseline {
    features = List.copyOf(features);
    integers = Map.copyOf(integers);
  }

  private static float real(float value, @Nullable TensorScale scale) {
    return scale == null ? value : scale.real((int) value);
  }

  /** One feature per element of an item, or as many as are watched, evenly spread. */
  public static List<Feature> unnamedFeatures(String input, int itemElements) {
    int count = Math.min(itemElements, UNNAMED_FEATURES_MAX);
    List<Feature> features = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int offset = (int) ((long) i * itemElements / count);
      features.add(new Feature("%s[%d]".formatted(input, offset), offset));
    }
    return features;
  }

  /**
   * The least and the largest number among all elements of some items.
   *
   * @param scale of items that are int8
   */
  public static StatedSignal.Range range(Samples items, @Nullable TensorScale scale) {
    float low = Float.POSITIVE_INFINITY;
    float high = Float.NEGATIVE_INFINITY;
    for (int item = 0; item < items.count(); item++) {
      for (int element = 0; element < items.itemElements(); element++) {
        float value = items.at(item, element);
        low = value < low ? value : low;
        high = value > high ? value : high;
      }
    }
    return new StatedSignal.Range(real(low, scale), real(high, scale));
  }

  /**
   * What is watched where an input is a signal: the elements that somebody named, and its scalars.
   * Elements that nobody named are not: each costs as many bytes as a scalar, and sees one place.
   */
  public static List<Feature> ofSignal(List<Feature> named, StatedSignal.Taken signal) {
    List<Feature> features = new ArrayList<>(named);
    signal.signal().scalars().forEach(scalar -> features.add(Feature.of(scalar)));
    return features;
  }

  /** The monitoring manifest of a variant that says this about the reference items. */
  MonitoringManifest manifest(Outputs outputs) {
    int rows = reference.count();
    float[][] values = new float[rows][features.size()];
    measure(values);
    List<float[]> said = new ArrayList<>(rows);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < features.size(); column++) {
        if (features.get(column).scalar().isEmpty()) {
          values[row][column] =
              real(reference.at(row, features.get(column).offset()), integers.get(input));
        }
      }
      said.add(said(outputs, row));
    }
    MonitoringManifest manifest =
        MonitoringManifests.fromReference(
            input,
            features.stream().map(this::asCounted).toList(),
            values,
            new Scores(
                output.name(),
                said,
                output.logits(),
                output.threshold(),
                priors(),
                output.values()),
            settings);
    MonitoringManifest whole = MonitoringManifests.ofIntegers(manifest, integerTensors());
    return signal.map(taken -> MonitoringManifests.ofSignal(whole, taken.signal())).orElse(whole);
  }

  // As a device does: of the bytes that come in, with the same code.
  private void measure(float[][] values) {
    if (signal.isEmpty()) {
      return;
    }
    Meter meter = signal.get().signal().meter();
    List<Scalar> scalars = signal.get().signal().scalars();
    float[] measured = new float[scalars.size()];
    for (int row = 0; row < values.length; row++) {
      meter.measure(reference.batch(row, 1), 0, elements(), measured);
      for (int column = 0; column < features.size(); column++) {
        int at = features.get(column).scalar().map(scalars::indexOf).orElse(-1);
        if (at >= 0) {
          values[row][column] = measured[at];
        }
      }
    }
  }

  private Elements elements() {
    TensorScale scale = integers.get(input);
    return scale == null ? Elements.FLOATS : Elements.ofIntegers(scale.scale(), scale.zeroPoint());
  }

  /** What the input was taken for, and whether rules leave anything of it; for people. */
  public Optional<String> toldSignal() {
    return signal.map(taken -> taken.told() + (isMeasured(taken) ? "" : NO_SCALAR));
  }

  // Asks the plan, as a device does: which rule hides what is decided there alone.
  private boolean isMeasured(StatedSignal.Taken taken) {
    MonitoringManifest rules =
        MonitoringManifests.ofSignal(
            MonitoringManifests.fromReference(
                input,
                features,
                new float[2][features.size()],
                new Scores(
                    output.name(),
                    List.of(new float[1], new float[1]),
                    false,
                    output.threshold(),
                    List.of()),
                settings),
            taken.signal());
    try {
      return MonitoringPlan.of(rules).isMeasured();
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Sees that the input is what it is said to be.
   *
   * @throws DataRefusedException if most reference items have a scalar that elements in their range
   *     cannot give
   */
  public void checkSignal() {
    float[][] values = new float[reference.count()][features.size()];
    measure(values);
    for (int column = 0; column < features.size(); column++) {
      Optional<Scalar> scalar = features.get(column).scalar();
      if (scalar.isEmpty()) {
        continue;
      }
      int outside = 0;
      float last = 0;
      for (float[] row : values) {
        boolean inside =
            !(row[column] < scalar.get().minimum() || row[column] > scalar.get().maximum());
        outside += inside ? 0 : 1;
        last = inside ? last : row[column];
      }
      if (outside > values.length / 2) {
        throw new DataRefusedException(
            "%s: %s of %d of %d items is no %s to %s, but for example %s: correct black, white or fullScale of the monitoring's signal"
                .formatted(
                    reference.source(),
                    scalar.get().feature(),
                    outside,
                    values.length,
                    scalar.get().minimum(),
                    scalar.get().maximum(),
                    last));
      }
    }
  }

  // How often each class was in training; empty where labels say anything but classes.
  private List<Long> priors() {
    int count = Math.max(2, output.classes());
    boolean amount = output.values().filter(Values::amount).isPresent();
    if (amount
        || classes.isEmpty()
        || !classes.get().areClasses()
        || classes.get().largest() >= count) {
      return List.of();
    }
    Labels labels = classes.get();
    long[] priors = new long[count];
    for (int item = 0; item < labels.count(); item++) {
      priors[labels.at(item)]++;
    }
    return Arrays.stream(priors).boxed().toList();
  }

  // A client says "not measured" in integers, too: the nearest one.
  private Feature asCounted(Feature feature) {
    TensorScale scale = integers.get(input);
    if (scale == null || feature.missingValue().isEmpty()) {
      return feature;
    }
    float missing = scale.real(scale.quantized((float) feature.missingValue().getAsDouble()));
    return new Feature(
        feature.name(),
        feature.offset(),
        feature.categorical(),
        OptionalDouble.of(missing),
        feature.importance(),
        feature.scalar());
  }

  private List<IntegerTensor> integerTensors() {
    List<IntegerTensor> tensors = new ArrayList<>();
    new TreeMap<>(integers)
        .forEach(
            (name, scale) ->
                tensors.add(
                    IntegerTensor.newBuilder()
                        .setField((name.equals(input) ? "input:" : "output:") + name)
                        .setScale(scale.scale())
                        .setZeroPoint(scale.zeroPoint())
                        .build()));
    return tensors;
  }

  private float[] said(Outputs outputs, int row) {
    TensorScale scale = integers.get(output.name());
    float[] said = new float[Math.max(1, output.classes())];
    for (int i = 0; i < said.length; i++) {
      said[i] = real(outputs.at(row, i), scale);
    }
    return said;
  }
}
