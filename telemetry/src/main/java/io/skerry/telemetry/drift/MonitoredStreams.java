package io.skerry.telemetry.drift;

import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * The streams of one model version.
 *
 * @param inputs the input's features: they do not depend on the model, so baselines outlive it
 * @param outputs streams that the version makes ({@code $score}, {@code $spe}, {@code $t2}): they
 *     start afresh with every version
 */
public record MonitoredStreams(Map<String, Input> inputs, Map<String, BaselineBins> outputs) {
  /** Stream names as devices count them. */
  public static final String SCORE = "$score";

  private static final String SPE = "$spe";
  private static final String T2 = "$t2";

  public MonitoredStreams {
    inputs = Collections.unmodifiableMap(new TreeMap<>(inputs));
    outputs = Collections.unmodifiableMap(new TreeMap<>(outputs));
  }

  /**
   * A feature of the input.
   *
   * @param standardDeviation of the training data, the unit in which shifts are told
   */
  public record Input(BaselineBins bins, double standardDeviation) {}

  /** The streams of a monitoring manifest. */
  public static MonitoredStreams of(MonitoringManifest manifest) {
    Map<String, Input> inputs = new TreeMap<>();
    for (FeatureStream feature : manifest.getFeaturesList()) {
      inputs.put(
          feature.getName(),
          new Input(BaselineBins.of(feature.getBins()), feature.getStandardDeviation()));
    }
    Map<String, BaselineBins> outputs = new TreeMap<>();
    if (manifest.hasScore()) {
      outputs.put(SCORE, BaselineBins.unit(manifest.getScore().getBaselineList()));
    }
    if (manifest.hasResidual()) {
      outputs.put(SPE, BaselineBins.of(manifest.getResidual().getSquaredPredictionError()));
      outputs.put(T2, BaselineBins.of(manifest.getResidual().getHotelling()));
    }
    return new MonitoredStreams(inputs, outputs);
  }
}
