package io.skerry.simulator.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A program that the demo started and ends again. */
final class ChildProcess implements AutoCloseable {
  private static final Duration END_GENTLY_WITHIN = Duration.ofSeconds(20);
  private static final int LOG_LINES_SHOWN = 15;

  private final String name;
  private final Process process;
  private final Path log;

  private ChildProcess(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
  }

  /** Starts a program whose standard output and error go to a log file. */
  static ChildProcess start(String name, List<String> command, Path log) throws IOException {
    return new ChildProcess(
        name,
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .redirectInput(ProcessBuilder.Redirect.PIPE)
            .start(),
        log);
  }

  /** Starts a program that answers on its standard output; only its errors go to the log file. */
  static ChildProcess startTalking(String name, List<String> command, Path log) throws IOException {
    return new ChildProcess(
        name, new ProcessBuilder(command).redirectError(log.toFile()).start(), log);
  }

  Process process() {
    return process;
  }

  /**
   * Does nothing while the program runs.
   *
   * @throws DemoException with the end of its log when it has ended
   */
  void requireAlive() {
    if (!process.isAlive()) {
      throw new DemoException(
          "%s ended with exit code %d; the end of %s:\n%s"
              .formatted(name, process.exitValue(), log, tail()));
    }
  }

  /** The last lines of the log. */
  String tail() {
    try (Stream<String> lines = Files.lines(log)) {
      List<String> all = lines.toList();
      return String.join("\n", all.subList(Math.max(0, all.size() - LOG_LINES_SHOWN), all.size()));
    } catch (IOException e) {
      return "(no log: " + e.getMessage() + ")";
    }
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(END_GENTLY_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
