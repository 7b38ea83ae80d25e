package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.quantize.WeightsExport;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryEstimateTest {
  private static final Candidate FLOATS = new Candidate(Engine.ONNXRUNTIME, Precision.FP32);

  @TempDir private Path folder;

  /** The same weights, the same activations: only when they are needed differs. */
  @Test
  void countsWhatIsToBeReadAtOnce() {
    Nets chain = new Nets(1, "x", Shape.BATCH, 8, 32, 32);
    Nets kept = new Nets(1, "x", Shape.BATCH, 8, 32, 32);
    List<String> all = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      chain.add(new Op.Sigmoid());
      all.add(kept.add(new Op.Sigmoid()).last());
    }
    long each = 4L * 8 * 32 * 32;

    long one = bytes(chain.graph("y"), FLOATS);
    long six = bytes(kept.concat(all.toArray(String[]::new)).graph("y"), FLOATS);

    assertThat(one).isEqualTo(MemoryEstimate.BASE_BYTES + 2 * each);
    assertThat(six).isEqualTo(MemoryEstimate.BASE_BYTES + (6 + 7) * each);
  }

  @Test
  void countsEachActivationWhereEachHasAPlace() {
    Nets chain = new Nets(1, "x", Shape.BATCH, 8, 32, 32);
    for (int i = 0; i < 6; i++) {
      chain.add(new Op.Sigmoid());
    }

    assertThat(bytes(chain.graph("y"), new Candidate(Engine.TFLITE, Precision.FP32)))
        .isEqualTo(MemoryEstimate.BASE_BYTES + 7 * 4L * 8 * 32 * 32);
  }

  @Test
  void countsWhatStaysFloatInIntegerFilesAsFloats() {
    Graph graph = convolutions(3, 64, 16, 3).graph("y");
    List<String> names = graph.nodes().stream().map(Node::name).toList();
    Nets roots = new Nets(1, "x", Shape.BATCH, 8, 32, 32);
    Graph without = roots.add(new Op.Function(Op.Function.Kind.SQRT, 0)).graph("y");
    for (Engine engine : List.of(Engine.ONNXRUNTIME, Engine.TFLITE)) {
      Candidate floats = new Candidate(engine, Precision.FP32);
      Candidate integers = new Candidate(engine, Precision.INT8);

      assertThat(MemoryEstimate.bytes(graph, integers, Set.copyOf(names)))
          .isEqualTo(bytes(graph, floats));
      assertThat(MemoryEstimate.bytes(graph, integers, Set.of(names.getFirst())))
          .isGreaterThan(bytes(graph, integers));
      assertThat(bytes(without, integers)).isEqualTo(bytes(without, floats));
    }
  }

  /** The most of the weights are left float. */
  @Tag("slow")
  @Test
  void isNearWhatIsMeasuredOfMixedFiles() throws Exception {
    assumeThat(ResidentMemory.isKnown()).as("Linux tells memory").isTrue();
    Graph graph = convolutions(4, 512, 16, 3).graph("y");
    Set<String> left =
        graph.nodes().stream().skip(1).limit(2).map(Node::name).collect(Collectors.toSet());
    Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 2));
    Options options = Options.of(Clipping.MIN_MAX).with(left);
    double onnx =
        measured(
            Engine.ONNXRUNTIME,
            QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options)));
    double tflite =
        measured(
            Engine.TFLITE, TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options)));

    assertNear(onnx, graph, new Candidate(Engine.ONNXRUNTIME, Precision.INT8), left);
    assertNear(tflite, graph, new Candidate(Engine.TFLITE, Precision.INT8), left);
  }

  private static void assertNear(
      double measured, Graph graph, Candidate candidate, Set<String> left) {
    double estimated = MemoryEstimate.bytes(graph, candidate, left);
    double slack = 2.0 * MemoryEstimate.BASE_BYTES;
    assertThat(estimated)
        .as("%s: measured %.1f MB", candidate, measured / 1e6)
        .isBetween(
            (measured - slack) / MemoryEstimate.TOLERANCE,
            measured * MemoryEstimate.TOLERANCE + slack);
  }

  /** Weights in plenty, activations in plenty, and both, in every form. */
  @Tag("slow")
  @Test
  void isNearWhatIsMeasured() throws Exception {
    assumeThat(ResidentMemory.isKnown()).as("Linux tells memory").isTrue();
    List<String> wrong = new ArrayList<>();
    for (Map.Entry<String, Graph> net : nets().entrySet()) {
      for (Map.Entry<Candidate, byte[]> form : forms(net.getValue()).entrySet()) {
        double measured = measured(form.getKey().engine(), form.getValue());
        double estimated = bytes(net.getValue(), form.getKey());
        double base = MemoryEstimate.BASE_BYTES;
        if (estimated > measured * MemoryEstimate.TOLERANCE + 2 * base
            || measured > estimated * MemoryEstimate.TOLERANCE + 2 * base) {
          wrong.add(
              "%s as %s: measured %.1f MB, estimated %.1f MB"
                  .formatted(net.getKey(), form.getKey(), measured / 1e6, estimated / 1e6));
        }
      }
    }

    assertThat(wrong).isEmpty();
  }

  private static long bytes(Graph graph, Candidate candidate) {
    return MemoryEstimate.bytes(graph, candidate, Set.of());
  }

  private static Map<String, Graph> nets() {
    Map<String, Graph> nets = new LinkedHashMap<>();
    Nets dense = new Nets(1, "x", Shape.BATCH, 2048);
    for (int i = 0; i < 3; i++) {
      dense.dense(2048, Activation.RELU);
    }
    nets.put("dense layers", dense.graph("y"));
    nets.put("wide maps", convolutions(4, 32, 224, 3).graph("y"));
    nets.put("points", convolutions(6, 64, 160, 1).graph("y"));
    nets.put("many channels", convolutions(3, 512, 16, 3).graph("y"));
    Nets residual = convolutions(1, 32, 128, 3);
    for (int i = 0; i < 4; i++) {
      String branch = residual.last();
      residual.conv(32, Activation.RELU, 3, 3).conv(32, Activation.NONE, 3, 3);
      residual.residual(branch, Activation.RELU);
    }
    residual.add(new Op.GlobalAveragePool()).flatten().dense(100, Activation.NONE);
    nets.put("residuals", residual.graph("y"));
    return nets;
  }

  private static Nets convolutions(int layers, int channels, int size, int kernel) {
    Nets net = new Nets(1, "x", Shape.BATCH, 3, size, size);
    for (int i = 0; i < layers; i++) {
      net.conv(channels, Activation.RELU, kernel, kernel);
    }
    return net;
  }

  private static Map<Candidate, byte[]> forms(Graph graph) {
    Observations seen = Calibrator.observe(graph, Nets.randomItems(graph, 2));
    Options options = Options.of(Clipping.MIN_MAX);
    Map<Candidate, byte[]> forms = new LinkedHashMap<>();
    forms.put(FLOATS, OnnxExport.write(graph));
    forms.put(
        new Candidate(Engine.ONNXRUNTIME, Precision.INT8),
        QdqExport.write(Nets.quantized(graph, seen, Scheme.UNSIGNED, options)));
    forms.put(
        new Candidate(Engine.ONNXRUNTIME, Precision.INT8_WEIGHTS), WeightsExport.write(graph));
    forms.put(new Candidate(Engine.TFLITE, Precision.FP32), TfliteExport.write(graph));
    forms.put(
        new Candidate(Engine.TFLITE, Precision.INT8),
        TfliteExport.write(Nets.quantized(graph, seen, Scheme.SIGNED, options)));
    return forms;
  }

  private double measured(Engine engine, byte[] content) throws Exception {
    Graph tiny = Nets.dense(new float[] {1, 2}, 2);
    Path small = folder.resolve("small." + engine);
    Files.write(small, engine == Engine.TFLITE ? TfliteExport.write(tiny) : OnnxExport.write(tiny));
    Path file = Files.write(folder.resolve("file." + engine), content);
    return MemoryProbe.peakBytes(engine, small, file, folder).orElseThrow();
  }
}
