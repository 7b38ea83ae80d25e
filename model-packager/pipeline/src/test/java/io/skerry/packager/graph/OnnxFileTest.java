package io.skerry.packager.graph;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.quantize.WeightsExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxFileTest {
  @TempDir private Path folder;

  /** Names that a file also needs for itself: those of a normalised input have a scale, too. */
  @Test
  void keepsItsOwnNamesFromThoseOfTheGraph() throws Exception {
    Nets constants = new Nets(1, "x", Shape.BATCH, 4);
    GraphBuilder builder = new GraphBuilder("net", "x", Shape.of(Shape.BATCH, 4));
    String factor = builder.constant("t_scale", constants.random(1, 4));
    String factorHalf = builder.constant("x_half", constants.random(1, 4));
    Op product = new Op.Binary(Op.Binary.Kind.MUL);
    Op sum = new Op.Binary(Op.Binary.Kind.ADD);
    builder.node("n0", product, Activation.NONE, "s", List.of("x", factor));
    builder.node("n1", sum, Activation.NONE, "t", List.of("s", factorHalf));
    String first = builder.constant("t_zero_point", constants.random(1, 6, 4));
    builder.node("n2", new Op.Dense(), Activation.RELU6, "t_quantized", List.of("t", first));
    String last = builder.constant("y_weights_scale", constants.random(1, 3, 6));
    builder.node("n3", new Op.Dense(), Activation.NONE, "y", List.of("t_quantized", last));
    Graph graph = builder.build(List.of("y"));
    Samples items = Nets.randomItems(graph, 16);
    Outputs floats = outputs(OnnxExport.write(graph), items);

    byte[] integers =
        QdqExport.write(
            Nets.quantized(
                graph,
                Calibrator.observe(graph, items),
                Scheme.UNSIGNED,
                Options.of(Clipping.MIN_MAX)));

    assertThat(outputs(integers, items).signalToNoise(floats)).isGreaterThan(25);
    assertThat(outputs(WeightsExport.write(graph), items).signalToNoise(floats)).isGreaterThan(25);
    assertThat(outputs(OnnxExport.writeHalf(graph), items).signalToNoise(floats)).isGreaterThan(25);
  }

  private Outputs outputs(byte[] content, Samples items) throws Exception {
    Bench bench = new Bench();
    Path file = Files.write(folder.resolve("model.onnx"), content);
    try (LoadedModel model = bench.load(Engine.ONNXRUNTIME, file)) {
      return bench.outputs(model, items, "y");
    }
  }
}
