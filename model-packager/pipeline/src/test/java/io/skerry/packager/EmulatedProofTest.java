package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.emulate.Emulator;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.ProfileCatalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a packaging makes of outputs by which nobody judges, on a processor that is emulated. */
@Tag("slow")
class EmulatedProofTest {
  private static final int ITEMS = 80;
  private static final int INPUTS = 64;
  private static final int CLASSES = 4;

  @TempDir private Path folder;

  @BeforeEach
  void needsAnEmulatorAndAnotherProcessor() {
    assumeThat(
            Emulator.find(
                ProfileCatalog.builtIn().profile("x86-64-avx2").orElseThrow(), Optional.empty()))
        .as("qemu-user-static")
        .isInstanceOf(Emulator.Search.Found.class);
    assumeThat(ProfileCatalog.builtIn().bestMatch(FactsProbe.detect(), profile -> true))
        .as("a processor that is not of the profile")
        .hasValueSatisfying(best -> assertThat(best.id()).isNotEqualTo("x86-64-avx2"));
  }

  /**
   * Here both heads are right, and there the one that judges as well. Sums of the other saturate,
   * where the profile does not say that weights must leave room.
   */
  @Test
  void refusesASecondOutputThatSaysSomethingElseThere() throws Exception {
    List<JsonObject> variants = packaged(false);

    JsonObject integers = variants.getFirst();
    assertThat(integers.get("precision").getAsString()).isEqualTo("int8");
    assertThat(integers.get("winner").getAsBoolean()).isFalse();
    assertThat(integers.get("reason").getAsString())
        .startsWith("no longer says what the given model says: output 'classes', which does not")
        .contains("of 10 items", " under qemu-x86_64");
    JsonObject proof = integers.getAsJsonObject("proof");
    assertThat(proof.get("accuracy").getAsString()).isEqualTo("emulated");
    assertThat(integers.get("reason").getAsString())
        .startsWith(proof.get("lost").getAsString() + "; ");
    JsonObject floats = variants.getLast();
    assertThat(floats.get("precision").getAsString()).isEqualTo("fp32");
    assertThat(floats.get("winner").getAsBoolean()).isTrue();
    assertThat(floats.getAsJsonObject("proof").get("accuracy").getAsString()).isEqualTo("emulated");
    assertThat(floats.getAsJsonObject("proof").get("lost").isJsonNull()).isTrue();
  }

  @Test
  void shipsASecondOutputThatSaysTheSameThere() throws Exception {
    JsonObject integers = packaged(true).getFirst();

    assertThat(integers.get("precision").getAsString()).isEqualTo("int8");
    assertThat(integers.get("reason").getAsString()).doesNotContain("output 'classes'");
    assertThat(integers.get("winner").getAsBoolean()).isTrue();
    assertThat(integers.getAsJsonObject("proof").get("accuracy").getAsString())
        .isEqualTo("emulated");
  }

  /** Only the first layer's sums are so large that they saturate, and only there. */
  @Test
  void putsTheLayersThatLoseThereBackToFloat() throws Exception {
    List<JsonObject> variants = packaged(quarters(), false);

    JsonObject integers = variants.getFirst();
    assertThat(integers.getAsJsonArray("options").toString()).doesNotContain("float:");
    assertThat(integers.getAsJsonObject("quality").get("difference").getAsDouble()).isZero();
    assertThat(integers.get("winner").getAsBoolean()).isFalse();
    assertThat(integers.get("reason").getAsString())
        .startsWith("loses ")
        .contains(" under qemu-x86_64")
        .endsWith("; there with the worst of its 4 parts in float: 2 enough, 1 enough");
    assertThat(integers.getAsJsonObject("proof").get("lost").getAsString())
        .startsWith("loses ")
        .contains(" under qemu-x86_64");
    JsonObject mixed = variants.get(1);
    assertThat(mixed.get("precision").getAsString()).isEqualTo("int8");
    assertThat(
            StreamSupport.stream(mixed.getAsJsonArray("options").spliterator(), false)
                .map(JsonElement::getAsString)
                .filter(option -> option.startsWith("float:")))
        .singleElement()
        .asString()
        .doesNotContain("+");
    assertThat(mixed.get("winner").getAsBoolean()).isTrue();
    assertThat(mixed.getAsJsonObject("proof").get("accuracy").getAsString()).isEqualTo("emulated");
    assertThat(variants).hasSize(3);
    assertThat(folder.resolve("candidates/own/onnxruntime-int8-mixed.onnx")).exists();
  }

