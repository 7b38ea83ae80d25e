package io.skerry.agent.observe;

import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.observe.DayBytes.Kind;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotMode;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sample.PrivacyFilter;
import io.skerry.telemetry.sample.SampleBudget;
import io.skerry.telemetry.sample.SampleBudget.Room;
import io.skerry.telemetry.sample.SampleChoice;
import io.skerry.telemetry.sample.SampleChoice.Stratum;
import io.skerry.telemetry.sketch.CoMoments;
import io.skerry.telemetry.sketch.DayUse;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowBudget;
import io.skerry.telemetry.sketch.WindowBudget.Sharers;
import io.skerry.telemetry.sketch.WindowBudget.Sharing;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.telemetry.wire.ModelReference;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.StratumSamples;
import io.skerry.wire.fleet.v1.Window;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One version that is observed: its settings, which any thread reads, and its open window, which
 * only the consumer touches.
 */
final class WatchedModel {
  /** Single anomalies that are kept of a window, and sent as far as the day's bytes go. */
  static final int ANOMALIES_MAX = 1024;

  /** Those of them that outlive the process. */
  static final int ANOMALIES_STANDING = 64;

  private static final Logger log = LoggerFactory.getLogger(WatchedModel.class);

  // Streams of one anomaly that are told.
  private static final int HITS_MAX = 8;

  private static final long NONE = Long.MIN_VALUE;
  private static final long DAY_MILLIS = 86_400_000;

  // Numbers of a window besides its counts, differences of a shadow among them.
  private static final int HEAD_BYTES = 256;
  private static final int ANOMALY_TAG_BYTES = 3;

