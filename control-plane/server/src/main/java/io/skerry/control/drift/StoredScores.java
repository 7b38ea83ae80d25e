package io.skerry.control.drift;

import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.Calibration;
import io.skerry.telemetry.drift.DeviceShare;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.LateWindow;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the scores of judged windows said together, as it is stored. */
final class StoredScores {
  private StoredScores() {}

  /**
   * Keeps what the scores of a judged window say together, by version and profile; a device counts
   * for four others at most.
   */
  static void keep(Transaction transaction, Track track, long window, List<DeviceWindow> devices) {
    Map<OfScores, List<long[]>> counted = counted(devices);
    addScores(transaction, track, window, counted, counted);
  }

  /**
   * Adds those of windows that came late, where their own were judged. A device counts for no more
   * than it might have in time: few come late, who among themselves could not tell a flood.
   *
   * @param inTime windows that were not late
   */
  static void keepLate(
      Transaction transaction, Track track, List<DeviceWindow> inTime, List<LateWindow> late) {
    if (late.isEmpty()) {
      return;
    }
    Map<OfScores, List<long[]>> usual = counted(inTime);
    Map<Long, List<DeviceWindow>> byWindow = new TreeMap<>();
    late.forEach(
        one -> byWindow.computeIfAbsent(one.window(), key -> new ArrayList<>()).add(one.counts()));
    byWindow.forEach(
        (window, devices) -> addScores(transaction, track, window, counted(devices), usual));
  }

  private static Map<OfScores, List<long[]>> counted(List<DeviceWindow> devices) {
    Map<OfScores, List<long[]>> counted = new HashMap<>();
    for (DeviceWindow one : devices) {
      of(one)
          .ifPresent(
              row ->
                  counted
                      .computeIfAbsent(
                          new OfScores(
                              new Scored(
                                  one.version().version(),
                                  one.attributes().getOrDefault(WindowReader.PROFILE, "")),
                              row.confidence()),
                          key -> new ArrayList<>())
                      .add(row.array()));
    }
    return counted;
  }

  private static double most(List<long[]> rows) {
    return DeviceShare.limit(DeviceShare.totals(rows));
  }

  private static void addScores(
      Transaction transaction,
      Track track,
      long window,
      Map<OfScores, List<long[]>> counted,
      Map<OfScores, List<long[]>> usual) {
    List<@Nullable Object[]> rows = new ArrayList<>();
    counted.forEach(
        (of, each) ->
            rows.add(
                new @Nullable Object[] {
                  track.slot(),
                  track.model(),
                  track.windowMillis(),
                  window,
                  of.scored().version(),
                  of.scored().profile(),
                  DeviceShare.sum(
                      each, Math.min(most(each), most(usual.getOrDefault(of, List.of())))),
                  of.confidence()
                }));
    transaction.batch(
        """
        insert into drift_score (slot, model, window_millis, window_index, version, profile, counts,
          confidence)
        select * from (values (?::text, ?::text, ?::bigint, ?::bigint, ?::bigint, ?::text,
          ?::bigint[], ?::boolean)) as one (slot, model, window_millis, window_index, version,
          profile, counts, confidence)
        where exists (select 1 from drift_window w where w.slot = one.slot
          and w.model = one.model and w.window_millis = one.window_millis
          and w.window_index = one.window_index)
        on conflict (slot, model, window_millis, window_index, version, profile) do update
          set counts = (select array_agg(before + added order by bin)
            from unnest(drift_score.counts, excluded.counts) with ordinality
              as bins (before, added, bin))
          where drift_score.confidence = excluded.confidence
        """,
        rows);
  }

  private record OfScores(Scored scored, boolean confidence) {}

  /**
   * Scores of one device.
   *
   * @param confidence whether they are of the class that was named, else of the positive one
   * @param counts in 64 bins
   */
  record ScoreRow(boolean confidence, List<Long> counts) {
    ScoreRow {
      counts = List.copyOf(counts);
    }

    long[] array() {
      return counts.stream().mapToLong(Long::longValue).toArray();
    }

    void addTo(long[] sum) {
      for (int bin = 0; bin < sum.length; bin++) {
        sum[bin] += counts.get(bin);
      }
    }
  }

  /** What a device's window says of its scores; empty when nothing in 64 bins. */
  static Optional<ScoreRow> of(DeviceWindow one) {
    if (one.counts().layout().indexOf(MonitoringPlan.CLAMPED) >= 0) {
      // Its score has bins of its own, however many: it is an amount, or at least no probability.
      return Optional.empty();
    }
    boolean confidence = one.counts().layout().indexOf(MonitoringPlan.SCORE) < 0;
    int stream =
        one.counts()
            .layout()
            .indexOf(confidence ? MonitoringPlan.CONFIDENCE : MonitoringPlan.SCORE);
    if (stream < 0 || !one.counts().has(stream)) {
      return Optional.empty();
    }
    List<Long> counts = one.counts().spread(stream);
    return counts.size() == Calibration.BINS && counts.stream().anyMatch(count -> count > 0)
        ? Optional.of(new ScoreRow(confidence, counts))
        : Optional.empty();
  }

  /** Whose scores are counted together: they are calibrated alike. */
  record Scored(long version, String profile) {}

  /** Scores that were counted in one span of time. */
  record ScoreCounts(long span, Scored of, ScoreRow row) {}

  /** What was counted of a model since a moment, in spans of a length, oldest first. */
  static List<ScoreCounts> since(
      Transaction transaction, String model, Instant since, long spanMillis) {
    return transaction.list(
        """
        select span, version, profile, confidence, array_agg(counted order by bin) as counts from (
          select window_index * window_millis / ? as span, version, profile, confidence, bin,
            sum(count)::bigint as counted
          from drift_score, unnest(counts) with ordinality as counted (count, bin)
          where model = ? and window_index * window_millis >= ?
          group by 1, 2, 3, 4, 5) sums
        group by span, version, profile, confidence order by span, version, profile, confidence
        """,
        row ->
            new ScoreCounts(
                row.bigint("span"),
                new Scored(row.bigint("version"), row.text("profile")),
                new ScoreRow(
                    row.flag("confidence"), Arrays.stream(row.bigints("counts")).boxed().toList())),
        spanMillis,
        model,
        since.toEpochMilli());
  }
}
