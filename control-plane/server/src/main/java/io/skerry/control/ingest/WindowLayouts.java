package io.skerry.control.ingest;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.StreamLayout;
import io.skerry.telemetry.sketch.WindowCodec;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.wire.fleet.v1.Window;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** What the windows of an artifact count: the layout that its monitoring manifest gives. */
@Singleton
public final class WindowLayouts {
  private static final int CACHED_MAX = 256;

  private final ArtifactStore artifacts;
  private final Map<Digest, StreamLayout> cache =
      new LinkedHashMap<>(16, .75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Digest, StreamLayout> eldest) {
          return size() > CACHED_MAX;
        }
      };

  WindowLayouts(ArtifactStore artifacts) {
    this.artifacts = artifacts;
  }

  /**
   * The counts of a window.
   *
   * @throws MalformedDocumentException if no artifact here has the manifest that the window names,
   *     or the counts cannot be unpacked or do not add up
   */
  public WindowCounts counts(Window window) throws MalformedDocumentException {
    Digest manifest;
    try {
      manifest = Digest.parse(window.getModel().getManifestDigest());
    } catch (IllegalArgumentException e) {
      throw new MalformedDocumentException("window: " + e.getMessage(), e);
    }
    Optional<StreamLayout> layout = of(manifest);
    if (layout.isEmpty()) {
      throw new MalformedDocumentException(
          "window names manifest %s, of which no artifact is here".formatted(manifest));
    }
    return WindowCodec.read(layout.get(), window);
  }

  /**
   * The layout of the artifact with this manifest; empty when there is no such artifact here.
   *
   * @throws MalformedDocumentException if the artifact's monitoring manifest cannot be read
   */
  private synchronized Optional<StreamLayout> of(Digest manifest)
      throws MalformedDocumentException {
    StreamLayout known = cache.get(manifest);
    if (known != null) {
      return Optional.of(known);
    }
    Optional<byte[]> bytes = bytes(manifest);
    if (bytes.isEmpty()) {
      return Optional.empty();
    }
    StreamLayout read = read(bytes.get());
    cache.put(manifest, read);
    return Optional.of(read);
  }

  private StreamLayout read(byte[] manifest) throws MalformedDocumentException {
    try {
      Optional<Layer> layer = ArtifactManifest.parse(manifest).layer(LayerType.MONITORING);
      Optional<byte[]> content = layer.isEmpty() ? Optional.empty() : bytes(layer.get().digest());
      return content.isEmpty()
          ? MonitoringPlan.latencyOnly().layout()
          : MonitoringPlan.parse(content.get()).layout();
    } catch (ArtifactException e) {
      throw new MalformedDocumentException("artifact manifest: " + e.getMessage(), e);
    }
  }

  private Optional<byte[]> bytes(Digest digest) {
    return artifacts
        .find(digest)
        .map(
            blob -> {
              try {
                return Files.readAllBytes(blob.file());
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }
}
