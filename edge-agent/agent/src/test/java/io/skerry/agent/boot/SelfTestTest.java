package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class SelfTestTest {
  private static final InferenceEngine HERE =
      new Engine("onnxruntime", ".onnx", new EngineStatus.Available("1", List.of("cpu")));
  private static final InferenceEngine ELSEWHERE =
      new Engine("tflite", ".tflite", new EngineStatus.Unavailable("glibc is too old"));

  @Test
  void asksNothingOfAnEngineThatCannotBeUsedHere() {
    assertThat(SelfTest.endings(new EngineCatalog(List.of(ELSEWHERE, HERE))))
        .containsExactly(".onnx");
  }

  @Test
  void saysWhyNoEngineCanBeUsed() {
    assertThatThrownBy(() -> SelfTest.endings(new EngineCatalog(List.of(ELSEWHERE))))
        .isInstanceOf(CommandException.class)
        .hasMessageContaining("tflite: glibc is too old");
  }

  private record Engine(String name, String fileExtension, EngineStatus probe)
      implements InferenceEngine {
    @Override
    public LoadedModel load(Path model, LoadOptions options) {
      throw new AssertionError("nothing is loaded");
    }
  }
}
