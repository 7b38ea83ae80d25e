package io.skerry.agent.observe;

import com.google.protobuf.ByteString;
import io.skerry.agent.model.FailedPrediction;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.serve.Feedback;
import io.skerry.agent.serve.FeedbackSink;
import io.skerry.agent.update.ModelWatch;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.RecordStream;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sample.SampleChoice;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import io.skerry.wire.fleet.v1.Window;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches predictions. On the predicting thread it only copies what it needs into a preallocated
 * ring; when the ring is full it counts the prediction as skipped. {@link #tick} does the rest.
 *
 * <p>Of a batch the first item is observed. Windows follow the wall clock: a window's index is
 * {@code floor(epochMillis / windowMillis)}. An empty window is not sent. A prediction that becomes
 * known only after its window was sealed counts in the next one.
 */
public final class Observer implements PredictionListener, FeedbackSink, ModelWatch {
  private static final Logger log = LoggerFactory.getLogger(Observer.class);

  /** Predictions that feedback can still be joined to on the device. */
  public static final int RECENT_MAX = 4096;

  /** Versions watched at a time: those that answer, and those whose last window is open. */
  static final int WATCHED_MAX = 64;

  // How long a window stays open after its end, so that what was under way still counts in it.
  private static final long GRACE_MILLIS = 200;

  private final InstantSource clock;
  private final RecordKeeper keeper;
  private final ObservationRing ring;
  private final Map<ModelRef, WatchedModel> watched = new ConcurrentHashMap<>();
  private final RecentPredictions recent = new RecentPredictions(RECENT_MAX);
  private final AtomicLong skipped = new AtomicLong();

  /** Where records go. */
  @FunctionalInterface
  public interface RecordKeeper {
    /** Keeps a record until it is committed; false when there is no room. */
    boolean keep(RecordStream stream, Record record);
  }

  /**
   * Makes an observer.
   *
   * @param ringCapacity observations between two ticks, a power of two
   */
  public Observer(InstantSource clock, int ringCapacity, RecordKeeper keeper) {
    this.clock = clock;
    this.ring = new ObservationRing(ringCapacity);
    this.keeper = keeper;
  }

  @Override
  public void watch(ModelRef model, MonitoringPlan plan, DesiredSlot order) {
    watched.compute(
        model,
        (key, known) -> {
          if (known == null) {
            return new WatchedModel(model, plan, order);
          }
          known.configure(order);
          return known;
        });
    forgetOldest(model);
  }

  // Swapped-out versions stay for their last window; far more than that are not kept.
  private void forgetOldest(ModelRef newest) {
    if (watched.size() > WATCHED_MAX) {
      watched.keySet().stream()
          .filter(ref -> ref.slot().equals(newest.slot()) && !ref.equals(newest))
          .findFirst()
          .ifPresent(watched::remove);
    }
  }

  @Override
  public void predicted(Prediction prediction) {
    WatchedModel model = watched.get(prediction.model());
    if (model == null) {
      return;
    }
    Optional<ByteBuffer> input = model.monitoredInput(prediction.inputs());
    if (input.isEmpty() && model.plan().featureCount() > 0) {
      model.skip();
      skipped.incrementAndGet();
      return;
    }
    boolean taken = ring.offer(slot -> fill(slot, model, prediction, input));
    if (!taken) {
      model.skip();
      skipped.incrementAndGet();
    }
  }

  private static void fill(
      Observation slot, WatchedModel model, Prediction prediction, Optional<ByteBuffer> input) {
    slot.set(model, prediction);
    input.ifPresent(tensor -> model.plan().view(tensor, 0, slot.view));
    slot.score = model.score(prediction.outputs());
    Stratum stratum =
        SampleChoice.stratum(
            slot.score, model.plan().threshold(), model.plan().isAnomalous(slot.view));
    if (model.choice().chosen(slot.predictionId, stratum)) {
      slot.stratum = stratum;
      slot.inputs = copies(prediction.inputs());
      slot.outputs = copies(prediction.outputs());
    }
  }

  private static List<NamedTensor> copies(List<Tensor> tensors) {
    List<NamedTensor> copies = new ArrayList<>(tensors.size());
    for (Tensor tensor : tensors) {
      copies.add(
          NamedTensor.newBuilder()
              .setName(tensor.name())
              .setDatatype(tensor.type().name())
              .addAllShape(tensor.shape())
              .setData(ByteString.copyFrom(tensor.data().duplicate()))
              .build());
    }
    return copies;
  }

  @Override
  public void failed(FailedPrediction failure) {
    WatchedModel model = watched.get(failure.model());
    if (model != null) {
      model.fail();
    }
  }

  @Override
  public void shadowed(Prediction primary, Prediction shadow) {
    WatchedModel model = watched.get(shadow.model());
    if (model != null) {
      model.differ(primary, shadow);
      predicted(shadow);
    }
  }

  @Override
  public void unmirrored(ModelRef shadow) {
    WatchedModel model = watched.get(shadow);
    if (model != null) {
      model.leaveOut();
    }
  }

  /** Counts what the ring holds and seals windows that are over. Call some times a second. */
  public synchronized void tick() {
    drain();
    long now = clock.millis();
    for (WatchedModel model : watched.values()) {
      model.collect(now);
      if (model.isOver(now - GRACE_MILLIS)) {
        seal(model);
      }
    }
  }

  private void drain() {
    ring.drain(this::count);
  }

  private void count(Observation observation) {
    WatchedModel model = observation.model;
    if (model == null) {
      return;
    }
    if (model.isOver(observation.atMillis)) {
      seal(model);
    }
    model.observe(observation);
    if (!model.isShadow()) {
      recent.add(
          new RecentPredictions.Known(
              observation.predictionId,
              observation.clientId,
              model.reference(),
              observation.score,
              observation.atMillis));
    }
    Stratum stratum = observation.stratum;
    if (stratum != null) {
      keep(RecordStream.SAMPLES, sample(observation, model, stratum));
    }
  }

  private static Record sample(Observation observation, WatchedModel model, Stratum stratum) {
    return TelemetryRecords.of(
        Instant.ofEpochMilli(observation.atMillis),
        Sample.newBuilder()
            .setPredictionId(observation.predictionId)
            .setClientId(observation.clientId)
            .setModel(model.reference().toWire())
            .addAllInputs(observation.inputs)
            .addAllOutputs(observation.outputs)
            .setInclusionProbability(model.choice().inclusionProbability(stratum))
            .setStratum(stratum.wireName())
            .build());
  }

  private void seal(WatchedModel model) {
    Optional<Window> window = model.seal();
    window.ifPresent(
        counts -> keep(RecordStream.WINDOWS, TelemetryRecords.of(clock.instant(), counts)));
  }

  private boolean keep(RecordStream stream, Record record) {
    boolean kept = keeper.keep(stream, record);
    if (!kept) {
      log.atDebug().addKeyValue("stream", stream).log("record dropped");
    }
    return kept;
  }

  @Override
  public synchronized Receipt submit(Feedback feedback) {
    // Its prediction may still be in the ring.
    drain();
    Optional<RecentPredictions.Known> known =
        recent.find(feedback.predictionId(), feedback.clientId());
    io.skerry.wire.fleet.v1.Feedback.Builder wire =
        io.skerry.wire.fleet.v1.Feedback.newBuilder()
            .setPredictionId(feedback.predictionId())
            .setClientId(feedback.clientId())
            .setActual(feedback.actual())
            .setOutcomeAtMillis(feedback.outcomeAt().toEpochMilli());
    known.ifPresent(
        prediction ->
            wire.setJoined(true)
                .setPredictionId(prediction.id())
                .setClientId(prediction.clientId())
                .setModel(prediction.model().toWire())
                .setScore(prediction.score())
                .setPredictedAtMillis(prediction.predictedAtMillis()));
    if (!keep(RecordStream.FEEDBACK, TelemetryRecords.of(clock.instant(), wire.build()))) {
      return Receipt.FULL;
    }
    return known.isPresent() ? Receipt.JOINED : Receipt.TAKEN;
  }

  /** Seals every open window, for example before the agent stops. */
  public synchronized void flush() {
    drain();
    long now = clock.millis();
    for (WatchedModel model : watched.values()) {
      model.collect(now);
      seal(model);
    }
  }

  /** Predictions answered but not observed since the start. */
  public long skipped() {
    return skipped.get();
  }
}
