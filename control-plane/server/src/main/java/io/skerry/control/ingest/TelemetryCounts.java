package io.skerry.control.ingest;

import io.skerry.api.TelemetryView;
import io.skerry.control.sql.Database;
import jakarta.inject.Singleton;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Counters of everything that devices sent. */
@Singleton
public final class TelemetryCounts {
  private final Database database;

  TelemetryCounts(Database database) {
    this.database = database;
  }

  /** The counters as of now. */
  public TelemetryView now() {
    return database.call(
        transaction -> {
          transaction.readOneSnapshot();
          Map<String, Long> counters = new HashMap<>();
          transaction.forEach(
              "select name, value from telemetry_counter",
              row -> counters.put(row.text("name"), row.bigint("value")));
          Map<String, Long> ledgers = new HashMap<>();
          transaction.forEach(
              """
              select coalesce(sum(highest - stored - given_up - damaged), 0)::bigint as missing,
                coalesce(sum(given_up), 0)::bigint as given_up,
                coalesce(sum(damaged), 0)::bigint as damaged
              from (
                select highest, stored, given_up, damaged from ingest_ledger
                union all
                select highest, stored, given_up, damaged from ingest_ledger_folded
              ) ledgers
              """,
              row -> {
                for (String name : List.of("missing", "given_up", "damaged")) {
                  ledgers.put(name, row.bigint(name));
                }
              });
          long dropped = transaction.number("select coalesce(sum(dropped), 0) from device_report");
          return new TelemetryView(
              counters.getOrDefault("samples", 0L),
              counters.getOrDefault("windows", 0L),
              counters.getOrDefault("feedback", 0L),
              counters.getOrDefault("events", 0L),
              counters.getOrDefault("duplicates", 0L),
              ledgers.getOrDefault("missing", 0L),
              counters.getOrDefault("quarantined", 0L),
              counters.getOrDefault("held_back", 0L),
              dropped,
              ledgers.getOrDefault("given_up", 0L),
              ledgers.getOrDefault("damaged", 0L),
              counters.getOrDefault("erased", 0L));
        });
  }
}
