package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.EchoModel;
import io.skerry.agent.TinyOnnx;
import io.skerry.artifact.ElementType;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
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
    Iterator<Long> used = List.of(150L, 160L).iterator();
    LoadedModel model = sized(used, 50);
    assertThat(SizedModel.bytes(model)).hasValue(50);

    model.run(INPUTS);
    model.run(INPUTS);

    assertThat(SizedModel.bytes(model)).hasValue(60);
    assertThat(used).isExhausted();
  }

  @Test
  void whatIsGivenBackMeanwhileMakesNothingNegative() throws Exception {
    LoadedModel model = sized(List.of(95L, 70L).iterator(), 0);

    model.run(INPUTS);

    assertThat(SizedModel.bytes(model)).hasValue(0);
  }

  @Test
  void tellsNothingOfAModelWhoseSizeNobodyCounted() {
    assertThat(SizedModel.bytes(EchoModel.of(ElementType.FP32))).isEmpty();
  }

  /** Every prediction would pass through what only the first run is for. */
  @Test
  void isNoPartOfAPrediction() {
    LoadedModel plain = EchoModel.of(ElementType.FP32);

    ServingModel serving =
        new ServingModel(
            new SlotId("main"),
            ModelVersion.parse("echo@1"),
            Digest.of(new byte[0]),
            new SizedModel(plain, OptionalLong::empty, 50));

    assertThat(serving.loaded()).isSameAs(plain);
    assertThat(serving.memoryBytes()).hasValue(50);
  }

  @Test
  void countsWhatAnEngineReallyHolds(@TempDir Path folder) throws Exception {
    EngineCatalog engines = EngineCatalog.discovered();
    Path small = TinyOnnx.scale(folder.resolve("small.onnx"), 2);
    engines.load(small, LoadOptions.DEFAULTS).close();

    try (LoadedModel model = engines.load(small, LoadOptions.DEFAULTS)) {
      model.run(List.of(Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)));

      assertThat(SizedModel.bytes(model).orElseThrow()).isBetween(1L, 8L << 20);
    }
  }

  private static LoadedModel sized(Iterator<Long> used, long loading) {
    return new SizedModel(
        EchoModel.of(ElementType.FP32), () -> OptionalLong.of(used.next()), loading);
  }
}
