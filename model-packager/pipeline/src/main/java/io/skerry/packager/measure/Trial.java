package io.skerry.packager.measure;

import io.skerry.packager.process.JavaProcess;
import io.skerry.profile.Engine;
import io.skerry.runtime.EngineException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

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
    int code =
        JavaProcess.here(program, folder, "-Xmx256m")
            .run(
                TIME_MAX,
                ProcessBuilder.Redirect.DISCARD,
                engine.text(),
                file.toAbsolutePath().toString())
            .orElseThrow(
                () ->
                    refused(
                        "the engine takes longer than %d s to run one item: prune the model",
                        TIME_MAX.toSeconds()));
    if (code > SIGNALS) {
      throw refused(
          "the engine ended its process (signal %d) while it loaded the file and ran it once: it is"
              + " damaged, or not what the engine knows: export it again",
          code - SIGNALS);
    }
  }

  private static EngineException refused(String format, long number) {
    return new EngineException(EngineException.Reason.MODEL_INVALID, format.formatted(number));
  }
}
