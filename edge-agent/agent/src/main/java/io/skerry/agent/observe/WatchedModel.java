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
import io.skerry.telemetry.sample.SampleChoice;
import io.skerry.telemetry.sketch.DayUse;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowBudget;
import io.skerry.telemetry.sketch.WindowBudget.Sharing;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.telemetry.wire.ModelReference;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.Window;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * One version that is observed: its settings, which any thread reads, and its open window, which
 * only the consumer touches.
 */
final class WatchedModel {
  /** Single anomalies that go along with a window. */
  static final int ANOMALIES_MAX = 16;

  private static final long NONE = Long.MIN_VALUE;
  private static final long DAY_MILLIS = 86_400_000;

  // Numbers of a window besides its counts, differences of a shadow among them.
  private static final int HEAD_BYTES = 256;

  private final ModelReference reference;
  private final WindowSketch sketch;
  private final WindowBudget budget;
  private final SampleBudget sampleBudget;
  private final DayBytes days;
  private final LongSupplier residentBytes;
  private final Uses windowUse;
  private final Uses sampleUse;
  private final PrivacyFilter privacy;
  private final List<Anomaly> anomalies = new ArrayList<>();
  private final LongAdder failed = new LongAdder();
  private final LongAdder skipped = new LongAdder();
  private final ShadowDifferences differences = new ShadowDifferences();
  private final LongAdder leftOut = new LongAdder();
  private volatile SampleChoice choice;
  private volatile double sampleFactor = 1;
  private volatile boolean shadow;
  private volatile long windowMillis;
  private long window = NONE;
  private long firstWindow = NONE;
  private long windowLength;
  private long coMomentDay = NONE;
  private long coMomentsSince;
  private long sealedUntil = NONE;

  /** What was sent of one kind, by the versions of this model and by all models of the device. */
  private record Uses(Kind kind, DayUse ofModel, DayUse ofDevice) {
    static Uses of(DayBytes days, String model, Kind kind) {
      return new Uses(kind, days.use(model, kind), days.use(DayBytes.DEVICE, kind));
    }
  }

  WatchedModel(
      ModelRef model,
      MonitoringPlan plan,
      DesiredSlot order,
      byte[] privacyKey,
      DayBytes days,
      LongSupplier residentBytes) {
    this.days = days;
    this.residentBytes = residentBytes;
    this.reference = new ModelReference(model.slot(), model.version(), model.manifest());
    this.sketch = new WindowSketch(plan);
    this.windowUse = Uses.of(days, modelName(), Kind.WINDOWS);
    this.sampleUse = Uses.of(days, modelName(), Kind.SAMPLES);
    this.budget =
        new WindowBudget(
            plan.manifest().getBudget().getWindowBytes(),
            windowUse.ofModel(),
            windowUse.ofDevice());
    this.sampleBudget =
        new SampleBudget(
            plan.manifest().getBudget().getSampleBytes(),
            sampleUse.ofModel(),
            sampleUse.ofDevice());
    this.privacy = new PrivacyFilter(plan.manifest(), privacyKey);
    this.choice = choice(order.sampling());
    this.windowMillis = checked(order.window());
    this.shadow = order.mode() instanceof SlotMode.Shadow;
  }

  /** It is watched no more. */
  void release() {
    for (Uses uses : List.of(windowUse, sampleUse)) {
      days.release(modelName(), uses.kind());
      days.release(DayBytes.DEVICE, uses.kind());
    }
  }

  void configure(DesiredSlot order) {
    choice = choice(order.sampling());
    windowMillis = checked(order.window());
    shadow = order.mode() instanceof SlotMode.Shadow;
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
            plan()
                .told(output, numeric)
                .flatMap(own -> rules.told(output, numeric).map(own::andThen));
    Optional<ByteBuffer> score =
        plan()
            .scoreOutput()
            .filter(output -> !plan().hasClasses() && told.of(output, true).isPresent())
            .flatMap(output -> scoreOutput(shadowed.outputs()));
    differences.compare(
        primary,
        shadowed,
        score.flatMap(
            shadow ->
                scoreOutput(primary.outputs())
                    .map(
                        given ->
                            new ShadowDifferences.Scores(
                                plan().score(given), plan().score(shadow), plan().threshold()))),
        told);
  }

  /** Called by any thread. */
  void leaveOut() {
    differences.leaveOut();
  }

  private SampleChoice choice(SamplingRates rates) {
    return new SampleChoice(rates, SampleChoice.saltOf(reference.manifest().hex()), plan());
  }

  private static long checked(Duration window) {
    return Math.max(1, window.toMillis());
  }

  PrivacyFilter privacy() {
    return privacy;
  }

  /** What the day's bytes leave of the sampling rates. */
  double sampleFactor() {
    return sampleFactor;
  }

  String modelName() {
    return reference.version().model().value();
  }

  /** Bytes that its manifest lets the model send of windows in a day; 0 = no limit. */
  long windowBytesPerDay() {
    return budget.bytesPerDay();
  }

