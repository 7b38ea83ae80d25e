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
import io.skerry.telemetry.sketch.WindowBudget.Sharers;
import io.skerry.telemetry.sketch.WindowBudget.Sharing;
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
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
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
  private final byte[] privacyKey;
  private final DayBytes days;
  private final LongSupplier residentBytes;
  private final Map<ModelRef, WatchedModel> watched = new ConcurrentHashMap<>();
  private final RecentPredictions recent;
  private final AtomicLong skipped = new AtomicLong();

  /** Where records go. */
  @FunctionalInterface
  public interface RecordKeeper {
    /** Keeps a record until it is committed; false when there is no room. */
    boolean keep(RecordStream stream, Record record);
  }

  /**
   * Makes an observer that remembers as many predictions for feedback as a device usually does.
   *
   * @param ringCapacity observations between two ticks, a power of two
   * @param privacyKey secret of the device, from which pseudonyms are made
   */
  public Observer(InstantSource clock, int ringCapacity, RecordKeeper keeper, byte[] privacyKey) {
    this(clock, ringCapacity, RECENT_MAX, keeper, privacyKey, DayBytes.forgetful(), () -> 0);
  }

  /**
   * Makes an observer.
   *
   * @param ringCapacity observations between two ticks, a power of two
   * @param recentMax predictions that feedback can still be joined to
   * @param privacyKey secret of the device, from which pseudonyms are made
   * @param days what was sent today before
   * @param residentBytes memory that this process has resident now; 0 where that cannot be told
   */
  public Observer(
      InstantSource clock,
      int ringCapacity,
      int recentMax,
      RecordKeeper keeper,
      byte[] privacyKey,
      DayBytes days,
      LongSupplier residentBytes) {
    this.days = days;
    this.residentBytes = residentBytes;
    this.clock = clock;
    this.privacyKey = privacyKey.clone();
    this.recent = new RecentPredictions(recentMax);
    this.ring = new ObservationRing(ringCapacity);
    this.keeper = keeper;
  }

  @Override
  public void watch(ModelRef model, MonitoringPlan plan, DesiredSlot order) {
    watched.compute(
        model,
        (key, known) -> {
          if (known == null) {
            return new WatchedModel(model, plan, order, privacyKey, days, residentBytes);
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
          .map(watched::remove)
          .ifPresent(WatchedModel::release);
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
    model.readOutput(prediction.outputs(), slot);
    SampleChoice choice = model.choice();
    Stratum stratum =
        choice.stratum(slot.score, slot.predictedClass, model.plan().isAnomalous(slot.view));
    double wanted = choice.inclusionProbability(stratum, slot.predictedClass);
    double probability = wanted * model.sampleFactor();
    if (choice.chosen(slot.predictionId, probability)) {
      slot.stratum = stratum;
      slot.inclusionProbability = probability;
      slot.inputs = copies(prediction.inputs());
      slot.outputs = copies(prediction.outputs());
    } else if (probability < wanted && choice.chosen(slot.predictionId, wanted)) {
      model.leaveOutSample();
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
    if (model == null) {
      return;
    }
    WatchedModel answered = watched.get(primary.model());
    if (answered != null) {
      model.differ(primary, shadow, answered.plan());
    } else {
      // Nobody knows what rules keep of its answer.
      model.leaveOut();
    }
    predicted(shadow);
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
      model.collect(now, devicePerDay(now, WatchedModel::sampleBytesPerDay));
      if (model.isOver(now - GRACE_MILLIS)) {
        close(model, now - GRACE_MILLIS);
      }
    }
  }

  /**
   * Counts predictions that were answered elsewhere, as {@link #predicted} would, at once and
   * without samples.
   *
   * @param predictions how many
   * @param views monitored values, shape [predictions][features], row-major; may be longer
   * @param scores shape [predictions], may be longer; NaN where there is none
   * @param latencyMicros shape [predictions], may be longer
   * @return whether the version is watched
   */
  public synchronized boolean count(
      ModelRef ref,
      long atMillis,
      int predictions,
      float[] views,
      float[] scores,
      long[] latencyMicros) {
    WatchedModel model = watched.get(ref);
    if (model == null) {
      return false;
    }
    drain();
    if (model.isOver(atMillis)) {
      close(model, atMillis);
    }
    model.observe(atMillis, predictions, views, scores, latencyMicros);
    return true;
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
      close(model, observation.atMillis);
    }
    model.observe(observation);
    if (!model.isShadow()) {
      recent.add(
          new RecentPredictions.Known(
              observation.predictionId,
              observation.clientId,
              model.reference(),
              observation.score,
              observation.predictedClass,
              observation.atMillis));
    }
    Stratum stratum = observation.stratum;
    if (stratum != null) {
      Record sample = sample(observation, model, stratum);
      long devicePerDay = devicePerDay(observation.atMillis, WatchedModel::sampleBytesPerDay);
      if (model.takeSample(sample.getSerializedSize(), observation.atMillis, devicePerDay)) {
        keep(RecordStream.SAMPLES, sample);
      } else {
        model.leaveOutSample();
      }
    }
  }

  private static Record sample(Observation observation, WatchedModel model, Stratum stratum) {
    return TelemetryRecords.of(
        Instant.ofEpochMilli(observation.atMillis),
        Sample.newBuilder()
            .setPredictionId(observation.predictionId)
            .setClientId(model.privacy().clientId(observation.clientId))
            .setModel(model.reference().toWire())
            .addAllInputs(observation.inputs.stream().map(model.privacy()::input).toList())
            .addAllOutputs(observation.outputs.stream().map(model.privacy()::output).toList())
            .setInclusionProbability(observation.inclusionProbability)
            .setStratum(stratum.wireName())
            .build());
  }

  private void close(WatchedModel model, long nowMillis) {
    model
        .close(nowMillis, sharing(model, nowMillis))
        .ifPresent(
            counts -> keep(RecordStream.WINDOWS, TelemetryRecords.of(clock.instant(), counts)));
  }

  // All models together may send as much as the one that may send most; budgets keep the largest
  // of the day. One without a budget has no
  // limit, nor has then the device.
  private long devicePerDay(long nowMillis, ToLongFunction<WatchedModel> bytesPerDay) {
    long largest = 0;
    for (WatchedModel model : watched.values()) {
      if (model.isSendingToday(nowMillis)) {
        long own = bytesPerDay.applyAsLong(model);
        if (own <= 0) {
          return 0;
        }
        largest = Math.max(largest, own);
      }
    }
    return largest;
  }

  private Sharing sharing(WatchedModel model, long nowMillis) {
    int[] due = new int[2];
    int[] all = new int[2];
    for (WatchedModel one : watched.values()) {
      boolean isSame = one.modelName().equals(model.modelName());
      int isDue = one.isOpen() && one.isOver(nowMillis) ? 1 : 0;
      int isSending = one.isSending(nowMillis) ? 1 : 0;
      due[0] += isSame ? isDue : 0;
      all[0] += isSame ? isSending : 0;
      due[1] += isDue;
      all[1] += isSending;
    }
    return new Sharing(
        devicePerDay(nowMillis, WatchedModel::windowBytesPerDay),
        new Sharers(due[0], all[0]),
        new Sharers(due[1], all[1]));
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
            .setActual(feedback.actual())
            .setOutcomeAtMillis(feedback.outcomeAt().toEpochMilli());
    // Of a forgotten prediction nobody knows whose rules hold for the client's id: it stays here.
    known.ifPresent(
        prediction ->
            wire.setPredictionId(prediction.id()).setClientId(privateClientId(prediction)));
    // Where a model has no score, or a rule drops it, there is nothing to join but the id.
    known
        .filter(prediction -> !Float.isNaN(prediction.score()))
        .ifPresent(
            prediction ->
                wire.setJoined(true)
                    .setModel(prediction.model().toWire())
                    .setScore(prediction.score())
                    .setPredictedClass(prediction.predictedClass())
                    .setPredictedAtMillis(prediction.predictedAtMillis()));
    if (!keep(RecordStream.FEEDBACK, TelemetryRecords.of(clock.instant(), wire.build()))) {
      return Receipt.FULL;
    }
    return known.isPresent() ? Receipt.JOINED : Receipt.TAKEN;
  }

  // A version that is not watched any more has no rules to follow: then its client's id stays here.
  private String privateClientId(RecentPredictions.Known prediction) {
    return watched.values().stream()
        .filter(model -> model.reference().equals(prediction.model()))
        .findFirst()
        .map(model -> model.privacy().clientId(prediction.clientId()))
        .orElse("");
  }

  /** Sends every open window that still fits its budget, for example before the agent stops. */
  public synchronized void flush() {
    drain();
    long now = clock.millis();
    for (WatchedModel model : watched.values()) {
      model.collect(now, devicePerDay(now, WatchedModel::sampleBytesPerDay));
      boolean open = model.isOpen();
      Optional<Window> window =
          model.closeAtOnce(now, devicePerDay(now, WatchedModel::windowBytesPerDay));
      window.ifPresent(
          counts -> keep(RecordStream.WINDOWS, TelemetryRecords.of(clock.instant(), counts)));
      if (open && window.isEmpty()) {
        log.atWarn()
            .addKeyValue("model", model.reference().version())
            .log("last window dropped: the day's bytes are used up");
      }
    }
  }

  /** Predictions answered but not observed since the start. */
  public long skipped() {
    return skipped.get();
  }
}
