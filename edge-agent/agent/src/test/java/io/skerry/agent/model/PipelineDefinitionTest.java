package io.skerry.agent.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.ModelName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PipelineDefinitionTest {
  private static final int MUTATIONS = 20_000;
  private static final ModelName NAME = new ModelName("p");
  private static final String TEXT =
      """
      inputs: [image]
      steps:
        - model: prepare
          inputs: {raw: image}
          outputs: {pixels: pixels}
        - {model: classify, inputs: {input: pixels}, outputs: {scores: classes}}
      outputs: [classes]
      """;

  @Test
  void whateverIsInTheFileIsReadOrRefused() {
    Random random = new Random(20261129);
    byte[] alphabet = "{}[]\",:&*!|>-?#%@ \n\t'abc019~.<=".getBytes(UTF_8);
    int read = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] yaml = TEXT.getBytes(UTF_8);
      for (int change = random.nextInt(3); change >= 0; change--) {
        yaml[random.nextInt(yaml.length)] = alphabet[random.nextInt(alphabet.length)];
      }
      int length = random.nextInt(10) == 0 ? random.nextInt(yaml.length) : yaml.length;
      try {
        PipelineDefinition.parse(NAME, new String(yaml, 0, length, UTF_8));
        read++;
      } catch (IllegalArgumentException e) {
        assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
      }
    }
    assertThat(read).isPositive();
  }

  @ParameterizedTest
  @ValueSource(strings = {"[", "{a: ", "- ", "? "})
  void isNotNestedWithoutEnd(String opening) {
    String yaml = "inputs: " + opening.repeat(10_000);

    assertThatThrownBy(() -> PipelineDefinition.parse(NAME, yaml))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aliasesDoNotMultiply() {
    StringBuilder yaml = new StringBuilder("inputs:\n - &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
      yaml.append(" - &a%d [".formatted(i));
      yaml.append("*a%d, ".formatted(i - 1).repeat(9)).append("]\n");
    }

    assertThatThrownBy(() -> PipelineDefinition.parse(NAME, yaml.toString()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void isNoPartOfItself() {
    assertThatThrownBy(() -> PipelineDefinition.parse(NAME, "inputs: &a [*a]\n"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** One file that is no text must not keep all others from being served. */
  @Test
  void aFileThatCannotBeReadIsTheFaultOfOnePipeline(@TempDir Path folder) throws Exception {
    Files.write(
        Files.createDirectories(folder.resolve("bad")).resolve(Pipelines.FILE),
        new byte[] {(byte) 0xff, (byte) 0xfe});
    Files.write(
        Files.createDirectories(folder.resolve("large")).resolve(Pipelines.FILE),
        new byte[1 << 20]);
    Files.writeString(
        Files.createDirectories(folder.resolve("good")).resolve(Pipelines.FILE), TEXT);
    try (ModelSlots slots = new ModelSlots()) {
      Pipelines pipelines = Pipelines.serve(folder, slots);

      assertThat(pipelines.names()).containsExactly("bad", "good", "large");
      assertThat(pipelines.faults())
          .containsEntry("bad", "pipeline.yaml: is no UTF-8 text")
          .containsEntry("large", "pipeline.yaml: is larger than 64 KiB");
    }
  }
}
