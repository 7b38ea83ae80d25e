package io.skerry.telemetry.sketch;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.signal.Elements;
import io.skerry.telemetry.signal.Meter;
import io.skerry.telemetry.signal.Scalar;
import io.skerry.telemetry.signal.Signal;
import io.skerry.wire.artifact.v1.Budget;
import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.FeatureStreamOrBuilder;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.MonitoringManifestOrBuilder;
import io.skerry.wire.artifact.v1.PrivacyRule;
import io.skerry.wire.artifact.v1.ScoreStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What to count about a model: a checked monitoring manifest. Immutable.
 *
 * <p>Streams, in this order: the features by their own name, but for those that a privacy rule
 * hides, which is all that rules do but rounding; {@code $score} or, of a model with classes,
 * {@code $confidence}, and {@code $class}, unless a rule hides the output that they are read from;
 * {@code $clamped} in the place of a {@code $score} that is no probability, which is then the last
 * stream, after all others; {@code $spe} and {@code $t2} when the manifest has a principal subspace
 * and no feature is hidden, which both would tell of; {@code $latency}; {@code $errors}, which
 * counts answers and failures. What a rule rounds is counted rounded.
 */
public final class MonitoringPlan {
  public static final String SCORE = "$score";

  /**
   * Holds the place where devices count a score clamped to [0, 1] that do not know its own bins; no
   * other device counts it, and nobody judges it.
   */
  public static final String CLAMPED = "$clamped";

  public static final String CONFIDENCE = "$confidence";
  public static final String CLASS = "$class";
  public static final String SQUARED_PREDICTION_ERROR = "$spe";
  public static final String HOTELLING = "$t2";
  public static final String LATENCY = "$latency";
  public static final String ERRORS = "$errors";

  /** The layout of manifests without rules for features and tensors. */
  public static final int FORMAT = 2;

  /**
   * The layout of manifests with rules that drop features or tensors: who knows only the other
   * counts streams that are none here.
   */
  public static final int FORMAT_DROPPING = 3;

  /**
   * The layout of manifests with rules that hash, round or blur features or tensors, for the same
   * reason.
   */
  public static final int FORMAT_RULED = 4;

  /**
   * The layout of manifests of models with int8 inputs or outputs: who knows only the others would
   * take rules in reals for rules in integers.
   */
  public static final int FORMAT_INTEGERS = 5;

  /**
   * The layout of manifests that watch scalars of a whole input: who knows only the others would
   * take them for elements.
   */
  public static final int FORMAT_SIGNALS = 6;

  private static final String REALS = "FP32";
  private static final String INTEGERS = "INT8";

  /** Classes that a model may have. */
  public static final int CLASSES_MAX = 1024;

  /** Features that a manifest may have. */
  public static final int FEATURES_MAX = 4096;

  /** The largest encoded manifest. */
  public static final int BYTES_MAX = 16 * 1024 * 1024;

  private static final long UNREAD_WINDOW_BYTES = 80_000;
  private static final long UNREAD_OUTCOME_BYTES = 200_000;

  private final MonitoringManifest manifest;
  private final PrivacyRules rules;
  private final int[] offsets;
  private final ReferenceBins[] features;
  private final boolean[] dropped;
  private final boolean[] ruled;
  private final double[][] steps;
  private final double[] scoreSteps;
  private final boolean scored;
  private final @Nullable ReferenceBins scoreBins;
  private final @Nullable IntegerScale inputScale;
  private final @Nullable IntegerScale scoreScale;
  private final Optional<Signal> signal;
  // Of each scalar of the signal the feature that it is; -1 of one that is not counted.
  private final int[] scalarFeatures;
  private final Elements inputElements;
  private final boolean measured;
  private final StreamLayout layout;
  private final FeatureBins counted;
  private final @Nullable Residuals residuals;
  private final ReferenceBins @Nullable [] residualBins;
  private final boolean unread;

  private MonitoringPlan(MonitoringManifest manifest, boolean whole)
      throws MalformedDocumentException {
    this(manifest, whole, false);
  }

