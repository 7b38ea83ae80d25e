package io.skerry.packager.sign;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Outputs;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.MonitoringSettings;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.List;
import org.junit.jupiter.api.Test;

class BaselineTest {
  @Test
  void watchesPredictedClassAndConfidenceOfAModelWithClasses() throws MalformedDocumentException {
    Outputs said = Outputs.of(3, .1f, .7f, .2f, .8f, .1f, .1f, .3f, .3f, .4f);

    MonitoringManifest manifest = manifest(Baseline.Output.classes("y", .5, said), said);

    assertThat(MonitoringPlan.of(manifest).streams())
        .containsExactly("a", "$confidence", "$class", "$latency", "$errors");
    assertThat(manifest.getScore().getLogits()).isFalse();
    assertThat(manifest.getScore().getClassBaselineList()).containsExactly(1L, 1L, 1L);
    assertThat(manifest.getScore().getBaseline((int) (.7f * 64))).isEqualTo(1);
  }

  @Test
  void takesClassesThatDoNotAddUpToOneAsLogits() {
    Outputs said = Outputs.of(2, -3, 4, 2, -1, 0, 9);

    MonitoringManifest manifest = manifest(Baseline.Output.classes("y", .5, said), said);

    assertThat(manifest.getScore().getLogits()).isTrue();
    assertThat(manifest.getScore().getClassBaselineList()).containsExactly(1L, 2L);
  }

  @Test
  void watchesAScoreWhereThereAreNoClassesOrTooMany() {
    Outputs one = Outputs.of(1, .1f, 7, .2f);
    Outputs many = Outputs.of(1025, new float[1025]);

    assertThat(Baseline.Output.classes("y", .5, one)).isEqualTo(Baseline.Output.score("y", .5));
    assertThat(Baseline.Output.classes("y", .5, many)).isEqualTo(Baseline.Output.score("y", .5));
    MonitoringManifest manifest = manifest(Baseline.Output.score("y", .5), one);
    assertThat(manifest.getScore().getClasses()).isLessThan(2);
    assertThat(manifest.getScore().getBaseline(63)).isEqualTo(1);
  }

  private static MonitoringManifest manifest(Baseline.Output output, Outputs said) {
    Samples reference = Samples.of("items", NpyArray.ofFloats(new float[] {1, 2, 3}, 3, 1), 1);
    return new Baseline(
            "x", List.of(new Feature("a", 0)), reference, output, MonitoringSettings.NONE)
        .manifest(said);
  }
}
