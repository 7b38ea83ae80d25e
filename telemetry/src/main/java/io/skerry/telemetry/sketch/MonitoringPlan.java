package io.skerry.telemetry.sketch;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What to count about a model: a checked monitoring manifest. Immutable.
 *
 * <p>Streams, in this order: the features by their own name, {@code $score} when the manifest has a
 * score, {@code $spe} and {@code $t2} when it has a principal subspace, {@code $latency}.
 */
public final class MonitoringPlan {
  public static final String SCORE = "$score";
  public static final String SQUARED_PREDICTION_ERROR = "$spe";
  public static final String HOTELLING = "$t2";
  public static final String LATENCY = "$latency";

  /** Features that a manifest may have. */
  public static final int FEATURES_MAX = 4096;

  /** The largest encoded manifest. */
  public static final int BYTES_MAX = 16 * 1024 * 1024;

  private final MonitoringManifest manifest;
  private final int[] offsets;
  private final ReferenceBins[] features;

  private MonitoringPlan(MonitoringManifest manifest) throws MalformedDocumentException {
    this.manifest = manifest;
    int count = manifest.getFeaturesCount();
    this.offsets = new int[count];
    this.features = new ReferenceBins[count];
    Set<String> names = new HashSet<>();
    for (int i = 0; i < count; i++) {
      FeatureStream feature = manifest.getFeatures(i);
      if (feature.getName().isEmpty()
          || feature.getName().startsWith("$")
          || !names.add(feature.getName())) {
        throw new MalformedDocumentException(
            "monitoring manifest: feature name '%s' is empty, starts with '$' or occurs twice"
                .formatted(feature.getName()));
      }
      if (feature.getOffset() < 0) {
        throw new MalformedDocumentException(
            "monitoring manifest: feature '%s' has offset %d"
                .formatted(feature.getName(), feature.getOffset()));
      }
      offsets[i] = feature.getOffset();
      features[i] = ReferenceBins.of(feature.getName(), feature.getBins());
    }
  }

  /** For a model without a monitoring manifest: counts latencies only. */
  public static MonitoringPlan latencyOnly() {
    try {
      return new MonitoringPlan(MonitoringManifest.getDefaultInstance());
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException("the empty manifest is valid", e);
    }
  }

  /**
   * Reads an encoded manifest.
   *
   * @throws MalformedDocumentException if it is too large, unreadable or contradicts itself
   */
  public static MonitoringPlan parse(byte[] encoded) throws MalformedDocumentException {
    if (encoded.length > BYTES_MAX) {
      throw new MalformedDocumentException(
          "monitoring manifest has %d bytes, at most %d".formatted(encoded.length, BYTES_MAX));
    }
    try {
      return of(MonitoringManifest.parseFrom(encoded));
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedDocumentException("monitoring manifest: " + e.getMessage(), e);
    }
  }

  /**
   * Checks a manifest.
   *
   * @throws MalformedDocumentException if it contradicts itself
   */
  public static MonitoringPlan of(MonitoringManifest manifest) throws MalformedDocumentException {
    if (manifest.getFeaturesCount() > FEATURES_MAX) {
      throw new MalformedDocumentException(
          "monitoring manifest has %d features, at most %d"
              .formatted(manifest.getFeaturesCount(), FEATURES_MAX));
    }
    MonitoringPlan plan = new MonitoringPlan(manifest);
    if (manifest.hasScore()
        && manifest.getScore().getBaselineCount() != MonitoringManifests.SCORE_BINS) {
      throw new MalformedDocumentException(
          "monitoring manifest: the score has %d baseline bins, not %d"
              .formatted(manifest.getScore().getBaselineCount(), MonitoringManifests.SCORE_BINS));
    }
    if (manifest.hasResidual()) {
      plan.residuals();
      plan.squaredPredictionErrorBins();
      plan.hotellingBins();
    }
    return plan;
  }

  /** The manifest that this plan was read from. */
  public MonitoringManifest manifest() {
    return manifest;
  }

  /** The input tensor that the monitored view is taken from; empty when there is no feature. */
  public String input() {
    return manifest.getInput();
  }

  /** Monitored scalars of one item. */
  public int featureCount() {
    return features.length;
  }

  /** The output tensor that holds the score, when there is one. */
  public Optional<String> scoreOutput() {
    return manifest.hasScore() ? Optional.of(manifest.getScore().getOutput()) : Optional.empty();
  }

  /** Element index of the score within one item of its output. */
  public int scoreOffset() {
    return manifest.getScore().getOffset();
  }

  /** The score from which the positive class is predicted. */
  public double threshold() {
    return manifest.getScore().getThreshold();
  }

  /** Names of all streams, in their order. */
  public List<String> streams() {
    List<String> names = new ArrayList<>(features.length + 4);
    manifest.getFeaturesList().forEach(feature -> names.add(feature.getName()));
    if (manifest.hasScore()) {
      names.add(SCORE);
    }
    if (manifest.hasResidual()) {
      names.add(SQUARED_PREDICTION_ERROR);
      names.add(HOTELLING);
    }
    names.add(LATENCY);
    return List.copyOf(names);
  }

  /** Elements that one item of the input must have at least. */
  public int elementsNeeded() {
    int needed = 0;
    for (int offset : offsets) {
      needed = Math.max(needed, offset + 1);
    }
    return needed;
  }

  /**
   * Copies the monitored values of one item. Allocates nothing.
   *
   * @param fp32 the input tensor's elements, little-endian 32-bit floats, from index 0
   * @param firstElement index of the item's first element
   * @param into at least {@link #featureCount()} long
   */
  public void view(ByteBuffer fp32, int firstElement, float[] into) {
    for (int i = 0; i < offsets.length; i++) {
      into[i] = fp32.getFloat((firstElement + offsets[i]) * Float.BYTES);
    }
  }

  /** Whether a monitored value is missing, infinite or outside its range. Allocates nothing. */
  public boolean isAnomalous(float[] view) {
    for (int i = 0; i < features.length; i++) {
      if (features[i].index(view[i]) >= features[i].missing()) {
        return true;
      }
    }
    return false;
  }

  ReferenceBins featureBins(int feature) {
    return features[feature];
  }

  Optional<Residuals> residuals() throws MalformedDocumentException {
    if (!manifest.hasResidual()) {
      return Optional.empty();
    }
    double[] mean = new double[features.length];
    double[] deviation = new double[features.length];
    for (int i = 0; i < features.length; i++) {
      mean[i] = manifest.getFeatures(i).getMean();
      deviation[i] = manifest.getFeatures(i).getStandardDeviation();
    }
    return Optional.of(Residuals.of(mean, deviation, manifest.getResidual()));
  }

  ReferenceBins squaredPredictionErrorBins() throws MalformedDocumentException {
    return ReferenceBins.of(
        SQUARED_PREDICTION_ERROR, manifest.getResidual().getSquaredPredictionError());
  }

  ReferenceBins hotellingBins() throws MalformedDocumentException {
    return ReferenceBins.of(HOTELLING, manifest.getResidual().getHotelling());
  }
}
