package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.profile.Engine;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class MemoryProbeTest {
  private static final int INPUTS = 1 << 12;

  @TempDir private Path folder;

  @Test
  void countsAFreshlyLoadedModel() throws Exception {
    assumeThat(ResidentMemory.isKnown()).as("Linux tells memory").isTrue();
    Path small = folder.resolve("small.onnx");
    Path large = folder.resolve("large.onnx");
    Files.write(small, OnnxExport.write(Nets.dense(new float[] {1, 2}, 2)));
    Files.write(large, OnnxExport.write(Nets.dense(new float[INPUTS * INPUTS], INPUTS)));
    long weights = 4L * INPUTS * INPUTS;
    new Bench().load(Engine.ONNXRUNTIME, large).close();

    assertThat(MemoryProbe.peakBytes(Engine.ONNXRUNTIME, small, small, folder).orElseThrow())
        .isLessThan(weights / 4);
    assertThat(MemoryProbe.peakBytes(Engine.ONNXRUNTIME, small, large, folder).orElseThrow())
        .isBetween(weights, 8 * weights);
    assertThat(MemoryProbe.peakBytes(Engine.ONNXRUNTIME, small, folder.resolve("absent"), folder))
        .isEmpty();
  }
}
