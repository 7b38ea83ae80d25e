package io.skerry.control.dataset;

import io.skerry.api.DatasetBatch;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Digest;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The tables of batches and snapshots. */
final class DatasetStore {
  private static final int LIST_MAX = 500;
  private static final long FILES_LOCK = 0x534b_4552_4441_0001L;
  private static final String BATCHES =
      "select b.*, s.features, s.examples, s.train, s.validation, s.test"
          + " from dataset_batch b join snapshot s on s.digest = b.snapshot ";

  private DatasetStore() {}

  /** A batch with the digest of the bytes it was given as. */
  record StoredBatch(String content, int window, DatasetBatch batch) {}

  static Optional<StoredBatch> batch(Transaction transaction, String name, String batch) {
    return transaction.first(
        BATCHES + "where b.name = ? and b.batch = ?",
        row -> new StoredBatch(row.text("content"), row.integer("window_cycles"), view(row)),
        name,
        batch);
  }

  static List<DatasetBatch> batches(Transaction transaction) {
    return transaction.list(
        BATCHES + "order by b.created_at desc, b.name, b.batch limit " + LIST_MAX,
        DatasetStore::view);
  }

  /**
   * Whoever writes files of datasets holds this from before the first until it has named them, and
   * whoever removes those that nobody names, too.
   */
  static void lockFiles(Transaction transaction) {
    transaction.list("select pg_advisory_xact_lock(?)", row -> true, FILES_LOCK);
  }

  /** The files that snapshots name. */
  static Set<String> files(Transaction transaction) {
    return Set.copyOf(
        transaction.list(
            """
            select series_file as file from snapshot where series_file is not null
            union select collected_file from snapshot where collected_file is not null
            """,
            row -> row.text("file")));
  }

  /** Whether there was none of this content yet; one that is there stays as it is. */
  static boolean insert(Transaction transaction, Snapshot snapshot) {
    return transaction.update(
            "insert into snapshot (digest, dataset, parent, window_cycles, repeat, classes, features,"
                + " series_file, collected_file, slice, examples, train, validation, test, created_at)"
                + " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (digest) do"
                + " nothing",
            snapshot.digest().toString(),
            snapshot.dataset(),
            snapshot.parent() == null ? null : snapshot.parent().toString(),
            snapshot.window(),
            snapshot.repeat(),
            snapshot.classes(),
            snapshot.features(),
            snapshot.seriesFile(),
            snapshot.collectedFile(),
            snapshot.slice(),
            snapshot.examples(),
            snapshot.train(),
            snapshot.validation(),
            snapshot.test(),
            snapshot.createdAt())
        > 0;
  }

  static void insert(Transaction transaction, StoredBatch stored) {
    DatasetBatch batch = stored.batch();
    transaction.update(
        "insert into dataset_batch (name, batch, content, window_cycles, snapshot, row_count,"
            + " devices, created_at) values (?, ?, ?, ?, ?, ?, ?, ?)",
        batch.name(),
        batch.batch(),
        stored.content(),
        stored.window(),
        batch.snapshot(),
        batch.rows(),
        batch.devices(),
        batch.createdAt());
  }

  static Optional<Snapshot> snapshot(Transaction transaction, String digest) {
    return transaction.first(
        "select * from snapshot where digest = ?", DatasetStore::snapshot, digest);
  }

  static List<Snapshot> snapshots(Transaction transaction) {
    return transaction.list("select * from snapshot order by created_at", DatasetStore::snapshot);
  }

  /** A snapshot as it is now; nobody else changes it until the transaction ends. */
  static Optional<Snapshot> locked(Transaction transaction, Digest digest) {
    return transaction.first(
        "select * from snapshot where digest = ? for update",
        DatasetStore::snapshot,
        digest.toString());
  }

  /** The digest of what a snapshot holds now: another one than its own after an erasure. */
  static Digest content(Transaction transaction, Snapshot snapshot) {
    return transaction
        .first(
            "select coalesce(content, digest) as content from snapshot where digest = ?",
            row -> Digest.parse(row.text("content")),
            snapshot.digest().toString())
        .orElse(snapshot.digest());
  }

  static void changed(Transaction transaction, Snapshot left, Digest content) {
    transaction.update(
        """
        update snapshot set content = ?, series_file = ?, collected_file = ?, examples = ?,
          train = ?, validation = ?, test = ? where digest = ?
        """,
        content.toString(),
        left.seriesFile(),
        left.collectedFile(),
        left.examples(),
        left.train(),
        left.validation(),
        left.test(),
        left.digest().toString());
  }

  private static Snapshot snapshot(Row row) {
    return new Snapshot(
        Digest.parse(row.text("digest")),
        row.text("dataset"),
        row.optionalText("parent").map(Digest::parse).orElse(null),
        row.integer("window_cycles"),
        row.integer("repeat"),
        row.integer("classes"),
        row.texts("features"),
        row.optionalText("series_file").orElse(null),
        row.optionalText("collected_file").orElse(null),
        row.optionalText("slice").orElse(null),
        row.integer("examples"),
        row.integer("train"),
        row.integer("validation"),
        row.integer("test"),
        row.instant("created_at"));
  }

  private static DatasetBatch view(Row row) {
    return new DatasetBatch(
        row.text("name"),
        row.text("batch"),
        row.text("snapshot"),
        row.instant("created_at"),
        row.bigint("row_count"),
        row.integer("devices"),
        row.integer("examples"),
        row.integer("train"),
        row.integer("validation"),
        row.integer("test"),
        row.integer("window_cycles"),
        row.texts("features"));
  }
}
