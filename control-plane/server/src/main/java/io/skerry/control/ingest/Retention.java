package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Removes what is older than it is to be kept, by kind and by model, a portion at a time. */
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
    Map<String, Duration> windows = ofModels(ModelRetention.WINDOWS);
    Map<String, Duration> samples = ofModels(ModelRetention.SAMPLES);
    removeOfModels("telemetry_window_stream", config.windows(), windows);
    removeOfModels("telemetry_window", config.windows(), windows);
    removeOfModels("telemetry_feedback", config.feedback(), ofModels(ModelRetention.FEEDBACK));
    remove("telemetry_event", config.events(), "", List.of());
    remove("telemetry_quarantine", config.quarantine(), "", List.of());
    removeOfModels("telemetry_prediction", config.samples(), samples);
    lake.forget(config.samples(), "", samples.keySet());
    samples.forEach((model, kept) -> lake.forget(kept, model, Set.of()));
  }

  private Map<String, Duration> ofModels(String what) {
    return database.call(transaction -> ModelRetention.of(transaction, what));
  }

  // A pass of its own for each: what is old is then found by when it came.
  private void removeOfModels(String table, Duration usual, Map<String, Duration> own) {
    remove(table, usual, " and model <> all(?)", List.of(own.keySet()));
    own.forEach((model, kept) -> remove(table, kept, " and model = ?", List.of(model)));
  }

  private void remove(String table, Duration kept, String of, List<Object> models) {
    List<@Nullable Object> parameters = new ArrayList<>();
    parameters.add(kept.toMillis());
    parameters.addAll(models);
    parameters.add(PORTION);
    long total = 0;
    int removed;
    do {
      removed =
          database.call(
              transaction -> transaction.update(statement(table, of), parameters.toArray()));
      total += removed;
    } while (removed == PORTION);
    if (total > 0) {
      log.atInfo().addKeyValue("table", table).addKeyValue("rows", total).log("old rows removed");
    }
  }

  private static String statement(String table, String of) {
    String old =
        switch (table) {
          case "telemetry_window_stream" ->
              """
              select s.ctid from telemetry_window_stream s
              join telemetry_window w using (device, boot_epoch, sequence)
              where received_at < now() - ? * interval '1 millisecond'%s limit ?
              """
                  .formatted(of.replace("model", "w.model"));
          case "telemetry_quarantine" ->
              """
              select ctid from telemetry_quarantine
              where at < now() - ? * interval '1 millisecond' limit ?
              """;
          case "telemetry_prediction" ->
              """
              select ctid from telemetry_prediction
              where at < now() - ? * interval '1 millisecond'%s limit ?
              """
                  .formatted(of);
          default ->
              "select ctid from %s where received_at < now() - ? * interval '1 millisecond'%s limit ?"
                  .formatted(table, of);
        };
    return "delete from %s where ctid = any(array(%s))".formatted(table, old);
  }
}
