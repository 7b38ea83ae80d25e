package io.skerry.telemetry.sketch;

import com.google.protobuf.ByteString;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Exact counters of one window of one running version. Observing allocates nothing, but for one row
 * when a bin passes 65,535; not thread-safe.
 *
 * <p>{@code $latency} has 32 bins: bin i counts latencies in [2^(i/2), 2^((i+1)/2)) microseconds,
 * shorter and longer ones in the first and last. A score that is no number is in no {@code $score}
 * bin.
 */
public final class WindowSketch {
  /** Bins of the latency stream. */
  public static final int LATENCY_BINS = 32;

  private static final int CO_MOMENT_EVERY = 8;

  private final MonitoringPlan plan;
  private final StreamLayout layout;
  // A device has one row a version: 16 bits are enough but for the busiest bins.
  private final char[] counts;
  private int @Nullable [] carried;
  private final int[] before;
  private final FeatureBins counted;
  private final FeatureBins.Scratch found;
  private final @Nullable Residuals residuals;
  private final Residuals.@Nullable Scratch scratch;
  private final CoMoments coMoments;
  private final int scorePlace;
  private final @Nullable ReferenceBins scoreBins;
  private final int classPlace;
  private final int residualPlace;
  private final int latencyPlace;
  private final int errorsPlace;
  // The last packed counts, until one of them changes: a window is packed to know its size, to be
  // written down and to be sent, mostly one after the other.
  private @Nullable ByteString packed;
  private Degradation packedAs = Degradation.NONE;
  private boolean anyBefore;
  private long observed;
  private long failed;
  private long skipped;
  private long anomalous;

  /** Empty counters for a plan's streams. */
  public WindowSketch(MonitoringPlan plan) {
    this.plan = plan;
    this.layout = plan.layout();
    this.counts = new char[layout.bins()];
    this.residuals = plan.residuals();
    this.scratch = residuals == null ? null : new Residuals.Scratch(residuals);
    this.before = new int[plan.featureCount() + 3];
    // No score yet: none that comes repeats it.
    this.before[plan.featureCount() + 2] = Float.floatToRawIntBits(Float.NaN);
    this.counted = plan.counted();
    this.found = new FeatureBins.Scratch(counted);
    this.coMoments = new CoMoments(plan.coMomentFeatures());
    this.scorePlace = place(plan.hasClasses() ? MonitoringPlan.CONFIDENCE : MonitoringPlan.SCORE);
    this.scoreBins = plan.scoreBins();
    this.classPlace = plan.isAmount() ? -1 : place(MonitoringPlan.CLASS);
    this.residualPlace = place(MonitoringPlan.SQUARED_PREDICTION_ERROR);
    this.latencyPlace = place(MonitoringPlan.LATENCY);
    this.errorsPlace = place(MonitoringPlan.ERRORS);
  }

  private int place(String stream) {
    int index = layout.indexOf(stream);
    return index < 0 ? -1 : layout.start(index);
  }

  /** The plan that is counted. */
  public MonitoringPlan plan() {
    return plan;
  }

  /**
   * Counts one prediction.
   *
   * @param view monitored values, at least as many as the plan has features
   * @param score the model's score, or the probability of the predicted class; NaN when it has none
   * @param predictedClass ignored when the score is NaN or the class is none of the plan's
   * @return whether a value was missing, infinite, outside its range or unseen, or a residual
   *     beyond its limit. Repeated values do not count here: sensors of few levels repeat all the
   *     time.
   */
  public boolean observe(float[] view, float score, int predictedClass, long latencyMicros) {
    observed++;
    packed = null;
    int features = plan.featureCount();
    boolean odd = counted.find(view, found);
    for (int i = 0; i < counted.count(); i++) {
      increment(found.place(i));
    }
    for (int i = 0; i < counted.count(); i++) {
      int feature = counted.feature(i);
      if (repeats(view[feature], feature)) {
        increment(counted.stuck(i));
      }
    }
    if (residuals != null && scratch != null) {
      residuals.compute(view, scratch);
      ReferenceBins first = plan.squaredPredictionErrorBins();
      count(residualPlace, first, scratch.squaredPredictionError, features);
      count(residualPlace + first.count(), plan.hotellingBins(), scratch.hotelling, features + 1);
      odd |= residuals.isErrorAnomalous(scratch) || residuals.isDistanceAnomalous(scratch);
    }
    anyBefore = true;
    if (scorePlace >= 0 && !Float.isNaN(score)) {
      if (scoreBins == null) {
        increment(scorePlace + scoreBin(score));
      } else {
        count(scorePlace, scoreBins, score, features + 2);
      }
      if (classPlace >= 0 && predictedClass >= 0 && predictedClass < plan.classCount()) {
        increment(classPlace + predictedClass);
      }
    }
    increment(latencyPlace + latencyBin(latencyMicros));
    increment(errorsPlace);
    // Pairs are many, and for explanation only: a part of the predictions says enough.
    if (observed % CO_MOMENT_EVERY == 0 && !plan.isUnread()) {
      coMoments.add(view);
    }
    if (odd) {
      anomalous++;
    }
    return odd;
  }

