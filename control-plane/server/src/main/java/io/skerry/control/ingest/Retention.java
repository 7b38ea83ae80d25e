package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
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
  private static final int PASSES_MAX = 24;

  private final Database database;
  private final LakeWriter lake;
  private final RetentionConfig config;
  private final Map<String, Reached> reached = new HashMap<>();
  private @Nullable Loop loop;

  /**
   * How far a table's pass over all models but some has come. What is older is of these, however
   * often it is looked at: records are dated when they are received.
   */
  private record Reached(Set<String> but, Instant until, int passes) {
    private static final Reached NOTHING = new Reached(Set.of(), Instant.EPOCH, 0);
  }

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
    removeOfReceived("telemetry_window_stream", config.windows(), windows);
    removeOfReceived("telemetry_window", config.windows(), windows);
    removeOfReceived("telemetry_feedback", config.feedback(), ofModels(ModelRetention.FEEDBACK));
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
    removeOfEach(table, own);
  }

  private void removeOfEach(String table, Map<String, Duration> own) {
    own.forEach((model, kept) -> remove(table, kept, " and model = ?", List.of(model)));
  }

  // Rows that a backup brought back may be older than what was reached: each day all are looked at.
  private void removeOfReceived(String table, Duration usual, Map<String, Duration> own) {
    // The database may be behind this clock.
    Instant until = Instant.now().minus(usual).minus(EVERY);
    Reached last = reached.getOrDefault(table, Reached.NOTHING);
    if (!last.but().equals(own.keySet()) || last.passes() == PASSES_MAX) {
      last = Reached.NOTHING;
    }
    remove(
        table,
        usual,
        " and received_at >= ? and model <> all(?)",
        List.of(last.until(), own.keySet()));
    reached.put(table, new Reached(Set.copyOf(own.keySet()), until, last.passes() + 1));
    removeOfEach(table, own);
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
