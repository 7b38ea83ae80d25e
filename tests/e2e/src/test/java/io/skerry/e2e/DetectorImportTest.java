package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.Packaging;
import io.skerry.api.Variant;
import io.skerry.api.VariantQuality;
import io.skerry.api.WorkState;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.e2e.scene.Await;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A detector on its way from a file to variants of a real control plane: what its boxes are worth
 * is told by labels where there are some, and by the given model's boxes where there are none.
 */
@Tag("slow")
class DetectorImportTest {
  private static final Duration PACKAGED_WITHIN = Duration.ofMinutes(5);
  private static final List<String> PROFILES = List.of("arm64-neon", "x86-64-avx2");
  private static final int INPUTS = 12;
  private static final int HIDDEN = 16;
  private static final int BOXES = 8;
  private static final int CLASSES = 2;
  private static final int NUMBERS = 4 + CLASSES;
  private static final int LABEL = 5;
  private static final int ITEMS = 80;
  private static final float SURE = 0.5f;

  private final Random random = new Random(11);
  private final float[] inner = normal(HIDDEN * INPUTS, 0.3);
  private final float[] outer = outer();
  private final float[] bias = bias();

  @TempDir private Path folder;

  @Test
  void becomesVariantsThatAreJudgedByBoxes() throws Exception {
    try (RunningServer server = RunningServer.start(folder, List.of())) {
      Path model = Files.write(folder.resolve("detector.onnx"), OnnxExport.write(graph()));
      Path data = Files.createDirectory(folder.resolve("data-of-detector"));
      float[] items = normal(ITEMS * INPUTS, 1);
      NpyArray.ofFloats(normal(ITEMS * INPUTS, 1), ITEMS, INPUTS)
          .write(data.resolve("calibration.npy"));
      NpyArray.ofFloats(items, ITEMS, INPUTS).write(data.resolve("evaluation_x.npy"));
      NpyArray.ofFloats(labels(items), ITEMS, BOXES * LABEL)
          .write(data.resolve("evaluation_y.npy"));

      Packaging labelled =
          packaged(server, "labelled", model, data, "--metric", "meanAveragePrecision");
      Files.delete(data.resolve("evaluation_y.npy"));
      Packaging unlabelled = packaged(server, "unlabelled", model, data);

      for (Variant winner : winners(labelled)) {
        VariantQuality quality = Objects.requireNonNull(winner.quality());
        assertThat(quality.metric()).isEqualTo("meanAveragePrecision");
        // The labels are what the model itself is sure of.
        assertThat(quality.value().value()).isBetween(0.9, 1.0);
        assertThat(quality.difference().value())
            .isCloseTo(quality.value().value() - 1, within(1e-9));
        assertThat(quality.items()).isEqualTo(ITEMS);
        assertThat(quality.flips()).isNull();
      }
      for (Variant winner : winners(unlabelled)) {
        VariantQuality quality = Objects.requireNonNull(winner.quality());
        assertThat(quality.metric()).isEqualTo("agreement");
        assertThat(quality.value().value()).isBetween(0.9, 1.0);
        assertThat(winner.reason())
            .containsPattern("agrees with the given model on 9[0-9.]+ % of boxes|on 100.00 %");
      }
      assertThat(cli("get", "variants", "labelled@1").output())
          .contains("meanAveragePrecision")
          .doesNotContain("agreement");
    }
  }

