package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.EffectMeasures;
import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.StreamDistance;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The distances of a judged window as they are stored: by cohort and stream a row of devices, n of
 * the baseline, n, then PSI, Jensen-Shannon and Wasserstein distance each with low and high, and
 * Kolmogorov-Smirnov. Five significant digits each: some 120 bytes a stream and cohort.
 */
final class StoredDistances {
  private static final Gson GSON = new Gson();
  private static final MathContext DIGITS = new MathContext(5);
  private static final TypeToken<Map<String, Map<String, List<Double>>>> ALL = new TypeToken<>() {};
  private static final TypeToken<List<Double>> ONE = new TypeToken<>() {};
  private static final int FIGURES = 13;

  private StoredDistances() {}

  /** A distance with how many devices told of the stream. */
  record Measured(int devices, EffectMeasures effect) {}

  /** Those of one window, by cohort and stream. */
  record OfWindow(Track track, long window, Map<String, Map<String, Measured>> distances) {
    OfWindow {
      distances = Map.copyOf(distances);
    }

    /** Of the counts that a verdict's statistic is made of; empty where it is made of outcomes. */
    Optional<EffectMeasures> of(String cohort, Stream stream) {
      return Optional.ofNullable(distances.getOrDefault(cohort, Map.of()).get(stream.counted()))
          .map(Measured::effect);
    }
  }

  static String json(List<StreamDistance> distances) {
    Map<String, Map<String, List<Number>>> rows = new TreeMap<>();
    for (StreamDistance one : distances) {
      EffectSize size = one.size();
      List<Number> row = new ArrayList<>();
      row.add(one.devices());
      row.add(size.expectedCount());
      row.add(size.observedCount());
      for (Estimate of : List.of(size.psi(), size.jensenShannon(), size.wasserstein())) {
        row.add(rounded(of.value()));
        row.add(rounded(of.low()));
        row.add(rounded(of.high()));
      }
      row.add(rounded(size.kolmogorovSmirnov()));
      rows.computeIfAbsent(one.cohort().toString(), key -> new TreeMap<>()).put(one.stream(), row);
    }
    return GSON.toJson(rows);
  }

  private static Number rounded(double figure) {
    return BigDecimal.valueOf(figure).round(DIGITS);
  }

  /** Of the newest judged window of a track up to one. */
  static Optional<OfWindow> upTo(Transaction transaction, Track track, long window) {
    return transaction.first(
        """
        select slot, model, window_millis, window_index, distances::text as distances
        from drift_window
        where slot = ? and model = ? and window_millis = ? and window_index <= ?
          and distances is not null
        order by window_index desc limit 1
        """,
        row ->
            new OfWindow(
                DriftStore.track(row), row.bigint("window_index"), read(row.text("distances"))),
        track.slot(),
        track.model(),
        track.windowMillis(),
        window);
  }

  /** Of one stream of a cohort in the last windows up to one, by window. */
  static Map<Long, EffectMeasures> history(
      Transaction transaction, Track track, String cohort, String stream, long until, int windows) {
    Map<Long, EffectMeasures> history = new HashMap<>();
    transaction.forEach(
        """
        select window_index, jsonb_extract_path(distances, ?, ?)::text as one from drift_window
        where slot = ? and model = ? and window_millis = ? and window_index <= ?
        order by window_index desc limit ?
        """,
        row ->
            row.optionalText("one")
                .map(json -> GSON.fromJson(json, ONE))
                .flatMap(StoredDistances::measured)
                .ifPresent(of -> history.put(row.bigint("window_index"), of.effect())),
        cohort,
        stream,
        track.slot(),
        track.model(),
        track.windowMillis(),
        until,
        windows);
    return history;
  }

  private static Map<String, Map<String, Measured>> read(String json) {
    Map<String, Map<String, Measured>> read = new TreeMap<>();
    GSON.fromJson(json, ALL)
        .forEach(
            (cohort, streams) ->
                streams.forEach(
                    (stream, row) ->
                        measured(row)
                            .ifPresent(
                                one ->
                                    read.computeIfAbsent(cohort, key -> new TreeMap<>())
                                        .put(stream, one))));
    return read;
  }

  // A later build may tell of more.
  private static Optional<Measured> measured(List<Double> row) {
    if (row.size() < FIGURES) {
      return Optional.empty();
    }
    return Optional.of(
        new Measured(
            row.get(0).intValue(),
            new EffectMeasures(
                row.get(3),
                row.get(4),
                row.get(5),
                row.get(6),
                row.get(7),
                row.get(8),
                row.get(9),
                row.get(10),
                row.get(11),
                row.get(12),
                null,
                null,
                null,
                row.get(1).longValue(),
                row.get(2).longValue())));
  }
}
