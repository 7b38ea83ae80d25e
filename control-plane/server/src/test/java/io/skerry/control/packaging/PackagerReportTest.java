package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParseException;
import io.skerry.api.Interval;
import io.skerry.api.Variant;
import io.skerry.api.VariantQuality;
import io.skerry.api.VariantState;
import io.skerry.api.VariantTiming;
import io.skerry.artifact.job.JobError;
import io.skerry.control.TestControlPlane;
import io.skerry.control.audit.Actor;
import io.skerry.control.registry.Registry;
import io.skerry.control.sql.Database;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackagerReportTest {
  /** As the packager writes it: two candidates of one kind, one of which answers no numbers. */
  private static final String REPORT =
      """
      {"metric": "accuracy", "float": 0.9, "items": 400, "variants": [
        {"profile": "x86-64-vnni", "engine": "onnxruntime", "precision": "int8",
         "options": ["2 layers in float"], "bytes": 100, "accuracy": 0.895,
         "quality": {"value": 0.895, "interval": [0.86, 0.92], "difference": -0.005,
           "differenceInterval": [-0.01, 0.0], "pValue": 0.5, "flips": 3, "signalToNoise": 31.5,
           "items": 400},
         "p50Micros": 20.5, "p99Micros": 41, "loadMillis": 3.5, "peakMemoryBytes": 0,
         "measured": "here", "proof": {"accuracy": "none", "reason": "not run there"},
         "unfused": [], "winner": true, "reason": "fastest that keeps the metric"},
        {"profile": "x86-64-vnni", "engine": "onnxruntime", "precision": "int8", "options": [],
         "bytes": 90, "accuracy": null,
         "quality": {"value": null, "interval": [null, null], "difference": null,
           "differenceInterval": [null, null], "pValue": null, "flips": 400, "signalToNoise": null,
           "items": 400},
         "p50Micros": null, "p99Micros": null, "loadMillis": null, "peakMemoryBytes": null,
         "measured": "none", "proof": {"accuracy": "here"}, "unfused": [], "winner": false,
         "reason": "loses NaN of the metric, 0.0050 is allowed"}]}
      """;

  @TempDir private Path folder;

  private static List<Variant> kept() {
    PackagerReport report = PackagerReport.parse(REPORT);
    return report.variants().stream()
        .map(
            told ->
                report.kept(
                    told,
                    told.winner() ? VariantState.AWAITING_SIGNATURE : VariantState.NOT_CHOSEN,
                    null,
                    null))
        .toList();
  }

  @Test
  void keepsAllThatWasMeasured() {
    Variant winner = kept().getFirst();

    assertThat(winner.quality())
        .isEqualTo(
            new VariantQuality(
                "accuracy",
                new Interval(.895, .86, .92),
                new Interval(-.005, -.01, 0),
                400,
                3,
                31.5));
    assertThat(winner.timing()).isEqualTo(new VariantTiming(20.5, 41.0, 3.5, null));
    assertThat(winner.options()).containsExactly("2 layers in float");
    assertThat(winner.reason())
        .isEqualTo("fastest that keeps the metric; accuracy unproved: not run there");
  }

  @Test
  void keepsNoFiguresOfWhatAnswersNoNumbers() {
    assertThat(kept().getLast().quality()).isNull();
    assertThat(kept().getLast().reason()).isEqualTo("loses NaN of the metric, 0.0050 is allowed");
  }

  @Test
  void readsWhatPackagersBeforeWroteOfNoNumbers() {
    String before =
        REPORT
            .replace("\"value\": null", "\"value\": NaN")
            .replace("[null, null]", "[NaN, NaN]")
            .replace("\"difference\": null", "\"difference\": NaN");
    PackagerReport report = PackagerReport.parse(before);

    assertThat(before).isNotEqualTo(REPORT);
    assertThat(
            report.kept(report.variants().getLast(), VariantState.NOT_CHOSEN, null, null).quality())
        .isNull();
  }

  @Test
  void keepsFiguresOfWhatSaysNoClasses() {
    PackagerReport report = PackagerReport.parse(REPORT.replace("\"flips\": 3", "\"flips\": null"));

    Variant winner =
        report.kept(report.variants().getFirst(), VariantState.AWAITING_SIGNATURE, null, null);

    assertThat(winner.quality()).extracting(VariantQuality::flips).isNull();
    assertThat(winner.quality()).extracting(VariantQuality::items).isEqualTo(400);
  }

  @Test
  void tellsWhichProfilesGotNoArtifact() {
    String refused =
        REPORT.replace(
            "\"items\": 400, \"variants\"",
            """
        "items": 400, "refused": [{"profile": "cuda", "reason": "profile 'cuda': too large"},
          {"profile": "arm64-neon", "reason": "no variant for profile 'arm64-neon'"}], "variants\"""");

    assertThat(PackagerReport.parse(refused).refusal())
        .isEqualTo(
            new JobError(
                "PACKAGING_FAILED",
                "profile 'cuda': too large; no variant for profile 'arm64-neon'"));
    // As versions before wrote it, and as it is when all profiles got one.
    assertThat(PackagerReport.parse(REPORT).refusal()).isNull();
    assertThat(
            PackagerReport.parse(REPORT.replace("{\"metric", "{\"refused\":[],\"metric")).refusal())
        .isNull();
  }

  @Test
  void refusesWhatIsNoReport() {
    for (String json : List.of("{}", "", "{\"metric\":\"accuracy\"}")) {
      assertThatThrownBy(() -> PackagerReport.parse(json)).isInstanceOf(JsonParseException.class);
    }
  }

  @Test
  @Tag("slow")
  void storesTwoCandidatesOfOneKindAndTellsAllOfBoth() throws Exception {
    TestControlPlane plane = TestControlPlane.shared();
    Path file = Files.write(folder.resolve("model.onnx"), new byte[] {8, 8, 0, 0, 0, 0, 0, 0});
    Registry registry = plane.bean(Registry.class);
    ModelVersion version =
        registry.add(
            Actor.system("test"),
            new ModelName("measured"),
            "onnx",
            file,
            new TreeMap<>(),
            "imports/measured");

    plane
        .bean(Database.class)
        .run(transaction -> registry.putVariants(transaction, version, kept()));

    assertThat(registry.version(version).variants()).containsExactlyElementsOf(kept());
    assertThat(plane.get("/v1/models/measured/versions/1").body())
        .contains(
            "\"quality\":{\"metric\":\"accuracy\",\"value\":{\"value\":0.895,\"low\":0.86,",
            "\"flips\":3",
            "\"p99Micros\":41.0");
  }
}
