package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MonitoringManifestsTest {
  private static final List<MonitoringManifests.Feature> FEATURES =
      List.of(
          new MonitoringManifests.Feature("a", 0),
          new MonitoringManifests.Feature("b", 1),
          new MonitoringManifests.Feature("c", 2));

  static MonitoringManifest manifest(int rows, long seed) {
    float[][] values = rows(rows, seed);
    float[] scores = new float[rows];
    for (int i = 0; i < rows; i++) {
      scores[i] = i / (float) rows;
    }
    return MonitoringManifests.fromReference("input", FEATURES, values, "score", scores, 0.5);
  }

  static float[][] rows(int rows, long seed) {
    Random random = new Random(seed);
    float[][] values = new float[rows][3];
    for (float[] row : values) {
      row[0] = (float) random.nextGaussian();
      row[1] = row[0] + 0.1f * (float) random.nextGaussian();
      row[2] = random.nextInt(4);
    }
    return values;
  }

  @Test
  void fillsThirtyTwoNearlyEqualBinsForAContinuousFeature() {
    MonitoringManifest manifest = manifest(3200, 1);

    List<Long> baseline = manifest.getFeatures(0).getBins().getBaselineList();

    assertThat(baseline).hasSize(32 + ReferenceBins.OWN_BINS);
    assertThat(baseline.subList(0, 32)).allMatch(count -> count == 100);
    assertThat(baseline.subList(32, 39)).containsOnly(0L);
  }

  @Test
  void givesEveryFrequentValueABinOfItsOwn() throws MalformedDocumentException {
    MonitoringManifest manifest = manifest(1000, 2);
    ReferenceBins bins = ReferenceBins.of("c", manifest.getFeatures(2).getBins());

    assertThat(bins.index(0)).isNotEqualTo(bins.index(1));
    for (float between : new float[] {0.5f, 1.5f, 2.5f}) {
      assertThat(manifest.getFeatures(2).getBins().getBaseline(bins.index(between))).isZero();
    }
    for (int value = 0; value < 4; value++) {
      int index = value;
      long expected = java.util.Arrays.stream(rows(1000, 2)).filter(row -> row[2] == index).count();
      assertThat(manifest.getFeatures(2).getBins().getBaseline(bins.index(value)))
          .isEqualTo(expected);
    }
  }

  @Test
  void keepsABinForAConstantFeature() throws MalformedDocumentException {
    MonitoringManifest manifest =
        MonitoringManifests.fromReference(
            "input",
            List.of(new MonitoringManifests.Feature("a", 0)),
            new float[][] {{7}, {7}, {7}},
            "score",
            new float[3],
            0.5);
    ReferenceBins bins = MonitoringPlan.of(manifest).featureBins(0);

    assertThat(manifest.getFeatures(0).getBins().getBaseline(bins.index(7))).isEqualTo(3);
    assertThat(bins.index(8)).isEqualTo(bins.missing() + 4);
    assertThat(manifest.hasResidual()).isFalse();
  }

  @Test
  void findsTheDirectionThatTwoFeaturesShare() throws MalformedDocumentException {
    MonitoringManifest manifest = manifest(5000, 3);
    Residuals residuals = java.util.Objects.requireNonNull(MonitoringPlan.of(manifest).residuals());
    Residuals.Scratch scratch = new Residuals.Scratch(residuals);

    residuals.compute(new float[] {2, 2, 1.5f}, scratch);
    double along = scratch.squaredPredictionError;
    residuals.compute(new float[] {2, -2, 1.5f}, scratch);
    double across = scratch.squaredPredictionError;

    assertThat(across).isGreaterThan(20 * along);
  }

  @Test
  void splitsASymmetricMatrixIntoItsEigenvectors() {
    double[][] matrix = {{4, 1, 0.5}, {1, 3, 0.2}, {0.5, 0.2, 2}};

    SymmetricEigen eigen = SymmetricEigen.of(matrix);

    assertThat(eigen.values()).isSortedAccordingTo((x, y) -> Double.compare(y, x));
    for (int j = 0; j < 3; j++) {
      for (int i = 0; i < 3; i++) {
        double product = 0;
        for (int k = 0; k < 3; k++) {
          product += matrix[i][k] * eigen.vectors()[j][k];
        }
        assertThat(product).isCloseTo(eigen.values()[j] * eigen.vectors()[j][i], within(1e-9));
      }
    }
  }

  @Test
  void tellsMissingFromNaNAndUnseenFromKnown() throws MalformedDocumentException {
    float[][] rows = new float[400][2];
    float[][] elements = new float[rows.length][3];
    for (int i = 0; i < rows.length; i++) {
      rows[i][0] = i % 10 == 0 ? -999 : i;
      rows[i][1] = i % 3 * 7;
      elements[i][i % 3] = 5;
    }
    MonitoringManifest manifest =
        MonitoringManifests.fromReference(
            "input",
            List.of(
                new MonitoringManifests.Feature("t", 0, false, OptionalDouble.of(-999), 0),
                new MonitoringManifests.Feature("kind", 1, true, OptionalDouble.empty(), 2)),
            rows,
            new MonitoringManifests.Scores(
                "logits", List.of(elements), true, 0, List.of(1L, 2L, 3L)));
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    ReferenceBins amounts = plan.featureBins(0);
    ReferenceBins kinds = plan.featureBins(1);

    assertThat(amounts.index(-999)).isEqualTo(amounts.missing());
    assertThat(amounts.index(Float.NaN)).isEqualTo(amounts.missing() + 1);
    assertThat(amounts.index(-1e6f)).isEqualTo(amounts.missing() + 3);
    assertThat(kinds.ordinary()).isEqualTo(3);
    assertThat(kinds.index(7)).isLessThan(3);
    assertThat(kinds.index(8)).isEqualTo(kinds.missing() + 5);
    assertThat(kinds.index(99)).isEqualTo(kinds.missing() + 5);
    assertThat(plan.streams())
        .containsExactly(
            "t", "kind", "$confidence", "$class", "$spe", "$t2", "$latency", "$errors");
    assertThat(manifest.getScore().getClassBaselineList()).containsExactly(134L, 133L, 133L);
    ByteBuffer output = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    output.asFloatBuffer().put(new float[] {1, 3, 2});
    assertThat(plan.predictedClass(output)).isEqualTo(1);
    assertThat(plan.score(output))
        .isCloseTo((float) (1 / (1 + Math.exp(-1) + Math.exp(-2))), within(1e-6f));
  }

  @Test
  void refusesReferenceDataOfUnequalSizes() {
    assertThatThrownBy(
            () ->
                MonitoringManifests.fromReference(
                    "input", FEATURES, new float[][] {{1, 2}}, "score", new float[1], 0.5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 values for 3 features");
  }

  /** What a feature costs a device does not grow with the number of features. */
  @Test
  void keepsFewDirectionsOfManyIndependentFeatures() {
    Random random = new Random(9);
    float[][] values = new float[300][80];
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int i = 0; i < 80; i++) {
      features.add(new MonitoringManifests.Feature("f" + i, i));
      for (float[] row : values) {
        row[i] = (float) random.nextGaussian();
      }
    }

    MonitoringManifest manifest =
        MonitoringManifests.fromReference(
            "input", features, values, "score", new float[values.length], 0.5);

    assertThat(manifest.getResidual().getEigenvaluesCount())
        .isEqualTo(MonitoringManifests.COMPONENTS_MAX);
    assertThat(manifest(1000, 2).getResidual().getEigenvaluesCount()).isEqualTo(2);
  }

  @Test
  void refusesAManifestThatContradictsItself() {
    MonitoringManifest good = manifest(100, 4);
    MonitoringManifest.Builder descending = good.toBuilder();
    descending.getFeaturesBuilder(0).getBinsBuilder().setEdges(3, -99);
    MonitoringManifest.Builder shortBaseline = good.toBuilder();
    shortBaseline.getFeaturesBuilder(0).getBinsBuilder().addBaseline(1);
    MonitoringManifest.Builder twice = good.toBuilder();
    twice.getFeaturesBuilder(1).setName("a");
    MonitoringManifest.Builder residual = good.toBuilder();
    residual.getResidualBuilder().addComponents(1);
    MonitoringManifest.Builder format = good.toBuilder().setFormat(1);
    MonitoringManifest.Builder aimless = good.toBuilder().setFormat(MonitoringPlan.FORMAT_DROPPING);
    aimless.addPrivacyBuilder().setField("nobody").setAction(PrivacyRule.Action.DROP);
    MonitoringManifest.Builder stepless = good.toBuilder().setFormat(MonitoringPlan.FORMAT_RULED);
    stepless.addPrivacyBuilder().setField("a").setAction(PrivacyRule.Action.ROUND);
    MonitoringManifest.Builder missingInside = good.toBuilder();
    missingInside.getFeaturesBuilder(0).getBinsBuilder().setMissingValue(0);

    MonitoringManifest.Builder scaleless =
        good.toBuilder().setFormat(MonitoringPlan.FORMAT_INTEGERS);
    scaleless.addIntegersBuilder().setField("input:input");
    MonitoringManifest.Builder integers = good.toBuilder();
    integers.addIntegersBuilder().setField("input:input").setScale(1);

    for (MonitoringManifest.Builder bad :
        List.of(
            descending,
            shortBaseline,
            twice,
            residual,
            format,
            aimless,
            stepless,
            missingInside,
            scaleless,
            integers)) {
      assertThatThrownBy(() -> MonitoringPlan.of(bad.build()))
          .isInstanceOf(MalformedDocumentException.class);
    }
    assertThatThrownBy(() -> MonitoringPlan.parse(new byte[] {1, 2, 3}))
        .isInstanceOf(MalformedDocumentException.class);
  }
}
