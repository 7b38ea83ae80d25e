package io.skerry.packager.emulate;

import io.skerry.artifact.npy.NpyArray;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Outputs;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The program that runs under emulation: a file of tasks, a line each. */
public final class EmulatedRun {
  private EmulatedRun() {}

  /** Ends with 0 when every task was done, with 1 and one line for the first that was not. */
  public static void main(String[] arguments) throws IOException {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Bench bench = new Bench();
    for (String line : Files.readAllLines(Path.of(arguments[0]))) {
      EmulatedTask task = EmulatedTask.parse(line);
      try {
        run(bench, task);
      } catch (EngineException e) {
        System.err.println(task.model().getFileName() + ": " + e.getMessage());
        System.exit(1);
      }
    }
    // Native threads of the engines may outlast main under emulation.
    System.exit(0);
  }

  private static void run(Bench bench, EmulatedTask task) throws EngineException, IOException {
    try (LoadedModel model = bench.load(task.engine(), task.model())) {
      int elements = model.signature().inputs().getFirst().elementsPerItem();
      Samples items = Samples.read(task.items(), elements);
      Outputs outputs = bench.outputs(model, items, task.outputs());
      NpyArray.ofFloats(outputs.values(), outputs.items(), outputs.perItem()).write(task.result());
    }
  }
}
