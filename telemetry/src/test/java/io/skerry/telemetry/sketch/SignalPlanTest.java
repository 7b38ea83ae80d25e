package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sample.PrivacyFilter;
import io.skerry.telemetry.signal.Scalar;
import io.skerry.telemetry.signal.Signal;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringManifests.Scores;
import io.skerry.wire.artifact.v1.Budget;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import io.skerry.wire.fleet.v1.NamedTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Scalars of a whole input as features of a manifest. */
class SignalPlanTest {
  private static final Signal.Image IMAGE =
      new Signal.Image(8, 9, 3, false, List.of(0f), List.of(1f));

  @Test
  void countsScalarsBesideElements() throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(manifest(List.of(), new Feature("corner", 0)));

    WindowCounts counts = observed(plan, pixels(1, .5f));

    assertThat(plan.manifest().getFormat()).isEqualTo(6);
    assertThat(plan.streams())
        .startsWith(
            "corner",
            "image.brightness",
            "image.contrast",
            "image.sharpness",
            "image.saturation",
            "image.clipped",
            "$score");
    assertThat(plan.layout().features()).isEqualTo(6);
    for (int stream = 0; stream < 6; stream++) {
      assertThat(counts.counts(stream).stream().mapToLong(Long::longValue).sum()).isEqualTo(1);
    }
    assertThat(plan.isInputWhole()).isTrue();
    assertThat(plan.inputBytesNeeded()).isEqualTo(8 * 9 * 3 * 4);
  }

  /** What the packager counted as the baseline is what a device counts of the same rows. */
  @Test
  void countsReferenceRowsAsTheBaseline() throws MalformedDocumentException {
    MonitoringManifest manifest = manifest(List.of());
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    WindowSketch sketch = new WindowSketch(plan);
    MonitoringPlan.Scratch scratch = plan.scratch();
    float[] view = new float[plan.featureCount()];
    for (int row = 0; row < 200; row++) {
      ByteBuffer item = bytes(pixels(row, .5f));
      plan.view(item, 0, view);
      plan.measure(item, 0, view, scratch);
      sketch.observe(view, .5f, 1, 100);
    }

    for (int feature = 0; feature < plan.featureCount(); feature++) {
      assertThat(sketch.counts().counts(feature))
          .as(manifest.getFeatures(feature).getName())
          .isEqualTo(manifest.getFeatures(feature).getBins().getBaselineList());
    }
  }

  @Test
  void takesDarknessForAValueAndAnotherUnitForNone() throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(manifest(List.of()));
    WindowCounts dark = observed(plan, new float[IMAGE.elements()]);
    float[] inBytes = pixels(1, .5f);
    for (int i = 0; i < inBytes.length; i++) {
      inBytes[i] *= 255;
    }
    float[] broken = pixels(1, .5f);
    broken[100] = Float.NaN;

    int brightness = plan.layout().indexOf("image.brightness");
    int ordinary = plan.layout().ordinary(brightness);
    assertThat(dark.counts(brightness).getFirst()).isEqualTo(1);
    assertThat(observed(plan, inBytes).counts(brightness).get(ordinary + 4)).isEqualTo(1);
    for (int stream = 0; stream < plan.layout().features(); stream++) {
      int nan = plan.layout().ordinary(stream) + 1;
      assertThat(observed(plan, broken).counts(stream).get(nan)).isEqualTo(1);
    }
  }

  /** A reference whose pictures never clip must not hide one that does. */
  @Test
  void tellsAnotherValueFromTheOnlyOneOfTheReference() throws MalformedDocumentException {
    float[][] rows = new float[50][];
    for (int row = 0; row < rows.length; row++) {
      rows[row] = new float[] {.5f, .1f, 1, 1, 0};
    }
    MonitoringPlan plan =
        MonitoringPlan.of(
            MonitoringManifests.ofSignal(
                MonitoringManifests.fromReference(
                    "x",
                    IMAGE.scalars().stream().map(Feature::of).toList(),
                    rows,
                    "y",
                    new float[rows.length],
                    .5),
                IMAGE));
    WindowSketch sketch = new WindowSketch(plan);
    sketch.observe(rows[0], .5f, 1, 100);
    sketch.observe(new float[] {.2f, .2f, 2, .5f, .4f}, .5f, 1, 100);

    List<List<Long>> counts = new ArrayList<>();
    for (int stream = 0; stream < 5; stream++) {
      counts.add(sketch.counts().counts(stream).subList(0, plan.layout().ordinary(stream)));
    }
    assertThat(counts)
        .containsExactly(
            List.of(1L, 1L, 0L),
            List.of(0L, 1L, 1L),
            List.of(0L, 1L, 1L),
            List.of(1L, 1L, 0L),
            List.of(1L, 1L));
  }

  @Test
  void aRuleForTheTensorOrAnElementLeavesNoScalar() throws MalformedDocumentException {
    for (PrivacyRule.Action action :
        List.of(
            PrivacyRule.Action.DROP,
            PrivacyRule.Action.HASH,
            PrivacyRule.Action.ROUND,
            PrivacyRule.Action.BLUR)) {
      MonitoringPlan plan = MonitoringPlan.of(manifest(List.of(rule("input:x", action))));

      assertThat(plan.isMeasured()).as("%s", action).isFalse();
      assertThat(plan.streams()).noneMatch(name -> name.startsWith("image."));
      assertThat(plan.streams()).doesNotContain("$spe", "$t2");
      assertThat(plan.coMomentFeatures()).isEmpty();
      float[] view = new float[plan.featureCount()];
      plan.measure(bytes(pixels(1, .5f)), 0, view, plan.scratch());
      assertThat(view).containsOnly(0);
    }
    MonitoringPlan element =
        MonitoringPlan.of(
            manifest(List.of(rule("corner", PrivacyRule.Action.ROUND)), new Feature("corner", 0)));
    assertThat(element.isMeasured()).isFalse();
    assertThat(element.streams()).startsWith("corner", "$score");
  }

  @Test
  void aRuleForAScalarActsOnItAlone() throws MalformedDocumentException {
    PrivacyRule round = rule("image.brightness", PrivacyRule.Action.ROUND);
    PrivacyRule drop = rule("image.clipped", PrivacyRule.Action.DROP);
    MonitoringManifest manifest = manifest(List.of(round, drop));
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    float[] view = new float[plan.featureCount()];
    plan.measure(bytes(pixels(1, .43f)), 0, view, plan.scratch());

    assertThat(view[0]).isEqualTo(.5f);
    assertThat(plan.streams()).contains("image.contrast").doesNotContain("image.clipped");
    NamedTensor tensor =
        NamedTensor.newBuilder()
            .setName("x")
            .setDatatype("FP32")
            .addAllShape(List.of(1L, 8L, 9L, 3L))
            .setData(ByteString.copyFrom(bytes(pixels(1, .43f))))
            .build();
    assertThat(new PrivacyFilter(manifest, new byte[32]).input(tensor))
        .as("no element is the scalar")
        .isEqualTo(tensor);
  }

  @Test
  void refusesWhatDoesNotFit() throws MalformedDocumentException {
    MonitoringManifest good = manifest(List.of());
    MonitoringManifest.Builder old = good.toBuilder().setFormat(MonitoringPlan.FORMAT);
    MonitoringManifest.Builder without = good.toBuilder().clearSignal();
    MonitoringManifest.Builder twice = good.toBuilder();
    twice.getFeaturesBuilder(1).setScalar(Scalar.IMAGE_BRIGHTNESS.toWire());
    MonitoringManifest.Builder ofSound = good.toBuilder();
    ofSound.getFeaturesBuilder(1).setScalar(Scalar.WAVEFORM_RMS.toWire());
    MonitoringManifest.Builder unknown = good.toBuilder();
    unknown.getFeaturesBuilder(1).setScalarValue(99);
    MonitoringManifest.Builder huge = good.toBuilder();
    huge.getSignalBuilder().getImageBuilder().setHeight(1 << 30);
    MonitoringManifest.Builder black = good.toBuilder();
    black.getSignalBuilder().getImageBuilder().setBlack(0, 1);
    MonitoringManifest.Builder kindless = good.toBuilder();
    kindless.getSignalBuilder().clear();

    for (MonitoringManifest.Builder bad :
        List.of(old, without, twice, ofSound, unknown, huge, black, kindless)) {
      assertThatThrownBy(() -> MonitoringPlan.of(bad.build()))
          .isInstanceOf(MalformedDocumentException.class);
    }
    assertThat(MonitoringPlan.parseToCount(good.toByteArray()).isMeasured()).isTrue();
  }

  @Test
  void readsWhatAPersonSays() throws MalformedDocumentException {
    MonitoringSettings settings =
        MonitoringSettings.of(
            Map.of("signal", Map.of("kind", "image", "black", -1, "white", List.of(1, 1, .5))));

    assertThat(settings.signal().orElseThrow().black()).containsExactly(-1f);
    assertThat(settings.signal().orElseThrow().white()).containsExactly(1f, 1f, .5f);
    assertThatThrownBy(
            () ->
                MonitoringSettings.of(
                    Map.of(
                        "features",
                        List.of(Map.of("name", "image.contrast", "offset", 1)),
                        "signal",
                        Map.of(
                            "kind", "waveform", "layout", "NHWC", "black", "x", "fullScale", 0))))
        .hasMessageContaining("'signal.layout' 'NHWC' is none of waveform: use NTC or NCT")
        .hasMessageContaining("'signal.black' is of an image only")
        .hasMessageContaining("'signal.black' is neither a number nor a list of numbers")
        .hasMessageContaining("'signal.fullScale' must be above 0")
        .hasMessageContaining("'image.contrast' is a scalar of the signal");
  }

  private static WindowCounts observed(MonitoringPlan plan, float[] pixels) {
    float[] view = new float[plan.featureCount()];
    plan.view(bytes(pixels), 0, view);
    plan.measure(bytes(pixels), 0, view, plan.scratch());
    WindowSketch sketch = new WindowSketch(plan);
    sketch.observe(view, .5f, 1, 100);
    return sketch.counts();
  }

  private static PrivacyRule rule(String field, PrivacyRule.Action action) {
    return PrivacyRule.newBuilder()
        .setField(field)
        .setAction(action)
        .setStep(action == PrivacyRule.Action.ROUND ? .25 : 0)
        .setRadius(action == PrivacyRule.Action.BLUR ? 1 : 0)
        .build();
  }

  private static MonitoringManifest manifest(List<PrivacyRule> rules, Feature... elements) {
    List<Feature> features = new ArrayList<>(List.of(elements));
    IMAGE.scalars().forEach(scalar -> features.add(Feature.of(scalar)));
    float[][] rows = new float[200][features.size()];
    List<float[]> scores = new ArrayList<>();
    float[] measured = new float[IMAGE.scalars().size()];
    for (int row = 0; row < rows.length; row++) {
      float[] pixels = pixels(row, .5f);
      IMAGE.meter().measure(bytes(pixels), 0, io.skerry.telemetry.signal.Elements.FLOATS, measured);
      for (int i = 0; i < elements.length; i++) {
        rows[row][i] = pixels[elements[i].offset()];
      }
      System.arraycopy(measured, 0, rows[row], elements.length, measured.length);
      scores.add(new float[] {.5f});
    }
    return MonitoringManifests.ofSignal(
        MonitoringManifests.fromReference(
            "x",
            features,
            rows,
            new Scores("y", scores, false, .5, List.of()),
            new MonitoringSettings(List.of(), rules, Budget.getDefaultInstance())),
        IMAGE);
  }

  private static float[] pixels(int seed, float light) {
    Random random = new Random(seed);
    float[] pixels = new float[IMAGE.elements()];
    float scene = light * (.8f + .4f * random.nextFloat());
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = scene * (.5f + random.nextFloat());
    }
    return pixels;
  }

  private static ByteBuffer bytes(float[] elements) {
    ByteBuffer bytes =
        ByteBuffer.allocate(elements.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(elements);
    return bytes;
  }
}