  /** Whoever loses patience with the search must not lose what was seen. */
  @Test
  void tellsOfALossBeforeItLooksForWhatHelps() throws Exception {
    Map<String, Object> yaml = new LinkedHashMap<>();
    yaml.put("model", "quarters");
    yaml.put("version", 1);
    yaml.put("releaseCounter", 1);
    yaml.put("profiles", List.of("own"));
    yaml.put("unsigned", List.of("own"));
    yaml.put("emulatedItems", 10);
    JobFolder job = JobFolder.create(folder.resolve("job"), yaml);
    files(quarters(), false);
    Files.createDirectories(job.input("model"));
    Files.createDirectories(job.input("profiles"));
    Files.copy(folder.resolve("profiles/own.yaml"), job.input("profiles/own.yaml"));
    Files.copy(folder.resolve("heads.onnx"), job.input("model/model.onnx"));
    Files.copy(folder.resolve("calibration.npy"), job.input("calibration.npy"));
    Files.copy(folder.resolve("evaluation.npy"), job.input("evaluation_x.npy"));
    Files.copy(folder.resolve("labels.npy"), job.input("evaluation_y.npy"));
    Path output = Files.createDirectories(folder.resolve("output"));
    Packaging.Progress impatient =
        new Packaging.Progress() {
          @Override
          public void step(String step, int done, int total, String message) {}

          @Override
          public void seen(PackagingReport sofar) throws IOException {
            Files.writeString(output.resolve("seen.json"), sofar.json());
            throw new IOException("stopped");
          }
        };

    assertThatThrownBy(() -> Packaging.run(Main.request(job, output), output, impatient))
        .hasMessage("stopped");

    List<JsonObject> seen = variants(output.resolve("seen.json"));
    assertThat(seen).hasSize(2);
    assertThat(seen.getFirst().getAsJsonObject("proof").get("lost").getAsString())
        .startsWith("loses ");
    assertThat(seen.getFirst().get("reason").getAsString()).doesNotContain("in float: ");
  }

  /** Variants of a model with two heads for a profile that may bound pairs of weights. */
  private List<JsonObject> packaged(boolean bounded) throws Exception {
    return packaged(heads(), bounded);
  }

  private void files(Graph graph, boolean bounded) throws Exception {
    Path profiles = Files.createDirectories(folder.resolve("profiles"));
    Files.writeString(
        profiles.resolve("own.yaml"),
        ProfileCatalog.builtIn()
            .yaml("x86-64-avx2")
            .orElseThrow()
            .replaceFirst("(?m)^id: .*$", "id: own")
            .replaceFirst("reduced-weight-range: true", "reduced-weight-range: " + bounded)
            .replaceFirst(
                "(?m)^candidates: .*$", "candidates: [onnxruntime/int8, onnxruntime/fp32]"));
    Path model = folder.resolve("heads.onnx");
    Files.write(model, OnnxExport.write(graph));
    items(1).write(folder.resolve("calibration.npy"));
    NpyArray evaluation = items(2);
    evaluation.write(folder.resolve("evaluation.npy"));
    float[] labels = new float[ITEMS];
    for (int item = 0; item < ITEMS; item++) {
      boolean isHigh = evaluation.floats()[item * INPUTS] > 0.5f;
      labels[item] = graph.outputs().size() > 1 ? (isHigh ? 1 : 0) : item % CLASSES;
    }
    NpyArray.ofFloats(labels, ITEMS).write(folder.resolve("labels.npy"));
  }

  private List<JsonObject> packaged(Graph graph, boolean bounded) throws Exception {
    files(graph, bounded);
    Path json = folder.resolve("report.json");

    int exit =
        PackCommand.run(
            "--model=" + folder.resolve("heads.onnx"),
            "--calibration=" + folder.resolve("calibration.npy"),
            "--evaluation=" + folder.resolve("evaluation.npy"),
            "--labels=" + folder.resolve("labels.npy"),
            "--output=score",
            "--profiles=" + folder.resolve("profiles"),
            "--profile=own",
            "--emulated-items=10",
            "--candidates=" + folder.resolve("candidates"),
            "--json=" + json,
            "--out=" + folder.resolve("out"));

    assertThat(exit).isZero();
    return variants(json);
  }

  private static List<JsonObject> variants(Path json) throws Exception {
    return StreamSupport.stream(
            JsonParser.parseString(Files.readString(json))
                .getAsJsonObject()
                .getAsJsonArray("variants")
                .spliterator(),
            false)
        .map(JsonElement::getAsJsonObject)
        .toList();
  }

  /** The first input as it is, and which quarter of the inputs is the largest. */
  private static Graph heads() {
    float[] first = new float[INPUTS];
    first[0] = 1;
    return Nets.beside(Nets.dense("score", first, INPUTS), Nets.dense("classes", sums(), INPUTS));
  }

  /** Which quarter of the inputs is the largest, passed on through layers that change nothing. */
  private static Graph quarters() {
    float[] same = new float[CLASSES * CLASSES];
    for (int i = 0; i < CLASSES; i++) {
      same[i * CLASSES + i] = 1;
    }
    return Nets.denseChain("score", INPUTS, List.of(sums(), same, same.clone(), same.clone()));
  }

  private static float[] sums() {
    float[] quarters = new float[CLASSES * INPUTS];
    int each = INPUTS / CLASSES;
    for (int quarter = 0; quarter < CLASSES; quarter++) {
      int from = quarter * INPUTS + quarter * each;
      Arrays.fill(quarters, from, from + each, 1);
    }
    return quarters;
  }

  /** Large numbers, of which those of one quarter are the largest. */
  private static NpyArray items(long seed) {
    Random random = new Random(seed);
    float[] values = new float[ITEMS * INPUTS];
    for (int i = 0; i < values.length; i++) {
      int item = i / INPUTS;
      boolean largest = i % INPUTS / (INPUTS / CLASSES) == item % CLASSES;
      float each = (largest ? 0.9f : 0.6f) + random.nextFloat() / 10;
      values[i] = i % INPUTS == 0 ? random.nextFloat() : each;
    }
    return NpyArray.ofFloats(values, ITEMS, INPUTS);
  }
}
