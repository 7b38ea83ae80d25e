package io.skerry.control.drift;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.api.LoggedAnomaly;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.Window;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Single anomalies that devices logged with their windows, as far as their bytes went: the windows
 * count all of them.
 */
@Singleton
public final class Anomalies {
  /** Rows that are told at a time. */
  static final int ROWS_MAX = 10_000;

  // Of a fleet, the newest ones: a record has some kilobytes.
  private static final int WINDOWS_MAX = 20_000;

  private static final List<String> BINS =
      List.of("missing", "not a number", "infinite", "below minimum", "above maximum", "unseen");

  private final Database database;
  private final WindowLayouts layouts;

  Anomalies(Database database, WindowLayouts layouts) {
    this.database = database;
    this.layouts = layouts;
  }

  /**
   * A model's newest, newest first: at most 10,000, of the newest 20,000 windows.
   *
   * @param device of which; empty = of all
   * @param span since when their windows came
   */
  public List<LoggedAnomaly> of(String model, String device, Duration span) {
    List<LoggedAnomaly> logged = new ArrayList<>();
    database.run(
        transaction ->
            transaction.forEach(
                """
                select device, slot, version, record from telemetry_window
                where model = ? and received_at > ? and (? = '' or device = ?)
                order by received_at desc, device, boot_epoch, sequence desc
                limit ?
                """,
                row -> add(logged, model, row),
                model,
                Instant.now().minus(span),
                device,
                device,
                WINDOWS_MAX));
    logged.sort(Comparator.comparing(LoggedAnomaly::at).reversed());
    return logged.subList(0, Math.min(logged.size(), ROWS_MAX));
  }

  private void add(List<LoggedAnomaly> logged, String model, Row row) {
    if (logged.size() >= ROWS_MAX) {
      return;
    }
    Window window;
    try {
      window = Window.parseFrom(row.bytes("record"));
    } catch (InvalidProtocolBufferException e) {
      // Set aside by judging, which says so.
      return;
    }
    if (window.getAnomaliesCount() == 0) {
      return;
    }
    long version = row.bigint("version");
    List<String> streams = layouts.streams(new ModelVersion(new ModelName(model), version), window);
    for (Anomaly anomaly : window.getAnomaliesList()) {
      logged.add(told(row, version, streams, anomaly, anomaly.getStream(), anomaly.getBin()));
      for (int more : anomaly.getMoreList()) {
        logged.add(told(row, version, streams, anomaly, more >>> 8, more & 0xff));
      }
    }
  }

  private static LoggedAnomaly told(
      Row row, long version, List<String> streams, Anomaly anomaly, int stream, int bin) {
    return new LoggedAnomaly(
        Instant.ofEpochMilli(anomaly.getAtMillis()),
        row.text("device"),
        row.text("slot"),
        version,
        named(streams, stream),
        named(BINS, bin),
        anomaly.getPredictionId(),
        Integer.toUnsignedLong(anomaly.getItem()));
  }

  // Devices choose the numbers.
  private static String named(List<String> names, int index) {
    return index >= 0 && index < names.size() ? names.get(index) : Integer.toUnsignedString(index);
  }
}
