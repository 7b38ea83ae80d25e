package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
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
 * Moves samples from PostgreSQL to Parquet files, merges many small files of one day into one, and
 * takes out what is to be erased. A file is complete before the transaction that names it; one that
 * no transaction named is removed at the next start, one that was replaced a little later, when
 * nobody reads it any more.
 */
@Singleton
final class LakeWriter {
  /** Files of one partition from which on they are merged. */
  static final int MERGE_FROM = 16;

  private static final String SAMPLES = "samples";
  private static final Logger log = LoggerFactory.getLogger(LakeWriter.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(2);
  private static final Duration TIDY_EVERY = Duration.ofMinutes(1);
  private static final Duration READERS_MAX = Duration.ofMinutes(10);
  private static final int FILE_ROWS_MAX = 50_000;
  private static final int MERGED_ROWS_MAX = 500_000;
  private static final int MERGED_FILES_MAX = 256;
  private static final long LOCK = 0x534b_4c41_4b45_0001L;

  private final Database database;
  private final IngestConfig config;
  private final Path lake;
  private @Nullable Loop moving;
  private @Nullable Loop tidying;

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
    moving = Loop.every("lake", LOOK_EVERY, this::moveIfDue);
    tidying = Loop.every("lake-tidy", TIDY_EVERY, this::tidy);
  }