  private MonitoringPlan(MonitoringManifest manifest, boolean whole, boolean unread)
      throws MalformedDocumentException {
    this.unread = unread;
    this.manifest = whole ? manifest : withoutReference(manifest);
    int count = manifest.getFeaturesCount();
    this.offsets = new int[count];
    this.features = new ReferenceBins[count];
    this.dropped = new boolean[count];
    this.ruled = new boolean[count];
    this.steps = new double[count][];
    this.rules = new PrivacyRules(manifest.getPrivacyList());
    this.signal =
        manifest.hasSignal() ? Optional.of(Signal.of(manifest.getSignal())) : Optional.empty();
    this.scalarFeatures = new int[signal.map(one -> one.scalars().size()).orElse(0)];
    Arrays.fill(scalarFeatures, -1);
    String input = PrivacyRules.input(manifest.getInput());
    Set<String> names = new HashSet<>();
    for (int i = 0; i < count; i++) {
      FeatureStream feature = manifest.getFeatures(i);
      if (feature.getName().isEmpty()
          || feature.getName().startsWith("$")
          || !names.add(feature.getName())) {
        throw new MalformedDocumentException(
            "monitoring manifest: feature name '%s' is empty, starts with '$' or occurs twice"
                .formatted(feature.getName()));
      }
      if (feature.getOffset() < 0) {
        throw new MalformedDocumentException(
            "monitoring manifest: feature '%s' has offset %d"
                .formatted(feature.getName(), feature.getOffset()));
      }
      offsets[i] = isScalar(feature) ? -1 : feature.getOffset();
      features[i] = ReferenceBins.of(feature.getName(), feature.getBins());
      dropped[i] = rules.hide(feature.getName(), input);
      ruled[i] = rules.actOn(feature.getName(), input);
      steps[i] = rules.steps(feature.getName(), input);
    }
    takeScalars(input);
    this.measured = Arrays.stream(scalarFeatures).anyMatch(feature -> feature >= 0);
    String output = PrivacyRules.output(manifest.getScore().getOutput());
    this.scored = manifest.hasScore() && !rules.hide(output);
    this.scoreBins =
        scored && manifest.getScore().hasValue()
            ? ReferenceBins.of(SCORE, manifest.getScore().getValue())
            : null;
    this.scoreSteps = rules.steps(output);
    this.inputScale = IntegerScale.of(manifest, input).orElse(null);
    this.inputElements =
        inputScale == null
            ? Elements.FLOATS
            : Elements.ofIntegers(inputScale.scale(), inputScale.zeroPoint());
    this.scoreScale = IntegerScale.of(manifest, output).orElse(null);
    if (manifest.hasResidual() && IntStream.range(0, count).noneMatch(this::isDropped)) {
      this.residuals = principal(manifest);
      this.residualBins =
          new ReferenceBins[] {
            ReferenceBins.of(
                SQUARED_PREDICTION_ERROR, manifest.getResidual().getSquaredPredictionError()),
            ReferenceBins.of(HOTELLING, manifest.getResidual().getHotelling())
          };
    } else {
      this.residuals = null;
      this.residualBins = null;
    }
    this.layout = layoutOf();
    this.counted =
        new FeatureBins(
            features, IntStream.range(0, count).filter(i -> !dropped[i]).toArray(), layout);
  }

  private static boolean isScalar(FeatureStreamOrBuilder feature) {
    return feature.getScalarValue() != 0;
  }

  // A scalar tells of all elements: of none where a rule acts on any, not even rounded. The mean of
  // many values tells more of them than a rule that rounds each would.
  private void takeScalars(String input) throws MalformedDocumentException {
    boolean hidden =
        rules.actOn(input)
            || IntStream.range(0, offsets.length).anyMatch(i -> offsets[i] >= 0 && ruled[i]);
    List<Scalar> scalars = signal.map(Signal::scalars).orElse(List.of());
    for (int i = 0; i < offsets.length; i++) {
      if (offsets[i] >= 0) {
        continue;
      }
      FeatureStream feature = manifest.getFeatures(i);
      int place =
          IntStream.range(0, scalars.size())
              .filter(at -> scalars.get(at).toWire() == feature.getScalar())
              .findFirst()
              .orElse(-1);
      if (place < 0 || scalarFeatures[place] >= 0) {
        throw new MalformedDocumentException(
            "monitoring manifest: feature '%s' is scalar %d, which the input has not, or which comes twice"
                .formatted(feature.getName(), feature.getScalarValue()));
      }
      scalarFeatures[place] = i;
      dropped[i] |= hidden;
      ruled[i] |= hidden;
    }
    for (int place = 0; place < scalarFeatures.length; place++) {
      if (scalarFeatures[place] >= 0 && dropped[scalarFeatures[place]]) {
        scalarFeatures[place] = -1;
      }
    }
  }

