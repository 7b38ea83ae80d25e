package io.skerry.control.drift;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.drift.BaselineBins;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import jakarta.inject.Singleton;
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
   * @param threshold score from which a prediction is positive; one half with two classes
   * @param priors training rows of each class; empty where these are not known
   * @param trainingPredicted what the model said of them, by class
   * @param windowBytesPerDay that a device may send of windows; 0 = no limit
   * @param features names of all, as the manifest orders them
   */
  public record Monitored(
      MonitoredStreams streams,
      double threshold,
      List<Long> priors,
      List<Long> trainingPredicted,
      long windowBytesPerDay,
      List<String> features) {}

  /** The monitoring of the artifact with this manifest; empty when it has none. */
  public synchronized Optional<Monitored> of(Digest manifest) {
    Optional<Monitored> known = cache.get(manifest);
    if (known != null) {
      return known;
    }
    Optional<Monitored> read = Optional.empty();
    try {
      Optional<ArtifactManifest> artifact = artifacts.manifest(manifest);
      if (artifact.isEmpty()) {
        return Optional.empty();
      }
      read = read(artifact.get());
    } catch (ArtifactException | MalformedDocumentException e) {
      log.atWarn()
          .addKeyValue("manifest", manifest)
          .setCause(e)
          .log("monitoring manifest could not be read");
    }
    cache.put(manifest, read);
    return read;
  }

  /** The same of a manifest as a record names it; empty too when that is no digest. */
  Optional<Monitored> named(String manifest) {
    try {
      return of(Digest.parse(manifest));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** The middle of each ordinary bin of an artifact's scores; empty when it has none. */
  public Optional<List<Double>> scores(String manifest) {
    return named(manifest)
        .map(monitored -> monitored.streams().outputs().get(MonitoredStreams.SCORE))
        .map(BaselineBins::middles);
  }

  /** The range of the amounts that a model says; empty when its score is no amount. */
  public Optional<Double> amountRange(String manifest) {
    return named(manifest).flatMap(monitored -> monitored.streams().amountRange());
  }

  private Optional<Monitored> read(ArtifactManifest artifact) throws MalformedDocumentException {
    Optional<byte[]> content = artifacts.monitoring(artifact);
    if (content.isEmpty()) {
      return Optional.empty();
    }
    try {
      MonitoringManifest monitoring = MonitoringManifest.parseFrom(content.get());
      double threshold =
          monitoring.hasScore()
                  && monitoring.getScore().getClasses() <= 1
                  && monitoring.getScore().getThreshold() > 0
              ? monitoring.getScore().getThreshold()
              : THRESHOLD;
      return Optional.of(
          new Monitored(
              MonitoredStreams.of(monitoring),
              threshold,
              List.copyOf(monitoring.getScore().getClassPriorsList()),
              List.copyOf(monitoring.getScore().getClassBaselineList()),
              monitoring.getBudget().getWindowBytes(),
              monitoring.getFeaturesList().stream().map(FeatureStream::getName).toList()));
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw new MalformedDocumentException("monitoring manifest: " + e.getMessage(), e);
    }
  }
}
