package io.skerry.control.ingest;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.CoMoments;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.StreamLayout;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Window;
import jakarta.inject.Singleton;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the windows of an artifact count: the layout that its monitoring manifest gives. Devices
 * choose what is read here, so every blob has a bound and what could not be read is remembered.
 */
@Singleton
public final class WindowLayouts {
  private static final int CACHED_MAX = 256;

  private final ArtifactStore artifacts;
  private final Map<Digest, Found> cache =
      new LinkedHashMap<>(16, .75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Digest, Found> eldest) {
          return size() > CACHED_MAX;
        }
      };

  private sealed interface Found {}

  private record Known(
      ModelVersion version,
      StreamLayout layout,
      List<Integer> coMoments,
      Optional<MonitoringPlan> reading)
      implements Found {}

  private record Unreadable(String why) implements Found {}

  WindowLayouts(ArtifactStore artifacts) {
    this.artifacts = artifacts;
  }

  /**
   * The counts of a window.
   *
   * @param version that the window is stored under
   * @throws MalformedDocumentException if no artifact of this version here has the manifest that
   *     the window names, or the counts cannot be unpacked or do not add up
   */
  public WindowCounts counts(ModelVersion version, Window window)
      throws MalformedDocumentException {
    return WindowCodec.read(known(version, window).layout(), window);
  }

  /**
   * Checks what else names an artifact: under a version that nobody released nothing is stored.
   *
   * @param what names it, for the message
   * @param version that it is stored under
   * @throws MalformedDocumentException if no artifact of this version here has the manifest that is
   *     named
   */
  void check(String what, ModelVersion version, ModelRef model) throws MalformedDocumentException {
    known(what, version, model);
  }

  /**
   * The sums of products that came with a window.
   *
   * @param version that the window is stored under
   * @return empty when none came
   * @throws MalformedDocumentException if they are of other features than the manifest asks for, or
   *     cannot be
   */
  public Optional<CoMoments> coMoments(ModelVersion version, Window window)
      throws MalformedDocumentException {
    if (!window.hasCoMoments()) {
      return Optional.empty();
    }
    Known known = known(version, window);
    CoMoments moments = CoMoments.fromWire(window.getCoMoments(), known.layout().features());
    List<Integer> told = Arrays.stream(moments.features()).boxed().toList();
    if (!told.equals(known.coMoments())) {
      throw new MalformedDocumentException(
          "window %d sums up products of features %s, its manifest asks for %s"
              .formatted(window.getWindow(), told, known.coMoments()));
    }
    return Optional.of(moments);
  }

  /** Names of the streams that a window counts; empty when its manifest is not known here. */
  public List<String> streams(ModelVersion version, Window window) {
    try {
      return known(version, window).layout().names();
    } catch (MalformedDocumentException e) {
      return List.of();
    }
  }

  private Known known(ModelVersion version, Window window) throws MalformedDocumentException {
    return known("window", version, window.getModel());
  }

  private Known known(String what, ModelVersion version, ModelRef model)
      throws MalformedDocumentException {
    Digest manifest;
    try {
      manifest = Digest.parse(model.getManifestDigest());
    } catch (IllegalArgumentException e) {
      throw new MalformedDocumentException(what + ": " + e.getMessage(), e);
    }
    return switch (of(manifest)) {
      case Unreadable(String why) -> throw new MalformedDocumentException(what + ": " + why);
      case Known known when known.version().equals(version) -> known;
      case Known known ->
          throw new MalformedDocumentException(
              "%s of %s names manifest %s, which is of %s"
                  .formatted(what, version, manifest, known.version()));
    };
  }

  /** How the score or the classes of an artifact are read; empty for one that says neither. */
  Optional<MonitoringPlan> reading(ModelVersion version, ModelRef model) {
    try {
      return of(Digest.parse(model.getManifestDigest())) instanceof Known known
              && known.version().equals(version)
          ? known.reading()
          : Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  // What is not here may come; what is here stays as it is.
  private synchronized Found of(Digest manifest) {
    Found known = cache.get(manifest);
    if (known != null) {
      return known;
    }
    Optional<ArtifactManifest> artifact;
    Found found;
    try {
      artifact = artifacts.manifest(manifest);
      if (artifact.isEmpty()) {
        return new Unreadable("no artifact with manifest %s is here".formatted(manifest));
      }
      MonitoringPlan plan = plan(artifact.get());
      found =
          new Known(
              artifact.get().model(),
              plan.layout(),
              Arrays.stream(plan.coMomentFeatures()).boxed().toList(),
              plan.manifest().hasScore() ? Optional.of(scoreOnly(plan)) : Optional.empty());
    } catch (ArtifactException e) {
      found = new Unreadable("artifact %s: %s".formatted(manifest, e.getMessage()));
      if (e.code() == ErrorCode.ARTIFACT_NOT_FOUND) {
        return found;
      }
    } catch (MalformedDocumentException e) {
      found = new Unreadable("artifact %s: %s".formatted(manifest, e.getMessage()));
    }
    cache.put(manifest, found);
    return found;
  }

  // Baselines and residuals are large, and nothing here reads them.
  private static MonitoringPlan scoreOnly(MonitoringPlan plan) throws MalformedDocumentException {
    return MonitoringPlan.of(
        MonitoringManifests.ofIntegers(
            MonitoringManifest.newBuilder()
                .setFormat(MonitoringPlan.FORMAT)
                .setScore(plan.manifest().getScore())
                .build(),
            plan.manifest().getIntegersList()));
  }

  private MonitoringPlan plan(ArtifactManifest artifact) throws MalformedDocumentException {
    Optional<byte[]> monitoring = artifacts.monitoring(artifact);
    return monitoring.isEmpty()
        ? MonitoringPlan.latencyOnly()
        : MonitoringPlan.parse(monitoring.get());
  }
}