  /** The same of samples. */
  long sampleBytesPerDay() {
    return sampleBudget.bytesPerDay();
  }

  /**
   * Whether the day's bytes have room for a sample; then they are used.
   *
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  boolean takeSample(int bytes, long atMillis, long devicePerDay) {
    sampleFactor = sampleBudget.factor(atMillis, devicePerDay);
    boolean taken = sampleBudget.take(bytes, devicePerDay);
    remember(
        sampleUse,
        sampleUse.ofModel().bytes(),
        sampleBudget.bytesPerDay(),
        sampleUse.ofDevice().bytes(),
        sampleUse.ofDevice().largest(devicePerDay));
    sampleFactor = sampleBudget.factor(atMillis, devicePerDay);
    return taken;
  }

  private void remember(
      Uses uses, long ofModel, long modelPerDay, long ofDevice, long devicePerDay) {
    days.sent(modelName(), uses.kind(), uses.ofModel().day(), ofModel, modelPerDay);
    days.sent(DayBytes.DEVICE, uses.kind(), uses.ofDevice().day(), ofDevice, devicePerDay);
  }

  /** A sample that the day's bytes leave out; called by any thread. */
  void leaveOutSample() {
    leftOut.increment();
  }

  ModelReference reference() {
    return reference;
  }

  MonitoringPlan plan() {
    return sketch.plan();
  }

  SampleChoice choice() {
    return choice;
  }

  /** Called by any thread. */
  void fail() {
    failed.increment();
  }

  /** Called by any thread. */
  void skip() {
    skipped.increment();
  }

  /** The monitored input, when this prediction's can be read as the plan says. */
  Optional<ByteBuffer> monitoredInput(List<Tensor> inputs) {
    if (plan().featureCount() == 0) {
      return Optional.empty();
    }
    for (Tensor input : inputs) {
      if (input.name().equals(plan().input())
          && input.type().name().equals(plan().inputDatatype())
          && input.data().remaining() >= plan().inputBytesNeeded()) {
        return Optional.of(input.data().slice().order(input.data().order()));
      }
    }
    return Optional.empty();
  }

  /** Reads score and class of the first item; the score is NaN when there is none. */
  void readOutput(List<Tensor> outputs, Observation into) {
    Optional<ByteBuffer> output = scoreOutput(outputs);
    into.score = output.isPresent() ? plan().score(output.get()) : Float.NaN;
    into.predictedClass = output.isPresent() ? plan().predictedClass(output.get()) : 0;
  }

  private Optional<ByteBuffer> scoreOutput(List<Tensor> outputs) {
    String wanted = plan().scoreOutput().orElse("");
    for (Tensor output : outputs) {
      if (output.name().equals(wanted)
          && output.type().name().equals(plan().scoreDatatype())
          && output.data().remaining() >= plan().scoreBytesNeeded()) {
        return Optional.of(output.data().slice().order(output.data().order()));
      }
    }
    return Optional.empty();
  }

  /** Counts into the open window; opens one for {@code atMillis} when none is open. */
  void observe(Observation observation) {
    open(observation.atMillis);
    boolean anomalous =
        sketch.observe(
            observation.view,
            observation.score,
            observation.predictedClass,
            observation.latencyMicros);
    if (anomalous && anomalies.size() < ANOMALIES_MAX) {
      int hit = sketch.anomaly(observation.view);
      anomalies.add(
          Anomaly.newBuilder()
              .setPredictionId(observation.predictionId)
              .setAtMillis(observation.atMillis)
              .setStream(hit >> 8)
              .setBin(hit & 0xff)
              .build());
    }
  }

  /** Counts many, shape [predictions][features]. */
  void observe(
      long atMillis, int predictions, float[] views, float[] scores, long[] latencyMicros) {
    open(atMillis);
    float[] view = new float[plan().featureCount()];
    for (int i = 0; i < predictions; i++) {
      System.arraycopy(views, i * view.length, view, 0, view.length);
      sketch.observe(view, scores[i], -1, latencyMicros[i]);
    }
  }

  private void open(long atMillis) {
    if (window == NONE) {
      windowLength = windowMillis;
      window = Math.floorDiv(atMillis, windowLength);
      firstWindow = window;
      if (sketch.coMoments().count() == 0) {
        coMomentsSince = window * windowLength;
      }
    }
  }

  /**
   * Takes over what other threads counted meanwhile.
   *
   * @param sampleBytesPerDay of all models of the device; 0 = no limit
   */
  void collect(long nowMillis, long sampleBytesPerDay) {
    sampleFactor = sampleBudget.factor(nowMillis, sampleBytesPerDay);
    long failures = failed.sumThenReset();
    long skips = skipped.sumThenReset();
    if (failures > 0 || skips > 0 || !differences.isEmpty()) {
      open(nowMillis);
      for (long i = 0; i < failures; i++) {
        sketch.fail();
      }
      sketch.skip(skips);
    }
  }

  private boolean isEmpty() {
    return sketch.isEmpty() && differences.isEmpty();
  }

  /** Whether anything is counted that was not sent. */
  boolean isOpen() {
    return window != NONE && !isEmpty();
  }

