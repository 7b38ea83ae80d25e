package io.skerry.agent.boot;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A model for each engine whose answer is known: {@code y = (x0+x1+x2+x3, x0-x1+x2-x3)}, shapes
 * [-1,4] and [-1,2]. The packager's own exporters wrote the files; {@code SelfTestModelsTest} of
 * the end-to-end tests writes them again.
 */
final class SelfTest {
  private SelfTest() {}

  /**
   * The file endings of the engines that can be used here.
   *
   * @throws CommandException if there is none
   */
  static List<String> endings(EngineCatalog engines) {
    List<String> endings = new ArrayList<>();
    List<String> reasons = new ArrayList<>();
    for (String name : engines.names()) {
      switch (engines.status(name)) {
        case EngineStatus.Available available ->
            endings.add(engines.fileExtension(name).orElseThrow());
        case EngineStatus.Unavailable(String reason) -> reasons.add(name + ": " + reason);
      }
    }
    if (endings.isEmpty()) {
      throw new CommandException(
          ExitCode.FAILED, "no engine can be used on this machine: " + String.join("; ", reasons));
    }
    return endings;
  }

  /**
   * Writes the model of an engine.
   *
   * @param ending the engine's file ending
   */
  static Path write(String ending, Path file) throws IOException {
    try (InputStream content = SelfTest.class.getResourceAsStream("self-test" + ending)) {
      if (content == null) {
        throw new IOException("the program lacks its file self-test" + ending);
      }
      Files.copy(content, file);
      return file;
    }
  }

  static Tensor input() {
    return Tensor.ofFloats("x", List.of(1L, 4L), 1, 2, 3, 4);
  }

  /** Whether this is the answer to {@link #input()}. */
  static boolean isRight(Tensor output) {
    float[] values = output.floats();
    return values.length == 2 && Math.abs(values[0] - 10) < 1e-4 && Math.abs(values[1] + 2) < 1e-4;
  }
}
