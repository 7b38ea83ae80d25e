package io.skerry.packager.emulate;

import io.skerry.profile.Engine;
import java.nio.file.Path;

/**
 * One model to run over items.
 *
 * @param items NPY [items, ...]
 * @param output name of the output that is wanted
 * @param result NPY [items, ...], written
 */
record EmulatedTask(Engine engine, Path model, Path items, String output, Path result) {
  private static final int FIELDS = 5;

  /** One line, tabs between the fields. */
  String line() {
    return String.join(
        "\t", engine.text(), model.toString(), items.toString(), output, result.toString());
  }

  static EmulatedTask parse(String line) {
    String[] fields = line.split("\t", -1);
    if (fields.length != FIELDS) {
      throw new IllegalArgumentException("a task has %d fields: %s".formatted(FIELDS, line));
    }
    return new EmulatedTask(
        Engine.parse(fields[0]).orElseThrow(),
        Path.of(fields[1]),
        Path.of(fields[2]),
        fields[3],
        Path.of(fields[4]));
  }
}