  @PreDestroy
  void end() {
    for (Loop loop : new @Nullable Loop[] {moving, tidying}) {
      if (loop != null) {
        loop.close();
      }
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
                    LakeWriter::partition));
    partitions.forEach(partition -> database.run(transaction -> move(transaction, partition)));
  }

  private static Partition partition(Row row) {
    return new Partition(
        row.text("tenant"), row.text("model"), row.bigint("version"), row.text("day"));
  }

  private void move(Transaction transaction, Partition partition) {
    lock(transaction);
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
    name(transaction, partition, file, rows, bytes);
    transaction.update(
        """
        delete from telemetry_sample using moving
        where telemetry_sample.device = moving.device
          and telemetry_sample.boot_epoch = moving.boot_epoch
          and telemetry_sample.sequence = moving.sequence
        """);
    transaction.afterCommit(() -> told(file, rows, bytes, "samples moved to the lake"));
  }

  // Two at once would write the same rows to two files.
  static void lock(Transaction transaction) {
    transaction.list("select pg_advisory_xact_lock(?)", row -> true, LOCK);
  }

  private static void name(
      Transaction transaction, Partition partition, Path file, long rows, long bytes) {
    transaction.update(
        """
        insert into lake_file (path, tenant, model, version, day, rows, bytes, written_at)
        values (?, ?, ?, ?, ?::date, ?, ?, now())
        """,
        file.toString(),
        partition.tenant(),
        partition.model(),
        partition.version(),
        partition.day(),
        rows,
        bytes);
  }

  private static void told(Path file, long rows, long bytes, String what) {
    log.atInfo()
        .addKeyValue("file", file)
        .addKeyValue("rows", rows)
        .addKeyValue("bytes", bytes)
        .log(what);
  }

  private void tidy() {
    merge();
    removeReplaced(READERS_MAX);
  }

  /** Merges the files of partitions that have many small ones. */
  void merge() {
    List<Partition> many =
        database.call(
            transaction ->
                transaction.list(
                    """
                    select tenant, model, version, day from lake_file
                    where replaced_at is null and rows < ?
                    group by tenant, model, version, day having count(*) >= ? limit 100
                    """,
                    LakeWriter::partition,
                    FILE_ROWS_MAX,
                    MERGE_FROM));
    many.forEach(partition -> database.run(transaction -> merge(transaction, partition)));
  }

  private record Named(String path, long rows) {}

  private void merge(Transaction transaction, Partition partition) {
    lock(transaction);
    List<Named> small =
        transaction.list(
            """
            select path, rows from (
              select path, rows, sum(rows) over (order by rows, path) as so_far from lake_file
              where tenant = ? and model = ? and version = ? and day = ?::date
                and replaced_at is null and rows < ?) files
            where so_far <= ? order by rows, path limit ?
            """,
            row -> new Named(row.text("path"), row.bigint("rows")),
            partition.tenant(),
            partition.model(),
            partition.version(),
            partition.day(),
            FILE_ROWS_MAX,
            MERGED_ROWS_MAX,
            MERGED_FILES_MAX);
    if (small.size() < 2) {
      return;
    }
    Path file = partition.file();
    long bytes =
        SampleFiles.merge(
            small.stream().map(one -> lake.resolve(one.path())).toList(), lake.resolve(file));
    long rows = small.stream().mapToLong(Named::rows).sum();
    name(transaction, partition, file, rows, bytes);
    replaced(transaction, small.stream().map(Named::path).toList());
    transaction.afterCommit(() -> told(file, rows, bytes, "lake files merged"));
  }

  private static void replaced(Transaction transaction, List<String> paths) {
    transaction.update("update lake_file set replaced_at = now() where path = any(?)", paths);
  }

  /**
   * Gives up the files of days before this many days ago.
   *
   * @param model whose; empty for all
   * @param but models whose files are left out
   */
  int forget(Duration kept, String model, Set<String> but) {
    return database.call(
        transaction ->
            transaction.update(
                """
                update lake_file set replaced_at = now()
                where replaced_at is null and day < current_date - ?::integer
                  and (? = '' or model = ?) and model <> all(?)
                """,
                Math.toIntExact(kept.toDays()),
                model,
                model,
                but));
  }

  /**
   * Takes somebody's samples out of every file of a tenant, at once and for good. Files that no
   * transaction named go as well: what failed while it was written holds whatever it holds.
   *
   * @return the samples that were taken out
   */
  long erase(Transaction transaction, String tenant, SampleFiles.Erased erased) {
    lock(transaction);
    removeUnnamed(transaction);
    long total = 0;
    List<Path> gone = new java.util.ArrayList<>();
    record File(Partition partition, String path, long rows) {}
    for (File file :
        transaction.list(
            "select * from lake_file where tenant = ? and replaced_at is null order by path",
            row -> new File(partition(row), row.text("path"), row.bigint("rows")),
            tenant)) {
      Path source = lake.resolve(file.path());
      long found = SampleFiles.count(source, erased);
      if (found == 0) {
        continue;
      }
      if (found < file.rows()) {
        Path left = file.partition().file();
        long bytes = SampleFiles.without(source, erased, lake.resolve(left));
        name(transaction, file.partition(), left, file.rows() - found, bytes);
      }
      transaction.update("delete from lake_file where path = ?", file.path());
      gone.add(source);
      total += found;
    }
    // Those that were replaced before may hold it too, and nobody needs them.
    transaction
        .list(
            "delete from lake_file where tenant = ? and replaced_at is not null returning path",
            row -> lake.resolve(row.text("path")),
            tenant)
        .forEach(gone::add);
    transaction.afterCommit(() -> gone.forEach(LakeWriter::delete));
    return total;
  }

  /** Removes files that were replaced so long ago. */
  void removeReplaced(Duration since) {
    List<Path> old =
        database.call(
            transaction ->
                transaction.list(
                    """
                    select path from lake_file
                    where replaced_at < now() - ? * interval '1 millisecond' limit 1000
                    """,
                    row -> Path.of(row.text("path")),
                    since.toMillis()));
    for (Path file : old) {
      delete(lake.resolve(file));
      database.run(
          transaction ->
              transaction.update("delete from lake_file where path = ?", file.toString()));
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Removes files that no transaction named, under the lock of those that write some. */
  void removeUnnamed() {
    database.run(
        transaction -> {
          // Another server may be writing one that it has not named yet.
          lock(transaction);
          removeUnnamed(transaction);
        });
  }

  private void removeUnnamed(Transaction transaction) {
    removeUnnamed(
        new HashSet<>(transaction.list("select path from lake_file", row -> row.text("path"))));
  }

  private void removeUnnamed(Set<String> named) {
    // Only what this class writes: the lake holds datasets too.
    Path samples = lake.resolve(SAMPLES);
    if (!Files.isDirectory(samples)) {
      return;
    }
    try (Stream<Path> files = Files.walk(samples)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!named.contains(lake.relativize(file).toString())) {
          Files.deleteIfExists(file);
          log.atInfo().addKeyValue("file", file).log("unfinished lake file removed");
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
