package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import io.skerry.packager.measure.Choice;
import io.skerry.packager.measure.Interval;
import io.skerry.packager.measure.Measured;
import io.skerry.packager.measure.Metric;
import io.skerry.packager.measure.Proof;
import io.skerry.packager.measure.Quality;
import io.skerry.packager.measure.Timing;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import java.io.StringReader;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class PackagingReportTest {
  private static final double NONE = Double.NaN;

  private final PackagingReport report =
      new PackagingReport(
          Metric.ACCURACY,
          0.9,
          100,
          200,
          0,
          List.of(variant(Precision.FP32, 0.9), variant(Precision.INT8, NONE)),
          Map.of(),
          Optional.empty());

  /** JSON has no word for what is no number: parsers that keep to it refuse the whole report. */
  @Test
  void tellsNothingWhereACandidateAnswersNoNumbers() throws Exception {
    JsonReader reader = new JsonReader(new StringReader(report.json()));
    reader.setStrictness(Strictness.STRICT);

    JsonObject broken =
        JsonParser.parseReader(reader)
            .getAsJsonObject()
            .getAsJsonArray("variants")
            .get(1)
            .getAsJsonObject();

    assertThat(report.json()).doesNotContain("NaN", "Infinity");
    assertThat(broken.get("accuracy").isJsonNull()).isTrue();
    assertThat(broken.getAsJsonObject("quality").get("value").isJsonNull()).isTrue();
  }

  @Test
  void drawsNoPointOfSuch() {
    assertThat(ParetoPlot.svg(report)).contains("fp32").doesNotContain("NaN", "int8");
  }

  /** A row whose accuracy is proved here may be timed by a device, or by nobody. */
  @Test
  void tellsPeopleWhoTimedWhatItTakesAndWhoIsOnTheFront() {
    Timing device = new Timing(50, 80, 12.34, 7_600_000, Timing.Source.DEVICE);
    Timing slower = new Timing(90, 120, 10, 0, Timing.Source.DEVICE);
    PackagingReport timed =
        new PackagingReport(
            Metric.ACCURACY,
            0.9,
            100,
            200,
            0,
            List.of(
                variant(Precision.FP32, 0.9, Optional.of(slower), OptionalLong.of(9_900_000)),
                variant(Precision.INT8, 0.9, Optional.of(device), OptionalLong.empty()),
                variant(Precision.FP16, 0.9, Optional.empty(), OptionalLong.empty())),
            Map.of(),
            Optional.empty());

    List<String> lines = timed.table().lines().toList();

    assertThat(lines.get(1))
        .containsSubsequence(
            "ACCURACY", "INTERVAL", "P50 US", "LOAD MS", "PEAK MB", "TIMED", "FRONT", "PROOF");
    assertThat(lines.get(2))
        .containsSubsequence("0.9000", "0.8900..0.9100", "10.0", "~9.9", "device", "-", "here");
    assertThat(lines.get(3)).containsSubsequence("50.0", "12.3", "7.6", "device", "yes", "here");
    assertThat(lines.get(4)).containsSubsequence("-", "none", "-", "here").doesNotContain("yes");
  }

  /** An engine's own words: XNNPACK takes operators over, and fuses nothing. */
  @Test
  void tellsWhatAnEngineDoesNotComputeAsMeant() {
    List<Variant> variants =
        List.of(
            left(variant(Precision.INT8, 0.9), Engine.ONNXRUNTIME, "tanh_1 (Tanh)"),
            left(variant(Precision.INT8, 0.9), Engine.TFLITE, "up (RESIZE_NEAREST_NEIGHBOR)"));
    List<String> lines =
        new PackagingReport(Metric.ACCURACY, 0.9, 100, 200, 0, variants, Map.of(), Optional.empty())
            .table()
            .lines()
            .toList();

    assertThat(lines.get(2)).endsWith("; stays unfused: tanh_1 (Tanh)");
    assertThat(lines.get(3)).endsWith("; outside XNNPACK: up (RESIZE_NEAREST_NEIGHBOR)");
  }

  private static Variant left(Variant variant, Engine engine, String operator) {
    Measured measured = variant.verdict().measured();
    Measured left =
        new Measured(
            new Candidate(engine, measured.candidate().precision()),
            measured.options(),
            measured.bytes(),
            measured.digest(),
            measured.quality(),
            measured.timing(),
            measured.estimatedMemoryBytes(),
            measured.proof(),
            Optional.of(List.of(operator)),
            measured.failure());
    return new Variant(
        variant.profile(), new Choice.Verdict(left, false, "slower"), Optional.empty());
  }

  private static Variant variant(Precision precision, double value) {
    return variant(precision, value, Optional.empty(), OptionalLong.empty());
  }

  private static Variant variant(
      Precision precision, double value, Optional<Timing> timing, OptionalLong estimated) {
    Quality quality =
        new Quality(
            Metric.ACCURACY,
            value,
            new Interval(value - .01, value + .01),
            value - 0.9,
            new Interval(value - .91, value - .89),
            value,
            value,
            OptionalInt.of(0),
            value,
            200);
    Measured measured =
        new Measured(
            new Candidate(Engine.ONNXRUNTIME, precision),
            List.of(),
            1000,
            Optional.empty(),
            Optional.of(quality),
            timing,
            estimated,
            new Proof.Here(),
            Optional.empty(),
            Optional.empty());
    return new Variant(
        "arm64-neon", new Choice.Verdict(measured, false, "slower"), Optional.empty());
  }
}
