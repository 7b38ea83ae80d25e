package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.Attention;
import io.skerry.api.DataFlow;
import io.skerry.api.Overview;
import io.skerry.api.Packaging;
import io.skerry.api.Progress;
import io.skerry.api.RefusedSamples;
import io.skerry.api.WorkError;
import io.skerry.api.WorkState;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PagesTest {
  private static final String HOSTILE = "<script>alert(1)</script>\" onload='x'";

  private final Templates templates = new StaticTemplates();

  @Test
  void showsTheWholeLoopAsServed() throws IOException {
    String page = templates.overview(Overviews.busy("site=b"), "ana").render();

    assertThat(page)
        .contains("s11 moved on site=b", "Stage 1", "engine-health@2", "x86-64-vnni", "ROC AUC")
        .contains("✕ act", "awaits signature", "1 await a signature")
        .doesNotContain("null");
    // For whoever wants to look at it.
    Path shown = Files.createDirectories(Path.of("target/pages"));
    Files.writeString(shown.resolve("overview.html"), page);
    Files.writeString(
        shown.resolve("empty.html"), templates.overview(Overviews.empty(), "ana").render());
    Files.writeString(shown.resolve("login.html"), templates.login("").render());
  }

  @Test
  void showsOfEachCandidateWhatWasMeasuredAndWhy() throws IOException {
    String page = templates.variantpage(Overviews.classes("accuracy"), null, "ana").render();

    assertThat(page)
        .contains("accuracy 0.8950", "0.8794 – 0.9073", "−0.0025", "−0.0074 to +0.0024")
        .contains(">400<", ">3<", "34.3 dB", "61 µs", "118 µs", ">here<", ">none<", "3.1 ms")
        .contains("✓ ships", "fastest that keeps the metric", "1.56 times the winner's time")
        .contains("TFLite has no kernel for node", "2 layers in float", "keywords.onnx.data")
        .doesNotContain("No labels were given", "null");
    assertThat(templates.variantpage(Overviews.classes("agreement"), null, "ana").render())
        .contains("No labels were given: a variant is judged by the share of items on which it");
    assertThat(templates.variantpage(Overviews.classes("rmse"), null, "ana").render())
        .contains("RMSE")
        .containsPattern(">–</td>\\s*<td class=\"number nowrap\">34.3 dB")
        .doesNotContain("null");
    assertThat(templates.overview(Overviews.busy("site=b"), "ana").render())
        .contains("href=\"/models/engine-health/versions/2\"", "ROC AUC 0.980");
    Path shown = Files.createDirectories(Path.of("target/pages"));
    Files.writeString(shown.resolve("variants.html"), page);
  }

  @Test
  void tellsHowFarAPackagingIsAndHowToStopOrRepeatIt() throws IOException {
    Packaging running =
        packaging(WorkState.RUNNING, new Progress("package", 1, 3, "arm64-neon"), null);
    Packaging failed =
        packaging(WorkState.FAILED, null, new WorkError("PACKAGING_FAILED", HOSTILE));

    String page = variants(running);
    assertThat(page)
        .contains("packaging runs", "package arm64-neon", "max=\"3\" value=\"1\"")
        .contains("action=\"/models/keywords/versions/3/cancel\"", "every 2s");
    assertThat(variants(failed))
        .contains("✕ the last packaging failed", "&lt;script", "skerry create variants keywords@3")
        .doesNotContain("<script>alert", "/cancel\"", "every 2s");
    assertThat(variants(packaging(WorkState.CANCELLED, null, null)))
        .contains("was cancelled", "skerry create variants keywords@3")
        .doesNotContain("/cancel\"");
    Path shown = Files.createDirectories(Path.of("target/pages"));
    Files.writeString(shown.resolve("packaging.html"), page);
  }

  private String variants(Packaging packaging) {
    return templates.variantpage(Overviews.classes("accuracy"), packaging, "ana").render();
  }

  private static Packaging packaging(
      WorkState state, @Nullable Progress progress, @Nullable WorkError error) {
    return new Packaging("keywords", 3, state, List.of("arm64-neon"), progress, List.of(), error);
  }

  @Test
  void showsWhichSamplesDevicesDidNotKeep() {
    DataFlow flow = new DataFlow("cam-1", 1, 3, 3, 1, 0, 0, 0, 0, 0, 0, 7, null, 1.0, 0, 0.0, null);

    String page =
        templates
            .dataflowpage(
                List.of(),
                List.of(flow),
                List.of(new RefusedSamples("", "engine", 2, "base", 1, 6)),
                List.of(),
                Instant.EPOCH,
                "ana")
            .render();

    assertThat(page)
        .contains("Samples refused", "warn\">7<", "engine@2", "warn\">6<", "(1 silent)")
        .contains("/v1/models/engine/samples-refused.csv");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "incidentpage",
        "driftpage",
        "streampage",
        "accuracypage",
        "budgetpage",
        "dataflowpage",
        "labellingpage"
      })
  void offersEveryTableAboutDriftAsAFile(String name) throws IOException {
    String page = Files.readString(Path.of("src/main/jte/" + name + ".jte"));

    assertThat(page.split("<section ", -1))
        .filteredOn(section -> section.contains("<table") || section.contains("@template.flows"))
        .allSatisfy(section -> assertThat(section).containsPattern("href=\"/v1/[^\"]*\\.csv"));
  }

  @Test
  void escapesWhatDevicesAndUsersNamed() {
    String page = templates.overview(Overviews.busy(HOSTILE), HOSTILE).render();

    assertThat(page).doesNotContain("<script>alert").contains("&lt;script>alert(1)&lt;/script>");
    assertThat(page).doesNotContain("\" onload='x'\"");
  }

  @Test
  void escapesTheProblemOfASignIn() {
    assertThat(templates.login(HOSTILE).render())
        .doesNotContain("<script>alert")
        .contains("role=\"alert\"");
  }

  @Test
  void saysWhatToDoWhenThereIsNothingYet() {
    String page = templates.overview(Overviews.empty(), "ana").render();

    assertThat(page)
        .contains("skerry create token", "skerry import dataset", "No rollout yet", "No model yet")
        .contains("✓ nothing");
  }

  @Test
  void linksWhatNeedsAttentionToItsPart() {
    Overview overview = Overviews.busy("site=b");

    String page = templates.overview(overview, "ana").render();

    for (Attention one : overview.attention()) {
      assertThat(page)
          .contains("href=\"#" + one.part() + "\"")
          .contains("id=\"" + one.part() + "\"");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ink", "muted", "accent", "good", "warn", "bad"})
  void textIsReadableOnEverySurfaceInBothThemes(String token) throws IOException {
    String css = resource("/console/console.css");
    for (int theme = 1; theme <= 2; theme++) {
      for (String surface : List.of("page", "card")) {
        assertThat(contrast(color(css, token, theme), color(css, surface, theme)))
            .as("--%s on --%s, theme %d", token, surface, theme)
            .isGreaterThanOrEqualTo(4.5);
      }
    }
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = PagesTest.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IOException(name + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static int color(String css, String token, int theme) {
    Matcher matcher =
        Pattern.compile("--" + token + ": light-dark\\(#([0-9a-f]{6}), #([0-9a-f]{6})\\)")
            .matcher(css);
    assertThat(matcher.find()).as("token --%s", token).isTrue();
    return Integer.parseInt(matcher.group(theme), 16);
  }

  // WCAG 2.2, relative luminance and contrast ratio.
  private static double contrast(int a, int b) {
    double light = Math.max(luminance(a), luminance(b));
    double dark = Math.min(luminance(a), luminance(b));
    return (light + 0.05) / (dark + 0.05);
  }

  private static double luminance(int rgb) {
    return 0.2126 * linear(rgb >> 16) + 0.7152 * linear(rgb >> 8) + 0.0722 * linear(rgb);
  }

  private static double linear(int channel) {
    double value = (channel & 0xFF) / 255.0;
    return value <= 0.04045 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4);
  }
}
