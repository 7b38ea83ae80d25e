package io.skerry.agent.observe;

import io.skerry.agent.model.Prediction;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.wire.fleet.v1.NamedTensor;
import java.nio.ByteBuffer;
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
  // The whole item, where its scalars are still to be measured.
  @Nullable ByteBuffer copy;
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

  /** Makes room for so many monitored values. */
  void widen(int features) {
    if (view.length < features) {
      view = new float[features];
    }
  }

  void set(WatchedModel watched, Prediction prediction, int ofItem) {
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
    WatchedModel of = model;
    ByteBuffer waited = copy;
    if (of != null && waited != null) {
      of.copies().giveBack(waited);
    }
    copy = null;
    model = null;
    stratum = null;
    inputs = List.of();
    outputs = List.of();
  }

  /**
   * Keeps no wider view than this.
   *
   * @return values that are let go
   */
  int narrow(int features) {
    int wide = view.length;
    if (wide <= features) {
      return 0;
    }
    view = NOTHING;
    return wide;
  }
}
