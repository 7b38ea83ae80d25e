package io.skerry.runtime.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompileCacheTest {
  @TempDir Path folder;

  private Path of(String model, String runtime, String provider) throws IOException {
    Path file = Files.writeString(folder.resolve("m.onnx"), model);
    return new CompileCache(folder.resolve("compiled"), file, runtime)
        .folder(provider)
        .orElseThrow();
  }

  @Test
  void isTheSameForTheSameModelAndAnotherForEveryOther() throws Exception {
    Path first = of("model", "1.28.0", "tensorrt");

    assertThat(of("model", "1.28.0", "tensorrt")).isEqualTo(first).isDirectory();
    assertThat(of("model 2", "1.28.0", "tensorrt")).isNotEqualTo(first);
    assertThat(of("model", "1.29.0", "tensorrt")).isNotEqualTo(first);
    assertThat(of("model", "1.28.0", "qnn")).isNotEqualTo(first);
  }

  @Test
  void keepsTheLastUsedOnly() throws Exception {
    for (int i = 0; i < CompileCache.FOLDERS_MAX + 3; i++) {
      Path made = of("model " + i, "1", "tensorrt");
      Files.writeString(made.resolve("engine"), "compiled");
      Files.setLastModifiedTime(made, FileTime.fromMillis(i));
    }

    of("model 0", "1", "tensorrt");

    try (Stream<Path> left = Files.list(folder.resolve("compiled"))) {
      assertThat(left).hasSize(CompileCache.FOLDERS_MAX);
    }
  }

  @Test
  void doesWithoutWhereNothingCanBeWritten() throws Exception {
    Path file = Files.writeString(folder.resolve("m.onnx"), "model");

    assertThat(new CompileCache(file, file, "1").folder("tensorrt")).isEmpty();
  }
}
