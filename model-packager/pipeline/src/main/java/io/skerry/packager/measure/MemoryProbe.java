package io.skerry.packager.measure;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Samples;
import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/**
 * Memory that a model takes, seen from a process of its own: here other models are loaded too, and
 * what one needs has been had before by another.
 */
public final class MemoryProbe {
  private static final int SECONDS_MAX = 60;

  private MemoryProbe() {}

  /**
   * The most memory, in bytes, that loading a file and a first run of it take beyond an engine that
   * has run a small model; absent where that cannot be seen, or the process does not end well.
   *
   * @param small a model of the same engine
   */
  public static OptionalLong peakBytes(Engine engine, Path small, Path file) throws IOException {
    if (!ResidentMemory.isKnown()) {
      return OptionalLong.empty();
    }
    // The heap is there from the start, so that nothing of it counts as the model's.
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xms64m",
                "-Xmx64m",
                "-XX:+AlwaysPreTouch",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
                "-cp",
                System.getProperty("java.class.path"),
                MemoryProbe.class.getName(),
                engine.text(),
                small.toString(),
                file.toString())
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("ORT_DISABLE_TELEMETRY", "1");
    // As an agent's launcher does.
    builder.environment().put("MALLOC_ARENA_MAX", "1");
    Process process = builder.start();
    try {
      boolean ended = process.waitFor(SECONDS_MAX, TimeUnit.SECONDS);
      if (!ended || process.exitValue() != 0) {
        return OptionalLong.empty();
      }
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return OptionalLong.of(Long.parseLong(said.lines().reduce("", (first, last) -> last)));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return OptionalLong.empty();
    } finally {
      process.destroyForcibly();
    }
  }

  /** Prints the bytes; ends with 1 when they are unknown. */
  public static void main(String[] arguments) throws EngineException {
    Engine engine = Engine.parse(arguments[0]).orElseThrow();
    Bench bench = new Bench();
    run(bench, engine, Path.of(arguments[1]));
    ResidentMemory before = ResidentMemory.now();
    run(bench, engine, Path.of(arguments[2]));
    OptionalLong peak = before.peakSince();
    peak.ifPresent(System.out::println);
    // Native threads of the engines may outlast main.
    System.exit(peak.isPresent() ? 0 : 1);
  }

  private static void run(Bench bench, Engine engine, Path file) throws EngineException {
    try (LoadedModel model = bench.load(engine, file)) {
      TensorSpec input = model.signature().inputs().getFirst();
      int elements = input.elementsPerItem();
      NpyArray zeros =
          input.type() == ElementType.INT8
              ? NpyArray.ofBytes(new byte[elements], 1, elements)
              : NpyArray.ofFloats(new float[elements], 1, elements);
      model.run(List.of(Bench.input(model, Samples.of("zeros", zeros, elements), 0)));
    }
  }
}