  /** Counts one prediction that failed. */
  public void fail() {
    failed++;
    packed = null;
    increment(errorsPlace + 1);
  }

  /** Counts predictions that were answered but could not be observed. */
  public void skip(long predictions) {
    skipped += predictions;
  }

  /** Counts anomalous inputs among the predictions that could not be observed. */
  public void findAnomalous(long predictions) {
    anomalous += predictions;
  }

  /** Gives up what is counted: every prediction of it was not observed; anomalies go on. */
  public void giveUp() {
    long all = observed + failed + skipped;
    long found = anomalous;
    clear();
    skipped = all;
    anomalous = found;
  }

  /** Whether nothing was counted since the window began. */
  public boolean isEmpty() {
    return observed == 0 && failed == 0 && skipped == 0;
  }

  /** What is counted so far. */
  public WindowCounts counts() {
    int[] row = new int[counts.length];
    for (int i = 0; i < row.length; i++) {
      row[i] = counts[i] + (carried == null ? 0 : carried[i]);
    }
    boolean[] present = new boolean[layout.size()];
    Arrays.fill(present, true);
    return WindowCounts.owning(layout, row, present, 1);
  }

  /** Bytes of the counts as a degradation leaves them. */
  public int packedBytes(Degradation degradation) {
    return plan.isUnread()
        ? byName().stream().mapToInt(StreamCounts::getSerializedSize).sum()
        : packed(degradation).size();
  }

  private ByteString packed(Degradation degradation) {
    ByteString known = packed;
    if (known == null || !packedAs.equals(degradation)) {
      known = ByteString.copyFrom(WindowCodec.pack(degradation.of(plan, counts())));
      packed = known;
      packedAs = degradation;
    }
    return known;
  }

  /**
   * The bins of their own that a row hits, and for residuals beyond their limit the bin above the
   * maximum: each {@code stream << 8 | bin}, bins counted from the first of these.
   *
   * @param into takes as many as it is long
   * @return how many it took
   */
  public int anomalies(float[] view, int[] into) {
    int found = 0;
    for (int i = 0; i < counted.count() && found < into.length; i++) {
      ReferenceBins bins = counted.bins(i);
      int own = bins.index(view[counted.feature(i)]) - bins.ordinary();
      if (own >= 0) {
        into[found++] = i << 8 | own;
      }
    }
    if (residuals != null && scratch != null) {
      residuals.compute(view, scratch);
      if (residuals.isErrorAnomalous(scratch) && found < into.length) {
        into[found++] =
            layout.indexOf(MonitoringPlan.SQUARED_PREDICTION_ERROR) << 8 | ReferenceBins.ABOVE;
      }
      if (residuals.isDistanceAnomalous(scratch) && found < into.length) {
        into[found++] = layout.indexOf(MonitoringPlan.HOTELLING) << 8 | ReferenceBins.ABOVE;
      }
    }
    return found;
  }

  /** The co-moments so far; they outlive a window. */
  public CoMoments coMoments() {
    return coMoments;
  }

  /** The window so far, nothing left out; begins the next one. */
  public Window seal(ModelRef model, long window, long startMillis, long endMillis) {
    return seal(model, window, startMillis, endMillis, Degradation.NONE).build();
  }

