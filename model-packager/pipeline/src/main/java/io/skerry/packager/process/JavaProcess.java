package io.skerry.packager.process;

import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A program of this class path in a Java machine of its own. What that unpacks lies below a folder
 * and goes when it has ended, however that was.
 *
 * @param java the command that starts Java
 * @param options for Java
 * @param program a class with a main method
 * @param folder an existing one
 */
public record JavaProcess(List<String> java, List<String> options, Class<?> program, Path folder) {
  public JavaProcess {
    java = List.copyOf(java);
    options = List.copyOf(options);
  }

  /** A program for the Java that runs here, and for a short time. */
  public static JavaProcess here(Class<?> program, Path folder, String... options) {
    List<String> all = new ArrayList<>(List.of("-XX:TieredStopAtLevel=1"));
    all.addAll(List.of(options));
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    return new JavaProcess(List.of(java), all, program, folder);
  }

  /**
   * Runs it to its end.
   *
   * @param output where goes what it says
   * @return its exit code; absent when it took longer and was ended
   * @throws InterruptedIOException if this thread is interrupted; it was ended
   */
  public OptionalInt run(Duration most, ProcessBuilder.Redirect output, String... arguments)
      throws IOException {
    Path temporary = Files.createTempDirectory(folder, "process-").toAbsolutePath();
    try {
      return run(command(temporary, arguments), most, output);
    } finally {
      try (Stream<Path> unpacked = Files.walk(temporary)) {
        for (Path path : unpacked.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private List<String> command(Path temporary, String... arguments) {
    List<String> command = new ArrayList<>(java);
    command.addAll(options);
    command.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + temporary.resolve("crash.txt"),
            "-Djava.io.tmpdir=" + temporary,
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            program.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  private OptionalInt run(List<String> command, Duration most, ProcessBuilder.Redirect output)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .redirectOutput(output);
    // Memory as an agent's launcher has it.
    builder.environment().putAll(Map.of("ORT_DISABLE_TELEMETRY", "1", "MALLOC_ARENA_MAX", "1"));
    Process process = builder.start();
    try {
      boolean ended = process.waitFor(most.toMillis(), TimeUnit.MILLISECONDS);
      return ended ? OptionalInt.of(process.exitValue()) : OptionalInt.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(program.getSimpleName() + " was interrupted");
    } finally {
      process.destroyForcibly().onExit().join();
    }
  }
}
