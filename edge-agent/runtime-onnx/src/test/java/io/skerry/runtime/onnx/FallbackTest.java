package io.skerry.runtime.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OrtException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FallbackTest {
  private static final LoadOptions WANTED =
      new LoadOptions(1, List.of("qnn", "cuda", "cpu")).withCache(Path.of("compiled"));

  @TempDir Path folder;
  private final List<LoadOptions> tries = new ArrayList<>();
  private final List<String> forgotten = new ArrayList<>();
  private List<String> told = List.of();

  /** Loads a real model on the processor where the options are right. */
  private LoadedModel load(Predicate<LoadOptions> right) throws Exception {
    Path file = TinyOnnx.scale(folder.resolve("m.onnx"), 2);
    return new Fallback(
            file,
            (options, faults) -> {
              tries.add(options);
              if (!right.test(options)) {
                throw new OrtException("try " + tries.size() + " failed");
              }
              told = List.copyOf(faults);
              return new OnnxEngine().load(file, LoadOptions.DEFAULTS);
            },
            forgotten::addAll)
        .load(WANTED);
  }

  @Test
  void takesWhatWasCompiledWhereItLoads() throws Exception {
    load(options -> true).close();

    assertThat(told).isEmpty();
    assertThat(tries).containsExactly(WANTED);
    assertThat(forgotten).isEmpty();
  }

  @Test
  void keepsTheAcceleratorWhenWhatWasCompiledIsCutOff() throws Exception {
    load(options -> options.cache().isEmpty()).close();

    assertThat(told).isEmpty();
    assertThat(tries).containsExactly(WANTED, WANTED.withoutCache());
    assertThat(forgotten).containsExactly("qnn", "cuda", "cpu");
  }

  @Test
  void givesUpOneProviderAfterTheOtherAndSaysWhy() throws Exception {
    load(options -> options.providers().equals(List.of("cpu"))).close();

    assertThat(told).containsExactly("qnn: try 2 failed", "cuda: try 4 failed");
    // What was compiled is not at fault.
    assertThat(forgotten).isEmpty();
  }

  @Test
  void saysAllOfItWhenNothingLoads() {
    assertThatThrownBy(() -> load(options -> false))
        .hasMessageContainingAll("m.onnx: try 5 failed", "qnn: try 2 failed", "cuda: try 4 failed");
    assertThat(forgotten).isEmpty();
  }
}