  /** Whether its budget counts today: it sends, and not only yesterday's last window. */
  boolean isSendingToday(long nowMillis) {
    long midnight = Math.floorDiv(nowMillis, DAY_MILLIS) * DAY_MILLIS;
    return isOpen() || (isSending(nowMillis) && sealedUntil > midnight);
  }

  /** Whether it sends windows: one is open, or was sealed a moment ago. */
  boolean isSending(long nowMillis) {
    return isOpen() || (sealedUntil != NONE && nowMillis < sealedUntil + 2 * windowLength);
  }

  /**
   * Whether the open window is over. One that lies ahead of this time is too: the clock was put
   * back, and nobody waits for what a wrong clock called tomorrow.
   */
  boolean isOver(long nowMillis) {
    if (window == NONE) {
      return false;
    }
    long current = Math.floorDiv(nowMillis, windowLength);
    return current > window || current + 1 < window;
  }

  /** The window that is over, if it is sent now; else it is counted on together with the next. */
  Optional<Window> close(long nowMillis, Sharing sharing) {
    if (window == NONE) {
      return Optional.empty();
    }
    long current = Math.floorDiv(nowMillis, windowLength);
    if (isEmpty()) {
      window = NONE;
      return Optional.empty();
    }
    if (current < window || windowLength != windowMillis) {
      Optional<Window> sealed = closeAtOnce(nowMillis, sharing.bytesPerDay());
      if (sealed.isEmpty()) {
        countOn(current);
      }
      return sealed;
    }
    long end = (window + 1) * windowLength;
    Optional<Degradation> degradation =
        budget.atWindowEnd(
            end, windowLength, (int) Math.max(1, window - firstWindow + 1), sharing, this::bytes);
    if (degradation.isEmpty()) {
      countOn(current);
      return Optional.empty();
    }
    return Optional.of(seal(degradation.get(), end - 1, sharing.bytesPerDay()));
  }

  private void countOn(long current) {
    window = current;
    firstWindow = Math.min(firstWindow, current);
    if (window - firstWindow >= Degradation.windowsMax(windowLength)) {
      // No day had room for it, or a clock that began in 1970 was put right: nobody would take it.
      sketch.giveUp();
      anomalies.clear();
      firstWindow = current;
    }
  }

  /** Whatever is open, as far as the budget lets it go. */
  Optional<Window> closeAtOnce(long nowMillis, long devicePerDay) {
    if (window == NONE || isEmpty()) {
      window = NONE;
      return Optional.empty();
    }
    return budget
        .atOnce(nowMillis, devicePerDay, this::bytes)
        .map(degradation -> seal(degradation, nowMillis, devicePerDay));
  }

  private int bytes(Degradation degradation) {
    int explanations = 0;
    if (degradation.explains()) {
      for (Anomaly anomaly : anomalies) {
        explanations += anomaly.getSerializedSize() + 2;
      }
    }
    return sketch.packedBytes(degradation)
        + reference.toWire().getSerializedSize()
        + HEAD_BYTES
        + explanations;
  }

  private Window seal(Degradation degradation, long atMillis, long devicePerDay) {
    Window.Builder sealed =
        sketch.seal(
            reference.toWire(),
            window,
            Math.min(firstWindow, window) * windowLength,
            (window + 1) * windowLength,
            degradation);
    differences.seal().ifPresent(sealed::setDifferences);
    sealed.setSamplesLeftOut(leftOut.sumThenReset());
    sealed.setResidentBytes(residentBytes.getAsLong());
    if (degradation.explains()) {
      sealed.addAllAnomalies(anomalies);
      addCoMoments(sealed, devicePerDay);
    }
    anomalies.clear();
    sealedUntil = (window + 1) * windowLength;
    window = NONE;
    Window built = sealed.build();
    budget.sent(atMillis, built.getSerializedSize(), devicePerDay);
    long largestPerDay = windowUse.ofDevice().largest(devicePerDay);
    remember(
        windowUse,
        windowUse.ofModel().bytes(budget.bytesPerDay()),
        budget.bytesPerDay(),
        windowUse.ofDevice().bytes(largestPerDay),
        largestPerDay);
    return built;
  }

  // Once a day, with the day's last window; a version's first day may be short.
  private void addCoMoments(Window.Builder sealed, long devicePerDay) {
    long day = Math.floorDiv(sealed.getEndMillis(), DAY_MILLIS);
    if (coMomentDay == NONE) {
      coMomentDay = day;
    }
    if (day <= coMomentDay || sketch.coMoments().count() == 0) {
      return;
    }
    coMomentDay = day;
    io.skerry.wire.fleet.v1.CoMoments moments =
        sketch.coMoments().toWire().toBuilder().setSinceMillis(coMomentsSince).build();
    int bytes = sealed.build().getSerializedSize() + moments.getSerializedSize();
    if (budget.fits(bytes, devicePerDay)) {
      sealed.setCoMoments(moments);
    }
    sketch.coMoments().clear();
  }
}
