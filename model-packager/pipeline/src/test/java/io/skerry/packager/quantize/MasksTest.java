package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.graph.OnnxSketch;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MasksTest {
  private static final double SIGNAL_TO_NOISE_MIN = 25;

  private final Bench bench = new Bench();
  @TempDir private Path folder;

  /** The last is the least float, which exporters of language models write. */
  @ParameterizedTest
  @ValueSource(floats = {-1e4f, -1e9f, -Float.MAX_VALUE})
  void hideNothingElse(float mask) throws Exception {
    OnnxSketch folded = net();
    folded.node("Add", folded.given(new int[] {6}, 0, mask, 0, mask, 0, 0)).node("Softmax");
    assertIntegersSay(folded.integer("axis", -1).dense(3).model());
    OnnxSketch last = net().node("Relu");
    last.node("Add", last.given(new int[] {6}, 0, mask, 0, mask, 0, 0)).node("Softmax");
    assertIntegersSay(last.integer("axis", -1).model());
    OnnxSketch turned = net().node("Relu");
    turned.node("Add", turned.given(new int[] {6}, 0, mask, 0, mask, 0, 0));
    turned.node("Reshape", turned.longs(0, 2, 3)).node("Softmax").integer("axis", -1);
    assertIntegersSay(turned.node("Reshape", turned.longs(0, 6)).dense(3).model());
  }

  @Test
  void areNotWhatIsLargeEverywhereOrSmallOrNotForShares() {
    OnnxSketch net = net().node("Relu");
    net.node("Add", net.given(new int[] {6}, 2e4f, 3e4f, 2e4f, 4e4f, 2e4f, 2e4f));
    net.node("Softmax").integer("axis", -1);
    net.node("Add", net.given(new int[] {6}, 0, 900, 0, 0, 0, 0)).node("Softmax");
    net.integer("axis", -1).node("Add", net.given(new int[] {6}, 0, -1e9f, 0, 0, 0, 0));

    assertThat(Masks.nodes(OnnxImport.read(net.node("Relu").dense(3).model()))).isEmpty();
  }

  private static OnnxSketch net() {
    return new OnnxSketch(Shape.of(Shape.BATCH, 8)).dense(6);
  }

  private void assertIntegersSay(byte[] model) throws Exception {
    Graph graph = OnnxImport.read(model);
    Samples items = Nets.randomItems(graph, 32);
    Observations seen = Calibrator.observe(graph, items);
    Outputs said = outputs(Engine.ONNXRUNTIME, model, items);
    Options options = Options.of(Clipping.MIN_MAX);
    QuantizedGraph unsigned = Nets.quantized(graph, seen, Scheme.UNSIGNED, options);

    byte[] onnx = QdqExport.write(unsigned);
    byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options));

    assertThat(graph.nodes()).anyMatch((Node node) -> !unsigned.isQuantized(node));
    assertThat(outputs(Engine.ONNXRUNTIME, onnx, items).signalToNoise(said))
        .isGreaterThan(SIGNAL_TO_NOISE_MIN);
    assertThat(outputs(Engine.TFLITE, tflite, items).signalToNoise(said))
        .isGreaterThan(SIGNAL_TO_NOISE_MIN);
  }

  private Outputs outputs(Engine engine, byte[] content, Samples items) throws Exception {
    Path file = Files.write(folder.resolve("model." + engine), content);
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
