package io.skerry.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackRunTest {
  @TempDir private Path folder;

  /** Plain int8 loses to int8 with layers in float: the bench must open what ships. */
  @Test
  void opensTheFileThatShipsOfTwoOfOneKind() throws Exception {
    Path own = Files.createDirectories(folder.resolve("avx2"));
    Files.writeString(own.resolve("onnxruntime-int8.onnx"), "plain");
    Path mixed = Files.writeString(own.resolve("onnxruntime-int8-mixed.onnx"), "mixed");
    PackRun run =
        new PackRun(
            JsonParser.parseString(
                    """
                    {"variants": [%s, %s, %s]}
                    """
                        .formatted(
                            variant("plain", 5, false),
                            variant("mixed", 7, true),
                            variant("gone", 9, false).replace("int8", "fp16")))
                .getAsJsonObject(),
            1,
            folder);

    assertThat(run.file("avx2", run.winner("avx2"))).isEqualTo(mixed);
    assertThat(run.file("avx2", "onnxruntime/int8")).isEqualTo(mixed);
    assertThat(run.bytes("avx2", "onnxruntime/int8")).isEqualTo(7);
    assertThatThrownBy(() -> run.file("avx2", "onnxruntime/fp16"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("onnxruntime/fp16");
  }

  private static String variant(String content, int bytes, boolean winner) {
    return """
        {"profile": "avx2", "engine": "onnxruntime", "precision": "int8", "model": "%s",
         "bytes": %d, "winner": %s}
        """
        .formatted(Digest.of(content.getBytes(StandardCharsets.UTF_8)), bytes, winner);
  }
}
