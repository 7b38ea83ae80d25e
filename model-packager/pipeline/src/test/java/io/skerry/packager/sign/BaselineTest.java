package io.skerry.packager.sign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.IntegerType;
import io.skerry.packager.quantize.TensorScale;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.signal.StatedSignal;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.MonitoringSettings;
import io.skerry.wire.artifact.v1.Budget;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BaselineTest {
  @Test
  void watchesPredictedClassAndConfidenceOfAModelWithClasses() throws MalformedDocumentException {
    Outputs said = Outputs.of(3, .1f, .7f, .2f, .8f, .1f, .1f, .3f, .3f, .4f);

    MonitoringManifest manifest = manifest(Baseline.Output.classes("y", .5, said, null), said);

    assertThat(MonitoringPlan.of(manifest).streams())
        .containsExactly("a", "$confidence", "$class", "$latency", "$errors");
    assertThat(manifest.getScore().getLogits()).isFalse();
    assertThat(manifest.getScore().getClassBaselineList()).containsExactly(1L, 1L, 1L);
    assertThat(manifest.getScore().getBaseline((int) (.7f * 64))).isEqualTo(1);
    assertThat(manifest.getScore().getClassPriorsList()).containsExactly(1L, 2L, 0L);
  }

  @Test
  void takesClassesThatDoNotAddUpToOneAsLogits() {
    Outputs said = Outputs.of(2, -3, 4, 2, -1, 0, 9);

    MonitoringManifest manifest = manifest(Baseline.Output.classes("y", .5, said, null), said);

    assertThat(manifest.getScore().getLogits()).isTrue();
    assertThat(manifest.getScore().getClassBaselineList()).containsExactly(1L, 2L);
  }

  @Test
  void watchesAScoreWhereThereAreNoClassesOrTooMany() {
    Outputs one = Outputs.of(1, .1f, 7, .2f);
    Outputs many = Outputs.of(1025, new float[1025]);

    assertThat(Baseline.Output.classes("y", .5, one, null))
        .isEqualTo(Baseline.Output.score("y", .5));
    assertThat(Baseline.Output.classes("y", .5, many, null))
        .isEqualTo(Baseline.Output.score("y", .5));
    MonitoringManifest manifest = manifest(Baseline.Output.score("y", .5), one);
    assertThat(manifest.getScore().getClasses()).isLessThan(2);
    assertThat(manifest.getScore().getBaseline(63)).isEqualTo(1);
    assertThat(manifest.getScore().getClassPriorsList()).containsExactly(1L, 2L);
  }

  @Test
  void givesAmountsAndScoresThatAreNoProbabilitiesBinsOfTheirOwn() throws Exception {
    Outputs hours = Outputs.of(1, 40, 80, 120);
    Outputs shares = Outputs.of(1, .2f, .4f, .5f);
    Outputs logits = Outputs.of(1, -2, 0, 3);

    MonitoringPlan amount =
        MonitoringPlan.of(manifest(Baseline.Output.score("y", .5, hours, null, true), hours));

    assertThat(amount.isAmount()).isTrue();
    assertThat(amount.manifest().getScore().getValue().getMinimum()).isEqualTo(0);
    assertThat(amount.manifest().getScore().getClassPriorsList()).isEmpty();
    assertThat(Baseline.Output.score("y", .5, shares, null, true).values()).isPresent();
    assertThat(Baseline.Output.score("y", .5, shares, null, false))
        .isEqualTo(Baseline.Output.score("y", .5));
    MonitoringPlan logit =
        MonitoringPlan.of(manifest(Baseline.Output.score("y", 0, logits, null, false), logits));
    assertThat(logit.isAmount()).isFalse();
    assertThat(logit.manifest().getScore().getClassBaselineList()).containsExactly(1L, 2L);
  }

  /** A reference item may lack values, of which a model may make anything. */
  @Test
  void takesProbabilitiesForSuchWhereAReferenceItemGetsNone() throws Exception {
    Outputs score = Outputs.of(1, .2f, Float.NaN, .5f);
    Outputs classes = Outputs.of(2, .2f, .8f, Float.NaN, Float.NaN, .5f, .5f);

    MonitoringManifest ofScore =
        manifest(Baseline.Output.score("y", .5, score, null, false), score);
    MonitoringManifest ofClasses =
        manifest(Baseline.Output.classes("y", .5, classes, null), classes);

    assertThat(ofScore.getScore().hasValue()).isFalse();
    assertThat(ofScore.getScore().getBaseline((int) (.2f * 64))).isEqualTo(1);
    assertThat(ofClasses.getScore().getLogits()).isFalse();
    assertThat(MonitoringPlan.of(ofClasses).streams()).contains("$class");
    assertThat(
            manifest(
                    Baseline.Output.score("y", .5, Outputs.of(1, -2, 0, 3), null, false),
                    Outputs.of(1, -2, 0, 3))
                .getScore()
                .hasValue())
        .isTrue();
  }

  /** What a device reads of int8 tensors is what the baseline was counted on. */
  @Test
  void countsIntegersAsTheRealsThatTheyStandFor() throws MalformedDocumentException {
    TensorScale input = new TensorScale(IntegerType.INT8, .5f, -10);
    TensorScale output = new TensorScale(IntegerType.INT8, 1f / 256, -128);
    Outputs said = Outputs.of(3, -128, 100, -102, 76, -102, -103, -50, -52, -27);
    Samples reference = Samples.of("items", NpyArray.ofBytes(new byte[] {-10, 0, 127}, 3, 1), 1);
    Feature feature = new Feature("a", 0, false, OptionalDouble.of(68.6), 0);

    MonitoringManifest manifest =
        new Baseline(
                "x",
                List.of(feature),
                reference,
                Baseline.Output.classes("y", .5, said, output),
                MonitoringSettings.NONE,
                Optional.empty(),
                Map.of("x", input, "y", output),
                Optional.empty())
            .manifest(said);

    MonitoringPlan plan = MonitoringPlan.of(manifest);
    float[] view = new float[1];
    plan.view(ByteBuffer.wrap(new byte[] {0}), 0, view);
    assertThat(view).containsExactly(5);
    assertThat(manifest.getFeatures(0).getMean()).isEqualTo(2.5);
    assertThat(manifest.getFeatures(0).getBins().getMissingValue()).isEqualTo(68.5f);
    assertThat(manifest.getScore().getLogits()).isFalse();
    ByteBuffer answer = ByteBuffer.wrap(new byte[] {-128, 100, -102});
    assertThat(plan.predictedClass(answer)).isEqualTo(1);
    assertThat(plan.score(answer)).isEqualTo(228f / 256);
    assertThat(manifest.getScore().getBaseline((int) (228f / 256 * 64))).isEqualTo(1);
  }

  /** Of a variant with int8 inputs devices count what they count of the one with floats. */
  @Test
  void measuresSignalsOfIntegersAsOfTheRealsThatTheyStandFor() throws MalformedDocumentException {
    TensorScale scale = new TensorScale(IntegerType.INT8, 1f / 255, -128);
    byte[] integers = new byte[40 * 5 * 6 * 3];
    float[] reals = new float[integers.length];
    Random random = new Random(1);
    for (int i = 0; i < integers.length; i++) {
      integers[i] = (byte) (random.nextInt(40) + i / 90 - 60);
      reals[i] = scale.real(integers[i]);
    }
    StatedSignal.Taken image =
        new StatedSignal(
                StatedSignal.Kind.IMAGE,
                Optional.empty(),
                List.of(0f),
                List.of(1f),
                OptionalDouble.empty())
            .of(List.of(5L, 6L, 3L), () -> new StatedSignal.Range(0, 0));

    MonitoringManifest ofIntegers =
        ofSignal(NpyArray.ofBytes(integers, 40, 5, 6, 3), Map.of("x", scale), image);
    MonitoringManifest ofReals = ofSignal(NpyArray.ofFloats(reals, 40, 5, 6, 3), Map.of(), image);

    assertThat(ofIntegers.getFeaturesList()).isEqualTo(ofReals.getFeaturesList());
    assertThat(ofIntegers.getFormat()).isEqualTo(MonitoringPlan.FORMAT_SIGNALS);
    MonitoringPlan plan = MonitoringPlan.of(ofIntegers);
    assertThat(plan.streams()).startsWith("image.brightness", "image.contrast");
    assertThat(plan.inputBytesNeeded()).isEqualTo(90);
    float[] view = new float[plan.featureCount()];
    plan.measure(ByteBuffer.wrap(integers), 90, view, plan.scratch());
    assertThat(view[0]).isBetween(.2f, .5f);
  }

  @Test
  void refusesASignalThatTheReferenceIsNot() throws MalformedDocumentException {
    float[] bytes = new float[40 * 12];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = 100 + i % 7;
    }
    StatedSignal.Taken image =
        new StatedSignal(
                StatedSignal.Kind.IMAGE,
                Optional.empty(),
                List.of(0f),
                List.of(1f),
                OptionalDouble.empty())
            .of(List.of(3L, 4L), () -> new StatedSignal.Range(0, 0));

    assertThatThrownBy(() -> ofSignal(NpyArray.ofFloats(bytes, 40, 3, 4), Map.of(), image))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContaining("image.brightness of 40 of 40 items")
        .hasMessageContaining("correct black, white or fullScale");
  }

  /** Nobody would notice that nothing is watched of the input. */
  @Test
  void tellsWhereRulesLeaveNoScalar() throws Exception {
    StatedSignal.Taken image =
        new StatedSignal(
                StatedSignal.Kind.IMAGE,
                Optional.empty(),
                List.of(0f),
                List.of(1f),
                OptionalDouble.empty())
            .of(List.of(3L, 4L), () -> new StatedSignal.Range(0, 0));
    PrivacyRule round =
        PrivacyRule.newBuilder()
            .setField("input:x")
            .setAction(PrivacyRule.Action.ROUND)
            .setStep(.1)
            .build();

    assertThat(told(image, List.of())).contains(image.told());
    assertThat(told(image, List.of(round))).contains(image.told() + Baseline.NO_SCALAR);
  }

  private static Optional<String> told(StatedSignal.Taken signal, List<PrivacyRule> rules) {
    return new Baseline(
            "x",
            Baseline.ofSignal(List.of(), signal),
            Samples.of("items", NpyArray.ofFloats(new float[12], 1, 12), 12),
            Baseline.Output.score("y", .5),
            new MonitoringSettings(List.of(), rules, Budget.getDefaultInstance()),
            Optional.empty(),
            Map.of(),
            Optional.of(signal))
        .toldSignal();
  }

  private static MonitoringManifest ofSignal(
      NpyArray items, Map<String, TensorScale> integers, StatedSignal.Taken signal) {
    Samples reference = Samples.of("items", items, signal.signal().elements());
    Outputs said = Outputs.of(1, new float[reference.count()]);
    Baseline baseline =
        new Baseline(
            "x",
            Baseline.ofSignal(List.of(), signal),
            reference,
            Baseline.Output.score("y", .5),
            MonitoringSettings.NONE,
            Optional.empty(),
            integers,
            Optional.of(signal));
    baseline.checkSignal();
    return baseline.manifest(said);
  }

  private static MonitoringManifest manifest(Baseline.Output output, Outputs said) {
    Samples reference = Samples.of("items", NpyArray.ofFloats(new float[] {1, 2, 3}, 3, 1), 1);
    return new Baseline(
            "x",
            List.of(new Feature("a", 0)),
            reference,
            output,
            MonitoringSettings.NONE,
            Optional.of(Labels.of(1, 0, 1)),
            Map.of(),
            Optional.empty())
        .manifest(said);
  }
}
