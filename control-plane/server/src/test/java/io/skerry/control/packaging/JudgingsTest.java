package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.Judging;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JudgingsTest {
  private static final Judging DETECTOR =
      new Judging("meanAveragePrecision", "detection-postprocess", "a,b,c,d", .02);

  @TempDir private Path folder;

  /** Without labels boxes are held against those that the given model finds. */
  @Test
  void takesBoxesWithAgreementAndByWhatTheDataTells() {
    for (String metric : Arrays.asList("meanAveragePrecision", "agreement", null)) {
      Judging judging = new Judging(metric, "centres", null, null);

      assertThat(Judgings.checked(judging)).isEqualTo(judging);
    }
    assertThat(Judgings.needsLabels(new Judging(null, "centres", null, null))).isFalse();
  }

  @Test
  void keepsWhatWasSaidWithTheData() throws Exception {
    Judgings.keep(DETECTOR, folder);

    assertThat(Judgings.kept(folder)).isEqualTo(DETECTOR);
  }

  @Test
  void keepsNothingWhereTheDataTells() throws Exception {
    Judgings.keep(Judgings.checked(null), folder);

    assertThat(folder).isEmptyDirectory();
    assertThat(Judgings.kept(folder)).isEqualTo(Judging.BY_DATA);
  }

  @Test
  void saysInAJobOnlyWhatWasSaid() {
    Map<String, Object> job = new HashMap<>(Map.of("metric", "rocAuc", "scoreOutput", "score"));

    Judgings.say(new Judging(null, null, null, .01), job);
    assertThat(job)
        .containsOnly(
            Map.entry("metric", "rocAuc"),
            Map.entry("scoreOutput", "score"),
            Map.entry("maxDrop", .01));

    Judgings.say(DETECTOR, job);
    assertThat(job)
        .containsOnly(
            Map.entry("metric", "meanAveragePrecision"),
            Map.entry("boxes", "detection-postprocess"),
            Map.entry("scoreOutput", "a,b,c,d"),
            Map.entry("maxDrop", .02));
  }

  @Test
  void refusesWhatNoPackagingCanFollow() {
    refused(new Judging("mAP", null, null, null), "metric 'mAP' is none of rocAuc, accuracy");
    refused(new Judging("meanAveragePrecision", "yolo", null, null), "boxes 'yolo' is none of");
    refused(new Judging("meanIou", "corners", null, null), "boxes are read by the metrics");
    refused(new Judging("accuracy", "corners", null, null), "meanAveragePrecision and agreement");
    refused(new Judging(null, null, " ", null), "name an output");
    refused(new Judging(null, null, "x".repeat(1_001), null), "scoreOutput has 1001 characters");
    refused(new Judging(null, null, null, -.1), "maxDrop is -0.1: give 0 to 100");
    refused(new Judging(null, null, null, Double.NaN), "maxDrop is NaN");
  }

  @Test
  void saysWhichFileIsDamagedAndWhatToDo() throws Exception {
    Path file = Files.writeString(folder.resolve("judging.json"), "{\"metric\":\"nothing\"}");

    assertThatThrownBy(() -> Judgings.kept(folder))
        .hasMessageContaining("%s is damaged (metric 'nothing' is none of", file)
        .hasMessageEndingWith("say how variants are judged when you create them");
  }

  private static void refused(Judging asked, String why) {
    assertThatThrownBy(() -> Judgings.checked(asked)).hasMessageContaining(why);
  }
}
