package io.skerry.packager.emulate;

import io.skerry.profile.Engine;
import java.nio.file.Path;
import java.util.List;

/**
 * One model to run over items.
 *
 * @param items NPY [items, ...]
 * @param result NPY [items, ...], written
 * @param outputs names of the outputs that are wanted, one at least
 */
record EmulatedTask(Engine engine, Path model, Path items, Path result, List<String> outputs) {
  private static final int FIELDS_MIN = 5;

  EmulatedTask {
    outputs = List.copyOf(outputs);
  }

  /** One line, tabs between the fields. */
  String line() {
    return String.join(
        "\t",
        engine.text(),
        model.toString(),
        items.toString(),
        result.toString(),
        String.join("\t", outputs));
  }

  static EmulatedTask parse(String line) {
    String[] fields = line.split("\t", -1);
    if (fields.length < FIELDS_MIN) {
      throw new IllegalArgumentException(
          "a task has %d fields at least: %s".formatted(FIELDS_MIN, line));
    }
    return new EmulatedTask(
        Engine.parse(fields[0]).orElseThrow(),
        Path.of(fields[1]),
        Path.of(fields[2]),
        Path.of(fields[3]),
        List.of(fields).subList(FIELDS_MIN - 1, fields.length));
  }
}
