package io.skerry.packager.measure;

import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Loads a file and runs it once in a process of its own. Native code ends the process on some
 * damaged files, and whoever packages such a file must be told so instead.
 */
public final class Trial {
  private static final Duration TIME_MAX = Duration.ofMinutes(2);

  /** A process that a signal ended has this and the signal's number as its exit code. */
  private static final int SIGNALS = 128;

  private Trial() {}

  /**
   * Tries a file; what an engine refuses in words is not told here.
   *
   * @param folder for files in between
   * @throws EngineException if the process ended by itself, or takes too long
   */
  public static void run(Engine engine, Path file, Path folder)
      throws IOException, EngineException {
    run(TrialRun.class, engine, file, folder);
  }

  static void run(Class<?> program, Engine engine, Path file, Path folder)
      throws IOException, EngineException {
    // What it unpacks goes with the folder, however it ends.
    Path temporary = Files.createDirectories(folder.resolve("trial-tmp")).toAbsolutePath();
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + temporary.resolve("crash.txt"),
            "-Xmx256m",
            "-Djava.io.tmpdir=" + temporary,
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            program.getName(),
            engine.text(),
            file.toAbsolutePath().toString());
    builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.environment().putAll(Map.of("ORT_DISABLE_TELEMETRY", "1"));
    Process process = builder.start();
    try {
      if (!process.waitFor(TIME_MAX.toSeconds(), TimeUnit.SECONDS)) {
        throw refused("the engine takes longer than %d s to run one item", TIME_MAX.toSeconds());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while %s was tried".formatted(file.getFileName()), e);
    } finally {
      process.destroyForcibly();
    }
    if (process.exitValue() > SIGNALS) {
      throw refused(
          "the engine ended its process (signal %d) while it loaded the file and ran it once: it is"
              + " damaged, or not what the engine knows: export it again",
          process.exitValue() - SIGNALS);
    }
  }

  private static EngineException refused(String format, long number) {
    return new EngineException(EngineException.Reason.MODEL_INVALID, format.formatted(number));
  }
}
