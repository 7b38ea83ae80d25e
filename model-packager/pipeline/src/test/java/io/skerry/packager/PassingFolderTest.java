package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PassingFolderTest {
  @TempDir private Path folder;

  /** Makes one with a file in it, says so, and waits to be interrupted. */
  static final class Waiting {
    private Waiting() {}

    public static void main(String[] arguments) throws Exception {
      try (PassingFolder made = PassingFolder.at(Path.of(arguments[0]))) {
        Files.createFile(made.path().resolve("model.onnx"));
        System.out.println("made");
        System.in.read();
      }
    }
  }

  @Test
  void isGoneAfterAnInterrupt() throws Exception {
    Path part = folder.resolve("out.part");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Waiting.class.getName(),
                part.toString())
            .redirectErrorStream(true)
            .start();
    try {
      assertThat(process.inputReader(StandardCharsets.UTF_8).readLine()).isEqualTo("made");
      assertThat(part.resolve("model.onnx")).exists();

      process.destroy();

      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(part).doesNotExist();
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void takesThePlaceOfWhatAKillLeft() throws Exception {
    Path part = folder.resolve("left.part");
    Files.createDirectories(part.resolve("x86-64-avx2"));

    try (PassingFolder made = PassingFolder.at(part)) {
      assertThat(made.path()).isEqualTo(part).isEmptyDirectory();
    }

    assertThat(part).doesNotExist();
  }
}
