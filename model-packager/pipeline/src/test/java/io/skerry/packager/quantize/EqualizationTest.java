package io.skerry.packager.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EqualizationTest {
  private static final Scheme PER_TENSOR = new Scheme(IntegerType.UINT8, false, false, true);

  @TempDir private Path folder;

  @Test
  void changesNoOutput() throws Exception {
    for (long seed = 1; seed <= 5; seed++) {
      Graph graph = Nets.imageNet(seed);
      Samples items = Nets.randomItems(graph, 16);

      Outputs before = outputs(OnnxExport.write(graph), graph, items);
      Outputs after = outputs(OnnxExport.write(Equalization.of(graph)), graph, items);
      Graph evened = Equalization.ofActivations(graph, Calibrator.observe(graph, items));
      Outputs other = outputs(OnnxExport.write(evened), graph, items);

      assertThat(after.largestDifference(before)).isLessThan(1e-4);
      assertThat(other.largestDifference(before)).isLessThan(1e-4);
    }
  }

  /** As in EEGNet, whose depthwise layer makes two outputs of each channel. */
  @Test
  void changesNoOutputWhereADepthwiseLayerMultipliesChannels() throws Exception {
    Nets net = new Nets(5, "x", Shape.BATCH, 3, 8, 8);
    net.conv(8, Activation.RELU, 3, 3).grouped(16, 8, Activation.RELU, 3, 3);
    net.conv(4, Activation.NONE, 1, 1);
    Graph graph = net.graph("y");
    Samples items = Nets.randomItems(graph, 16);
    Outputs before = outputs(OnnxExport.write(graph), graph, items);

    Graph evened = Equalization.of(graph);
    Graph other = Equalization.ofActivations(graph, Calibrator.observe(graph, items));

    assertThat(evened.constants()).isNotEqualTo(graph.constants());
    assertThat(outputs(OnnxExport.write(evened), graph, items).largestDifference(before))
        .isLessThan(1e-4);
    assertThat(outputs(OnnxExport.write(other), graph, items).largestDifference(before))
        .isLessThan(1e-4);
  }

  @Test
  void savesOneScaleForChannelsOfUnequalSize() throws Exception {
    Graph graph = Nets.unequalImageNet(3);
    Graph equalized = Equalization.of(graph);
    Samples items = Nets.randomItems(graph, 64);
    Outputs floats = outputs(OnnxExport.write(graph), graph, items);

    double without = quantized(graph, items).signalToNoise(floats);
    double with = quantized(equalized, items).signalToNoise(floats);

    assertThat(with).isGreaterThan(without + 6);
  }

  @Test
  void widensActivationsOfNarrowChannels() throws Exception {
    Graph graph = Nets.unequalImageNet(3);
    Samples items = Nets.randomItems(graph, 64);
    Observations before = Calibrator.observe(graph, items);
    String depthwise = graph.nodes().get(2).output();

    Graph evened = Equalization.ofActivations(graph, before);

    double[] after = Calibrator.observe(evened, items).channelMagnitudes(depthwise);
    assertThat(spread(after)).isLessThan(spread(before.channelMagnitudes(depthwise)));
  }

  private static double spread(double[] magnitudes) {
    return Arrays.stream(magnitudes).max().orElse(0)
        / Arrays.stream(magnitudes).min().orElse(Double.MIN_NORMAL);
  }

  private Outputs quantized(Graph graph, Samples items) throws Exception {
    Options options = new Options(Clipping.MIN_MAX, false, false, false, Set.of());
    return outputs(
        QdqExport.write(
            Nets.quantized(graph, Calibrator.observe(graph, items), PER_TENSOR, options)),
        graph,
        items);
  }

  private Outputs outputs(byte[] content, Graph graph, Samples items) throws Exception {
    Path file = folder.resolve("model.onnx");
    Files.write(file, content);
    Bench bench = new Bench();
    try (LoadedModel model = bench.load(Engine.ONNXRUNTIME, file)) {
      return bench.outputs(model, items, graph.outputs().getFirst());
    }
  }
}
