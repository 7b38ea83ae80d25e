package io.skerry.agent.model;

import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.runtime.LoadOptions;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How a device runs models of its hardware profile. */
public final class ProfileOptions {
  private ProfileOptions() {}

  /**
   * Options for one engine.
   *
   * @param threadsMax threads that one model may use, whatever its profile says
   * @param compiled folder for what engines compile for this machine
   */
  public static LoadOptions of(
      HardwareProfile profile, Engine engine, int threadsMax, Optional<Path> compiled) {
    Map<String, Path> libraries = new HashMap<>();
    profile.engine().libraries().forEach((name, file) -> libraries.put(name, Path.of(file)));
    return new LoadOptions(
        Math.clamp(threadsMax, 1, Math.max(1, profile.threads())),
        engine == Engine.ONNXRUNTIME ? profile.executionProviders() : List.of(),
        profile.engine().acceleratorOnly(),
        profile.engine().memoryArena(),
        libraries,
        compiled);
  }
}
