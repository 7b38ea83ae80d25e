package io.skerry.control.dataset;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.ingest.ModelRetention;
import io.skerry.control.sql.Database;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes out of snapshots what was collected longer ago than samples are kept, and removes files
 * that no snapshot names.
 */
@Singleton
final class DatasetRetention {
  private static final Duration EVERY = Duration.ofHours(1);

  private final Database database;
  private final Datasets datasets;
  private final Duration usual;
  private final Clock clock = Clock.systemUTC();
  private @Nullable Loop loop;

  DatasetRetention(Database database, Datasets datasets, IngestConfig config) {
    this.database = database;
    this.datasets = datasets;
    this.usual = config.retention().samples();
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("dataset-retention", EVERY, this::removeOld);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  void removeOld() {
    Map<String, Duration> own =
        database.call(transaction -> ModelRetention.of(transaction, ModelRetention.SAMPLES));
    datasets.thin(model -> clock.instant().minus(own.getOrDefault(model, usual)));
    datasets.removeUnnamed();
  }
}
