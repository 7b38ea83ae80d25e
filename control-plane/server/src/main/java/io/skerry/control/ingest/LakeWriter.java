package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves samples from PostgreSQL to Parquet files. The file is complete before the transaction that
 * names it and deletes the rows; a file that no transaction named is removed at the next start.
 */
@Singleton
final class LakeWriter {
  private static final String SAMPLES = "samples";
  private static final Logger log = LoggerFactory.getLogger(LakeWriter.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(2);
  private static final int FILE_ROWS_MAX = 50_000;
  private static final long LOCK = 0x534b_4c41_4b45_0001L;

  private final Database database;
  private final IngestConfig config;
  private final Path lake;
  private @Nullable Loop loop;

  LakeWriter(Database database, DataFolder folder, IngestConfig config) {
    this.database = database;
    this.config = config;
    this.lake = folder.child("lake");
  }

  private record Partition(String tenant, String model, long version, String day) {
    Path file() {
      return Path.of(
          SAMPLES,
          "tenant=" + tenant,
          "model=" + model,
          "version=" + version,
          "day=" + day,
          UUID.randomUUID() + ".parquet");
    }
  }

  @EventListener
  void start(ServerReady ready) {
    removeUnnamed();
    loop = Loop.every("lake", LOOK_EVERY, this::moveIfDue);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  private void moveIfDue() {
    boolean due =
        database.call(
                transaction ->
                    transaction.number(
                        """
                    select 1 from telemetry_sample
                    having count(*) >= ?
                      or min(received_at) < now() - ? * interval '1 millisecond'
                    """,
                        config.lakeRows(),
                        config.lakeEvery().toMillis()))
            == 1;
    if (due) {
      move();
    }
  }

  /** Moves what there is. */
  void move() {
    List<Partition> partitions =
        database.call(
            transaction ->
                transaction.list(
                    """
                    select distinct tenant, model, version, (at at time zone 'UTC')::date as day
                    from telemetry_sample
                    """,
                    row ->
                        new Partition(
                            row.text("tenant"),
                            row.text("model"),
                            row.bigint("version"),
                            row.text("day"))));
    partitions.forEach(partition -> database.run(transaction -> move(transaction, partition)));
  }

  private void move(Transaction transaction, Partition partition) {
    // Two at once would write the same rows to two files.
    transaction.list("select pg_advisory_xact_lock(?)", row -> true, LOCK);
    transaction.update(
        """
        create temporary table moving on commit drop as
        select * from telemetry_sample
        where tenant = ? and model = ? and version = ? and (at at time zone 'UTC')::date = ?::date
        limit ?
        """,
        partition.tenant(),
        partition.model(),
        partition.version(),
        partition.day(),
        FILE_ROWS_MAX);
    long rows = transaction.number("select count(*) from moving");
    if (rows == 0) {
      return;
    }
    Path file = partition.file();
    long bytes =
        SampleFiles.write(
            lake.resolve(file), row -> transaction.forEach("select * from moving", row));
    transaction.update(
        """
        insert into lake_file (path, model, version, day, rows, bytes, written_at)
        values (?, ?, ?, ?::date, ?, ?, now())
        """,
        file.toString(),
        partition.model(),
        partition.version(),
        partition.day(),
        rows,
        bytes);
    transaction.update(
        """
        delete from telemetry_sample using moving
        where telemetry_sample.device = moving.device
          and telemetry_sample.boot_epoch = moving.boot_epoch
          and telemetry_sample.sequence = moving.sequence
        """);
    transaction.afterCommit(
        () ->
            log.atInfo()
                .addKeyValue("file", file)
                .addKeyValue("rows", rows)
                .addKeyValue("bytes", bytes)
                .log("samples moved to the lake"));
  }

  private void removeUnnamed() {
    Set<String> named =
        new HashSet<>(
            database.call(
                transaction ->
                    transaction.list("select path from lake_file", row -> row.text("path"))));
    // Only what this class writes: the lake holds datasets too.
    Path samples = lake.resolve(SAMPLES);
    if (!Files.isDirectory(samples)) {
      return;
    }
    try (Stream<Path> files = Files.walk(samples)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!named.contains(lake.relativize(file).toString())) {
          Files.delete(file);
          log.atInfo().addKeyValue("file", file).log("unfinished lake file removed");
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
