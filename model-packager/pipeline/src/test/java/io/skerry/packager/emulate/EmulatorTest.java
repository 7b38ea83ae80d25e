package io.skerry.packager.emulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.artifact.TensorSpec;
import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.DataReader;
import io.skerry.packager.data.Dataset;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.GraphBuilder;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.Metric;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EmulatorTest {
  private static final Path DATA = Path.of("../../../shared/data");
  private static final int KEYWORDS = 100;
  private static final int CLASSES = 12;

  @TempDir private Path folder;

  @Test
  void saysWhatIsMissing() {
    assertThat(Emulator.find(profile("x86-64-vnni"), Optional.empty()))
        .isEqualTo(new Emulator.Search.Missing("QEMU does not emulate VNNI"));
    assertThat(Emulator.find(profile("nvidia-cuda"), Optional.empty()))
        .isEqualTo(new Emulator.Search.Missing("an accelerator cannot be emulated"));
    assertThat(Emulator.find(profile("arm64-neon"), Optional.of(folder)))
        .isInstanceOfSatisfying(
            Emulator.Search.Missing.class,
            missing -> assertThat(missing.reason()).containsAnyOf("qemu", "arm64-root"));
  }

  @Tag("slow")
  @Test
  void givesTheSameAnswersWithoutVnniWherePairsCannotSaturate() throws Exception {
    Emulator.Search search = Emulator.find(profile("x86-64-avx2"), Optional.empty());
    assumeThat(search).as("qemu-user-static").isInstanceOf(Emulator.Search.Found.class);
    Graph graph = Nets.imageNet(1);
    Samples items = Nets.randomItems(graph, 8);
    Path file = folder.resolve("model.onnx");
    Files.write(
        file,
        QdqExport.write(
            Nets.quantized(
                graph,
                Calibrator.observe(graph, items),
                Scheme.UNSIGNED_SATURATING,
                Options.of(Clipping.MIN_MAX))));

    Outputs there =
        ((Emulator.Search.Found) search)
            .emulator()
            .outputs(
                List.of(
                    new Emulator.Model(
                        Engine.ONNXRUNTIME, file, List.of("probabilities"), List.of(10))),
                items,
                folder)
            .getFirst();

    try (LoadedModel model = new Bench().load(Engine.ONNXRUNTIME, file)) {
      Outputs here = new Bench().outputs(model, items, "probabilities");
      assertThat(there.largestDifference(here)).isLessThan(1e-5);
    }
    assertThat(folder).isDirectoryNotContaining(f -> f.getFileName().toString().startsWith("emul"));
  }

  /** With the instructions of the profile: ONNX Runtime and TFLite, and integers of both. */
  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"arm64-dotprod", "arm64-neon"})
  void givesAboutTheSameAnswersOnArm64(String profile) throws Exception {
    assumeThat(System.getenv(Emulator.ARM64_ROOT_VARIABLE)).as("an arm64 Java").isNotNull();
    Emulator.Search search = Emulator.find(profile(profile), Optional.empty());
    assumeThat(search).as("qemu-user-static").isInstanceOf(Emulator.Search.Found.class);
    Graph graph = Nets.imageNet(1);
    Samples items = Nets.randomItems(graph, 8);
    Options options = Options.of(Clipping.MIN_MAX);
    QuantizedGraph integers =
        Nets.quantized(graph, Calibrator.observe(graph, items), Scheme.SIGNED, options);
    List<Emulator.Model> models =
        List.of(
            arm64(Engine.ONNXRUNTIME, "floats", OnnxExport.write(graph)),
            arm64(Engine.TFLITE, "floats", TfliteExport.write(graph)),
            arm64(Engine.ONNXRUNTIME, "integers", QdqExport.write(integers)),
            arm64(Engine.TFLITE, "integers", TfliteExport.write(integers)));

    List<Outputs> there =
        ((Emulator.Search.Found) search).emulator().outputs(models, items, folder);

    for (int i = 0; i < models.size(); i++) {
      Emulator.Model each = models.get(i);
      try (LoadedModel model = new Bench().load(each.engine(), each.file())) {
        Outputs here = new Bench().outputs(model, items, "probabilities");
        // Integer kernels round half a step otherwise.
        assertThat(there.get(i).largestDifference(here))
            .as("%s", each.file().getFileName())
            .isLessThan(i < 2 ? 1e-5 : 0.03);
      }
    }
    assertThat(folder).isDirectoryNotContaining(f -> f.getFileName().toString().startsWith("emul"));
  }

  private Emulator.Model arm64(Engine engine, String name, byte[] content) throws Exception {
    Path file = Files.write(folder.resolve("%s.%s".formatted(name, engine)), content);
    return new Emulator.Model(engine, file, List.of("probabilities"), List.of(10));
  }

  /** Why pairs are bounded at all: the same model is at chance level where they saturate. */
  @Tag("slow")
  @Test
  void showsThatUnboundedPairsRuinAModelThatBoundedOnesKeep() throws Exception {
    assumeThat(DATA.resolve("kws")).as("keyword-spotting data beside the checkout").exists();
    Emulator.Search search = Emulator.find(profile("x86-64-avx2"), Optional.empty());
    assumeThat(search).as("qemu-user-static").isInstanceOf(Emulator.Search.Found.class);
    Graph graph = OnnxImport.read(DATA.resolve("onnx-fp32/kws-fp32.onnx"));
    Path floats = Files.write(folder.resolve("floats.onnx"), OnnxExport.write(graph));
    String output = graph.outputs().getFirst();
    try (LoadedModel model = new Bench().load(Engine.ONNXRUNTIME, floats)) {
      TensorSpec input = model.signature().inputs().getFirst();
      Observations seen =
          Calibrator.observe(
              graph, DataReader.read(DATA.resolve("kws/calibration"), input, 200).samples());
      Dataset evaluation = DataReader.read(DATA.resolve("kws/evaluation"), input, KEYWORDS);
      Labels labels = Labels.of("kws", evaluation.labels().orElseThrow(), KEYWORDS);
      List<Emulator.Model> models = new ArrayList<>();
      for (Scheme scheme : List.of(Scheme.UNSIGNED, Scheme.UNSIGNED_SATURATING)) {
        byte[] content =
            QdqExport.write(Nets.quantized(graph, seen, scheme, Options.of(Clipping.MSE)));
        Path file = Files.write(folder.resolve(models.size() + ".onnx"), content);
        models.add(new Emulator.Model(Engine.ONNXRUNTIME, file, List.of(output), List.of(CLASSES)));
      }

      List<Outputs> there =
          ((Emulator.Search.Found) search).emulator().outputs(models, evaluation.samples(), folder);

      double here =
          Metric.ACCURACY.of(new Bench().outputs(model, evaluation.samples(), output), labels);
      double unbounded = Metric.ACCURACY.of(there.getFirst(), labels);
      double bounded = Metric.ACCURACY.of(there.getLast(), labels);
      assertThat(here).isGreaterThan(0.8);
      assertThat(bounded).as("bounded pairs").isGreaterThan(here - 0.05);
      assertThat(unbounded).as("unbounded pairs").isLessThan(here - 0.3);
    }
  }

  @Tag("slow")
  @Test
  void dividesWhatSeveralOutputsSaid() throws Exception {
    Emulator.Search search = Emulator.find(profile("x86-64-avx2"), Optional.empty());
    assumeThat(search).as("qemu-user-static").isInstanceOf(Emulator.Search.Found.class);
    GraphBuilder builder = new GraphBuilder("two", "x", Shape.of(Shape.BATCH, 3));
    builder.node("a", new Op.Sigmoid(), Activation.NONE, "a", List.of("x"));
    builder.node("b", new Op.Activate(Activation.RELU), Activation.NONE, "b", List.of("x"));
    Graph graph = builder.build(List.of("a", "b"));
    Samples items = Nets.randomItems(graph, 4);
    Path file = Files.write(folder.resolve("model.onnx"), OnnxExport.write(graph));
    Emulator emulator = ((Emulator.Search.Found) search).emulator();
    List<String> names = List.of("a", "b");

    Outputs there =
        emulator
            .outputs(
                List.of(new Emulator.Model(Engine.ONNXRUNTIME, file, names, List.of(3, 3))),
                items,
                folder)
            .getFirst();

    assertThat(there.parts()).extracting(Outputs::perItem).containsExactly(3, 3);
    try (LoadedModel model = new Bench().load(Engine.ONNXRUNTIME, file)) {
      Outputs here = new Bench().outputs(model, items, names);
      assertThat(there.largestDifference(here)).isLessThan(1e-5);
      Judge judge = Judge.byFloatModel(here, List.of(List.of(3L), List.of(3L)), 0.5);
      assertThat(judge.quality(there).value()).isEqualTo(1);
    }
    assertThatThrownBy(
            () ->
                emulator.outputs(
                    List.of(new Emulator.Model(Engine.ONNXRUNTIME, file, names, List.of(3, 2))),
                    items,
                    folder))
        .isInstanceOf(EmulationException.class)
        .hasMessageContaining("said 6 numbers of an item where the given model says 5, [3, 2]");
  }

  @Tag("slow")
  @Test
  void saysWhatTheEmulatedProgramSaid() throws Exception {
    Emulator.Search search = Emulator.find(profile("x86-64-avx2"), Optional.empty());
    assumeThat(search).as("qemu-user-static").isInstanceOf(Emulator.Search.Found.class);
    Graph graph = Nets.imageNet(1);
    Path file = Files.writeString(folder.resolve("model.onnx"), "no model");

    assertThatThrownBy(
            () ->
                ((Emulator.Search.Found) search)
                    .emulator()
                    .outputs(
                        List.of(
                            new Emulator.Model(
                                Engine.ONNXRUNTIME, file, List.of("probabilities"), List.of(10))),
                        Nets.randomItems(graph, 1),
                        folder))
        .isInstanceOf(EmulationException.class)
        .hasMessageContaining("model.onnx");
  }

  private static HardwareProfile profile(String id) {
    return ProfileCatalog.builtIn().profile(id).orElseThrow();
  }
}
