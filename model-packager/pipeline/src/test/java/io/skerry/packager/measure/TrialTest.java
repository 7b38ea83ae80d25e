package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.graph.Nets;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrialTest {
  @TempDir private Path folder;

  /** What native code does that meets what it cannot be. */
  static final class Aborting {
    private Aborting() {}

    public static void main(String[] arguments) {
      Runtime.getRuntime().halt(134);
    }
  }

  @Test
  void saysNothingOfAFileThatRuns() throws Exception {
    Path file = Files.write(folder.resolve("model.tflite"), TfliteExport.write(Nets.sensorNet(1)));

    assertThatCode(() -> Trial.run(Engine.TFLITE, file, folder)).doesNotThrowAnyException();
  }

  @Test
  void leavesToTheEngineWhatThatRefusesItself() throws Exception {
    Path file = Files.writeString(folder.resolve("model.tflite"), "no model");

    assertThatCode(() -> Trial.run(Engine.TFLITE, file, folder)).doesNotThrowAnyException();
  }

  @Test
  void saysThatTheEngineEndedWhileItLoadedTheFile() {
    Path file = folder.resolve("model.tflite");

    assertThatThrownBy(() -> Trial.run(Aborting.class, Engine.TFLITE, file, folder))
        .isInstanceOf(EngineException.class)
        .hasMessageContainingAll("ended its process (signal 6)", "loaded the file", "export");
  }
}