  private Packaging packaged(
      RunningServer server, String name, Path model, Path data, String... more) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of("import", "model", model.toString(), "--name", name, "--boxes", "centres"));
    arguments.addAll(List.of("--calibration", data.toString(), "--max-drop", "0.1"));
    PROFILES.forEach(profile -> arguments.addAll(List.of("--profile", profile)));
    arguments.addAll(List.of(more));
    Program.Ended sent = cli(arguments.toArray(String[]::new));
    assertThat(sent.exitCode()).as(sent.errors()).isZero();
    String path = "/v1/models/%s/versions/1/variants".formatted(name);
    Await.until(
        PACKAGED_WITHIN,
        "the packaging's end",
        () -> server.client().get(path, Packaging.class).state().isTerminal(),
        () -> server.client().get(path, Packaging.class).toString());
    Packaging packaging = server.client().get(path, Packaging.class);
    assertThat(packaging.state()).as("%s", packaging).isEqualTo(WorkState.SUCCEEDED);
    return packaging;
  }

  /** One of each profile, with an artifact that devices can get. */
  private static List<Variant> winners(Packaging packaging) {
    List<Variant> winners = packaging.variants().stream().filter(Variant::winner).toList();
    assertThat(winners).extracting(Variant::profile).containsExactlyInAnyOrderElementsOf(PROFILES);
    assertThat(winners).allSatisfy(winner -> assertThat(winner.manifest()).isNotNull());
    assertThat(packaging.variants())
        .extracting(Variant::precision)
        .as("integers were tried too")
        .contains("int8", "fp32");
    return winners;
  }

  private Program.Ended cli(String... arguments) throws IOException {
    Path data = folder.resolve("data");
    JsonObject address =
        JsonParser.parseString(Files.readString(data.resolve("server.json"))).getAsJsonObject();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(
        List.of(
            "--server",
            address.get("url").getAsString(),
            "--token",
            Files.readString(data.resolve("keys/admin.token")).strip()));
    return Program.CLI.run(all.toArray(String[]::new));
  }

  /** A centre, a size and a score of each class for each of the boxes. */
  private Graph graph() {
    return new Graph(
        "detector",
        "x",
        List.of("found"),
        List.of(
            new Node("stem", new Op.Dense(), List.of("x", "w1", "b1"), "h", Activation.RELU),
            new Node("head", new Op.Dense(), List.of("h", "w2", "b2"), "flat", Activation.NONE),
            new Node(
                "boxes",
                new Op.Reshape(Shape.of(Shape.BATCH, BOXES, NUMBERS)),
                List.of("flat"),
                "found",
                Activation.NONE)),
        Map.of(
            "w1", Constant.of(Shape.of(HIDDEN, INPUTS), inner),
            "b1", Constant.of(Shape.of(HIDDEN), new float[HIDDEN]),
            "w2", Constant.of(Shape.of(BOXES * NUMBERS, HIDDEN), outer),
            "b2", Constant.of(Shape.of(BOXES * NUMBERS), bias)),
        Map.of(
            "x", Shape.of(Shape.BATCH, INPUTS),
            "h", Shape.of(Shape.BATCH, HIDDEN),
            "flat", Shape.of(Shape.BATCH, BOXES * NUMBERS),
            "found", Shape.of(Shape.BATCH, BOXES, NUMBERS)));
  }

  /** The boxes of which the model is sure: left, top, right, bottom, class. */
  private float[] labels(float[] items) {
    float[] labels = new float[ITEMS * BOXES * LABEL];
    for (int item = 0; item < ITEMS; item++) {
      float[] said = said(items, item);
      for (int box = 0; box < BOXES; box++) {
        int of = box * NUMBERS;
        int to = (item * BOXES + box) * LABEL;
        labels[to] = said[of] - said[of + 2] / 2;
        labels[to + 1] = said[of + 1] - said[of + 3] / 2;
        labels[to + 2] = said[of] + said[of + 2] / 2;
        labels[to + 3] = said[of + 1] + said[of + 3] / 2;
        int best = said[of + 5] > said[of + 4] ? 1 : 0;
        labels[to + 4] = said[of + 4 + best] >= SURE ? best : -1;
      }
    }
    return labels;
  }

  private float[] said(float[] items, int item) {
    float[] hidden = new float[HIDDEN];
    for (int h = 0; h < HIDDEN; h++) {
      for (int i = 0; i < INPUTS; i++) {
        hidden[h] += inner[h * INPUTS + i] * items[item * INPUTS + i];
      }
      hidden[h] = Math.max(0, hidden[h]);
    }
    float[] said = bias.clone();
    for (int o = 0; o < said.length; o++) {
      for (int h = 0; h < HIDDEN; h++) {
        said[o] += outer[o * HIDDEN + h] * hidden[h];
      }
    }
    return said;
  }

  /** Scores vary more than places do. */
  private float[] outer() {
    float[] weights = normal(BOXES * NUMBERS * HIDDEN, 0.2);
    for (int i = 0; i < weights.length; i++) {
      weights[i] *= i / HIDDEN % NUMBERS < 4 ? 0.1f : 0.5f;
    }
    return weights;
  }

  private static float[] bias() {
    float[] bias = new float[BOXES * NUMBERS];
    for (int box = 0; box < BOXES; box++) {
      float[] of = {1 + 2 * (box % 4), 1 + 2 * (box / 4), 1.5f, 1.5f, 0.4f, 0.4f};
      System.arraycopy(of, 0, bias, box * NUMBERS, NUMBERS);
    }
    return bias;
  }

  private float[] normal(int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    return values;
  }
}
