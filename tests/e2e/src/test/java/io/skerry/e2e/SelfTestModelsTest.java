package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.tflite.TfliteExport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The agent's self-test models are what the packager's exporters write. */
class SelfTestModelsTest {
  private static final Graph SELF_TEST =
      new Graph(
          "self-test",
          "x",
          List.of("y"),
          List.of(new Node("dense", new Op.Dense(), List.of("x", "w", "b"), "y", Activation.NONE)),
          Map.of(
              "w", Constant.of(Shape.of(2, 4), 1, 1, 1, 1, 1, -1, 1, -1),
              "b", Constant.of(Shape.of(2), 0, 0)),
          Map.of("x", Shape.of(Shape.BATCH, 4), "y", Shape.of(Shape.BATCH, 2)));

  @Test
  void theOnnxFileIsTheExporters() throws IOException {
    assertThat(resource("self-test.onnx")).isEqualTo(OnnxExport.write(SELF_TEST));
  }

  @Test
  void theTfliteFileIsTheExporters() throws IOException {
    assertThat(resource("self-test.tflite")).isEqualTo(TfliteExport.write(SELF_TEST));
  }

  private static byte[] resource(String name) throws IOException {
    return Files.readAllBytes(
        Path.of("../../edge-agent/agent/src/main/resources/io/skerry/agent/boot").resolve(name));
  }
}
