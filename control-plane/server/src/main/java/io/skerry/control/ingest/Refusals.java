package io.skerry.control.ingest;

import io.skerry.api.RefusedSamples;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** Samples that devices chose and did not keep, beside those that came. */
@Singleton
public final class Refusals {
  /** Rows that are told at a time: those with most that was refused. */
  static final int ROWS_MAX = 10_000;

  private final Database database;

  Refusals(Database database) {
    this.database = database;
  }

  /**
   * Of a model on each device.
   *
   * @param device of which; empty = of all
   * @param span since when their windows came
   */
  public List<RefusedSamples> of(String model, String device, Duration span) {
    return read(model, device, true, span, ROWS_MAX);
  }

  /** Of every model on all devices together. */
  public List<RefusedSamples> ofModels(Duration span, int limit) {
    return read("", "", false, span, limit);
  }

  private List<RefusedSamples> read(
      String model, String device, boolean each, Duration span, int limit) {
    Instant since = Instant.now().minus(span);
    return database.call(
        transaction ->
            transaction.list(
                """
                with wanted as (select ?::text as model, ?::text as device, ?::boolean as each,
                    ?::timestamptz as since),
                refusals as (
                  select case when wanted.each then w.device else '' end as device, w.model,
                    w.version, told.stratum, sum(told.samples::bigint)::bigint as refused
                  from wanted join telemetry_window w on w.received_at > wanted.since
                    and (wanted.model = '' or w.model = wanted.model)
                    and (wanted.device = '' or w.device = wanted.device)
                    and w.samples_refused <> '{}'
                  cross join lateral jsonb_each_text(w.samples_refused) as told (stratum, samples)
                  group by 1, 2, 3, 4 order by refused desc, 1, 2, 3, 4 limit ?),
                arrivals as (
                  select case when wanted.each then p.device else '' end as device, p.model,
                    p.version, p.stratum, count(*) as kept
                  from wanted join telemetry_prediction p on p.at > wanted.since
                    and p.model in (select model from refusals)
                    and (wanted.device = '' or p.device = wanted.device)
                  group by 1, 2, 3, 4)
                select refusals.*, coalesce(arrivals.kept, 0) as kept
                from refusals left join arrivals using (device, model, version, stratum)
                order by refused desc, device, model, version, stratum
                """,
                Refusals::refused,
                model,
                device,
                each,
                since.toString(),
                limit));
  }

  private static RefusedSamples refused(Row row) {
    return new RefusedSamples(
        row.text("device"),
        row.text("model"),
        row.bigint("version"),
        row.text("stratum"),
        row.bigint("kept"),
        row.bigint("refused"));
  }
}