  // The bins' edges live on as they are searched; counts of the reference only judges compare with.
  private static MonitoringManifest withoutReference(MonitoringManifest manifest) {
    MonitoringManifest.Builder kept = manifest.toBuilder().clearResidual();
    kept.getFeaturesBuilderList().forEach(FeatureStream.Builder::clearBins);
    if (manifest.hasScore()) {
      kept.getScoreBuilder().clearBaseline();
    }
    return kept.build();
  }

  private StreamLayout layoutOf() {
    StreamLayout.Builder streams = new StreamLayout.Builder();
    for (int i = 0; i < features.length; i++) {
      if (!dropped[i]) {
        streams.feature(manifest.getFeatures(i).getName(), features[i].ordinary());
      }
    }
    if (scored) {
      streams.add(
          hasClasses() ? CONFIDENCE : scoreBins == null ? SCORE : CLAMPED,
          MonitoringManifests.SCORE_BINS,
          0);
      streams.add(CLASS, classCount(), 0);
    }
    if (residualBins != null) {
      streams.add(SQUARED_PREDICTION_ERROR, residualBins[0].ordinary(), ReferenceBins.OWN_BINS);
      streams.add(HOTELLING, residualBins[1].ordinary(), ReferenceBins.OWN_BINS);
    }
    streams.add(LATENCY, WindowSketch.LATENCY_BINS, 0);
    streams.add(ERRORS, 2, 0);
    if (scoreBins != null) {
      streams.addLater(SCORE, scoreBins.ordinary(), ReferenceBins.OWN_BINS);
    }
    return streams.build();
  }

  private static Residuals principal(MonitoringManifest manifest)
      throws MalformedDocumentException {
    double[] mean = new double[manifest.getFeaturesCount()];
    double[] deviation = new double[mean.length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = manifest.getFeatures(i).getMean();
      deviation[i] = manifest.getFeatures(i).getStandardDeviation();
    }
    return Residuals.of(mean, deviation, manifest.getResidual());
  }

  /** For a model without a monitoring manifest: counts latencies only. */
  public static MonitoringPlan latencyOnly() {
    try {
      return new MonitoringPlan(MonitoringManifest.getDefaultInstance(), true);
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException("the empty manifest is valid", e);
    }
  }

  /**
   * Stands in for the plan of a model that has one which cannot be read: counts latencies only, and
   * says their streams by name, since they are sent under the artifact whose plan has more. Nobody
   * knows its privacy rules: no sample, no client's id and no output leaves the device. Nor its
   * budget: a moderate one holds, for none would lift that of the whole device.
   */
  public static MonitoringPlan unread() {
    try {
      MonitoringManifest rules =
          MonitoringManifest.newBuilder()
              .setBudget(
                  Budget.newBuilder()
                      .setWindowBytes(UNREAD_WINDOW_BYTES)
                      .setOutcomeBytes(UNREAD_OUTCOME_BYTES))
              .addPrivacy(
                  PrivacyRule.newBuilder()
                      .setField(PrivacyRules.CLIENT_ID)
                      .setAction(PrivacyRule.Action.DROP))
              .build();
      return new MonitoringPlan(rules, true, true);
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException("a manifest of one rule is valid", e);
    }
  }

  /** Whether this stands in for a plan that cannot be read. */
  public boolean isUnread() {
    return unread;
  }

