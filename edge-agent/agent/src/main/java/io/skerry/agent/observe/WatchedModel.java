package io.skerry.agent.observe;

import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.observe.DayBytes.Kind;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotMode;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sample.PrivacyFilter;
import io.skerry.telemetry.sample.SampleBudget;
import io.skerry.telemetry.sample.SampleBudget.Room;
import io.skerry.telemetry.sample.SampleChoice;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.wire.ModelReference;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;

/** One version that is observed: its settings, which any thread reads, and its open window. */
final class WatchedModel {
  /**
   * Share of predictions that the answering thread measures itself, so that one that is anomalous
   * by its scalars only is sampled: at this probability, which is told with it.
   */
  static final double MEASURED_SHARE = 1.0 / 8;

  private final ModelReference reference;
  private final MonitoringPlan plan;
  private final MonitoredTensors tensors;
  private final SideCounts beside = new SideCounts();
  private final OpenWindow window;
  private final DaySent windowsSent;
  private final DaySent samplesSent;
  private final SampleBudget sampleBudget;
  private final PrivacyFilter privacy;
  private final LookingRooms rooms;
  private final ItemCopies copies;
  // Bytes of samples that are chosen and still in the ring.
  private final AtomicLong reserved = new AtomicLong();
  private volatile long turn;
  private volatile SampleChoice choice;
  private volatile Room sampleRoom = Room.ENDLESS;
  private volatile boolean shadow;

  WatchedModel(
      ModelRef model,
      MonitoringPlan plan,
      DesiredSlot order,
      byte[] privacyKey,
      Semaphore copyBytesFree,
      DayBytes days,
      LongUnaryOperator keptFree,
      LongSupplier residentBytes) {
    this.reference = new ModelReference(model.slot(), model.version(), model.manifest());
    this.plan = plan;
    this.tensors = new MonitoredTensors(plan);
    this.rooms = new LookingRooms(plan);
    this.copies = new ItemCopies(plan, copyBytesFree);
    this.windowsSent = DaySent.of(days, modelName(), Kind.WINDOWS);
    this.samplesSent = DaySent.of(days, modelName(), Kind.SAMPLES);
    this.window = new OpenWindow(reference, plan, beside, windowsSent, keptFree, residentBytes);
    this.sampleBudget =
        new SampleBudget(
            plan.manifest().getBudget().getSampleBytes(),
            samplesSent.ofModel(),
            samplesSent.ofDevice());
    this.sampleRoom = sampleBudget.room(0);
    this.privacy = new PrivacyFilter(plan.manifest(), privacyKey);
    this.choice = choice(order.sampling());
    this.shadow = order.mode() instanceof SlotMode.Shadow;
    window.configure(order.window().toMillis());
  }

  /** Counts of a version that sends no more are as large as those of one that does: they go. */
  void rest(long nowMillis) {
    if (!window.isSending(nowMillis)) {
      window.release();
      rooms.clear();
      copies.clear();
    }
  }

  /** When it was watched last, among all. */
  long turn() {
    return turn;
  }

  void turn(long at) {
    turn = at;
  }

  /** It is watched no more. */
  void release() {
    copies.close();
    windowsSent.release();
    samplesSent.release();
  }

  void configure(DesiredSlot order) {
    choice = choice(order.sampling());
    shadow = order.mode() instanceof SlotMode.Shadow;
    window.configure(order.window().toMillis());
  }

  /** Whether it answers nobody: then nobody can say whether it was right. */
  boolean isShadow() {
    return shadow;
  }

  /**
   * Called by any thread. What rules of either version keep from being told is not compared.
   *
   * @param rules the plan of what answered
   */
  void differ(Prediction primary, Prediction shadowed, MonitoringPlan rules) {
    ShadowDifferences.Told told =
        (output, numeric) ->
            plan.told(output, numeric)
                .flatMap(own -> rules.told(output, numeric).map(own::andThen));
    Optional<Float> score =
        plan.scoreOutput()
            .filter(
                output ->
                    !plan.hasClasses() && !plan.isAmount() && told.of(output, true).isPresent())
            .flatMap(output -> tensors.firstScore(shadowed));
    beside
        .differences()
        .compare(
            primary,
            shadowed,
            score.flatMap(
                shadow ->
                    tensors
                        .firstScore(primary)
                        .map(
                            given ->
                                new ShadowDifferences.Scores(given, shadow, plan.threshold()))),
            told);
  }

  // Rules that cannot be read hide whatever a sample would show.
  private SampleChoice choice(SamplingRates rates) {
    return new SampleChoice(
        plan.isUnread() ? new SamplingRates(0, 0) : rates,
        SampleChoice.saltOf(reference.manifest().hex()),
        plan);
  }

  PrivacyFilter privacy() {
    return privacy;
  }

