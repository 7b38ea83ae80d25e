package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.DriftLedger;
import java.time.Instant;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The states of ledgers as they are stored, so that a start need not judge everything again. */
final class Snapshots {
  /** Windows that are judged from one snapshot to the next. */
  static final int EVERY = 48;

  private static final int KEPT = 2;

  // A gibibyte: a fleet of 60,000 devices with 100 features and a season.
  private static final int PARTS_MAX = 1024;

  private static final Gson GSON = new Gson();

  private Snapshots() {}

  /** A version and the manifest that told its streams, in the order in which the ledger knows. */
  record Told(long version, String manifest) {
    ModelVersion of(Track track) {
      return new ModelVersion(new ModelName(track.model()), version);
    }

    Digest digest() {
      return Digest.parse(manifest);
    }
  }

  /**
   * A stored state.
   *
   * @param through last window that it has judged
   * @param madeAt since when erased devices may be in it
   * @param releases numbers of the incidents whose end it knows of
   */
  record Snapshot(long through, Instant madeAt, List<Told> versions, Set<Long> releases) {
    Snapshot {
      versions = List.copyOf(versions);
      releases = Set.copyOf(releases);
    }
  }

  /** Stores a state, and forgets all but the newest. */
  static void keep(Transaction transaction, Track track, Snapshot snapshot, DriftLedger ledger) {
    transaction.update(
        """
        delete from drift_snapshot
        where slot = ? and model = ? and window_millis = ? and (through >= ? or through not in (
          select through from drift_snapshot where slot = ? and model = ? and window_millis = ?
          order by through desc limit ?))
        """,
        track.slot(),
        track.model(),
        track.windowMillis(),
        snapshot.through(),
        track.slot(),
        track.model(),
        track.windowMillis(),
        KEPT - 1);
    transaction.update(
        """
        insert into drift_snapshot (slot, model, window_millis, through, made_at, versions, releases)
        values (?, ?, ?, ?, ?, ?::jsonb, ?)
        """,
        track.slot(),
        track.model(),
        track.windowMillis(),
        snapshot.through(),
        snapshot.madeAt(),
        GSON.toJson(snapshot.versions()),
        snapshot.releases().stream().mapToLong(Long::longValue).sorted().toArray());
    int[] parts = new int[1];
    ledger.write(
        bytes -> {
          if (parts[0] == PARTS_MAX) {
            throw new IllegalStateException(
                "the state of %s has more than %d parts".formatted(track, PARTS_MAX));
          }
          transaction.update(
              "insert into drift_snapshot_part values (?, ?, ?, ?, ?, ?)",
              track.slot(),
              track.model(),
              track.windowMillis(),
              snapshot.through(),
              parts[0]++,
              bytes);
        });
  }

  /** The snapshots of a track up to a window, newest first. */
  static List<Snapshot> upTo(Transaction transaction, Track track, long through) {
    return transaction.list(
        """
        select through, made_at, versions::text as versions, releases from drift_snapshot
        where slot = ? and model = ? and window_millis = ? and through <= ?
        order by through desc
        """,
        row ->
            new Snapshot(
                row.bigint("through"),
                row.instant("made_at"),
                GSON.fromJson(row.text("versions"), new TypeToken<List<Told>>() {}),
                numbers(row.bigints("releases"))),
        track.slot(),
        track.model(),
        track.windowMillis(),
        through);
  }

  private static Set<Long> numbers(long[] of) {
    Set<Long> numbers = new HashSet<>();
    for (long number : of) {
      numbers.add(number);
    }
    return numbers;
  }

  /** The parts of a snapshot, each read when it is asked for. */
  static Iterator<byte[]> parts(Transaction transaction, Track track, long through) {
    return new Iterator<>() {
      private int next;
      private byte @Nullable [] read = read();

      private byte @Nullable [] read() {
        return transaction
            .first(
                """
                select bytes from drift_snapshot_part
                where slot = ? and model = ? and window_millis = ? and through = ? and part = ?
                """,
                row -> row.bytes("bytes"),
                track.slot(),
                track.model(),
                track.windowMillis(),
                through,
                next++)
            .orElse(null);
      }

      @Override
      public boolean hasNext() {
        return read != null;
      }

      @Override
      public byte[] next() {
        byte[] part = read;
        if (part == null) {
          throw new NoSuchElementException();
        }
        read = read();
        return part;
      }
    };
  }

  /** Whether a device was erased since a moment. */
  static boolean erasedSince(Transaction transaction, Instant since) {
    return transaction
        .first(
            "select 1 from erasure where device is not null and erased_at >= ? limit 1",
            row -> true,
            since)
        .isPresent();
  }

  /** Devices that are here, and were not erased since a moment. */
  static Set<DeviceId> here(Transaction transaction, Instant since) {
    return new HashSet<>(
        transaction.list(
            """
            select id from device d where not exists (
              select 1 from erasure where device = d.id and erased_at >= ?)
            """,
            row -> new DeviceId(row.text("id")),
            since));
  }
}
