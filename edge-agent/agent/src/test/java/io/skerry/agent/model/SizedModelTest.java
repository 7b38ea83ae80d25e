package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.EchoModel;
import io.skerry.agent.TinyOnnx;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SizedModelTest {
  private static final List<Tensor> INPUTS = List.of(Tensor.ofFloats("x", List.of(1L, 2L), 1, 2));

  @Test
  void countsTheLoadAndTheFirstRunOnly() throws Exception {
    Iterator<Long> used = List.of(150L, 160L, 170L).iterator();
    LoadedModel model =
        SizedModel.of(
            EchoModel.of(ElementType.FP32),
            () -> OptionalLong.of(used.next()),
            OptionalLong.of(100));
    assertThat(model.memoryBytes()).hasValue(50);

    model.run(INPUTS);
    model.run(INPUTS);

    assertThat(model.memoryBytes()).hasValue(60);
    assertThat(used).isExhausted();
  }

  @Test
  void whatIsGivenBackMeanwhileMakesNothingNegative() throws Exception {
    Iterator<Long> used = List.of(90L, 95L, 70L).iterator();
    LoadedModel model =
        SizedModel.of(
            EchoModel.of(ElementType.FP32),
            () -> OptionalLong.of(used.next()),
            OptionalLong.of(100));

    model.run(INPUTS);

    assertThat(model.memoryBytes()).hasValue(0);
  }

  @Test
  void tellsNothingWhereTheAllocatorTellsNothing() {
    LoadedModel model =
        SizedModel.of(EchoModel.of(ElementType.FP32), OptionalLong::empty, OptionalLong.empty());

    assertThat(model.memoryBytes()).isEmpty();
  }

  @Test
  void countsWhatAnEngineReallyHolds(@TempDir Path folder) throws Exception {
    EngineCatalog engines = EngineCatalog.discovered();
    Path small = TinyOnnx.scale(folder.resolve("small.onnx"), 2);
    engines.load(small, LoadOptions.DEFAULTS).close();

    try (LoadedModel model = engines.load(small, LoadOptions.DEFAULTS)) {
      model.run(List.of(Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)));

      assertThat(model.memoryBytes().orElseThrow()).isBetween(1L, 8L << 20);
    }
  }
}
