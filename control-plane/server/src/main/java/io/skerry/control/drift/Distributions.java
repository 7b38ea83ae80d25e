package io.skerry.control.drift;

import io.skerry.api.Distribution;
import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.BaselineBins;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.StreamLayout;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A stream's counts in a cohort, now and before, made from the windows that are stored. */
final class Distributions {
  static final int BASELINE_WINDOWS = 16;
  static final int SHOWN_WINDOWS = 16;

  private static final List<String> OWN_5 =
      List.of("missing", "infinite", "below minimum", "above maximum", "stuck");
  private static final List<String> OWN_7 =
      List.of(
          "missing",
          "not a number",
          "infinite",
          "below minimum",
          "above maximum",
          "unseen",
          "stuck");

  private final Monitoring monitoring;
  private final WindowReader reader;

  Distributions(Monitoring monitoring, WindowReader reader) {
    this.monitoring = monitoring;
    this.reader = reader;
  }

  /**
   * Counts of windows against those of the {@value #BASELINE_WINDOWS} before them, of at most
   * {@value #SHOWN_WINDOWS}.
   *
   * @return empty where nothing of the stream is kept
   */
  Optional<Distribution> of(
      Transaction transaction, Track track, Cohort cohort, String stream, long from, long until) {
    CountsAlike before = sum(transaction, track, cohort, stream, from - BASELINE_WINDOWS, from);
    CountsAlike since =
        sum(transaction, track, cohort, stream, Math.max(from, until - SHOWN_WINDOWS), until);
    long[] sinceCounts = since.counts();
    BaselineBins bins = since.bins().or(before::bins).orElse(null);
    if (bins == null || sinceCounts.length == 0) {
      return Optional.empty();
    }
    boolean alike = before.bins().filter(own -> !own.edges().equals(bins.edges())).isEmpty();
    long[] beforeCounts = alike ? before.counts() : new long[0];
    // What any device added up, to save bytes, is added up of all: else sums would look like a
    // shift.
    int fold = Math.max(before.fold(), since.fold());
    int ordinary = Math.min(bins.ordinary(), sinceCounts.length);
    List<Distribution.Bin> rows = new ArrayList<>();
    for (int bin = 0; bin < sinceCounts.length; ) {
      int end = bin < ordinary ? Math.min(ordinary, bin + fold) : bin + 1;
      rows.add(
          new Distribution.Bin(
              name(bins, bin, end),
              sum(bins.counts().stream().mapToLong(Long::longValue).toArray(), bin, end),
              sum(beforeCounts, bin, end),
              sum(sinceCounts, bin, end)));
      bin = end;
    }
    List<Distribution.Bin> values = rows.subList(0, Math.ceilDiv(ordinary, fold));
    return Optional.of(
        new Distribution(
            track.model(),
            cohort.toString(),
            stream,
            from - BASELINE_WINDOWS,
            from,
            Math.max(from, until - SHOWN_WINDOWS),
            until,
            alike ? before.devices() : 0,
            since.devices(),
            values.stream().mapToLong(Distribution.Bin::baseline).sum(),
            values.stream().mapToLong(Distribution.Bin::count).sum(),
            StoredEvidence.measures(
                EffectSize.of(
                    values.stream().mapToLong(Distribution.Bin::baseline).toArray(),
                    values.stream().mapToLong(Distribution.Bin::count).toArray()),
                false),
            rows));
  }

  private static long sum(long[] counts, int from, int end) {
    long sum = 0;
    for (int bin = from; bin < Math.min(end, counts.length); bin++) {
      sum += counts[bin];
    }
    return sum;
  }

  private CountsAlike sum(
      Transaction transaction, Track track, Cohort cohort, String stream, long from, long until) {
    CountsAlike summed = new CountsAlike();
    for (long window = from; window < until; window++) {
      WindowReader.Window read = reader.read(transaction, track, window, Instant.now());
      for (DeviceWindow one : read.devices()) {
        int place = one.counts().layout().indexOf(stream);
        if (place >= 0 && one.counts().has(place) && cohort.holds(one.attributes())) {
          summed.add(
              one.device().value(),
              Optional.ofNullable(read.manifests().get(one.version()))
                  .flatMap(monitoring::of)
                  .flatMap(found -> bins(found, stream)),
              one.counts().counts(place).stream().mapToLong(Long::longValue).toArray(),
              one.counts().fold(place));
        }
      }
      summed.close();
    }
    return summed;
  }

  private static Optional<BaselineBins> bins(Monitoring.Monitored monitored, String stream) {
    var input = monitored.streams().inputs().get(stream);
    return Optional.ofNullable(
            input != null ? input.bins() : monitored.streams().outputs().get(stream))
        .or(() -> counted(monitored, stream));
  }

  // Of streams that have no bins in the manifest: classes, answers and failures by their number,
  // latencies by microseconds.
  private static Optional<BaselineBins> counted(Monitoring.Monitored monitored, String stream) {
    StreamLayout layout = monitored.streams().layout();
    int place = layout.indexOf(stream);
    if (place < layout.features() || layout.own(place) > 0) {
      return Optional.empty();
    }
    int bins = layout.bins(place);
    boolean isLatency = stream.equals(MonitoringPlan.LATENCY);
    List<Double> edges = new ArrayList<>();
    for (int bin = 1; bin < bins; bin++) {
      edges.add(isLatency ? Math.pow(2, bin / 2.0) : bin - 1);
    }
    List<Long> training = monitored.trainingPredicted();
    boolean isKnown = stream.equals(MonitoringPlan.CLASS) && training.size() == bins;
    return Optional.of(
        new BaselineBins(
            edges, -1, bins, isKnown ? training : Collections.nCopies(bins, 0L), false));
  }

  // Of the bins from one to another, which is no more among them.
  private static String name(BaselineBins bins, int bin, int end) {
    int ordinary = bins.ordinary();
    if (bin >= ordinary) {
      List<String> own = bins.counts().size() - ordinary == OWN_5.size() ? OWN_5 : OWN_7;
      return bin - ordinary < own.size() ? own.get(bin - ordinary) : "bin " + bin;
    }
    String low = bin == 0 ? "-inf" : number(bins.edges().get(bin - 1));
    String high = end >= ordinary ? "+inf" : number(bins.edges().get(end - 1));
    return "(%s, %s]".formatted(low, high);
  }

  private static String number(double edge) {
    return String.format(Locale.ROOT, "%.4g", edge);
  }
}