  private final ModelReference reference;
  private final MonitoringPlan plan;
  // Only the consumer's; none before the first window, and while another version answers.
  private @Nullable WindowSketch counts;
  private volatile long turn;
  private final WindowBudget budget;
  private final SampleBudget sampleBudget;
  private final DayBytes days;
  private final LongSupplier residentBytes;
  private final Uses windowUse;
  private final Uses sampleUse;
  private final PrivacyFilter privacy;
  private final List<Anomaly> anomalies = new ArrayList<>();
  private final int[] hits = new int[HITS_MAX];
  private final LongAdder failed = new LongAdder();
  private final LongAdder skipped = new LongAdder();
  private final ShadowDifferences differences = new ShadowDifferences();
  private final LongAdder leftOut = new LongAdder();
  private volatile SampleChoice choice;
  private final AtomicReference<MonitoringPlan.@Nullable Scratch> scratch = new AtomicReference<>();
  // Bytes of samples that are chosen and still in the ring.
  private final AtomicLong reserved = new AtomicLong();
  private final Map<Stratum, LongAdder> refused = new EnumMap<>(Stratum.class);
  private final String scoreOutput;
  private final int inputBytesNeeded;
  private final int scoreBytesNeeded;
  private volatile Room sampleRoom = Room.ENDLESS;
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
    this.plan = plan;
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
    this.sampleRoom = sampleBudget.room(0);
    this.scoreOutput = plan.scoreOutput().orElse("");
    this.inputBytesNeeded = plan.inputBytesNeeded();
    this.scoreBytesNeeded = plan.scoreBytesNeeded();
    for (Stratum stratum : Stratum.values()) {
      refused.put(stratum, new LongAdder());
    }
    this.privacy = new PrivacyFilter(plan.manifest(), privacyKey);
    this.choice = choice(order.sampling());
    this.windowMillis = checked(order.window());
    this.shadow = order.mode() instanceof SlotMode.Shadow;
  }

  private WindowSketch sketch() {
    WindowSketch open = counts;
    if (open == null) {
      open = new WindowSketch(plan);
      counts = open;
    }
    return open;
  }

  /** Counts of a version that sends no more are as large as those of one that does: they go. */
  void rest(long nowMillis) {
    if (!isSending(nowMillis)) {
      counts = null;
      scratch.set(null);
    }
  }

  /** Whether it holds what windows are counted in. */
  boolean isCounting() {
    return counts != null;
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
    Optional<Float> score =
        plan()
            .scoreOutput()
            .filter(
                output ->
                    !plan().hasClasses() && !plan().isAmount() && told.of(output, true).isPresent())
            .flatMap(output -> score(shadowed));
    differences.compare(
        primary,
        shadowed,
        score.flatMap(
            shadow ->
                score(primary)
                    .map(given -> new ShadowDifferences.Scores(given, shadow, plan().threshold()))),
        told);
  }

  // Of the first item.
  private Optional<Float> score(Prediction prediction) {
    Tensor output = scoreOutput(prediction);
    if (output == null) {
      return Optional.empty();
    }
    int first = first(output.data(), plan().scoreElementBytes(), prediction.items(), 0);
    int predictedClass = plan().predictedClass(output.data(), first);
    return Optional.of(plan().score(output.data(), first, predictedClass));
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
   * @param reservedBytes that were set aside for it
   * @param devicePerDay bytes of all models of the device; 0 = no limit
   */
  boolean takeSample(int bytes, long reservedBytes, long atMillis, long devicePerDay) {
    sampleBudget.at(atMillis);
    boolean taken = sampleBudget.take(bytes, devicePerDay);
    remember(
        sampleUse,
        sampleUse.ofModel().bytes(),
        sampleBudget.bytesPerDay(),
        sampleUse.ofDevice().bytes(),
        sampleUse.ofDevice().largest(devicePerDay));
    sampleRoom = sampleBudget.room(atMillis, devicePerDay);
    unreserve(reservedBytes);
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

  /**
   * A sample that was chosen at its probability and is not kept all the same: the recorded
   * probabilities of its stratum are too high by it. Called by any thread.
   */
  void refuseSample(Stratum stratum) {
    refused.getOrDefault(stratum, new LongAdder()).increment();
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

  /** Called by any thread. */
  void fail(int items) {
    failed.add(items);
  }

  /** Called by any thread. */
  void skip(int items) {
    skipped.add(items);
  }

  /** The monitored input, when all items of this prediction can be read as the plan says. */
  @Nullable Tensor monitoredInput(Prediction prediction) {
    return plan().featureCount() == 0
        ? null
        : readable(
            prediction.inputs(),
            plan().input(),
            plan().inputDatatype(),
            plan().inputElementBytes(),
            inputBytesNeeded,
            prediction.items());
  }

  /** The output that the score is read from, likewise. */
  @Nullable Tensor scoreOutput(Prediction prediction) {
    return scoreOutput.isEmpty()
        ? null
        : readable(
            prediction.outputs(),
            scoreOutput,
            plan().scoreDatatype(),
            plan().scoreElementBytes(),
            scoreBytesNeeded,
            prediction.items());
  }

  private static @Nullable Tensor readable(
      List<Tensor> tensors, String name, String type, int element, int needed, int items) {
    for (int i = 0; i < tensors.size(); i++) {
      Tensor tensor = tensors.get(i);
      ByteBuffer data = tensor.data();
      if (tensor.name().equals(name)
          && tensor.type().name().equals(type)
          && data.position() % element == 0
          && items > 0
          && data.remaining() % ((long) items * element) == 0
          && data.remaining() / items >= needed) {
        return tensor;
      }
    }
    return null;
  }

  /** Reads monitored values, score and class of an item; the score is NaN when there is none. */
  void read(
      Prediction prediction,
      @Nullable Tensor input,
      @Nullable Tensor output,
      int item,
      Observation into) {
    if (input != null) {
      int first = first(input.data(), plan().inputElementBytes(), prediction.items(), item);
      plan().view(input.data(), first, into.view);
    }
    into.score = Float.NaN;
    into.predictedClass = 0;
    if (output != null) {
      int first = first(output.data(), plan().scoreElementBytes(), prediction.items(), item);
      into.predictedClass = plan().predictedClass(output.data(), first);
      into.score = plan().score(output.data(), first, into.predictedClass);
    }
  }

  private static int first(ByteBuffer data, int element, int items, int item) {
    return data.position() / element + data.remaining() / element / items * item;
  }

  /** The stratum of an item that was read; allocates only where several threads ask at once. */
  Stratum stratum(SampleChoice among, Observation read) {
    MonitoringPlan.Scratch free = scratch.getAndSet(null);
    MonitoringPlan.Scratch used = free == null ? plan().scratch() : free;
    boolean anomalous = plan().isAnomalous(read.view, used);
    scratch.set(used);
    return among.stratum(read.score, read.predictedClass, anomalous);
  }

  /** Counts into the open window; opens one for {@code atMillis} when none is open. */
  void observe(Observation observation) {
    open(observation.atMillis);
    boolean anomalous =
        sketch()
            .observe(
                observation.view,
                observation.score,
                observation.predictedClass,
                observation.latencyMicros);
    if (anomalous && anomalies.size() < ANOMALIES_MAX) {
      anomalies.add(anomaly(observation));
    }
  }

  private Anomaly anomaly(Observation observation) {
    int found = sketch().anomalies(observation.view, hits);
    Anomaly.Builder anomaly =
        Anomaly.newBuilder()
            .setPredictionId(observation.predictionId)
            .setItem(observation.item)
            .setAtMillis(observation.atMillis)
            .setStream(hits[0] >> 8)
            .setBin(hits[0] & 0xff);
    for (int i = 1; i < found; i++) {
      anomaly.addMore(hits[i]);
    }
    return anomaly.build();
  }

  /** Counts many, shape [predictions][features]. */
  void observe(
      long atMillis, int predictions, float[] views, float[] scores, long[] latencyMicros) {
    open(atMillis);
    float[] view = new float[plan().featureCount()];
    for (int i = 0; i < predictions; i++) {
      System.arraycopy(views, i * view.length, view, 0, view.length);
      sketch().observe(view, scores[i], -1, latencyMicros[i]);
    }
  }

  private void open(long atMillis) {
    if (window == NONE) {
      windowLength = windowMillis;
      window = Math.floorDiv(atMillis, windowLength);
      firstWindow = window;
      if (sketch().coMoments().count() == 0) {
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
    sampleRoom = sampleBudget.room(nowMillis, sampleBytesPerDay);
    long failures = failed.sumThenReset();
    long skips = skipped.sumThenReset();
    if (failures > 0 || skips > 0 || !differences.isEmpty()) {
      open(nowMillis);
      for (long i = 0; i < failures; i++) {
        sketch().fail();
      }
      sketch().skip(skips);
    }
  }

  private boolean isEmpty() {
    return (counts == null || counts.isEmpty()) && differences.isEmpty();
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
    return Optional.of(seal(degradation.get(), end - 1, sharing));
  }

  private void countOn(long current) {
    window = current;
    firstWindow = Math.min(firstWindow, current);
    if (window - firstWindow >= Degradation.windowsMax(windowLength)) {
      // No day had room for it, or a clock that began in 1970 was put right: nobody would take it.
      sketch().giveUp();
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
        .map(
            degradation ->
                seal(degradation, nowMillis, new Sharing(devicePerDay, Sharers.ONE, Sharers.ONE)));
  }

  /** The open window as it stands, which goes on; empty when nothing is counted. */
  Optional<Window> standing() {
    if (!isOpen()) {
      return Optional.empty();
    }
    Window.Builder standing =
        sketch()
            .standing(
                reference.toWire(),
                window,
                Math.min(firstWindow, window) * windowLength,
                (window + 1) * windowLength,
                Degradation.NONE);
    differences.standing().ifPresent(standing::setDifferences);
    standing.setSamplesLeftOut(leftOut.sum());
    refused.forEach((stratum, adder) -> addRefused(standing, stratum, adder.sum()));
    anomalies.stream().limit(ANOMALIES_STANDING).forEach(standing::addAnomalies);
    if (sketch().coMoments().count() > 0) {
      standing.setCoMoments(coMoments());
    }
    return Optional.of(standing.build());
  }

  /**
   * Goes on with a window that stood when an earlier run of the agent ended.
   *
   * @return false when another one is open, or it counts other streams: then nothing is taken over
   * @throws MalformedDocumentException if its counts cannot be read
   */
  boolean resume(Window stood) throws MalformedDocumentException {
    long length = OpenWindows.lengthMillis(stood);
    boolean isSame = window == stood.getWindow() && windowLength == length;
    if ((window != NONE && !isSame) || !sketch().resume(stood)) {
      return false;
    }
    firstWindow = stood.getStartMillis() / length;
    window = stood.getWindow();
    windowLength = length;
    differences.resume(stood.getDifferences());
    leftOut.add(stood.getSamplesLeftOut());
    for (StratumSamples samples : stood.getSamplesRefusedList()) {
      for (Stratum stratum : Stratum.values()) {
        if (stratum.wireName().equals(samples.getStratum())) {
          refused.getOrDefault(stratum, new LongAdder()).add(samples.getSamples());
        }
      }
    }
    anomalies.addAll(0, stood.getAnomaliesList());
    resumeCoMoments(stood);
    return true;
  }

  // They explain and do not count: without them the window stands.
  private void resumeCoMoments(Window stood) {
    if (!stood.hasCoMoments()) {
      return;
    }
    try {
      sketch().coMoments().merge(CoMoments.fromWire(stood.getCoMoments(), plan().featureCount()));
      coMomentsSince = stood.getCoMoments().getSinceMillis();
      coMomentDay = Math.floorDiv(coMomentsSince, DAY_MILLIS);
    } catch (MalformedDocumentException | IllegalArgumentException e) {
      log.atDebug().addKeyValue("model", reference.version()).setCause(e).log("co-moments dropped");
    }
  }

  private int bytes(Degradation degradation) {
    return sketch().packedBytes(degradation) + reference.toWire().getSerializedSize() + HEAD_BYTES;
  }

  private Window seal(Degradation degradation, long atMillis, Sharing sharing) {
    long devicePerDay = sharing.bytesPerDay();
    Window.Builder sealed =
        sketch()
            .seal(
                reference.toWire(),
                window,
                Math.min(firstWindow, window) * windowLength,
                (window + 1) * windowLength,
                degradation);
    differences.seal().ifPresent(sealed::setDifferences);
    sealed.setSamplesLeftOut(leftOut.sumThenReset());
    refused.forEach((stratum, adder) -> addRefused(sealed, stratum, adder.sumThenReset()));
    sealed.setResidentBytes(residentBytes.getAsLong());
    if (degradation.explains()) {
      addCoMoments(sealed, devicePerDay);
    }
    addAnomalies(sealed, degradation, atMillis, sharing);
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

  private static void addRefused(Window.Builder window, Stratum stratum, long samples) {
    if (samples > 0) {
      window.addSamplesRefusedBuilder().setStratum(stratum.wireName()).setSamples(samples);
    }
  }

  // The first ones, as many as leave the day's other windows their bytes.
  private void addAnomalies(
      Window.Builder sealed, Degradation degradation, long atMillis, Sharing sharing) {
    long spare =
        budget.spare(
            atMillis + 1, windowLength, degradation, sharing, sealed.build().getSerializedSize());
    for (Anomaly anomaly : anomalies) {
      spare -= anomaly.getSerializedSize() + ANOMALY_TAG_BYTES;
      if (spare < 0) {
        break;
      }
      sealed.addAnomalies(anomaly);
    }
    anomalies.clear();
  }

  // Once a day, with the day's last window; a version's first day may be short.
  private void addCoMoments(Window.Builder sealed, long devicePerDay) {
    long day = Math.floorDiv(sealed.getEndMillis(), DAY_MILLIS);
    if (coMomentDay == NONE) {
      coMomentDay = day;
    }
    if (day <= coMomentDay || sketch().coMoments().count() == 0) {
      return;
    }
    coMomentDay = day;
    io.skerry.wire.fleet.v1.CoMoments moments = coMoments();
    int bytes = sealed.build().getSerializedSize() + moments.getSerializedSize();
    if (budget.fits(bytes, devicePerDay)) {
      sealed.setCoMoments(moments);
    }
    sketch().coMoments().clear();
  }

  private io.skerry.wire.fleet.v1.CoMoments coMoments() {
    return sketch().coMoments().toWire().toBuilder().setSinceMillis(coMomentsSince).build();
  }
}
