package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.StreamCounts;
import io.skerry.wire.fleet.v1.Window;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Exact counters of one window of one running version. Observing allocates nothing; not
 * thread-safe.
 *
 * <p>{@code $latency} has 32 bins: bin i counts latencies in [2^(i/2), 2^((i+1)/2)) microseconds,
 * shorter and longer ones in the first and last. A score that is no number is in no {@code $score}
 * bin.
 */
public final class WindowSketch {
  /** Bins of the latency stream. */
  public static final int LATENCY_BINS = 32;

  private static final double LOG_2 = Math.log(2);

  private final MonitoringPlan plan;
  private final List<String> streams;
  private final long[][] counts;
  private final ReferenceBins[] features;
  private final int[] before;
  private final @Nullable Residuals residuals;
  private final ReferenceBins @Nullable [] residualBins;
  private final int[] residualBefore = new int[2];
  private final int scoreStream;
  private final int residualStream;
  private boolean anyBefore;
  private long observed;
  private long failed;
  private long skipped;

  /** Empty counters for a plan's streams. */
  public WindowSketch(MonitoringPlan plan) {
    this.plan = plan;
    this.streams = plan.streams();
    this.counts = new long[streams.size()][];
    this.features = new ReferenceBins[plan.featureCount()];
    this.before = new int[features.length];
    for (int i = 0; i < features.length; i++) {
      features[i] = plan.featureBins(i);
      counts[i] = new long[features[i].count()];
    }
    this.scoreStream = streams.indexOf(MonitoringPlan.SCORE);
    if (scoreStream >= 0) {
      counts[scoreStream] = new long[MonitoringManifests.SCORE_BINS];
    }
    this.residualStream = streams.indexOf(MonitoringPlan.SQUARED_PREDICTION_ERROR);
    try {
      this.residuals = plan.residuals().orElse(null);
      this.residualBins =
          residuals == null
              ? null
              : new ReferenceBins[] {plan.squaredPredictionErrorBins(), plan.hotellingBins()};
    } catch (MalformedDocumentException e) {
      throw new IllegalStateException("a plan is checked when it is made", e);
    }
    if (residualBins != null) {
      counts[residualStream] = new long[residualBins[0].count()];
      counts[residualStream + 1] = new long[residualBins[1].count()];
    }
    counts[counts.length - 1] = new long[LATENCY_BINS];
  }

  /** The plan that is counted. */
  public MonitoringPlan plan() {
    return plan;
  }

  /**
   * Counts one prediction.
   *
   * @param view monitored values, at least as many as the plan has features
   * @param score the model's score; NaN when the model has none
   * @return whether a value was missing, infinite or outside its range. Repeated values do not
   *     count here: sensors of few levels repeat all the time.
   */
  public boolean observe(float[] view, float score, long latencyMicros) {
    observed++;
    boolean anomalous = false;
    for (int i = 0; i < features.length; i++) {
      anomalous |= count(counts[i], features[i], view[i], before, i);
    }
    if (residuals != null && residualBins != null) {
      residuals.compute(view);
      count(
          counts[residualStream],
          residualBins[0],
          residuals.squaredPredictionError(),
          residualBefore,
          0);
      count(counts[residualStream + 1], residualBins[1], residuals.hotelling(), residualBefore, 1);
    }
    anyBefore = true;
    if (scoreStream >= 0 && !Float.isNaN(score)) {
      counts[scoreStream][scoreBin(score)]++;
    }
    counts[counts.length - 1][latencyBin(latencyMicros)]++;
    return anomalous;
  }

  /** Counts one prediction that failed. */
  public void fail() {
    failed++;
  }

  /** Counts predictions that were answered but could not be observed. */
  public void skip(long predictions) {
    skipped += predictions;
  }

  /** Whether nothing was counted since the window began. */
  public boolean isEmpty() {
    return observed == 0 && failed == 0 && skipped == 0;
  }

  /** The window so far; begins the next one. */
  public Window seal(ModelRef model, long window, long startMillis, long endMillis) {
    Window.Builder sealed =
        Window.newBuilder()
            .setModel(model)
            .setWindow(window)
            .setStartMillis(startMillis)
            .setEndMillis(endMillis)
            .setPredictions(observed + failed + skipped)
            .setPredictionsFailed(failed)
            .setSkipped(skipped);
    for (int i = 0; i < counts.length; i++) {
      StreamCounts.Builder stream = StreamCounts.newBuilder().setStream(streams.get(i));
      for (long count : counts[i]) {
        stream.addCounts(count);
      }
      sealed.addStreams(stream);
      Arrays.fill(counts[i], 0);
    }
    observed = 0;
    failed = 0;
    skipped = 0;
    return sealed.build();
  }

  private boolean count(
      long[] stream, ReferenceBins bins, float value, int[] valuesBefore, int position) {
    int bin = bins.index(value);
    stream[bin]++;
    int bits = Float.floatToRawIntBits(value);
    if (anyBefore && bits == valuesBefore[position]) {
      stream[bins.stuck()]++;
    }
    valuesBefore[position] = bits;
    return bin >= bins.missing();
  }

  static int scoreBin(float score) {
    int bin = (int) (score * MonitoringManifests.SCORE_BINS);
    return Math.clamp(bin, 0, MonitoringManifests.SCORE_BINS - 1);
  }

  static int latencyBin(long micros) {
    if (micros <= 1) {
      return 0;
    }
    // The tiny addend keeps exact powers of two in the bin that they open.
    int bin = (int) (2 * Math.log((double) micros) / LOG_2 + 1e-9);
    return Math.min(bin, LATENCY_BINS - 1);
  }
}
