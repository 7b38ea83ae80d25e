package io.skerry.agent.update;

import io.skerry.agent.model.ProfileOptions;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.GoldenSet;
import io.skerry.profile.HardwareProfile;
import io.skerry.protocol.ErrorCode;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.util.Optional;
import java.util.OptionalLong;

/** Loads models as their profiles say, and refuses what takes more memory than those allow. */
final class MeasuredLoad {
  private final ArtifactFiles files;
  private final ArtifactLoader.Host host;

  MeasuredLoad(ArtifactFiles files, ArtifactLoader.Host host) {
    this.files = files;
    this.host = host;
  }

  /** Loads a model; the caller closes it. */
  LoadedModel loaded(ArtifactManifest manifest) throws UpdateException {
    LoadOptions options =
        ProfileOptions.of(
            files.profile(manifest),
            manifest.engine(),
            host.threadsMax(),
            Optional.of(host.compiled()));
    try {
      return host.engines().load(manifest.engine().text(), files.model(manifest), options);
    } catch (EngineException e) {
      throw new UpdateException(
          switch (e.reason()) {
            case ENGINE_UNAVAILABLE -> ErrorCode.ENGINE_UNAVAILABLE;
            case OUT_OF_MEMORY, NO_ROOM -> ErrorCode.ACCEPTANCE_MEMORY;
            case MODEL_INVALID, INPUT_INVALID, RUN_FAILED, STOPPED, MUST_WAIT ->
                ErrorCode.MODEL_LOAD_FAILED;
          },
          "%s cannot be loaded: %s".formatted(manifest.model(), e.getMessage()),
          e);
    }
  }

  /** A model takes at least its own bytes: asking an engine for more than there is may end it. */
  void refuseLarger(ArtifactManifest manifest, HardwareProfile profile) throws UpdateException {
    long bytes = manifest.modelLayer().size();
    OptionalLong available = host.memory().available();
    if (bytes > profile.memoryBudgetBytes()) {
      throw tooLarge(manifest, profile, "its file alone has %d bytes".formatted(bytes));
    }
    if (available.isPresent() && bytes > available.getAsLong()) {
      throw tooLarge(
          manifest,
          profile,
          "its file has %d bytes, and this device has %d left"
              .formatted(bytes, available.getAsLong()));
    }
  }

  /**
   * Loads a model and gives the golden inputs to it, and refuses it when this process grew by more
   * than the profile allows. Other work in this process only ever adds to that, so the smaller of
   * two measurements counts.
   */
  LoadedModel measured(ArtifactManifest manifest, HardwareProfile profile, GoldenSet golden)
      throws UpdateException {
    boolean measuring = false;
    try {
      measuring = host.memory().measuring();
      long grown = Long.MAX_VALUE;
      for (int i = 0; i < 2; i++) {
        OptionalLong before = host.memory().resident();
        LoadedModel model = loaded(manifest);
        boolean fits = false;
        try {
          Acceptance.checkGolden(manifest.model(), model, golden);
          OptionalLong after = host.memory().resident();
          grown =
              measuring && before.isPresent() && after.isPresent()
                  ? Math.min(grown, after.getAsLong() - before.getAsLong())
                  : 0;
          fits = grown <= profile.memoryBudgetBytes();
        } finally {
          if (!fits) {
            model.close();
          }
        }
        if (fits) {
          return model;
        }
      }
      throw tooLarge(manifest, profile, "the process grew by %d bytes".formatted(grown));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UpdateException(ErrorCode.SUPERSEDED, "interrupted", e);
    } finally {
      if (measuring) {
        host.memory().measured();
      }
    }
  }

  private static UpdateException tooLarge(
      ArtifactManifest manifest, HardwareProfile profile, String fault) {
    return new UpdateException(
        ErrorCode.ACCEPTANCE_MEMORY,
        "%s takes too much memory: %s; profile %s allows %d"
            .formatted(manifest.model(), fault, profile.id(), profile.memoryBudgetBytes()));
  }
}
