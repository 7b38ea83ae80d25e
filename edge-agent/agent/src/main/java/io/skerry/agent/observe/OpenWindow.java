package io.skerry.agent.observe;

import com.google.protobuf.ByteString;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.CoMoments;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowBudget;
import io.skerry.telemetry.sketch.WindowBudget.Sharers;
import io.skerry.telemetry.sketch.WindowBudget.Sharing;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.telemetry.wire.ModelReference;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The window of a version that is counted in now, from its first prediction until the day's bytes
 * let it go. Only the consumer touches it.
 */
final class OpenWindow {
  /** Single anomalies that are kept of a window, and sent as far as the day's bytes go. */
  static final int ANOMALIES_MAX = 1024;

  /** Those of them that outlive the process. */
  static final int ANOMALIES_STANDING = 64;

  private static final Logger log = LoggerFactory.getLogger(OpenWindow.class);

  // Streams of one anomaly that are told.
  private static final int HITS_MAX = 8;

  private static final long NONE = Long.MIN_VALUE;
  private static final long DAY_MILLIS = 86_400_000;

  // Numbers of a window besides its counts, differences of a shadow among them.
  private static final int HEAD_BYTES = 256;
  private static final int ANOMALY_TAG_BYTES = 3;

  private final ModelReference reference;
  private final MonitoringPlan plan;
  private final SideCounts beside;
  private final DaySent sent;
  private final WindowBudget budget;
  private final LongSupplier residentBytes;
  private final List<Anomaly> anomalies = new ArrayList<>();
  private final int[] hits = new int[HITS_MAX];
  // None before the first window, and while another version answers.
  private @Nullable WindowSketch counts;
  private volatile long configured;
  private long window = NONE;
  private long firstWindow = NONE;
  private long windowLength;
  private long coMomentDay = NONE;
  private long coMomentsSince;
  private long sealedUntil = NONE;
  // As it stood when it was asked for last, until something more is counted.
  private @Nullable Window standing;
  private long standingTold;

  /**
   * No window is open yet.
   *
   * @param sent what windows took of the day's bytes
   * @param keptFree of so many bytes of the device, those that windows leave to others
   */
  OpenWindow(
      ModelReference reference,
      MonitoringPlan plan,
      SideCounts beside,
      DaySent sent,
      LongUnaryOperator keptFree,
      LongSupplier residentBytes) {
    this.reference = reference;
    this.plan = plan;
    this.beside = beside;
    this.sent = sent;
    this.budget =
        new WindowBudget(
            plan.manifest().getBudget().getWindowBytes(),
            sent.ofModel(),
            sent.ofDevice(),
            keptFree);
    this.residentBytes = residentBytes;
  }

  /** How long windows are from the next one on, in milliseconds; any thread says so. */
  void configure(long lengthMillis) {
    configured = Math.max(1, lengthMillis);
  }

  /** Bytes that its manifest lets the model send of windows in a day; 0 = no limit. */
  long bytesPerDay() {
    return budget.bytesPerDay();
  }

  private WindowSketch sketch() {
    WindowSketch open = counts;
    if (open == null) {
      open = new WindowSketch(plan);
      counts = open;
    }
    return open;
  }

  /** Lets go of what it counts in, which is as large when nothing is counted. */
  void release() {
    standing = null;
    counts = null;
  }

  /** Whether it holds what windows are counted in. */
  boolean isCounting() {
    return counts != null;
  }

  /** Counts into the window; opens one for {@code atMillis} when none is open. */
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
            // In bytes: it is written down again and again while its window is open.
            .setPredictionIdBytes(ByteString.copyFromUtf8(observation.predictionId))
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
    float[] view = new float[plan.featureCount()];
    for (int i = 0; i < predictions; i++) {
      System.arraycopy(views, i * view.length, view, 0, view.length);
      sketch().observe(view, scores[i], -1, latencyMicros[i]);
    }
  }

  private void open(long atMillis) {
    standing = null;
    if (window == NONE) {
      windowLength = configured;
      window = Math.floorDiv(atMillis, windowLength);
      firstWindow = window;
      if (sketch().coMoments().count() == 0) {
        coMomentsSince = window * windowLength;
      }
    }
  }

  /** Takes over what other threads counted meanwhile. */
  void collect(long nowMillis) {
    if (beside.isWaiting()) {
      open(nowMillis);
      beside.moveTo(sketch());
    }
  }

  private boolean isEmpty() {
    return (counts == null || counts.isEmpty()) && beside.differences().isEmpty();
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
   * Whether the window is over. One that lies ahead of this time is too: the clock was put back,
   * and nobody waits for what a wrong clock called tomorrow.
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
    standing = null;
    if (window == NONE) {
      return Optional.empty();
    }
    long current = Math.floorDiv(nowMillis, windowLength);
    if (isEmpty()) {
      window = NONE;
      return Optional.empty();
    }
    if (current < window || windowLength != configured) {
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
    standing = null;
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
    Window known = standing;
    long told = beside.told();
    if (known == null || told != standingTold) {
      known = built();
      standing = known;
      standingTold = told;
    }
    return Optional.of(known);
  }

  private Window built() {
    Window.Builder built =
        sketch()
            .standing(
                reference.toWire(),
                window,
                Math.min(firstWindow, window) * windowLength,
                (window + 1) * windowLength,
                Degradation.NONE);
    beside.copyTo(built);
    anomalies.stream().limit(ANOMALIES_STANDING).forEach(built::addAnomalies);
    if (sketch().coMoments().count() > 0) {
      built.setCoMoments(coMoments());
    }
    return built.build();
  }

  /**
   * Goes on with a window that stood when an earlier run of the agent ended.
   *
   * @return false when another one is open, or it counts other streams: then nothing is taken over
   * @throws MalformedDocumentException if its counts cannot be read
   */
  boolean resume(Window stood) throws MalformedDocumentException {
    standing = null;
    long length = OpenWindows.lengthMillis(stood);
    boolean isSame = window == stood.getWindow() && windowLength == length;
    if ((window != NONE && !isSame) || !sketch().resume(stood)) {
      return false;
    }
    firstWindow = stood.getStartMillis() / length;
    window = stood.getWindow();
    windowLength = length;
    beside.resume(stood);
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
      sketch().coMoments().merge(CoMoments.fromWire(stood.getCoMoments(), plan.featureCount()));
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
    beside.moveTo(sealed);
    sealed.setResidentBytes(residentBytes.getAsLong());
    if (degradation.explains()) {
      addCoMoments(sealed, devicePerDay);
    }
    addAnomalies(sealed, degradation, atMillis, sharing);
    sealedUntil = (window + 1) * windowLength;
    window = NONE;
    Window built = sealed.build();
    budget.sent(atMillis, built.getSerializedSize(), devicePerDay);
    long largestPerDay = sent.ofDevice().largest(devicePerDay);
    sent.remember(
        sent.ofModel().bytes(budget.bytesPerDay()),
        budget.bytesPerDay(),
        sent.ofDevice().bytes(largestPerDay),
        largestPerDay);
    return built;
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