  /**
   * Sets bytes of the day aside for a sample; called by any thread.
   *
   * @return what they leave of the sampling rates: where they do not fit, 0
   */
  double reserve(long bytes) {
    return sampleRoom.factor(reserved.getAndAdd(bytes), bytes);
  }

  /** The sample was taken, or is not; called by any thread. */
  void unreserve(long bytes) {
    reserved.addAndGet(-bytes);
  }

  String modelName() {
    return reference.version().model().value();
  }

  /** Bytes that its manifest lets the model send of samples in a day; 0 = no limit. */
  long sampleBytesPerDay() {
    return sampleBudget.bytesPerDay();
  }

  /** Bytes that its manifest lets the model send of outcomes in a day; 0 = those of windows. */
  long outcomeBytesPerDay() {
    return plan.manifest().getBudget().getOutcomeBytes();
  }

  /**
   * Whether the day's bytes have room for a sample; then they are used.
   *
   * @param reservedBytes that were set aside for it
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  boolean takeSample(int bytes, long reservedBytes, long atMillis, long devicePerDay) {
    sampleBudget.at(atMillis);
    boolean taken = sampleBudget.take(bytes, devicePerDay);
    samplesSent.remember(
        samplesSent.ofModel().bytes(),
        sampleBudget.bytesPerDay(),
        samplesSent.ofDevice().bytes(),
        samplesSent.ofDevice().largest(devicePerDay));
    sampleRoom = sampleBudget.room(atMillis, devicePerDay);
    unreserve(reservedBytes);
    return taken;
  }

  ModelReference reference() {
    return reference;
  }

  MonitoringPlan plan() {
    return plan;
  }

  SampleChoice choice() {
    return choice;
  }

  /** Room to look at items in; to be given back. */
  LookingRooms rooms() {
    return rooms;
  }

  /** Room for items that wait to be measured. */
  ItemCopies copies() {
    return copies;
  }

  /**
   * The stratum of an item that was read. Of one whose scalars are not measured yet its elements
   * tell; of one that is anomalous by its scalars only, the one that it is wanted most in.
   */
  Stratum stratum(SampleChoice among, Observation read) {
    if (plan.isMeasured()) {
      boolean odd = plan.hasOddElement(read.view);
      Stratum known = among.stratum(read.score, read.predictedClass, odd);
      return !odd
              && read.copy == null
              && among.inclusionProbability(known, read.predictedClass) < highestOfScalars(among)
              && isAnomalous(read.view)
          ? Stratum.ANOMALY
          : known;
    }
    return among.stratum(read.score, read.predictedClass, isAnomalous(read.view));
  }

  /** The probability with which an item of its stratum is chosen. */
  double inclusionProbability(SampleChoice among, Stratum own, Observation read) {
    return own == Stratum.ANOMALY && plan.isMeasured() && !plan.hasOddElement(read.view)
        ? highestOfScalars(among)
        : among.inclusionProbability(own, read.predictedClass);
  }

  /** That of what may be anomalous by its scalars only. */
  double highestOfScalars(SampleChoice among) {
    double anomalous = among.inclusionProbability(Stratum.ANOMALY, -1);
    return plan.isMeasured() ? Math.min(MEASURED_SHARE, anomalous) : anomalous;
  }

  private boolean isAnomalous(float[] view) {
    LookingRooms.Room room = rooms.take();
    boolean anomalous = plan.isAnomalous(view, room.scratch);
    rooms.giveBack(room);
    return anomalous;
  }

  /** Measures the scalars of an item at once, on whatever thread. */
  void measure(Prediction prediction, Tensor input, Observation into) {
    LookingRooms.Room room = rooms.take();
    tensors.measure(prediction, input, into.item, into.view, room.scratch);
    rooms.giveBack(room);
  }

  /** Keeps an item to be measured later; false when there is no room for it. */
  boolean keep(Prediction prediction, Tensor input, Observation into) {
    ByteBuffer copy = copies.take();
    if (copy == null) {
      return false;
    }
    // First: whatever happens, it is given back with its slot.
    into.copy = copy;
    tensors.copy(prediction, input, into.item, copy);
    return true;
  }

  /** Measures what was kept. */
  void measureKept(Observation kept) {
    ByteBuffer copy = kept.copy;
    if (copy == null) {
      return;
    }
    LookingRooms.Room room = rooms.take();
    plan.measure(copy, 0, kept.view, room.scratch);
    rooms.giveBack(room);
  }

  /** Learns how much room the day leaves for samples, and what other threads counted meanwhile. */
  void collect(long nowMillis, long sampleBytesPerDay) {
    sampleRoom = sampleBudget.room(nowMillis, sampleBytesPerDay);
    window.collect(nowMillis);
  }

  /** What is counted now; only the consumer's. */
  OpenWindow window() {
    return window;
  }

  /** What any thread counts besides. */
  SideCounts beside() {
    return beside;
  }

  /** Finds in a prediction what is monitored. */
  MonitoredTensors tensors() {
    return tensors;
  }
}
