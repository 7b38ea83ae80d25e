package io.skerry.packager.measure;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Samples;
import io.skerry.packager.process.JavaProcess;
import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Memory that a model takes, seen from a process of its own: here other models are loaded too, and
 * what one needs has been had before by another.
 */
public final class MemoryProbe {
  private static final Duration TIME_MAX = Duration.ofMinutes(1);

  private MemoryProbe() {}

  /**
   * The most memory, in bytes, that loading a file and a first run of it take beyond an engine that
   * has run a small model; absent where that cannot be seen, or the process does not end well.
   *
   * @param small a model of the same engine
   * @param folder for files in between
   */
  public static OptionalLong peakBytes(Engine engine, Path small, Path file, Path folder)
      throws IOException {
    if (!ResidentMemory.isKnown()) {
      return OptionalLong.empty();
    }
    Path told = folder.resolve("peak-bytes");
    // The heap is there from the start, so that nothing of it counts as the model's.
    OptionalInt code =
        JavaProcess.here(MemoryProbe.class, folder, "-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch")
            .run(
                TIME_MAX,
                ProcessBuilder.Redirect.DISCARD,
                engine.text(),
                small.toString(),
                file.toString(),
                told.toString());
    return code.orElse(1) == 0
        ? OptionalLong.of(Long.parseLong(Files.readString(told)))
        : OptionalLong.empty();
  }

  /** Writes the bytes to the file that is named last; ends with 1 when they are unknown. */
  public static void main(String[] arguments) throws EngineException, IOException {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Engine engine = Engine.parse(arguments[0]).orElseThrow();
    Bench bench = new Bench();
    run(bench, engine, Path.of(arguments[1]));
    ResidentMemory before = ResidentMemory.now();
    run(bench, engine, Path.of(arguments[2]));
    OptionalLong peak = before.peakSince();
    if (peak.isPresent()) {
      Files.writeString(Path.of(arguments[3]), Long.toString(peak.getAsLong()));
    }
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