  /**
   * The window so far as a degradation leaves it; begins the next one.
   *
   * @param window index of the last of the windows that were counted together
   * @param startMillis of the first of them
   */
  public Window.Builder seal(
      ModelRef model, long window, long startMillis, long endMillis, Degradation degradation) {
    Window.Builder sealed = standing(model, window, startMillis, endMillis, degradation);
    clear();
    return sealed;
  }

  /** The same, and goes on counting in it. */
  public Window.Builder standing(
      ModelRef model, long window, long startMillis, long endMillis, Degradation degradation) {
    Window.Builder standing =
        Window.newBuilder()
            .setModel(model)
            .setWindow(window)
            .setStartMillis(startMillis)
            .setEndMillis(endMillis)
            .setPredictions(observed + failed + skipped)
            .setPredictionsFailed(failed)
            .setSkipped(skipped)
            .setAnomalous(anomalous);
    return plan.isUnread()
        ? standing.addAllStreams(byName())
        : standing.setPacked(packed(degradation));
  }

  // Packed counts are read by the artifact's layout, which is not known here.
  private List<StreamCounts> byName() {
    WindowCounts now = counts();
    List<StreamCounts> streams = new ArrayList<>(layout.size());
    for (int stream = 0; stream < layout.size(); stream++) {
      streams.add(
          StreamCounts.newBuilder()
              .setStream(layout.names().get(stream))
              .addAllCounts(now.counts(stream))
              .build());
    }
    return streams;
  }

  /**
   * Adds what a window counts that stood before, with nothing left out.
   *
   * @return false where it is of other streams than the plan's, or counts more than can be added
   *     up: then nothing of it is added
   * @throws MalformedDocumentException if its counts cannot be read, or contradict its predictions
   */
  public boolean resume(Window stood) throws MalformedDocumentException {
    WindowCounts more = WindowCodec.read(layout, stood);
    WindowCounts now = counts();
    for (int stream = 0; stream < layout.size(); stream++) {
      if (!more.has(stream) || more.fold(stream) != 1) {
        return false;
      }
    }
    for (int place = 0; place < counts.length; place++) {
      if ((long) now.at(place) + more.at(place) > Integer.MAX_VALUE) {
        return false;
      }
    }
    packed = null;
    for (int place = 0; place < counts.length; place++) {
      set(place, now.at(place) + more.at(place));
    }
    observed += WindowCodec.counted(stood);
    failed += stood.getPredictionsFailed();
    skipped += stood.getSkipped();
    anomalous += stood.getAnomalous();
    return true;
  }

  private void set(int place, int count) {
    counts[place] = (char) count;
    if (count >> 16 != 0) {
      carried()[place] = count & ~0xffff;
    }
  }

  private void clear() {
    packed = null;
    Arrays.fill(counts, (char) 0);
    carried = null;
    observed = 0;
    failed = 0;
    skipped = 0;
    anomalous = 0;
  }

  private void count(int place, ReferenceBins bins, float value, int position) {
    increment(place + bins.index(value));
    if (repeats(value, position)) {
      increment(place + bins.stuck());
    }
  }

  private boolean repeats(float value, int position) {
    int bits = Float.floatToRawIntBits(value);
    boolean same = bits == before[position] && anyBefore;
    before[position] = bits;
    return same;
  }

  private void increment(int place) {
    if (++counts[place] == 0) {
      carry(place);
    }
  }

  private void carry(int place) {
    carried()[place] += 1 << 16;
  }

  private int[] carried() {
    int[] rows = carried;
    if (rows == null) {
      rows = new int[counts.length];
      carried = rows;
    }
    return rows;
  }

  static int scoreBin(float score) {
    int bin = (int) (score * MonitoringManifests.SCORE_BINS);
    return Math.clamp(bin, 0, MonitoringManifests.SCORE_BINS - 1);
  }

  static int latencyBin(long micros) {
    if (micros <= 1) {
      return 0;
    }
    if (micros >= 1L << (LATENCY_BINS / 2)) {
      return LATENCY_BINS - 1;
    }
    int power = 63 - Long.numberOfLeadingZeros(micros);
    // The upper half from 2^(power + 1/2) on: by squares, which are exact.
    return 2 * power + (int) ((micros * micros) >>> (2 * power + 1));
  }
}
