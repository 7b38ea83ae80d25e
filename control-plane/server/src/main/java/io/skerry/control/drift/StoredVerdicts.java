package io.skerry.control.drift;

import com.google.gson.Gson;
import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.StreamVerdict;
import java.util.ArrayList;
import java.util.List;

/**
 * The verdicts of judged windows as they are stored: all of a window in one array. Of one stream
 * over time the database picks them out, window by window: those of 100 features and 32 cohorts are
 * some 5 MB a window.
 */
final class StoredVerdicts {
  private static final Gson GSON = new Gson();

  private StoredVerdicts() {}

  /** Of one stream of a cohort in a window. */
  record OfWindow(long window, StreamVerdict verdict) {}

  /**
   * Of one stream of a cohort in the last judged windows up to one, oldest first.
   *
   * @param cohort as text
   * @param kind of the statistic, by its wire name
   * @param windows of which verdicts are looked for at most
   */
  static List<OfWindow> history(
      Transaction transaction,
      Track track,
      String cohort,
      String stream,
      String kind,
      long until,
      int windows) {
    List<OfWindow> history = new ArrayList<>();
    transaction.forEach(
        """
        select newest.window_index, one.verdict::text as verdict
        from (select window_index, verdicts from drift_window
          where slot = ? and model = ? and window_millis = ? and window_index <= ?
          order by window_index desc limit ?) newest
        cross join lateral jsonb_path_query(newest.verdicts,
          '$[*] ? (@.stream.name == $name && @.stream.kind == $kind)',
          jsonb_build_object('name', ?::text, 'kind', ?::text)) as one (verdict)
        where ? = coalesce(
          (select string_agg((of.term ->> 'attribute') || '=' || (of.term ->> 'value'), ' & '
              order by of.place)
            from jsonb_array_elements(one.verdict -> 'cohort' -> 'terms')
              with ordinality as of (term, place)), 'fleet')
        order by newest.window_index
        """,
        row ->
            history.add(
                new OfWindow(
                    row.bigint("window_index"),
                    GSON.fromJson(row.text("verdict"), StreamVerdict.class))),
        track.slot(),
        track.model(),
        track.windowMillis(),
        until,
        windows,
        stream,
        kind,
        cohort);
    return history;
  }
}
