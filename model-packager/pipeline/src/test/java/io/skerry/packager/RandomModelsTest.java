package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.RandomModels;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.graph.Window;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Equalization;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.packager.tflite.TfliteImport;
import io.skerry.packager.tflite.TfliteModel;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever is read, rewritten and written says what the file said that came. */
class RandomModelsTest {
  private static final int MODELS = 400;
  private static final double TOLERANCE = 1e-4;
  private static final Options OPTIONS = Options.of(Clipping.MIN_MAX);

  /** Less than this is no rounding of 8 bits, but a mistake. */
  private static final double SIGNAL_TO_NOISE_MIN = 8;

  private final Bench bench = new Bench();
  @TempDir private Path folder;

  @Test
  void sayTheSameInEveryForm() throws Exception {
    List<String> wrong = new ArrayList<>();
    int tflite = 0;
    for (long seed = 1; seed <= MODELS; seed++) {
      try {
        tflite += check(seed) ? 1 : 0;
      } catch (Exception | AssertionError e) {
        wrong.add("seed %d: %s".formatted(seed, e.toString().replaceAll("\\s+", " ")));
      }
    }

    assertThat(wrong).isEmpty();
    assertThat(tflite).as("models that have a TFLite form").isEqualTo(MODELS);
  }

  /** The integers of a mean have a scale of their own, which may be all that bounds it. */
  @Test
  void keepABoundBehindAPoolThatTheEndsOfIntegersAre() throws Exception {
    for (Op bound : List.of(new Op.Activate(Activation.RELU), new Op.Clip(-0.02f, 0.05f))) {
      Nets net = new Nets(1, "x", Shape.BATCH, 3, 8, 8).conv(16, Activation.NONE, 3, 3);
      net.add(new Op.GlobalAveragePool()).add(bound).flatten().dense(4, Activation.NONE);
      Graph graph = net.graph("y");
      Samples items = Nets.randomItems(graph, 16);
      Observations seen = Calibrator.observe(graph, items);
      byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, OPTIONS));
      assertThat(TfliteImport.readAny(tflite).graph().nodes())
          .extracting(node -> node.op().getClass().getSimpleName())
          .as("what the file says of %s", bound)
          .containsExactly("Clip", "Conv", "GlobalAveragePool", "Reshape", "Dense");

      nearAgain(tflite, items, graph, outputs(Engine.TFLITE, tflite, items, graph));
    }
  }

  /** Symmetric integers have no end at 0; TFLite's transposed convolution bounds by it alone. */
  @Test
  void keepAReluThatIsTheEndOfIntegersInSymmetricOnes() throws Exception {
    Window window =
        new Window(List.of(2, 2), List.of(2, 2), List.of(1, 1), List.of(0, 0), List.of(0, 0));
    Nets net = new Nets(1, "x", Shape.BATCH, 3, 8, 8).conv(4, Activation.RELU, 3, 3);
    net.up(4, window).add(new Op.Activate(Activation.RELU)).conv(2, Activation.NONE, 1, 1);
    Graph graph = net.graph("y");
    Samples items = Nets.randomItems(graph, 16);
    Observations seen = Calibrator.observe(graph, items);
    byte[] tflite = TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, OPTIONS));

    nearAgain(tflite, items, graph, outputs(Engine.TFLITE, tflite, items, graph));
  }

  /** Whether the model has a TFLite form. */
  private boolean check(long seed) throws Exception {
    byte[] original = RandomModels.model(seed).toByteArray();
    Graph graph = OnnxImport.read(original);
    Samples items = Nets.randomItems(graph, 16);
    Map<String, Outputs> said = outputs(Engine.ONNXRUNTIME, original, items, graph);
    byte[] written = OnnxExport.write(graph);
    close("ONNX", outputs(Engine.ONNXRUNTIME, written, items, graph), said);
    Observations seen = Calibrator.observe(graph, items);
    for (Graph evened : List.of(Equalization.of(graph), Equalization.ofActivations(graph, seen))) {
      byte[] other = OnnxExport.write(evened);
      close("equalized", outputs(Engine.ONNXRUNTIME, other, items, graph), said);
    }
    byte[] integers = QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, OPTIONS));
    near("int8 ONNX", outputs(Engine.ONNXRUNTIME, integers, items, graph), said);
    Optional<byte[]> tflite = tflite(() -> TfliteExport.write(graph));
    if (tflite.isPresent()) {
      close("TFLite", outputs(Engine.TFLITE, tflite.get(), items, graph), said);
      byte[] again = OnnxExport.write(TfliteImport.read(tflite.get()));
      close("TFLite read again", outputs(Engine.ONNXRUNTIME, again, items, graph), said);
      Optional<byte[]> small =
          tflite(() -> TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, OPTIONS)));
      if (small.isPresent()) {
        Map<String, Outputs> rounded = outputs(Engine.TFLITE, small.get(), items, graph);
        near("int8 TFLite", rounded, said);
        if (TfliteImport.isInteger(small.get())) {
          nearAgain(small.get(), items, graph, rounded);
        }
      }
    }
    return tflite.isPresent();
  }

  /** An integer file that is read again, in forms for other engines. */
  private void nearAgain(byte[] tflite, Samples items, Graph graph, Map<String, Outputs> rounded)
      throws Exception {
    TfliteModel back = TfliteImport.readAny(tflite);
    byte[] floats = OnnxExport.write(back.floats());
    near("its floats", outputs(Engine.ONNXRUNTIME, floats, items, graph), rounded);
    // Integers that reach as far on both sides cannot say a Clip that was left out for such ends.
    boolean lost =
        graph.nodes().stream()
            .map(Node::op)
            .anyMatch(op -> op instanceof Op.Clip c && c.minimum() < 0 && c.maximum() > 0);
    List<Scheme> schemes =
        lost ? List.of(Scheme.UNSIGNED) : List.of(Scheme.UNSIGNED, Scheme.SYMMETRIC);
    for (Scheme scheme : schemes) {
      byte[] others = QdqExport.write(back.scales().quantized(back.graph(), scheme));
      String what = "its integers, " + scheme.texts();
      near(what, outputs(Engine.ONNXRUNTIME, others, items, graph), rounded);
    }
  }

  private interface Written {
    byte[] content();
  }

  private static Optional<byte[]> tflite(Written written) {
    try {
      return Optional.of(written.content());
    } catch (ModelRefusedException e) {
      assertThat(e).hasMessageContaining("has no TFLite form: ");
      return Optional.empty();
    }
  }

  private static void close(String what, Map<String, Outputs> made, Map<String, Outputs> said) {
    said.forEach(
        (output, reals) ->
            assertThat(Objects.requireNonNull(made.get(output)).largestDifference(reals))
                .as("%s, output %s", what, output)
                .isLessThan(TOLERANCE * Math.max(1, reals.largestMagnitude())));
  }

  private static void near(String what, Map<String, Outputs> made, Map<String, Outputs> said) {
    said.forEach(
        (output, reals) ->
            assertThat(Objects.requireNonNull(made.get(output)).signalToNoise(reals))
                .as("%s, output %s", what, output)
                .isGreaterThan(SIGNAL_TO_NOISE_MIN));
  }

  private Map<String, Outputs> outputs(Engine engine, byte[] content, Samples items, Graph graph)
      throws Exception {
    Path file = Files.write(folder.resolve("model." + engine), content);
    Map<String, Outputs> outputs = new LinkedHashMap<>();
    try (LoadedModel model = bench.load(engine, file)) {
      for (String output : graph.outputs()) {
        outputs.put(output, bench.outputs(model, items, output));
      }
    }
    return outputs;
  }
}
