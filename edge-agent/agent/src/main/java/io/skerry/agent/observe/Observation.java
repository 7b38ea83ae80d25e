package io.skerry.agent.observe;

import io.skerry.agent.model.Prediction;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.wire.fleet.v1.NamedTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One slot of the ring: what is kept of a prediction, overwritten again and again. */
final class Observation {
  private static final float[] NOTHING = {};

  @Nullable WatchedModel model;
  float[] view = NOTHING;
  float score;
  int predictedClass;
  long latencyMicros;
  long atMillis;
  String predictionId = "";
  String clientId = "";
  // Set when the prediction keeps its tensors.
  @Nullable Stratum stratum;
  double inclusionProbability;
  List<NamedTensor> inputs = List.of();
  List<NamedTensor> outputs = List.of();

  void set(WatchedModel watched, Prediction prediction) {
    model = watched;
    if (view.length < watched.plan().featureCount()) {
      view = new float[watched.plan().featureCount()];
    }
    latencyMicros = prediction.nanos() / 1000;
    atMillis = prediction.at().toEpochMilli();
    predictionId = prediction.id().value();
    clientId = prediction.clientId();
    stratum = null;
    inputs = List.of();
    outputs = List.of();
  }

  /** Lets go of what the garbage collector should have. */
  void clear() {
    model = null;
    stratum = null;
    inputs = List.of();
    outputs = List.of();
  }
}
