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
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sample.SampleChoice;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.telemetry.sketch.DayParts.Limits;
import io.skerry.telemetry.sketch.LineUpkeep;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowBudget.Sharers;
import io.skerry.telemetry.sketch.WindowBudget.Sharing;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.NamedTensor;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.Sample;
import io.skerry.wire.fleet.v1.Window;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches predictions. On the predicting thread it only copies what it needs into a preallocated
 * ring; when the ring is full it counts the prediction as skipped. {@link #tick} does the rest.
 *
 * <p>Where scalars of a whole input are watched, the predicting thread copies the item, and {@link
 * #tick} measures it. It measures itself what may be sampled for being anomalous, and what finds no
 * room for a copy.
 *
 * <p>Of a batch every item is counted, of more than {@link #ITEMS_MAX} as many, and the others as
 * skipped; these are looked at by the predicting thread, so that every anomalous one is counted.
 * Samples are of predictions: a batch is sampled whole, by its id and at the highest probability
 * that any of its items has. Windows follow the wall clock: a window's index is {@code
 * floor(epochMillis / windowMillis)}. An empty window is not sent. A prediction that becomes known
 * only after its window was sealed counts in the next one.
 *
 * <p>What is counted in open windows is written down within a second while it changes ({@link
 * OpenWindowKeeper}); the next start goes on with it, or sends it where its version runs no more.
 */
public final class Observer implements PredictionListener, FeedbackSink, ModelWatch {
  private static final int NO_CLASS = -1;
  private static final Logger log = LoggerFactory.getLogger(Observer.class);

  /** Predictions that feedback can still be joined to on the device. */
  public static final int RECENT_MAX = 4096;

  /**
   * Items of one prediction that are counted: as many as a batch has that is served at all well.
   */
  static final int ITEMS_MAX = 1024;

  // A sample that no batch of records could hold is not even copied.
  private static final int SAMPLE_BYTES_MAX = TelemetryRecords.BATCH_BYTES_MAX - 4096;

  // What a sample has besides its elements: names, shapes, ids.
  private static final int SAMPLE_HEAD_BYTES = 512;

  /** Versions watched at a time: those that answer, and those whose last window is open. */
  static final int WATCHED_MAX = 64;

  // How long a window stays open after its end, so that what was under way still counts in it.
  private static final long GRACE_MILLIS = 200;

  private final InstantSource clock;
  private final RecordKeeper keeper;
  private final ObservationRing ring;
  private final byte[] privacyKey;
  private final DayBytes days;
  private final SmallRecords small;
  private final LongSupplier residentBytes;
  private final OpenWindowTable openWindows;
  private final Map<ModelRef, WatchedModel> watched = new ConcurrentHashMap<>();
  private final ReplacedModels replaced = new ReplacedModels();
  private final RecentPredictions recent;
  private final AtomicLong skipped = new AtomicLong();
  private final AtomicLong turns = new AtomicLong();
  private final Semaphore copyBytesFree = new Semaphore(ItemCopies.BYTES_MAX);
  // The version that was watched last in a slot: the others there rest.
  private final Map<SlotId, ModelRef> newest = new ConcurrentHashMap<>();

  /** Where records go. */
  @FunctionalInterface
  public interface RecordKeeper {
    /** Keeps a record until it is committed; false when there is no room. */
    boolean keep(RecordStream stream, Record record);

    /** Counts a record that the day's bytes had no room for. */
    default void leaveOut(RecordStream stream, Record record) {}
  }

  /**
   * Makes an observer that remembers as many predictions for feedback as a device usually does.
   *
   * @param ringCapacity observations between two ticks, a power of two
   * @param privacyKey secret of the device, from which pseudonyms are made
   */
  public Observer(InstantSource clock, int ringCapacity, RecordKeeper keeper, byte[] privacyKey) {
    this(
        clock,
        ringCapacity,
        RECENT_MAX,
        keeper,
        privacyKey,
        DayBytes.forgetful(),
        () -> 0,
        OpenWindowKeeper.NONE);
  }

  /**
   * Makes an observer.
   *
   * @param ringCapacity observations between two ticks, a power of two
   * @param recentMax predictions that feedback can still be joined to
   * @param privacyKey secret of the device, from which pseudonyms are made
   * @param days what was sent today before
   * @param residentBytes memory that this process has resident now; 0 where that cannot be told
   * @param openWindows where open windows lie when the process is killed
   */
  public Observer(
      InstantSource clock,
      int ringCapacity,
      int recentMax,
      RecordKeeper keeper,
      byte[] privacyKey,
      DayBytes days,
      LongSupplier residentBytes,
      OpenWindowKeeper openWindows) {
    this.days = days;
    this.small = new SmallRecords(days);
    this.openWindows = new OpenWindowTable(openWindows);
    this.residentBytes = residentBytes;
    this.clock = clock;
    this.privacyKey = privacyKey.clone();
    this.recent = new RecentPredictions(recentMax);
    this.ring = new ObservationRing(ringCapacity);
    this.keeper = keeper;
  }

  @Override
  public void watch(ModelRef model, MonitoringPlan plan, DesiredSlot order) {
    newest.put(model.slot(), model);
    watched
        .compute(
            model,
            (key, known) -> {
              if (known == null || (known.plan().isUnread() && !plan.isUnread())) {
                if (known != null) {
                  replaced.add(known);
                }
                return new WatchedModel(
                    model,
                    plan,
                    order,
                    privacyKey,
                    copyBytesFree,
                    days,
                    small::keptFree,
                    residentBytes);
              }
              known.configure(order);
              return known;
            })
        .turn(turns.incrementAndGet());
    forgetOldest(model);
  }

  // Swapped-out versions stay for their last window; far more than that are not kept.
  private void forgetOldest(ModelRef model) {
    if (watched.size() > WATCHED_MAX) {
      watched.entrySet().stream()
          .filter(one -> one.getKey().slot().equals(model.slot()) && !one.getKey().equals(model))
          .min(Comparator.comparingLong(one -> one.getValue().turn()))
          .map(one -> watched.remove(one.getKey()))
          .ifPresent(WatchedModel::release);
    }
  }

  /** Allocates nothing, but for a prediction that is sampled. */
  @Override
  public void predicted(Prediction prediction) {
    WatchedModel model = watched.get(prediction.model());
    if (model == null) {
      return;
    }
    Tensor input = model.tensors().input(prediction);
    if (input == null && model.plan().featureCount() > 0) {
      skip(model, prediction.items());
    } else {
      observe(model, prediction, input);
    }
  }

  private void skip(WatchedModel model, int items) {
    if (items > 0) {
      model.beside().skip(items);
      skipped.addAndGet(items);
    }
  }

  private void observe(WatchedModel model, Prediction prediction, @Nullable Tensor input) {
    int items = Math.min(prediction.items(), ITEMS_MAX);
    Tensor output = model.tensors().score(prediction);
    SampleChoice choice = model.choice();
    double unit = choice.unit(prediction.id().value());
    boolean maybeChosen = SampleChoice.chosen(unit, choice.highestProbability());
    Stratum stratum = Stratum.BASE;
    double wanted = -1;
    int counted = 0;
    while (counted < items) {
      long position = ring.claim(model.plan().featureCount());
      if (position < 0) {
        break;
      }
      Observation slot = ring.slot(position);
      try {
        int item = item(counted, items, prediction);
        slot.set(model, prediction, item);
        model.tensors().read(prediction, input, output, item, slot);
        boolean looked = maybeChosen && unit < WatchedModel.MEASURED_SHARE;
        if (input != null
            && model.plan().isMeasured()
            && (looked || !model.keep(prediction, input, slot))) {
          model.measure(prediction, input, slot);
        }
        if (maybeChosen) {
          Stratum own = model.stratum(choice, slot);
          double probability = model.inclusionProbability(choice, own, slot);
          if (probability > wanted || (probability == wanted && own.compareTo(stratum) > 0)) {
            stratum = own;
            wanted = probability;
          }
        }
        counted++;
      } catch (RuntimeException | OutOfMemoryError e) {
        slot.clear();
        skip(model, prediction.items() - counted);
        throw e;
      } finally {
        ring.publish(position);
      }
    }
    try {
      if (counted < prediction.items()) {
        int anomalies =
            input == null ? 0 : anomaliesBesides(model, prediction, input, counted, items);
        model.beside().findAnomalous(anomalies);
        // They too say how much a prediction is wanted, and whose sample is refused; of their
        // outputs nothing is read.
        Stratum own = anomalies > 0 ? Stratum.ANOMALY : Stratum.BASE;
        double probability =
            anomalies > 0
                ? model.highestOfScalars(choice)
                : choice.inclusionProbability(own, NO_CLASS);
        if (maybeChosen
            && (probability > wanted || (probability == wanted && own.compareTo(stratum) > 0))) {
          stratum = own;
          wanted = probability;
        }
      }
    } finally {
      // Last: whoever finds them skipped finds the anomalous ones among them, too.
      skip(model, prediction.items() - counted);
    }
    if (SampleChoice.chosen(unit, wanted)) {
      sample(model, prediction, stratum, wanted, unit);
    }
  }

  // Of more items than are counted, those that lie evenly among them.
  private static int item(int place, int items, Prediction prediction) {
    return (int) ((long) place * prediction.items() / items);
  }

  // Of the items that the ring did not take, of which nothing else is counted.
  private static int anomaliesBesides(
      WatchedModel model, Prediction prediction, Tensor input, int taken, int items) {
    LookingRooms.Room room = model.rooms().take();
    float[] view = room.view(model.plan().featureCount());
    int anomalies = 0;
    int place = 0;
    for (int item = 0; item < prediction.items(); item++) {
      if (place < taken && item == item(place, items, prediction)) {
        place++;
        continue;
      }
      model.tensors().read(prediction, input, item, view);
      if (model.plan().isMeasured()) {
        model.tensors().measure(prediction, input, item, view, room.scratch);
      }
      anomalies += model.plan().isAnomalous(view, room.scratch) ? 1 : 0;
    }
    model.rooms().giveBack(room);
    return anomalies;
  }

  /** Keeps the tensors, when the day's bytes leave the prediction chosen. */
  private void sample(
      WatchedModel model, Prediction prediction, Stratum stratum, double wanted, double unit) {
    long bytes = bytes(prediction.inputs()) + bytes(prediction.outputs()) + SAMPLE_HEAD_BYTES;
    double probability = wanted * model.reserve(bytes);
    if (!SampleChoice.chosen(unit, probability)) {
      model.unreserve(bytes);
      model.beside().leaveOutSample();
      return;
    }
    long position = bytes > SAMPLE_BYTES_MAX ? -1 : ring.claim();
    if (position < 0) {
      model.unreserve(bytes);
      model.beside().refuseSample(stratum);
      return;
    }
    Observation slot = ring.slot(position);
    try {
      slot.set(model, prediction, 0);
      slot.inclusionProbability = probability;
      slot.reservedBytes = bytes;
      slot.inputs = copies(prediction.inputs());
      slot.outputs = copies(prediction.outputs());
      slot.stratum = stratum;
    } finally {
      if (slot.stratum == null) {
        slot.clear();
        model.unreserve(bytes);
        model.beside().refuseSample(stratum);
      }
      ring.publish(position);
    }
  }

  private static long bytes(List<Tensor> tensors) {
    long bytes = 0;
    for (int i = 0; i < tensors.size(); i++) {
      bytes += tensors.get(i).data().remaining();
    }
    return bytes;
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
      model.beside().fail(failure.items());
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
      model.beside().differences().leaveOut();
    }
    predicted(shadow);
  }

  @Override
  public void unmirrored(ModelRef shadow) {
    WatchedModel model = watched.get(shadow);
    if (model != null) {
      model.beside().differences().leaveOut();
    }
  }

  /**
   * Counts what the ring holds, seals windows that are over and writes down those that are open.
   * Call some times a second.
   */
  public synchronized void tick() {
    act(
        () -> {
          sealOver();
          openWindows.keep(clock.millis(), this::standing);
        });
  }

  /** Behind every record that closes a window lies a checkpoint without what it counts. */
  private void act(Runnable acts) {
    openWindows.together(
        () -> {
          long now = clock.millis();
          openWindows.restore(now);
          openWindows.settle(left -> goesOn(left) || isClosed(left, now - GRACE_MILLIS));
          acts.run();
          openWindows.keepBehind(now, this::standing);
        });
  }

  private List<Window> standing() {
    List<Window> standing = new ArrayList<>(1);
    for (WatchedModel model : watched.values()) {
      model.window().standing().ifPresent(standing::add);
    }
    return standing;
  }

  // What a record counts as it lies there: an agent that was updated since may count other streams.
  private boolean goesOn(Window left) {
    Optional<WatchedModel> model =
        watched.values().stream()
            .filter(one -> one.reference().toWire().equals(left.getModel()))
            .findFirst();
    if (model.isEmpty()) {
      return false;
    }
    try {
      if (model.get().window().resume(left)) {
        return true;
      }
    } catch (MalformedDocumentException e) {
      log.atWarn()
          .addKeyValue("window", left.getWindow())
          .setCause(e)
          .log("open window of the last run sent as it was");
    }
    return closeAsItWas(left);
  }

  // Its version may start yet, as long as the window is not over.
  private boolean isClosed(Window left, long nowMillis) {
    long current = Math.floorDiv(nowMillis, OpenWindows.lengthMillis(left));
    boolean isOver = current > left.getWindow() || current + 1 < left.getWindow();
    return isOver && closeAsItWas(left);
  }

  // Nobody knows the budget of a version that does not run: it is one record.
  private boolean closeAsItWas(Window left) {
    keep(
        RecordStream.WINDOWS,
        TelemetryRecords.of(clock.instant(), left.toBuilder().clearCoMoments().build()));
    return true;
  }

  private void sealOver() {
    drain();
    long now = clock.millis();
    sealReplaced(now);
    for (WatchedModel model : watched.values()) {
      model.collect(now, devicePerDay(now, WatchedModel::sampleBytesPerDay));
      if (model.window().isOver(now - GRACE_MILLIS)) {
        close(model, now - GRACE_MILLIS);
      }
    }
    watched.forEach(
        (ref, model) -> {
          if (!ref.equals(newest.get(ref.slot()))) {
            model.rest(now);
          }
        });
    ItemCopies.share(watched.values().stream().map(WatchedModel::copies).toList());
  }

  private void sealReplaced(long now) {
    replaced.seal(
        now, counts -> keep(RecordStream.WINDOWS, TelemetryRecords.of(clock.instant(), counts)));
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
    act(
        () -> {
          drain();
          if (model.window().isOver(atMillis)) {
            close(model, atMillis);
          }
          model.window().observe(atMillis, predictions, views, scores, latencyMicros);
        });
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
    if (model.window().isOver(observation.atMillis)) {
      close(model, observation.atMillis);
    }
    Stratum stratum = observation.stratum;
    if (stratum != null) {
      keepSample(observation, model, stratum);
      return;
    }
    model.measureKept(observation);
    model.window().observe(observation);
    // Feedback names a prediction: of a batch its first item is known.
    if (observation.item == 0 && !model.isShadow()) {
      recent.add(
          new RecentPredictions.Known(
              observation.predictionId,
              observation.clientId,
              model.reference(),
              observation.score,
              observation.predictedClass,
              observation.atMillis));
    }
  }

  private void keepSample(Observation observation, WatchedModel model, Stratum stratum) {
    Record sample = sample(observation, model, stratum);
    long devicePerDay = devicePerDay(observation.atMillis, WatchedModel::sampleBytesPerDay);
    boolean kept =
        model.takeSample(
                sample.getSerializedSize(),
                observation.reservedBytes,
                observation.atMillis,
                devicePerDay)
            && keep(RecordStream.SAMPLES, sample);
    if (!kept) {
      model.beside().refuseSample(stratum);
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
        .window()
        .close(nowMillis, sharing(model, nowMillis))
        .ifPresent(
            counts -> keep(RecordStream.WINDOWS, TelemetryRecords.of(clock.instant(), counts)));
  }

  // All models together may send as much as the one that may send most; budgets keep the largest
  // of the day. One without a budget has no limit, nor has then the device.
  private long devicePerDay(long nowMillis, ToLongFunction<WatchedModel> bytesPerDay) {
    long largest = 0;
    for (WatchedModel model : watched.values()) {
      if (model.window().isSendingToday(nowMillis)) {
        long own = bytesPerDay.applyAsLong(model);
        if (own <= 0) {
          return 0;
        }
        largest = Math.max(largest, own);
      }
    }
    return largest;
  }

  /** What keeps the line up, by the bytes that a day has for what is watched; any thread asks. */
  public LineUpkeep upkeep() {
    return LineUpkeep.of(limits(newest()).windowBytes());
  }

  /** What a day has for a stream of records, 0 = no limit; any thread asks. */
  public long bytesPerDay(RecordStream stream) {
    List<WatchedModel> asked = newest();
    return switch (stream) {
      case WINDOWS, EVENTS -> limits(asked).windowBytes();
      case FEEDBACK ->
          limits(asked).outcomeBytes() > 0
              ? limits(asked).outcomeBytes()
              : limits(asked).windowBytes();
      case SAMPLES ->
          asked.stream().anyMatch(model -> model.sampleBytesPerDay() <= 0)
              ? 0
              : asked.stream().mapToLong(WatchedModel::sampleBytesPerDay).max().orElse(0);
    };
  }

  private List<WatchedModel> newest() {
    return newest.values().stream().map(watched::get).filter(Objects::nonNull).toList();
  }

  // Events and outcomes come before the first window of a day, too: then by what would send.
  private Limits limits(long nowMillis) {
    List<WatchedModel> sending =
        watched.values().stream().filter(one -> one.window().isSendingToday(nowMillis)).toList();
    return limits(sending.isEmpty() ? newest() : sending);
  }

  private static Limits limits(List<WatchedModel> asked) {
    long windows = 0;
    long outcomes = 0;
    boolean isLimited = !asked.isEmpty();
    for (WatchedModel model : asked) {
      if (model.window().bytesPerDay() <= 0 && model.outcomeBytesPerDay() <= 0) {
        return Limits.NONE;
      }
      isLimited &= model.window().bytesPerDay() > 0;
      windows = Math.max(windows, model.window().bytesPerDay());
      outcomes = Math.max(outcomes, model.outcomeBytesPerDay());
    }
    return new Limits(isLimited ? windows : 0, outcomes);
  }

  private Sharing sharing(WatchedModel model, long nowMillis) {
    int[] due = new int[2];
    int[] all = new int[2];
    for (WatchedModel one : watched.values()) {
      boolean isSame = one.modelName().equals(model.modelName());
      int isDue = one.window().isOpen() && one.window().isOver(nowMillis) ? 1 : 0;
      int isSending = one.window().isSending(nowMillis) ? 1 : 0;
      due[0] += isSame ? isDue : 0;
      all[0] += isSame ? isSending : 0;
      due[1] += isDue;
      all[1] += isSending;
    }
    return new Sharing(
        devicePerDay(nowMillis, one -> one.window().bytesPerDay()),
        new Sharers(due[0], all[0]),
        new Sharers(due[1], all[1]));
  }

  private boolean keep(RecordStream stream, Record record) {
    boolean kept = keeper.keep(stream, record);
    if (stream == RecordStream.WINDOWS) {
      openWindows.recordMade();
    }
    if (!kept) {
      log.atDebug().addKeyValue("stream", stream).log("record dropped");
    }
    return kept;
  }

  @Override
  public synchronized Receipt submit(Feedback feedback) {
    // Its prediction may still be in the ring.
    act(this::drain);
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
    Record outcome = TelemetryRecords.of(clock.instant(), wire.build());
    long now = clock.millis();
    Limits limits = limits(now);
    if (!small.outcome(outcome, now, limits)) {
      keeper.leaveOut(RecordStream.FEEDBACK, outcome);
      if (small.isFirstRefusal(now)) {
        event(usedUp(limits));
      }
      return Receipt.DAY_FULL;
    }
    if (!keep(RecordStream.FEEDBACK, outcome)) {
      return Receipt.FULL;
    }
    return known.isPresent() ? Receipt.JOINED : Receipt.TAKEN;
  }

  private Record usedUp(Limits limits) {
    return TelemetryRecords.event(
        clock.instant(),
        SmallRecords.OUTCOMES_USED_UP,
        "outcomes are refused until 00:00 UTC, and counted as dropped: the %d bytes that the day has for them are used up; raise budget.outcomeBytesPerDay, or give outcomes to the control plane"
            .formatted(limits.outcomes()),
        Map.of());
  }

  /**
   * Keeps an event as far as the day's bytes have room for it; of one that tells again what was
   * told today less is kept than of news.
   *
   * @return whether it is kept; if not, it is counted
   */
  public synchronized boolean event(Record event) {
    long now = clock.millis();
    Optional<Record> sent = small.event(event, now, limits(now));
    if (sent.isEmpty()) {
      log.atWarn()
          .addKeyValue("code", event.getEvent().getCode())
          .addKeyValue("detail", event.getEvent().getDetail())
          .log("event not sent: the day's bytes for events are used up");
      keeper.leaveOut(RecordStream.EVENTS, event);
      return false;
    }
    return keep(RecordStream.EVENTS, sent.get());
  }

  // A version that is not watched any more has no rules to follow: then its client's id stays here.
  private String privateClientId(RecentPredictions.Known prediction) {
    return watched.values().stream()
        .filter(model -> model.reference().equals(prediction.model()))
        .findFirst()
        .map(model -> model.privacy().clientId(prediction.clientId()))
        .orElse("");
  }

  /**
   * Sends every open window that still fits its budget, for example before the agent stops; the
   * others wait for the next start.
   */
  public synchronized void flush() {
    act(this::sealAll);
  }

  private void sealAll() {
    drain();
    sealReplaced(clock.millis());
    openWindows.settle(this::closeAsItWas);
    openWindows.recordMade();
    long now = clock.millis();
    for (WatchedModel model : watched.values()) {
      model.collect(now, devicePerDay(now, WatchedModel::sampleBytesPerDay));
      boolean open = model.window().isOpen();
      Optional<Window> window =
          model.window().closeAtOnce(now, devicePerDay(now, one -> one.window().bytesPerDay()));
      window.ifPresent(
          counts -> keep(RecordStream.WINDOWS, TelemetryRecords.of(clock.instant(), counts)));
      if (open && window.isEmpty()) {
        log.atWarn()
            .addKeyValue("model", model.reference().version())
            .log("last window not sent: the day's bytes are used up");
      }
    }
  }

  /** Versions that hold what windows are counted in. */
  synchronized long counting() {
    return watched.values().stream().filter(one -> one.window().isCounting()).count();
  }

  /** Predictions answered but not observed since the start. */
  public long skipped() {
    return skipped.get();
  }
}
