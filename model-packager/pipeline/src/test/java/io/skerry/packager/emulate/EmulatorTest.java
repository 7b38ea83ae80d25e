package io.skerry.packager.emulate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmulatorTest {
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
                List.of(new Emulator.Model(Engine.ONNXRUNTIME, file, List.of("probabilities"))),
                items,
                folder)
            .getFirst();

    try (LoadedModel model = new Bench().load(Engine.ONNXRUNTIME, file)) {
      Outputs here = new Bench().outputs(model, items, "probabilities");
      assertThat(there.largestDifference(here)).isLessThan(1e-5);
    }
    assertThat(folder).isDirectoryNotContaining(f -> f.getFileName().toString().startsWith("emul"));
  }

  @Tag("slow")
  @Test
  void saysWhatTheEmulatedProgramSaid() throws Exception {
    Emulator.Search search = Emulator.find(profile("x86-64-avx2"), Optional.empty());
    assumeThat(search).as("qemu-user-static").isInstanceOf(Emulator.Search.Found.class);
    Graph graph = Nets.imageNet(1);
    Path file = Files.writeString(folder.resolve("model.onnx"), "no model");

    org.assertj.core.api.Assertions.assertThatThrownBy(
            () ->
                ((Emulator.Search.Found) search)
                    .emulator()
                    .outputs(
                        List.of(
                            new Emulator.Model(Engine.ONNXRUNTIME, file, List.of("probabilities"))),
                        Nets.randomItems(graph, 1),
                        folder))
        .isInstanceOf(EmulationException.class)
        .hasMessageContaining("model.onnx");
  }

  private static HardwareProfile profile(String id) {
    return ProfileCatalog.builtIn().profile(id).orElseThrow();
  }
}
