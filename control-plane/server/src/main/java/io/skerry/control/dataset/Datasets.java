package io.skerry.control.dataset;

import io.skerry.api.DatasetBatch;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.DataFolder;
import io.skerry.control.ingest.ErasureOrders;
import io.skerry.control.ingest.Seals;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Stores batches and snapshots, and gives snapshots back as examples. Thread-safe. */
@Singleton
public final class Datasets {
  /** Bytes of one batch. */
  public static final long BATCH_BYTES_MAX = 256L << 20;

  /** Cycles of one example. */
  public static final int WINDOW_MAX = 1_024;

  private static final Logger log = LoggerFactory.getLogger(Datasets.class);

  private final Database database;
  private final DataFolder data;
  private final AuditLog audit;
  private final SnapshotFiles files;
  private final Clock clock = Clock.systemUTC();

  Datasets(Database database, DataFolder data, AuditLog audit, Seals seals) {
    this.files = new SnapshotFiles(data.root(), seals);
    this.database = database;
    this.data = data;
    this.audit = audit;
  }

  /**
   * Checks a batch, stores it and freezes it into a snapshot. The same batch with the same bytes is
   * stored once, however often it is sent.
   *
   * @throws DatasetInvalidException if its content is wrong
   * @throws ProblemException if the batch was stored with other bytes, or is too large
   */
  DatasetBatch store(Actor actor, String name, String batch, int window, InputStream body)
      throws IOException {
    if (window < 1 || window > WINDOW_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "window %d is not between 1 and %d".formatted(window, WINDOW_MAX));
    }
    // What a server that is killed leaves there is removed at the next start.
    Path incoming = Files.createTempFile(data.child(DataFolder.UPLOADS), "batch-", ".csv");
    try {
      String content = receive(body, incoming).toString();
      Optional<DatasetStore.StoredBatch> before =
          database.call(transaction -> DatasetStore.batch(transaction, name, batch));
      if (before.isPresent()) {
        return sameAsBefore(before.get(), content, window);
      }
      DatasetTable table;
      try (InputStream file = Files.newInputStream(incoming)) {
        table = DatasetCsv.read(file, window);
      }
      return freeze(actor, name, batch, content, table, window);
    } finally {
      Files.deleteIfExists(incoming);
    }
  }

  /** All batches, newest first. */
  public List<DatasetBatch> batches() {
    return database.call(DatasetStore::batches);
  }

  /**
   * The snapshot of this digest.
   *
   * @throws ProblemException if there is none
   */
  public Snapshot snapshot(String digest) {
    return database
        .call(transaction -> DatasetStore.snapshot(transaction, digest))
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND,
                    "snapshot '%s' does not exist: import a dataset first".formatted(digest)));
  }

  /**
   * The examples of a snapshot, read from the lake and checked against its digest.
   *
   * @throws IOException if a file is missing or was changed
   */
  public Examples examples(Snapshot snapshot) throws IOException {
    return content(snapshot).examples();
  }

  /**
   * Grows a snapshot by windows that devices collected: its devices keep their splits, new ones are
   * split so that the slice has devices to learn from and devices to be judged on.
   *
   * @param slice what the windows of the slice have in common
   * @param erasures {@link #erasures} from before the windows were collected
   * @throws DatasetInvalidException if the windows do not fit the snapshot, or name a class that it
   *     does not have
   * @throws ProblemException if something was erased since, which they may hold
   */
  public Growth grow(
      Snapshot base, String slice, Collection<CollectedWindow> windows, long erasures)
      throws IOException {
    SnapshotContent before = content(base);
    for (CollectedWindow one : windows) {
      if (one.label() >= base.classes()) {
        throw new DatasetInvalidException(
            "outcome %d of device '%s' is none of the %d classes of %s"
                .formatted(one.label(), one.device(), base.classes(), base.digest()));
      }
    }
    Map<DeviceId, Split> splits = new HashMap<>(before.splits());
    splits.putAll(CollectedSplit.assign(windows, before.splits()));
    List<CollectedWindow> all = CollectedSplit.joined(before.collected(), windows);
    int repeat = CollectedSplit.repeat(before, all, splits);
    SnapshotContent content;
    try {
      content =
          new SnapshotContent(
              before.features(), before.window(), repeat, before.series(), all, splits);
    } catch (IllegalArgumentException e) {
      throw new DatasetInvalidException(String.valueOf(e.getMessage()));
    }
    Digest digest = content.digest();
    String file =
        "%s/name=%s/snapshot=%s/collected.parquet"
            .formatted(SnapshotFiles.DATASETS, base.dataset(), digest.hex());
    Snapshot grown =
        described(
            content,
            digest,
            base.classes(),
            base.dataset(),
            base.digest(),
            base.seriesFile(),
            file,
            slice);
    Snapshot stored = insert(grown, file, content, erasures);
    Examples examples = stored.equals(grown) ? content.examples() : examples(stored);
    return new Growth(
        stored, repeat, examples.sliceSize(Split.TRAIN), examples.sliceSize(Split.TEST));
  }

  /** The erasures that were told of until now, as a number that grows with each. */
  public long erasures() {
    return database.<Long>call(ErasureOrders::newest);
  }

  // An erasure that is told of later finds the snapshot; of one that came before, nobody knows
  // whether what was collected holds it. One of this content may be here, and may hold less by now.
  private Snapshot insert(Snapshot grown, String file, SnapshotContent content, long erasures)
      throws IOException {
    try {
      return database.call(
          transaction -> {
            ErasureOrders.hold(transaction);
            if (ErasureOrders.newest(transaction) != erasures) {
              throw new ProblemException(
                  ErrorCode.STATE_CONFLICT,
                  "data was erased while samples were collected, and they may hold it: start again");
            }
            DatasetStore.lockFiles(transaction);
            if (DatasetStore.insert(transaction, grown)) {
              write(() -> files.writeCollected(file, content));
              return grown;
            }
            return DatasetStore.snapshot(transaction, grown.digest().toString()).orElse(grown);
          });
    } catch (UncheckedIOException e) {
      throw Objects.requireNonNull(e.getCause());
    }
  }

  private interface Writing {
    void run() throws IOException;
  }

  private static void write(Writing writing) {
    try {
      writing.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A snapshot that grew.
   *
   * @param sliceTrain examples of the slice that are learned from, repeats counted
   * @param sliceTest examples of the slice that judge
   */
  public record Growth(Snapshot snapshot, int repeat, int sliceTrain, int sliceTest) {}

  private DatasetBatch freeze(
      Actor actor, String name, String batch, String content, DatasetTable table, int window)
      throws IOException {
    SnapshotContent frozen = SnapshotContent.ofTable(table, window);
    Digest digest = frozen.digest();
    String file =
        "%s/name=%s/batch=%s/series.parquet".formatted(SnapshotFiles.DATASETS, name, batch);
    Snapshot snapshot = described(frozen, digest, frozen.classes(), name, null, file, null, null);
    DatasetBatch stored =
        new DatasetBatch(
            name,
            batch,
            digest.toString(),
            snapshot.createdAt(),
            table.rows(),
            table.series().size(),
            snapshot.examples(),
            snapshot.train(),
            snapshot.validation(),
            snapshot.test(),
            window,
            table.features());
    try {
      database.run(
          transaction -> {
            DatasetStore.lockFiles(transaction);
            boolean isNew = DatasetStore.insert(transaction, snapshot);
            DatasetStore.insert(transaction, new DatasetStore.StoredBatch(content, window, stored));
            // After this: a batch that somebody else stored meanwhile keeps its file.
            if (isNew) {
              write(() -> files.writeSeries(file, frozen));
            }
            audit.append(
                transaction,
                actor,
                AuditLog.Act.of(
                    "dataset.stored", "dataset/%s/%s".formatted(name, batch), digest.toString()));
          });
    } catch (UncheckedIOException e) {
      throw Objects.requireNonNull(e.getCause());
    } catch (DatabaseException e) {
      if (e.isUniqueViolation()) {
        throw new ProblemException(
            ErrorCode.STATE_CONFLICT,
            "batch '%s' of dataset '%s' was stored by somebody else meanwhile"
                .formatted(batch, name));
      }
      throw e;
    }
    log.atInfo()
        .addKeyValue("dataset", name)
        .addKeyValue("batch", batch)
        .addKeyValue("rows", stored.rows())
        .addKeyValue("snapshot", stored.snapshot())
        .log("batch stored");
    return stored;
  }

  private static DatasetBatch sameAsBefore(
      DatasetStore.StoredBatch before, String content, int window) {
    if (before.content().equals(content) && before.window() == window) {
      return before.batch();
    }
    throw new ProblemException(
        ErrorCode.ALREADY_EXISTS,
        "batch '%s' of dataset '%s' is stored with %s: give new data a new batch id"
            .formatted(
                before.batch().batch(),
                before.batch().name(),
                before.window() == window ? "other bytes" : "window " + before.window()));
  }

  private Snapshot described(
      SnapshotContent content,
      Digest digest,
      int classes,
      String dataset,
      @Nullable Digest parent,
      @Nullable String seriesFile,
      @Nullable String collectedFile,
      @Nullable String slice) {
    Examples examples = content.examples();
    return new Snapshot(
        digest,
        dataset,
        parent,
        content.window(),
        content.repeat(),
        classes,
        content.features(),
        seriesFile,
        collectedFile,
        slice,
        examples.size(),
        examples.size(Split.TRAIN),
        examples.size(Split.VALIDATION),
        examples.size(Split.TEST),
        clock.instant().truncatedTo(ChronoUnit.MICROS));
  }

  private record Named(Snapshot snapshot, Digest content) {}

  // What was erased or forgotten meanwhile lies in other files since.
  private SnapshotContent content(Snapshot snapshot) throws IOException {
    Named named = named(snapshot);
    try {
      return files.content(named.snapshot(), named.content());
    } catch (IOException e) {
      Named again = named(snapshot);
      if (again.equals(named)) {
        throw e;
      }
      return files.content(again.snapshot(), again.content());
    }
  }

  private Named named(Snapshot snapshot) {
    return database.call(
        transaction ->
            new Named(
                DatasetStore.snapshot(transaction, snapshot.digest().toString()).orElse(snapshot),
                DatasetStore.content(transaction, snapshot)));
  }

  /**
   * Takes a device's rows and the examples of some predictions out of every snapshot. What is left
   * keeps the snapshot's name; its files are new, and the old ones go once this is committed. Files
   * that nobody names go at once: they may hold it.
   *
   * @param predictions each as {@code device/prediction}
   * @return the series and examples that were taken out
   */
  long erase(Transaction transaction, @Nullable String device, Set<String> predictions) {
    DatasetStore.lockFiles(transaction);
    files.removeBut(DatasetStore.files(transaction));
    long erased = 0;
    Set<String> gone = new HashSet<>();
    for (Snapshot found : DatasetStore.snapshots(transaction)) {
      Snapshot snapshot = DatasetStore.locked(transaction, found.digest()).orElse(found);
      try {
        // Opened only where there is something: a key that is away keeps only its own erasures.
        if (!files.holds(snapshot, device, predictions)) {
          continue;
        }
        SnapshotContent before =
            files.content(snapshot, DatasetStore.content(transaction, snapshot));
        SnapshotContent left = before.without(device, predictions);
        long here =
            (long) before.series().size()
                - left.series().size()
                + before.collected().size()
                - left.collected().size();
        if (here > 0) {
          boolean fewer = left.collected().size() < before.collected().size();
          rewrite(transaction, snapshot, before, left, fewer, gone);
          erased += here;
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    transaction.afterCommit(() -> gone.forEach(files::delete));
    return erased;
  }

  /**
   * Removes files that no transaction named: no erasure finds what is in them. None by a database
   * that names nothing at all: that may be another one than the files belong to.
   */
  void removeUnnamed() {
    database.run(
        transaction -> {
          DatasetStore.lockFiles(transaction);
          Set<String> named = DatasetStore.files(transaction);
          if (!named.isEmpty()) {
            files.removeBut(named);
          }
        });
  }

  /**
   * Takes out of every snapshot what was collected before its model's samples are kept from, and
   * seals what builds before left open. A snapshot that cannot be read is left as it is.
   *
   * @param keptFrom by model; of an empty one where nobody wrote it down
   */
  void thin(Function<String, Instant> keptFrom) {
    for (Snapshot snapshot : database.call(DatasetStore::snapshots)) {
      try {
        String file = snapshot.collectedFile();
        if (file != null && files.isDue(file, keptFrom)) {
          database.run(transaction -> thin(transaction, snapshot.digest(), keptFrom));
        }
      } catch (IOException | RuntimeException e) {
        log.atError()
            .addKeyValue("snapshot", snapshot.digest())
            .setCause(e)
            .log("what was collected could not be taken out of a snapshot");
      }
    }
  }

  private void thin(Transaction transaction, Digest digest, Function<String, Instant> keptFrom) {
    DatasetStore.lockFiles(transaction);
    Optional<Snapshot> locked = DatasetStore.locked(transaction, digest);
    if (locked.isEmpty()) {
      return;
    }
    Snapshot snapshot = locked.get();
    String file = snapshot.collectedFile();
    try {
      // Another server may have done it, or an erasure.
      if (file == null || !files.isDue(file, keptFrom)) {
        return;
      }
      SnapshotContent before = files.content(snapshot, DatasetStore.content(transaction, snapshot));
      SnapshotContent left =
          before.keeping(one -> !one.origin().at().isBefore(keptFrom.apply(one.origin().model())));
      Set<String> gone = new HashSet<>();
      rewrite(transaction, snapshot, before, left, true, gone);
      int windows = before.collected().size() - left.collected().size();
      transaction.afterCommit(
          () -> {
            gone.forEach(files::delete);
            log.atInfo()
                .addKeyValue("snapshot", digest)
                .addKeyValue("windows", windows)
                .log("collected windows taken out of a snapshot: they are kept no longer");
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void rewrite(
      Transaction transaction,
      Snapshot snapshot,
      SnapshotContent before,
      SnapshotContent left,
      boolean collectedAnew,
      Set<String> gone)
      throws IOException {
    String series = snapshot.seriesFile();
    if (series != null && left.series().size() < before.series().size()) {
      gone.add(series);
      series = files.writeSeriesBeside(series, left);
    }
    String collected = snapshot.collectedFile();
    if (collected != null && collectedAnew) {
      gone.add(collected);
      collected = files.writeCollectedBeside(collected, left);
    }
    DatasetStore.changed(
        transaction,
        described(
            left,
            snapshot.digest(),
            snapshot.classes(),
            snapshot.dataset(),
            snapshot.parent(),
            series,
            collected,
            snapshot.slice()),
        left.digest());
  }

  private static Digest receive(InputStream body, Path file) throws IOException {
    MessageDigest digest = Digest.newMessageDigest();
    byte[] buffer = new byte[1 << 16];
    long total = 0;
    try (OutputStream out = Files.newOutputStream(file)) {
      for (int read = body.read(buffer); read >= 0; read = body.read(buffer)) {
        total += read;
        if (total > BATCH_BYTES_MAX) {
          throw new ProblemException(
              ErrorCode.DATASET_INVALID,
              "the batch is larger than %d MiB: give the data in several batches"
                  .formatted(BATCH_BYTES_MAX >> 20));
        }
        digest.update(buffer, 0, read);
        out.write(buffer, 0, read);
      }
    }
    return Digest.of(digest);
  }
}
