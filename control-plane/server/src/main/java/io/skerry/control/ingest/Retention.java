package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Removes what is older than it is to be kept, a portion at a time. */
@Singleton
final class Retention {
  static final int PORTION = 10_000;
  private static final Logger log = LoggerFactory.getLogger(Retention.class);
  private static final Duration EVERY = Duration.ofHours(1);

  private final Database database;
  private final LakeWriter lake;
  private final RetentionConfig config;
  private @Nullable Loop loop;

  Retention(Database database, LakeWriter lake, IngestConfig config) {
    this.database = database;
    this.lake = lake;
    this.config = config.retention();
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("retention", EVERY, this::removeOld);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  void removeOld() {
    remove("telemetry_window_stream", config.windows());
    remove("telemetry_window", config.windows());
    remove("telemetry_feedback", config.feedback());
    remove("telemetry_event", config.events());
    remove("telemetry_quarantine", config.quarantine());
    remove("telemetry_prediction", config.samples());
    lake.forget(config.samples());
  }

  private void remove(String table, Duration kept) {
    long total = 0;
    int removed;
    do {
      removed =
          database.call(
              transaction -> transaction.update(statement(table), kept.toMillis(), PORTION));
      total += removed;
    } while (removed == PORTION);
    if (total > 0) {
      log.atInfo().addKeyValue("table", table).addKeyValue("rows", total).log("old rows removed");
    }
  }

  private static String statement(String table) {
    String old =
        switch (table) {
          case "telemetry_window_stream" ->
              """
              select s.ctid from telemetry_window_stream s
              join telemetry_window using (device, boot_epoch, sequence)
              where received_at < now() - ? * interval '1 millisecond' limit ?
              """;
          case "telemetry_quarantine" ->
              """
              select ctid from telemetry_quarantine
              where at < now() - ? * interval '1 millisecond' limit ?
              """;
          case "telemetry_prediction" ->
              """
              select ctid from telemetry_prediction
              where at < now() - ? * interval '1 millisecond' limit ?
              """;
          default ->
              "select ctid from %s where received_at < now() - ? * interval '1 millisecond' limit ?"
                  .formatted(table);
        };
    return "delete from %s where ctid = any(array(%s))".formatted(table, old);
  }
}
