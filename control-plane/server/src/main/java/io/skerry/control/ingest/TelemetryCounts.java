package io.skerry.control.ingest;

import io.skerry.api.TelemetryView;
import io.skerry.control.sql.Database;
import jakarta.inject.Singleton;
import java.util.HashMap;
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
          long missing =
              transaction.number("select coalesce(sum(highest - stored), 0) from ingest_ledger");
          long dropped = transaction.number("select coalesce(sum(dropped), 0) from device_report");
          return new TelemetryView(
              counters.getOrDefault("samples", 0L),
              counters.getOrDefault("windows", 0L),
              counters.getOrDefault("feedback", 0L),
              counters.getOrDefault("events", 0L),
              counters.getOrDefault("duplicates", 0L),
              missing,
              counters.getOrDefault("quarantined", 0L),
              dropped);
        });
  }
}
