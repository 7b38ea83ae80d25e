package io.skerry.packager.tflite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TfliteImportTest {
  private static final Path MODELS = Path.of("../../../shared/data/mlperf-tiny");

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void readsWhatItWrites(long seed) throws Exception {
    check(TfliteExport.write(Nets.imageNet(seed)), 1e-4);
    check(TfliteExport.write(Nets.branchNet(seed)), 1e-4);
    check(TfliteExport.write(Nets.sensorNet(seed)), 1e-4);
  }

  @ParameterizedTest
  @CsvSource({
    "pretrainedResnet.tflite, 1, 1e-4",
    "kws_ref_model_float32.tflite, 1, 0.02",
    "ad01_fp32.tflite, 0, 1e-4"
  })
  void readsRealModels(String name, int transposes, double tolerance) throws Exception {
    assumeThat(MODELS.resolve(name)).as("models beside the repository").exists();

    Graph graph = check(Files.readAllBytes(MODELS.resolve(name)), tolerance);

    assertThat(graph.nodes().stream().filter(node -> node.op() instanceof Op.Transpose))
        .hasSize(transposes);
  }

  @Test
  void tellsIntegerModels() throws Exception {
    assumeThat(MODELS).as("models beside the repository").exists();

    assertThat(TfliteImport.isInteger(Files.readAllBytes(MODELS.resolve("ad01_int8.tflite"))))
        .isTrue();
    assertThat(TfliteImport.isInteger(Files.readAllBytes(MODELS.resolve("ad01_fp32.tflite"))))
        .isFalse();
  }

  @Test
  void refusesDamagedFilesWithOneLine() {
    byte[] whole = TfliteExport.write(Nets.imageNet(1));
    int refused = 0;
    for (int length = 0; length < whole.length; length += 997) {
      byte[] cut = java.util.Arrays.copyOf(whole, length);
      assertThatThrownBy(
              () -> {
                if (!TfliteImport.isInteger(cut)) {
                  TfliteImport.read(cut);
                }
                throw new ModelRefusedException("the rest was not needed");
              })
          .isInstanceOf(ModelRefusedException.class)
          .hasMessageNotContaining("\n");
      refused++;
    }
    assertThat(refused).isGreaterThan(1);
  }

  private Graph check(byte[] tflite, double tolerance) throws Exception {
    Graph graph = TfliteImport.read(tflite);
    Samples items = Nets.randomItems(graph, 8);
    Outputs there = outputs(Engine.TFLITE, tflite, graph, items);

    Outputs here = outputs(Engine.ONNXRUNTIME, OnnxExport.write(graph), graph, items);

    assertThat(here.largestDifference(there))
        .isLessThan(tolerance * Math.max(1, there.largestMagnitude()));
    return graph;
  }

  private Outputs outputs(Engine engine, byte[] content, Graph graph, Samples items)
      throws Exception {
    Path file = folder.resolve("model." + engine);
    Files.write(file, content);
    Bench bench = new Bench();
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, graph.outputs().getFirst());
    }
  }
}
