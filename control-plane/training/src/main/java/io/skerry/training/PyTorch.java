package io.skerry.training;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import io.skerry.artifact.job.JobFailure;
import io.skerry.protocol.ErrorCode;
import java.nio.file.Path;

/** Loads PyTorch from the class path alone: nothing is asked of the network. */
final class PyTorch {
  static final String ENGINE = "PyTorch";

  private PyTorch() {}

  /**
   * Loads the engine; the native library is unpacked once per user.
   *
   * @param seed for every random choice the engine makes
   */
  static void load(long seed) {
    setDefault("ai.djl.offline", "true");
    setDefault("offline", "true");
    setDefault("OPT_OUT_TRACKING", "true");
    setDefault("DJL_CACHE_DIR", cache().toString());
    // One thread: a second one waits in spin locks and, on a busy machine with two cores, made
    // training ten times slower; and results then do not depend on the number of cores.
    setDefault("ai.djl.pytorch.num_threads", "1");
    setDefault("ai.djl.pytorch.num_interop_threads", "1");
    try {
      Engine.getEngine(ENGINE).setRandomSeed((int) seed);
    } catch (EngineException | UnsatisfiedLinkError e) {
      throw new JobFailure(
          ErrorCode.ENGINE_UNAVAILABLE,
          "PyTorch cannot be loaded here (needs Linux on x86-64 and room for 500 MiB under %s): %s"
              .formatted(System.getProperty("DJL_CACHE_DIR"), e.getMessage()),
          e);
    }
  }

  private static Path cache() {
    String configured = System.getenv("XDG_CACHE_HOME");
    Path caches =
        configured == null || configured.isBlank()
            ? Path.of(System.getProperty("user.home", "."), ".cache")
            : Path.of(configured);
    return caches.resolve("skerry").resolve("djl");
  }

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null && System.getenv(property) == null) {
      System.setProperty(property, value);
    }
  }
}