  /** Reads scores only, before anything is counted. */
  static MonitoringPlan ofScore(ScoreStream score) {
    try {
      return new MonitoringPlan(MonitoringManifest.newBuilder().setScore(score).build(), true);
    } catch (MalformedDocumentException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /**
   * Reads an encoded manifest.
   *
   * @throws MalformedDocumentException if it is too large, unreadable or contradicts itself
   */
  public static MonitoringPlan parse(byte[] encoded) throws MalformedDocumentException {
    return parse(encoded, true);
  }

  /**
   * The same for who counts and never judges: {@link #manifest} tells of no bins and no residuals,
   * which take more room than all else that is kept of a model.
   *
   * @throws MalformedDocumentException as {@link #parse}
   */
  public static MonitoringPlan parseToCount(byte[] encoded) throws MalformedDocumentException {
    return parse(encoded, false);
  }

  private static MonitoringPlan parse(byte[] encoded, boolean whole)
      throws MalformedDocumentException {
    if (encoded.length > BYTES_MAX) {
      throw new MalformedDocumentException(
          "monitoring manifest has %d bytes, at most %d".formatted(encoded.length, BYTES_MAX));
    }
    try {
      return of(MonitoringManifest.parseFrom(encoded), whole);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedDocumentException("monitoring manifest: " + e.getMessage(), e);
    }
  }

  /**
   * Checks a manifest.
   *
   * @throws MalformedDocumentException if it contradicts itself
   */
  public static MonitoringPlan of(MonitoringManifest manifest) throws MalformedDocumentException {
    return of(manifest, true);
  }

  private static MonitoringPlan of(MonitoringManifest manifest, boolean whole)
      throws MalformedDocumentException {
    if (manifest.getFeaturesCount() > FEATURES_MAX) {
      throw new MalformedDocumentException(
          "monitoring manifest has %d features, at most %d"
              .formatted(manifest.getFeaturesCount(), FEATURES_MAX));
    }
    boolean empty = manifest.getFeaturesCount() == 0 && !manifest.hasScore();
    int format = format(manifest);
    if (manifest.getFormat() != format && !empty) {
      throw new MalformedDocumentException(
          "monitoring manifest has format %d, what it holds has %d: package the model again"
              .formatted(manifest.getFormat(), format));
    }
    if (manifest.hasScore()) {
      checkScore(manifest.getScore());
    }
    if (manifest.getCoMomentFeatures() > CoMoments.FEATURES_MAX
        || manifest.getCoMomentFeatures() < 0) {
      throw new MalformedDocumentException(
          "monitoring manifest sums up %d features pair by pair, at most %d"
              .formatted(manifest.getCoMomentFeatures(), CoMoments.FEATURES_MAX));
    }
    IntegerScale.check(manifest);
    MonitoringPlan plan = new MonitoringPlan(manifest, whole);
    for (PrivacyRule rule : manifest.getPrivacyList()) {
      plan.checkRule(rule);
    }
    return plan;
  }

  /** The layout that a manifest of these rules and tensors must name. */
  static int format(MonitoringManifestOrBuilder manifest) {
    if (manifest.hasSignal()
        || manifest.getFeaturesOrBuilderList().stream().anyMatch(MonitoringPlan::isScalar)) {
      return FORMAT_SIGNALS;
    }
    return manifest.getIntegersCount() > 0
        ? FORMAT_INTEGERS
        : new PrivacyRules(manifest.getPrivacyList()).format();
  }

  // A rule that would never act is a mistake, and one that nobody would notice.
  private void checkRule(PrivacyRule rule) throws MalformedDocumentException {
    boolean tensor = rule.getField().startsWith("input:") || rule.getField().startsWith("output:");
    boolean id = rule.getField().equals(PrivacyRules.CLIENT_ID);
    boolean feature =
        manifest.getFeaturesList().stream().anyMatch(f -> f.getName().equals(rule.getField()));
    boolean possible =
        switch (rule.getAction()) {
          case DROP, HASH -> tensor || id || feature;
          case ROUND -> (tensor || feature) && rule.getStep() > 0;
          case BLUR -> tensor && rule.getRadius() >= 1 && rule.getRadius() <= 256;
          case ACTION_UNSPECIFIED, UNRECOGNIZED -> false;
        };
    if (!possible) {
      throw new MalformedDocumentException(
          "monitoring manifest: privacy rule %s of step %s and radius %d cannot act on '%s'"
              .formatted(rule.getAction(), rule.getStep(), rule.getRadius(), rule.getField()));
    }
  }

  private static void checkScore(ScoreStream score) throws MalformedDocumentException {
    if (score.getBaselineCount() != MonitoringManifests.SCORE_BINS) {
      throw new MalformedDocumentException(
          "monitoring manifest: the score has %d baseline bins, not %d"
              .formatted(score.getBaselineCount(), MonitoringManifests.SCORE_BINS));
    }
    if (score.getClasses() > CLASSES_MAX || score.getClasses() < 0 || score.getOffset() < 0) {
      throw new MalformedDocumentException(
          "monitoring manifest: the score has %d classes from element %d on, at most %d"
              .formatted(score.getClasses(), score.getOffset(), CLASSES_MAX));
    }
    if ((score.hasValue() && score.getClasses() > 1) || (score.getAmount() && !score.hasValue())) {
      throw new MalformedDocumentException(
          "monitoring manifest: a score of %d classes has bins of its own: %s, is an amount: %s"
              .formatted(score.getClasses(), score.hasValue(), score.getAmount()));
    }
    int classes = Math.max(2, score.getClasses());
    if ((score.getClassBaselineCount() != 0 && score.getClassBaselineCount() != classes)
        || (score.getClassPriorsCount() != 0 && score.getClassPriorsCount() != classes)) {
      throw new MalformedDocumentException(
          "monitoring manifest: %d classes have %d baseline counts and %d priors"
              .formatted(classes, score.getClassBaselineCount(), score.getClassPriorsCount()));
    }
  }

  /** The manifest that this plan was read from, or what {@link #parseToCount} keeps of it. */
  public MonitoringManifest manifest() {
    return manifest;
  }

  /** The input tensor that the monitored view is taken from; empty when there is no feature. */
  public String input() {
    return manifest.getInput();
  }

  /** Monitored scalars of one item. */
  public int featureCount() {
    return features.length;
  }

  /** The output tensor that holds the score, when there is one and no rule drops it. */
  public Optional<String> scoreOutput() {
    return scored ? Optional.of(manifest.getScore().getOutput()) : Optional.empty();
  }

  /**
   * How the elements of an output may be told besides in samples: as reals, rounded where a rule
   * says so. Empty when a rule hides them, or would round what is no number, and of every output of
   * a plan that cannot be read.
   */
  public Optional<DoubleUnaryOperator> told(String output, boolean numeric) {
    String field = PrivacyRules.output(output);
    double[] roundedTo = rules.steps(field);
    if (unread || rules.hide(field) || (!numeric && roundedTo.length > 0)) {
      return Optional.empty();
    }
    return IntegerScale.of(manifest, field)
        .<DoubleUnaryOperator>map(
            scale -> value -> PrivacyRules.rounded(scale.real((byte) value), roundedTo))
        .or(() -> Optional.of(value -> PrivacyRules.rounded(value, roundedTo)));
  }

  /** Element index of the score within one item of its output. */
  public int scoreOffset() {
    return manifest.getScore().getOffset();
  }

  /** The score from which the positive class is predicted. */
  public double threshold() {
    return manifest.getScore().getThreshold();
  }

  /** Whether the output names a class instead of a score. */
  public boolean hasClasses() {
    return manifest.getScore().getClasses() > 1;
  }

  /** Whether the score is an amount, of which no threshold makes a class. */
  public boolean isAmount() {
    return manifest.getScore().getAmount();
  }

  /** Classes that can be predicted: 2 for a score with a threshold. */
  public int classCount() {
    return Math.max(2, manifest.getScore().getClasses());
  }

  /** Type of the score's elements: {@code FP32} or {@code INT8}. */
  public String scoreDatatype() {
    return scoreScale == null ? REALS : INTEGERS;
  }

  /** Bytes of one element of the monitored input. */
  public int inputElementBytes() {
    return bytes(inputScale);
  }

  /** Bytes of one element of the score's output. */
  public int scoreElementBytes() {
    return bytes(scoreScale);
  }

  /** Bytes that the output of one item must have from its first on. */
  public int scoreBytesNeeded() {
    int elements = scoreOffset() + Math.max(1, manifest.getScore().getClasses());
    return elements * bytes(scoreScale);
  }

  private static int bytes(@Nullable IntegerScale scale) {
    return scale == null ? Float.BYTES : 1;
  }

  private static float element(ByteBuffer tensor, int index, @Nullable IntegerScale scale) {
    return scale == null ? tensor.getFloat(index * Float.BYTES) : scale.real(tensor.get(index));
  }

  /**
   * The class that one item's output names. Allocates nothing.
   *
   * @param output the output tensor's elements from index 0, of {@link #scoreDatatype},
   *     little-endian
   */
  public int predictedClass(ByteBuffer output) {
    return predictedClass(output, 0);
  }

  /**
   * The same of an item further on.
   *
   * @param firstElement index of the item's first element
   */
  public int predictedClass(ByteBuffer output, int firstElement) {
    int first = firstElement + scoreOffset();
    if (!hasClasses()) {
      return element(output, first, scoreScale) >= threshold() ? 1 : 0;
    }
    int best = 0;
    float highest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < classCount(); i++) {
      float value = element(output, first + i, scoreScale);
      if (value > highest) {
        highest = value;
        best = i;
      }
    }
    return best;
  }

  /**
   * The score of one item's output, or the probability of the class that it names. Allocates
   * nothing.
   *
   * @param output as in {@link #predictedClass}
   * @return of a probability 0 to 1 where the model keeps its word; NaN stays NaN
   */
  public float score(ByteBuffer output) {
    return score(output, 0, predictedClass(output));
  }

  /**
   * The same of an item further on.
   *
   * @param firstElement index of the item's first element
   * @param predictedClass of this item, as {@link #predictedClass(ByteBuffer, int)} says
   */
  public float score(ByteBuffer output, int firstElement, int predictedClass) {
    return PrivacyRules.rounded(exactScore(output, firstElement, predictedClass), scoreSteps);
  }

  private float exactScore(ByteBuffer output, int firstElement, int predictedClass) {
    int first = firstElement + scoreOffset();
    if (!hasClasses()) {
      return element(output, first, scoreScale);
    }
    float highest = element(output, first + predictedClass, scoreScale);
    if (!manifest.getScore().getLogits()) {
      return highest;
    }
    double sum = 0;
    for (int i = 0; i < classCount(); i++) {
      sum += Math.exp(element(output, first + i, scoreScale) - highest);
    }
    return (float) (1 / sum);
  }

  /** Names of all streams, in their order. */
  public List<String> streams() {
    return layout.names();
  }

  /** Where each stream's bins lie in a row of counts. */
  public StreamLayout layout() {
    return layout;
  }

  /** Whether a privacy rule keeps this feature from being counted. */
  boolean isDropped(int feature) {
    return dropped[feature];
  }

  /** The most important features that are not dropped, in rising order of their index. */
  int[] mostImportant(int count) {
    return mostImportant(count, i -> !dropped[i]);
  }

  private int[] mostImportant(int count, IntPredicate among) {
    return IntStream.range(0, features.length)
        .filter(among)
        .boxed()
        .sorted(
            Comparator.comparingDouble((Integer i) -> -manifest.getFeatures(i).getImportance())
                .thenComparing(Comparator.naturalOrder()))
        .limit(count)
        .mapToInt(Integer::intValue)
        .sorted()
        .toArray();
  }

  /**
   * The features that are summed up pair by pair, in rising order of their index; none that a
   * privacy rule acts on, because the sums are of the values themselves.
   */
  public int[] coMomentFeatures() {
    return mostImportant(manifest.getCoMomentFeatures(), i -> !ruled[i]);
  }

  /** Type of the monitored input's elements: {@code FP32} or {@code INT8}. */
  public String inputDatatype() {
    return inputScale == null ? REALS : INTEGERS;
  }

  /** Bytes that one item of the input must have at least. */
  public int inputBytesNeeded() {
    int needed = 0;
    for (int offset : offsets) {
      needed = Math.max(needed, offset + 1);
    }
    return Math.max(needed, signal.map(Signal::elements).orElse(0)) * bytes(inputScale);
  }

  /**
   * Whether an item of the input has {@link #inputBytesNeeded()} exactly: rows of a signal of
   * another size would be taken for others.
   */
  public boolean isInputWhole() {
    return signal.isPresent();
  }

  /** What the input is as a whole, where its manifest says so. */
  public Optional<Signal> signal() {
    return signal;
  }

  /** Whether a feature is to be measured with {@link #measure}, beside {@link #view}. */
  public boolean isMeasured() {
    return measured;
  }

  /**
   * Copies the monitored values of one item, as reals, rounded where a privacy rule says so; 0
   * where a feature is a scalar of the whole input. Allocates nothing.
   *
   * @param input the input tensor's elements from index 0, of {@link #inputDatatype}, little-endian
   * @param firstElement index of the item's first element
   * @param into at least {@link #featureCount()} long
   */
  public void view(ByteBuffer input, int firstElement, float[] into) {
    for (int i = 0; i < offsets.length; i++) {
      float value = offsets[i] < 0 ? 0 : element(input, firstElement + offsets[i], inputScale);
      into[i] = steps[i].length == 0 ? value : rounded(i, value);
    }
  }

  /**
   * Measures the scalars of one item, each rounded where a privacy rule for it says so. Looks at
   * every element; allocates nothing.
   *
   * @param input as in {@link #view}
   * @param into only what is a scalar, and counted, is changed
   * @param scratch of this plan
   */
  public void measure(ByteBuffer input, int firstElement, float[] into, Scratch scratch) {
    if (scratch.meter == null) {
      return;
    }
    scratch.meter.measure(input, firstElement, inputElements, scratch.scalars);
    for (int place = 0; place < scalarFeatures.length; place++) {
      int feature = scalarFeatures[place];
      if (feature >= 0) {
        float value = scratch.scalars[place];
        into[feature] = steps[feature].length == 0 ? value : rounded(feature, value);
      }
    }
  }

  // The value for "not measured" is no measurement to be rounded.
  private float rounded(int feature, float value) {
    return features[feature].isMissing(value) ? value : PrivacyRules.rounded(value, steps[feature]);
  }

  /** What is needed to look at one row; one a thread at a time. */
  public static final class Scratch {
    private final Residuals.@Nullable Scratch residuals;
    private final @Nullable Meter meter;
    private final float[] scalars;

    private Scratch(Residuals.@Nullable Scratch residuals, @Nullable Meter meter, int scalars) {
      this.residuals = residuals;
      this.meter = meter;
      this.scalars = new float[scalars];
    }
  }

  /** Room for {@link #isAnomalous(float[], Scratch)} and {@link #measure}. */
  public Scratch scratch() {
    return new Scratch(
        residuals == null ? null : new Residuals.Scratch(residuals),
        isMeasured() ? signal.map(Signal::meter).orElse(null) : null,
        scalarFeatures.length);
  }

  /** Whether an element, beside scalars and residuals, is what makes a row anomalous. */
  public boolean hasOddElement(float[] view) {
    for (int i = 0; i < features.length; i++) {
      if (offsets[i] >= 0 && !dropped[i] && features[i].isOwn(view[i])) {
        return true;
      }
    }
    return false;
  }

  /** As {@link #isAnomalous(float[], Scratch)}, with room of its own. */
  public boolean isAnomalous(float[] view) {
    return isAnomalous(view, scratch());
  }

  /**
   * Whether a monitored value is missing, infinite or outside its range, or a residual beyond its
   * limit. Allocates nothing.
   *
   * @param scratch of this plan
   */
  public boolean isAnomalous(float[] view, Scratch scratch) {
    for (int i = 0; i < features.length; i++) {
      if (!dropped[i] && features[i].isOwn(view[i])) {
        return true;
      }
    }
    if (residuals == null || scratch.residuals == null) {
      return false;
    }
    residuals.compute(view, scratch.residuals);
    return residuals.isErrorAnomalous(scratch.residuals)
        || residuals.isDistanceAnomalous(scratch.residuals);
  }

  ReferenceBins featureBins(int feature) {
    return features[feature];
  }

  /** The bins of the features that no privacy rule drops. */
  FeatureBins counted() {
    return counted;
  }

  /** The bins of a score that is no probability. */
  @Nullable ReferenceBins scoreBins() {
    return scoreBins;
  }

  @Nullable Residuals residuals() {
    return residuals;
  }

  ReferenceBins squaredPredictionErrorBins() {
    return java.util.Objects.requireNonNull(residualBins)[0];
  }

  ReferenceBins hotellingBins() {
    return java.util.Objects.requireNonNull(residualBins)[1];
  }
}
