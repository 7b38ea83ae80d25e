package io.skerry.agent.boot;

import io.skerry.artifact.DeviceTimings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures several models, each in a process of its own: in one process a later model is given the
 * memory that an earlier one left, and nobody sees what it takes.
 */
final class BenchProcesses {
  private BenchProcesses() {}

  /**
   * Measures them one after the other.
   *
   * @param program what starts this command's program
   * @param options of the command, but for the model and the report
   * @param reported whether reports are wanted
   * @param scratch an existing folder
   * @return a report of each, in the same order; none where they are not wanted
   * @throws CommandException if one could not be measured
   */
  static List<DeviceTimings> run(
      List<String> program,
      List<Path> models,
      List<String> options,
      boolean reported,
      Path scratch,
      PrintWriter out)
      throws IOException, InterruptedException {
    List<DeviceTimings> reports = new ArrayList<>();
    for (Path model : models) {
      Path report = scratch.resolve("report.json");
      List<String> line = new ArrayList<>(program);
      line.addAll(List.of("bench", "--model", model.toString()));
      line.addAll(options);
      if (reported) {
        line.addAll(List.of("--report", report.toString()));
      }
      run(line, model, scratch.resolve("errors"), out);
      if (reported) {
        reports.add(DeviceTimings.parse(model.toString(), Files.readAllBytes(report)));
        Files.delete(report);
      }
    }
    return reports;
  }

  private static void run(List<String> line, Path model, Path errors, PrintWriter out)
      throws IOException, InterruptedException {
    Process process = new ProcessBuilder(line).redirectError(errors.toFile()).start();
    try (BufferedReader said = process.inputReader()) {
      process.getOutputStream().close();
      // The last line is of a report that is gone when all are measured.
      said.lines().filter(text -> !text.startsWith("wrote ")).forEach(out::println);
      int code = process.waitFor();
      if (code != ExitCode.DONE) {
        throw new CommandException(code, failure(model, Files.readString(errors), code));
      }
    } finally {
      process.destroyForcibly();
    }
  }

  private static String failure(Path model, String errors, int code) {
    return errors
        .lines()
        .filter(text -> text.startsWith("error: "))
        .findFirst()
        .map(text -> text.substring("error: ".length()))
        .map(text -> text.contains(model.toString()) ? text : "%s: %s".formatted(model, text))
        .orElseGet(
            () ->
                "%s: the process that measured it ended with %d: measure it alone to see why"
                    .formatted(model, code));
  }
}
