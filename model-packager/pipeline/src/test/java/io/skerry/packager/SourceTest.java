package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.OnnxImport;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SourceTest {
  /** More than an array can hold: reading it all could only fail. */
  private static final long HUGE = 1L << 33;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"model.onnx", "model.tflite"})
  void refusesModelsOverTheLimitBeforeReadingThem(String name) throws IOException {
    for (long size : new long[] {OnnxImport.MODEL_BYTES_MAX + 1, HUGE}) {
      Path file = folder.resolve(name);
      try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
        sparse.setLength(size);
      }

      assertThatThrownBy(() -> Source.read(file, Optional.empty()))
          .isInstanceOf(ModelRefusedException.class)
          .hasMessage(
              "%s: the file has %d bytes, the limit is %d: prune the model"
                  .formatted(file, size, OnnxImport.MODEL_BYTES_MAX));
    }
  }
}
