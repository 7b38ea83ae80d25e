package io.skerry.control.drift;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.drift.BaselineBins;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a stored artifact says about how it is monitored. Thread-safe. */
@Singleton
public final class Monitoring {
  /** Threshold of a model that names none. */
  public static final double THRESHOLD = .5;

  private static final int CACHED_MAX = 256;
  private static final Logger log = LoggerFactory.getLogger(Monitoring.class);

  private final ArtifactStore artifacts;
  private final Map<Digest, Optional<Monitored>> cache =
      new LinkedHashMap<>(16, .75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Digest, Optional<Monitored>> eldest) {
          return size() > CACHED_MAX;
        }
      };

  Monitoring(ArtifactStore artifacts) {
    this.artifacts = artifacts;
  }

  /**
   * The streams of a version.
   *
   * @param threshold score from which a prediction is positive
   */
  public record Monitored(MonitoredStreams streams, double threshold) {}

  /** The monitoring of the artifact with this manifest; empty when it has none. */
  public synchronized Optional<Monitored> of(Digest manifest) {
    Optional<Monitored> known = cache.get(manifest);
    if (known != null) {
      return known;
    }
    Optional<Monitored> read = read(manifest);
    cache.put(manifest, read);
    return read;
  }

  /** The middle of each ordinary bin of an artifact's scores; empty when it has none. */
  public Optional<List<Double>> scores(String manifest) {
    return of(Digest.parse(manifest))
        .map(monitored -> monitored.streams().outputs().get(MonitoredStreams.SCORE))
        .map(Monitoring::middles);
  }

  private static List<Double> middles(BaselineBins bins) {
    List<Double> middles = new ArrayList<>();
    double low = bins.minimum();
    for (double edge : bins.edges()) {
      middles.add((low + edge) / 2);
      low = edge;
    }
    middles.add((low + bins.maximum()) / 2);
    return List.copyOf(middles);
  }

  private Optional<Monitored> read(Digest digest) {
    try {
      Optional<byte[]> manifest = bytes(digest);
      if (manifest.isEmpty()) {
        return Optional.empty();
      }
      Optional<Layer> layer = ArtifactManifest.parse(manifest.get()).layer(LayerType.MONITORING);
      Optional<byte[]> content = layer.isEmpty() ? Optional.empty() : bytes(layer.get().digest());
      if (content.isEmpty()) {
        return Optional.empty();
      }
      MonitoringManifest monitoring = MonitoringManifest.parseFrom(content.get());
      double threshold =
          monitoring.hasScore() && monitoring.getScore().getThreshold() > 0
              ? monitoring.getScore().getThreshold()
              : THRESHOLD;
      return Optional.of(new Monitored(MonitoredStreams.of(monitoring), threshold));
    } catch (ArtifactException
        | InvalidProtocolBufferException
        | MalformedDocumentException
        | IllegalArgumentException e) {
      log.atWarn()
          .addKeyValue("manifest", digest)
          .setCause(e)
          .log("monitoring manifest could not be read");
      return Optional.empty();
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
