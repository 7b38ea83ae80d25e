package io.skerry.agent.observe;

import io.skerry.agent.model.Prediction;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.wire.fleet.v1.NamedTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One slot of the ring, overwritten again and again: what is kept of one item of a prediction, or
 * the tensors of a prediction that is sampled.
 */
final class Observation {
  private static final float[] NOTHING = {};

  @Nullable WatchedModel model;
  float[] view = NOTHING;
  float score;
  int predictedClass;
  long latencyMicros;
  long atMillis;
  int item;
  String predictionId = "";
  String clientId = "";
  // Set when the slot holds tensors and no item.
  @Nullable Stratum stratum;
  double inclusionProbability;
  long reservedBytes;
  List<NamedTensor> inputs = List.of();
  List<NamedTensor> outputs = List.of();

  void set(WatchedModel watched, Prediction prediction, int ofItem) {
    if (view.length < watched.plan().featureCount()) {
      view = new float[watched.plan().featureCount()];
    }
    latencyMicros = prediction.nanos() / 1000;
    atMillis = prediction.at().toEpochMilli();
    predictionId = prediction.id().value();
    clientId = prediction.clientId();
    item = ofItem;
    // Last: a slot that could not be filled belongs to nobody.
    model = watched;
  }

  /** Lets go of what the garbage collector should have. */
  void clear() {
    model = null;
    stratum = null;
    inputs = List.of();
    outputs = List.of();
  }
}
