package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.wire.artifact.v1.Bins;
import io.skerry.wire.artifact.v1.Budget;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import io.skerry.wire.artifact.v1.ScoreStream;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Window;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WindowSketchTest {
  private static final MonitoringManifest MANIFEST = MonitoringManifestsTest.manifest(999, 5);
  private static final ModelRef MODEL = ModelRef.getDefaultInstance();

  @Test
  void goesOnWithWhatStood() throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(MANIFEST);
    WindowSketch whole = new WindowSketch(plan);
    WindowSketch first = new WindowSketch(plan);
    WindowSketch second = new WindowSketch(plan);
    float[][] rows = MonitoringManifestsTest.rows(2, 6);
    // More than a count of 16 bits, in both parts and together.
    for (int i = 0; i < 150_000; i++) {
      whole.observe(rows[i % 2], 0.3f, 0, 10);
      (i < 70_000 ? first : second).observe(rows[i % 2], 0.3f, 0, 10);
    }
    whole.fail();
    first.fail();
    whole.skip(4);
    first.skip(4);

    Window stood = first.standing(MODEL, 3, 0, 5000, Degradation.NONE).build();
    assertThat(first.standing(MODEL, 3, 0, 5000, Degradation.NONE).build()).isEqualTo(stood);
    assertThat(second.resume(stood)).isTrue();

    Window counted = second.seal(MODEL, 3, 0, 5000);
    assertThat(counted).isEqualTo(whole.seal(MODEL, 3, 0, 5000));
    assertThat(second.isEmpty()).isTrue();
  }

  @Test
  void takesOverNothingFromOtherStreamsOrBeyondWhatCanBeCounted()
      throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(MANIFEST);
    WindowSketch sketch = new WindowSketch(plan);
    sketch.observe(new float[3], 0.3f, 0, 10);
    Window one = sketch.standing(MODEL, 3, 0, 5000, Degradation.NONE).build();
    Window less = sketch.standing(MODEL, 3, 0, 5000, new Degradation(1, 1, 0)).build();

    assertThat(sketch.resume(less)).isFalse();
    assertThatThrownBy(() -> sketch.resume(one.toBuilder().setPredictions(2).build()))
        .isInstanceOf(MalformedDocumentException.class);
    assertThat(sketch.seal(MODEL, 3, 0, 5000)).isEqualTo(one);
  }

  @Test
  void countsWhatBruteForceCounts() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));
    float[][] rows = MonitoringManifestsTest.rows(500, 6);
    Random random = new Random(7);
    float[] odd = {Float.NaN, Float.POSITIVE_INFINITY, -1e9f, 1e9f};
    for (float[] row : rows) {
      if (random.nextInt(10) == 0) {
        row[0] = odd[random.nextInt(odd.length)];
      }
      sketch.observe(row, random.nextFloat(), 0, 10);
    }

    Window window = sketch.seal(ModelRef.getDefaultInstance(), 3, 0, 5000);
    WindowCounts counts = WindowCodec.read(sketch.plan().layout(), window);

    for (int feature = 0; feature < 3; feature++) {
      Bins bins = MANIFEST.getFeatures(feature).getBins();
      long[] expected = new long[bins.getBaselineCount()];
      for (int i = 0; i < rows.length; i++) {
        expected[bruteForceBin(bins, rows[i][feature])]++;
        if (i > 0 && Float.compare(rows[i][feature], rows[i - 1][feature]) == 0) {
          expected[expected.length - 1]++;
        }
      }
      assertThat(counts.counts(feature))
          .containsExactlyElementsOf(java.util.Arrays.stream(expected).boxed().toList());
    }
    assertThat(window.getPredictions()).isEqualTo(500);
    assertThat(sketch.plan().streams())
        .containsExactly("a", "b", "c", "$score", "$class", "$spe", "$t2", "$latency", "$errors");
    assertThat(window.getAnomalous())
        .isEqualTo(
            java.util.Arrays.stream(rows)
                .filter(row -> !Float.isFinite(row[0]) || Math.abs(row[0]) == 1e9f)
                .count());
  }

  @Test
  void countsTheSameWithoutTheReferenceThatItIsJudgedBy() throws MalformedDocumentException {
    WindowSketch whole = new WindowSketch(MonitoringPlan.of(MANIFEST));
    WindowSketch lean = new WindowSketch(MonitoringPlan.parseToCount(MANIFEST.toByteArray()));
    for (float[] row : MonitoringManifestsTest.rows(300, 8)) {
      whole.observe(row, row[0], 0, 10);
      lean.observe(row, row[0], 0, 10);
    }

    assertThat(lean.seal(ModelRef.getDefaultInstance(), 3, 0, 5000))
        .isEqualTo(whole.seal(ModelRef.getDefaultInstance(), 3, 0, 5000));
    assertThat(lean.plan().streams()).isEqualTo(whole.plan().streams());
    MonitoringManifest kept = lean.plan().manifest();
    assertThat(kept.getSerializedSize()).isLessThan(MANIFEST.getSerializedSize() / 4);
    assertThat(kept.getScore().getClassBaselineList())
        .isEqualTo(MANIFEST.getScore().getClassBaselineList());
  }

  private static int bruteForceBin(Bins bins, float value) {
    int ordinary = bins.getEdgesCount() + 1;
    if (Float.isNaN(value)) {
      return ordinary + 1;
    }
    if (Float.isInfinite(value)) {
      return ordinary + 2;
    }
    if (value < bins.getMinimum()) {
      return ordinary + 3;
    }
    if (value > bins.getMaximum()) {
      return ordinary + 4;
    }
    int bin = 0;
    while (bin < bins.getEdgesCount() && value > bins.getEdges(bin)) {
      bin++;
    }
    return bin;
  }

  @Test
  void countsFailedAndSkippedPredictionsAmongAll() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));

    sketch.observe(new float[3], 0.2f, 0, 1);
    sketch.fail();
    sketch.skip(4);
    Window window = sketch.seal(ModelRef.getDefaultInstance(), 0, 0, 1);

    assertThat(window.getPredictions()).isEqualTo(6);
    assertThat(window.getPredictionsFailed()).isEqualTo(1);
    assertThat(window.getSkipped()).isEqualTo(4);
    assertThat(sketch.isEmpty()).isTrue();
  }

  @Test
  void packsAnewWhateverIsCountedSince() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));
    int errors = sketch.plan().layout().indexOf(MonitoringPlan.ERRORS);

    sketch.observe(new float[3], 0.2f, 0, 1);
    assertThat(standing(sketch).total(errors)).isEqualTo(1);
    sketch.observe(new float[3], 0.2f, 0, 1);
    assertThat(standing(sketch).total(errors)).isEqualTo(2);
    sketch.fail();
    assertThat(standing(sketch).total(errors)).isEqualTo(3);
    sketch.resume(
        sketch.standing(ModelRef.getDefaultInstance(), 0, 0, 1, Degradation.NONE).build());
    assertThat(standing(sketch).total(errors)).isEqualTo(6);
    sketch.giveUp();
    assertThat(standing(sketch).total(errors)).isEqualTo(0);
  }

  private static WindowCounts standing(WindowSketch sketch) throws MalformedDocumentException {
    Window standing =
        sketch.standing(ModelRef.getDefaultInstance(), 0, 0, 1, Degradation.NONE).build();
    return WindowCodec.read(sketch.plan().layout(), standing);
  }

  @Test
  void keepsTheAnomaliesOfWhatItGivesUpAndOfWhatWasSkipped() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));
    assertThat(sketch.observe(new float[] {Float.NaN, Float.NaN, Float.NaN}, .5f, 0, 1)).isTrue();
    sketch.skip(5);
    sketch.findAnomalous(3);

    sketch.giveUp();

    Window window = sketch.seal(ModelRef.getDefaultInstance(), 1, 0, 1);
    assertThat(window.getPredictions()).isEqualTo(6);
    assertThat(window.getSkipped()).isEqualTo(6);
    assertThat(window.getAnomalous()).isEqualTo(4);
    assertThat(sketch.seal(ModelRef.getDefaultInstance(), 2, 1, 2).getAnomalous()).isZero();
  }

  @Test
  void tellsAnomalousValuesButNotRepeatedOnes() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));

    assertThat(sketch.observe(new float[3], 0.2f, 0, 1)).isFalse();
    assertThat(sketch.observe(new float[3], 0.2f, 0, 1)).isFalse();
    assertThat(sketch.observe(new float[] {0, Float.NaN, 0}, 0.2f, 0, 1)).isTrue();
  }

  @Test
  void callsARowAnomalousWhoseResidualIsBeyondTheLimit() throws MalformedDocumentException {
    Random random = new Random(3);
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      features.add(new MonitoringManifests.Feature("f" + i, i));
    }
    float[][] rows = new float[4000][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = together(random);
    }
    MonitoringPlan plan =
        MonitoringPlan.of(
            MonitoringManifests.fromReference(
                "input", features, rows, "score", new float[rows.length], 0.5));
    WindowSketch sketch = new WindowSketch(plan);
    float[] apart = {1, -1, 1, -1, 1, -1};
    int[] hits = new int[8];

    assertThat(sketch.observe(apart, 0.2f, 0, 1)).isTrue();
    assertThat(plan.isAnomalous(apart)).isTrue();
    assertThat(sketch.anomalies(apart, hits)).isPositive();
    assertThat(plan.streams().get(hits[0] >> 8)).isEqualTo("$spe");
    int odd = 0;
    for (int i = 0; i < 4000; i++) {
      odd += plan.isAnomalous(together(random)) ? 1 : 0;
    }
    // One in a thousand of either residual.
    assertThat(odd).isBetween(1, 24);
  }

  // Six sensors of one thing: each value is ordinary, their disagreement is not.
  private static float[] together(Random random) {
    float[] row = new float[6];
    float level = (float) random.nextGaussian();
    for (int i = 0; i < row.length; i++) {
      row[i] = level + 0.1f * (float) random.nextGaussian();
    }
    return row;
  }

  @Test
  void saysNoResidualIsAnomalousWhereTheReferenceIsTooSmall() throws MalformedDocumentException {
    assertThat(MANIFEST.getResidual().getSquaredPredictionErrorLimit()).isZero();
    assertThat(MonitoringPlan.of(MANIFEST).isAnomalous(new float[] {3, -3, 3})).isFalse();
  }

  @Test
  void putsLatenciesIntoHalfOctaves() {
    assertThat(WindowSketch.latencyBin(0)).isZero();
    assertThat(WindowSketch.latencyBin(1)).isZero();
    assertThat(WindowSketch.latencyBin(2)).isEqualTo(2);
    assertThat(WindowSketch.latencyBin(1024)).isEqualTo(20);
    assertThat(WindowSketch.latencyBin(1023)).isEqualTo(19);
    assertThat(WindowSketch.latencyBin(Long.MAX_VALUE)).isEqualTo(31);
    for (long micros = 1; micros < (1 << 17); micros++) {
      int bin = WindowSketch.latencyBin(micros);
      // 2^(bin / 2) <= micros < 2^((bin + 1) / 2), but for the last.
      assertThat(micros * micros).isGreaterThanOrEqualTo(1L << bin);
      assertThat(bin == 31 || micros * micros < 1L << (bin + 1)).isTrue();
    }
  }

  @Test
  void putsScoresIntoEqualBins() {
    assertThat(WindowSketch.scoreBin(0)).isZero();
    assertThat(WindowSketch.scoreBin(0.5f)).isEqualTo(32);
    assertThat(WindowSketch.scoreBin(1)).isEqualTo(63);
    assertThat(WindowSketch.scoreBin(-3)).isZero();
    assertThat(WindowSketch.scoreBin(Float.POSITIVE_INFINITY)).isEqualTo(63);
  }

  @Test
  void countsOnlyLatenciesWithoutAManifest() {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.latencyOnly());

    sketch.observe(new float[0], Float.NaN, 0, 100);
    assertThat(sketch.plan().streams()).containsExactly("$latency", "$errors");
    assertThat(sketch.counts().total(0)).isEqualTo(1);
  }

  @Test
  void latenciesOfAPlanThatCannotBeReadAreReadByTheArtifactsOwn()
      throws MalformedDocumentException {
    MonitoringPlan whole = MonitoringPlan.of(MANIFEST);
    WindowSketch sketch = new WindowSketch(MonitoringPlan.unread());
    for (int i = 0; i < 100; i++) {
      sketch.observe(new float[0], Float.NaN, 0, 100);
    }
    sketch.fail();
    Window stood = sketch.standing(MODEL, 3, 0, 5000, Degradation.NONE).build();
    WindowSketch next = new WindowSketch(MonitoringPlan.unread());
    assertThat(next.resume(stood)).isTrue();
    assertThat(new WindowSketch(whole).resume(stood)).isFalse();

    Window sent = next.seal(MODEL, 3, 0, 5000);

    assertThat(sent).isEqualTo(stood);
    WindowCounts counts = WindowCodec.read(whole.layout(), sent);
    int latency = whole.layout().indexOf(MonitoringPlan.LATENCY);
    assertThat(counts.total(latency)).isEqualTo(100);
    assertThat(whole.layout().names())
        .filteredOn(name -> counts.has(whole.layout().indexOf(name)))
        .containsExactly(MonitoringPlan.LATENCY, MonitoringPlan.ERRORS);
    assertThat(sketch.coMoments().count()).isZero();
    assertThat(sketch.packedBytes(Degradation.NONE)).isLessThan(200);
  }

  @Test
  void tellsNothingElseOfAPlanThatCannotBeRead() {
    assertThat(MonitoringPlan.unread().isUnread()).isTrue();
    assertThat(MonitoringPlan.unread().told("score", true)).isEmpty();
    assertThat(MonitoringPlan.latencyOnly().told("score", true)).isPresent();
    assertThat(MonitoringPlan.latencyOnly().isUnread()).isFalse();
  }

  @Test
  void countsOnBeyondSixteenBits() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(MANIFEST));
    for (int i = 0; i < 150_000; i++) {
      sketch.observe(new float[3], 0.2f, 0, 1);
    }

    Window window = sketch.seal(ModelRef.getDefaultInstance(), 0, 0, 1);

    WindowCounts counts = WindowCodec.read(sketch.plan().layout(), window);
    assertThat(counts.total(0)).isEqualTo(150_000);
    assertThat(counts.count(0, sketch.plan().featureBins(0).stuck())).isEqualTo(149_999);
  }

  @Test
  void doesNotCountWhatAPrivacyRuleDrops() throws MalformedDocumentException {
    MonitoringManifest.Builder manifest = dropping("b");
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(manifest.build()));

    boolean anomalous = sketch.observe(new float[] {0, Float.NaN, 1}, 0.2f, 0, 1);

    assertThat(anomalous).isFalse();
    assertThat(sketch.plan().streams()).startsWith("a", "c", "$score");
    assertThat(sketch.counts().total(1)).isEqualTo(1);
  }

  /** A dropped feature shows in no statistic that is made of several, and chooses no sample. */
  @Test
  void tellsNothingOfAFeatureThatAPrivacyRuleDrops() throws MalformedDocumentException {
    assertThat(MonitoringPlan.of(MANIFEST).streams()).contains("$spe", "$t2");
    MonitoringManifest.Builder manifest = dropping("b");
    MonitoringPlan plan = MonitoringPlan.of(manifest.build());

    assertThat(plan.streams()).doesNotContain("b", "$spe", "$t2");
    assertThat(MonitoredStreams.of(manifest.build()).outputs()).doesNotContainKeys("$spe", "$t2");
    assertThat(plan.isAnomalous(new float[] {0, Float.NaN, 1})).isFalse();
    assertThat(plan.isAnomalous(new float[] {Float.NaN, 0, 1})).isTrue();
  }

  @Test
  void tellsNothingOfADroppedOutputOrInput() throws MalformedDocumentException {
    String output = MANIFEST.getScore().getOutput();
    MonitoringPlan plan = MonitoringPlan.of(dropping("output:" + output).build());

    assertThat(plan.streams()).containsExactly("a", "b", "c", "$spe", "$t2", "$latency", "$errors");
    assertThat(plan.scoreOutput()).isEmpty();
    MonitoredStreams streams = MonitoredStreams.of(plan.manifest());
    assertThat(streams.outputs()).doesNotContainKey("$score");
    assertThat(streams.classes()).isZero();
    assertThat(MonitoringPlan.of(dropping("input:" + MANIFEST.getInput()).build()).streams())
        .containsExactly("$score", "$class", "$latency", "$errors");
  }

  /** Manifests of builds that counted what they dropped, whose windows would be misread. */
  @Test
  void takesNoRuleThatDropsInAManifestOfTheOlderFormat() {
    for (String field : List.of("b", "input:input", "output:score")) {
      MonitoringManifest old = dropping(field).setFormat(MonitoringPlan.FORMAT).build();

      assertThatThrownBy(() -> MonitoringPlan.of(old)).hasMessageContaining("package");
    }
  }

  private static MonitoringManifest.Builder dropping(String field) {
    MonitoringManifest.Builder manifest =
        MANIFEST.toBuilder().setFormat(MonitoringPlan.FORMAT_DROPPING);
    manifest.addPrivacyBuilder().setField(field).setAction(PrivacyRule.Action.DROP);
    return manifest;
  }

  /**
   * Bins are of the values themselves: their counts would tell what a pseudonym or a mean hides.
   */
  @Test
  void countsNothingOfWhatAPrivacyRuleHashesOrBlurs() throws MalformedDocumentException {
    MonitoringManifest hashed = ruled("b", PrivacyRule.Action.HASH);
    MonitoringManifest blurred = ruled("input:input", PrivacyRule.Action.BLUR);
    MonitoringManifest score = ruled("output:score", PrivacyRule.Action.HASH);

    assertThat(MonitoringPlan.of(hashed).streams())
        .containsExactly("a", "c", "$score", "$class", "$latency", "$errors");
    assertThat(MonitoredStreams.of(hashed).inputs()).containsOnlyKeys("a", "c");
    assertThat(MonitoringPlan.of(blurred).streams())
        .containsExactly("$score", "$class", "$latency", "$errors");
    assertThat(MonitoringPlan.of(score).scoreOutput()).isEmpty();
    assertThatThrownBy(
            () -> MonitoringPlan.of(hashed.toBuilder().setFormat(MonitoringPlan.FORMAT).build()))
        .hasMessageContaining("package");
  }

  @Test
  void countsAsRoundedWhatAPrivacyRuleRounds() throws MalformedDocumentException {
    float[][] rows = {{0.2f, 1, 0}, {3.9f, 2, 1}, {Float.NaN, 3, 2}, {-99, 4, 3}};
    List<MonitoringManifests.Feature> features =
        List.of(
            new MonitoringManifests.Feature("a", 0, false, OptionalDouble.of(-99), 0),
            new MonitoringManifests.Feature("b", 1),
            new MonitoringManifests.Feature("c", 2));
    List<float[]> said =
        List.of(new float[] {0.1f}, new float[] {0.2f}, new float[1], new float[1]);
    MonitoringSettings settings =
        new MonitoringSettings(
            List.of(),
            List.of(
                rule("a", PrivacyRule.Action.ROUND, 4),
                rule("output:y", PrivacyRule.Action.ROUND, .5)),
            Budget.getDefaultInstance());
    MonitoringPlan plan =
        MonitoringPlan.of(
            MonitoringManifests.fromReference(
                "input",
                features,
                rows,
                new MonitoringManifests.Scores("y", said, false, 0.5, List.of()),
                settings));
    ByteBuffer tensor = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    tensor.asFloatBuffer().put(new float[] {2.1f, 1.1f, 0, -99, 0, 0});
    float[] view = new float[3];

    plan.view(tensor, 0, view);
    assertThat(view).containsExactly(4, 1.1f, 0);
    plan.view(tensor, 3, view);
    assertThat(view).containsExactly(-99, 0, 0);
    assertThat(plan.score(tensor)).isEqualTo(2);
    assertThat(plan.manifest().getFeatures(0).getBins().getEdgesList())
        .containsExactly(0f, Math.nextDown(4f));
    assertThat(plan.manifest().getScore().getBaseline(0)).isEqualTo(4);
  }

  /** A classifier may say a logit: the threshold still makes classes of it. */
  @Test
  void countsAScoreThatIsNoProbabilityInBinsOfItsOwn() throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(logits(false));
    WindowSketch sketch = new WindowSketch(plan);
    float[] scores = {-3.5f, -3.5f, 2.5f, 1e6f, -1e6f, Float.NaN};
    for (float score : scores) {
      sketch.observe(new float[] {1}, score, score >= 0 ? 1 : 0, 10);
    }

    WindowCounts counts =
        WindowCodec.read(plan.layout(), sketch.seal(ModelRef.getDefaultInstance(), 1, 0, 1000));

    assertThat(plan.streams())
        .containsExactly("f", "$clamped", "$class", "$latency", "$errors", "$score");
    Bins bins = plan.manifest().getScore().getValue();
    long[] expected = new long[bins.getBaselineCount()];
    for (float score : List.of(-3.5f, -3.5f, 2.5f, 1e6f, -1e6f)) {
      expected[bruteForceBin(bins, score)]++;
    }
    expected[expected.length - 1] = 1;
    assertThat(counts.counts(5))
        .containsExactlyElementsOf(java.util.Arrays.stream(expected).boxed().toList());
    assertThat(counts.total(1)).isZero();
    assertThat(counts.counts(2)).containsExactly(3L, 2L);
  }

  @Test
  void countsNoClassOfAnAmount() throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(logits(true)));

    sketch.observe(new float[] {1}, 2.5f, 1, 10);

    assertThat(sketch.counts().total(2)).isZero();
    assertThat(sketch.counts().total(5)).isEqualTo(1);
  }

  @Test
  void refusesBinsOfAScoreThatCannotBe() {
    ScoreStream score = logits(true).getScore();
    for (ScoreStream bad :
        List.of(
            score.toBuilder().setClasses(3).build(),
            score.toBuilder().clearValue().build(),
            score.toBuilder().setValue(score.getValue().toBuilder().clearBaseline()).build())) {
      assertThatThrownBy(() -> MonitoringPlan.of(logits(true).toBuilder().setScore(bad).build()))
          .isInstanceOf(MalformedDocumentException.class)
          .hasMessageContaining("score");
    }
  }

  // Scores of -8 to 7.5, by halves.
  private static MonitoringManifest logits(boolean amount) {
    float[][] rows = new float[32][1];
    List<float[]> said = new ArrayList<>();
    List<Float> reference = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      rows[i][0] = i;
      said.add(new float[] {i / 2f - 8});
      reference.add(i / 2f - 8);
    }
    return MonitoringManifests.fromReference(
        "input",
        List.of(new MonitoringManifests.Feature("f", 0)),
        rows,
        new MonitoringManifests.Scores(
            "y",
            said,
            false,
            0,
            List.of(),
            Optional.of(new MonitoringManifests.Values(reference, amount))));
  }

  private static MonitoringManifest ruled(String field, PrivacyRule.Action action) {
    return MANIFEST.toBuilder()
        .setFormat(MonitoringPlan.FORMAT_RULED)
        .addPrivacy(rule(field, action, 0))
        .build();
  }

  private static PrivacyRule rule(String field, PrivacyRule.Action action, double step) {
    return PrivacyRule.newBuilder()
        .setField(field)
        .setAction(action)
        .setStep(step)
        .setRadius(action == PrivacyRule.Action.BLUR ? 1 : 0)
        .build();
  }

  /** Sums of products are of the values themselves: of one prediction they would be the values. */
  @Test
  void sumsUpNoFeatureThatAPrivacyRuleActsOn() throws MalformedDocumentException {
    MonitoringManifest.Builder one = MANIFEST.toBuilder().setFormat(MonitoringPlan.FORMAT_RULED);
    one.addPrivacyBuilder().setField("b").setAction(PrivacyRule.Action.ROUND).setStep(1);
    MonitoringManifest.Builder all = MANIFEST.toBuilder().setFormat(MonitoringPlan.FORMAT_RULED);
    all.addPrivacyBuilder().setField("input:input").setAction(PrivacyRule.Action.HASH);

    assertThat(MonitoringPlan.of(MANIFEST).coMomentFeatures()).containsExactly(0, 1, 2);
    assertThat(MonitoringPlan.of(one.build()).coMomentFeatures()).containsExactly(0, 2);
    assertThat(MonitoringPlan.of(all.build()).coMomentFeatures()).isEmpty();
  }

  @Test
  void readsTheMonitoredViewOfAnItem() throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(MANIFEST);
    ByteBuffer tensor = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    tensor.asFloatBuffer().put(new float[] {1, 2, 3, 4, 5, 6});
    float[] view = new float[3];

    plan.view(tensor, 3, view);

    assertThat(view).containsExactly(4, 5, 6);
  }
}
