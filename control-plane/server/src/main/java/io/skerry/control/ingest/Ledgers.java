package io.skerry.control.ingest;

import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SequenceLedger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The ledgers that one transaction touches: read and locked first, written back at its end. */
final class Ledgers {
  /** The first of a lock's two numbers. */
  private static final int LOCK = 0x534b_4c45;

  /** Locks that a transaction holds at most: there is room for few in a database. */
  private static final int BUCKETS = 256;

  private final Map<Key, State> states = new LinkedHashMap<>();
  private final List<@Nullable Object[]> finished = new ArrayList<>();
  private final Map<DeviceId, List<CommittedRange>> ended = new HashMap<>();

  // The newest only: a device that dropped records of more boots than these counts a few too many.
  private static final String ENDED =
      """
      select stream, boot_epoch, through, given_up from ingest_ledger
      where device = ? and stream = ? and boot_epoch < ?
      order by boot_epoch desc limit 16
      """;

  record Key(DeviceId device, long bootEpoch, RecordStream stream) {}

  private static final class State {
    private SequenceLedger ledger = SequenceLedger.EMPTY;
    private long highest;
    private long stored;
    private long duplicates;
    private long givenUp;
    private long damaged;
    private long oldestEpoch;
    private boolean folded;
  }

  private Ledgers() {}

  /** Locks the ledgers of these devices. */
  static Ledgers lock(Transaction transaction, Collection<Key> keys) {
    Ledgers ledgers = new Ledgers();
    if (keys.isEmpty()) {
      return ledgers;
    }
    Set<Key> wanted = Set.copyOf(keys);
    wanted.forEach(key -> ledgers.states.put(key, new State()));
    Set<Key> unknown = new HashSet<>(wanted);
    unknown.removeAll(ledgers.read(transaction, wanted));
    if (!unknown.isEmpty()) {
      holdUnknown(transaction, unknown);
      ledgers.read(transaction, unknown);
    }
    transaction.forEach(
        "select device, stream, boot_epoch from ingest_ledger_folded where device = any(?)",
        row -> ledgers.fold(key(row)),
        wanted.stream().map(key -> key.device().value()).distinct().toList());
    return ledgers;
  }

  // There is no row to be locked yet. Whoever makes one holds its bucket until it is committed: two
  // that store the first records of a boot at once would each write a ledger that knows of its own
  // alone.
  private static void holdUnknown(Transaction transaction, Set<Key> unknown) {
    transaction.list(
        """
        select pg_advisory_xact_lock(?, bucket)
        from (select distinct (hashtextextended(key, 0) & ?)::int as bucket
          from unnest(?::text[]) as keys (key) order by bucket) buckets
        """,
        row -> true,
        LOCK,
        BUCKETS - 1L,
        unknown.stream().map(Key::toString).toList());
  }

  private Set<Key> read(Transaction transaction, Set<Key> wanted) {
    Set<Key> found = new HashSet<>();
    List<String> devices = wanted.stream().map(key -> key.device().value()).distinct().toList();
    List<Long> epochs = wanted.stream().map(Key::bootEpoch).distinct().toList();
    transaction.list(
        """
        select * from ingest_ledger where device = any(?) and boot_epoch = any(?)
        order by device, boot_epoch, stream for update
        """,
        row -> {
          Key key = key(row);
          State state = states.get(key);
          if (state != null && found.add(key)) {
            fill(state, row);
          }
          return true;
        },
        devices,
        epochs);
    return found;
  }

  // What comes again of a boot that was folded was stored, or given up, long ago.
  private void fold(Key through) {
    states.forEach(
        (key, state) -> {
          if (key.device().equals(through.device())
              && key.stream() == through.stream()
              && key.bootEpoch() <= through.bootEpoch()) {
            state.folded = true;
            state.ledger = new SequenceLedger(BatchStore.SEQUENCE_MAX, List.of());
            state.highest = BatchStore.SEQUENCE_MAX;
          }
        });
  }

  private static Key key(Row row) {
    return new Key(
        new DeviceId(row.text("device")),
        row.bigint("boot_epoch"),
        RecordStream.ofWireName(row.text("stream")));
  }

  private static void fill(State state, Row row) {
    List<Long> beyond = Arrays.stream(row.bigints("beyond")).boxed().toList();
    state.ledger = new SequenceLedger(row.bigint("through"), beyond);
    state.highest = row.bigint("highest");
    state.stored = row.bigint("stored");
    state.duplicates = row.bigint("duplicates");
    state.givenUp = row.bigint("given_up");
    state.damaged = row.bigint("damaged");
    state.oldestEpoch = row.bigint("oldest_epoch");
  }

  SequenceLedger.Outcome take(Key key, long sequence) {
    State state = state(key);
    SequenceLedger.Step step = state.ledger.take(sequence);
    state.ledger = step.after();
    switch (step.outcome()) {
      case STORE -> {
        state.stored++;
        state.highest = Math.max(state.highest, sequence);
      }
      case DUPLICATE -> state.duplicates++;
      case REFUSED -> {}
    }
    return step.outcome();
  }

  /** The highest sequence that was heard of. */
  long highest(Key key) {
    return state(key).highest;
  }

  /** The device has nothing below this sequence any more. */
  void skipTo(Key key, long firstKept) {
    State state = state(key);
    SequenceLedger.GivenUp given = state.ledger.giveUp(1, firstKept - 1);
    state.ledger = given.after();
    state.givenUp += given.records();
    state.highest = Math.max(state.highest, firstKept - 1);
  }

  /** These were damaged on the device's disk. */
  void damaged(Key key, long first, long last) {
    State state = state(key);
    SequenceLedger.GivenUp given = state.ledger.giveUp(first, last);
    state.ledger = given.after();
    state.damaged += given.records();
    if (given.records() > 0) {
      state.highest = Math.max(state.highest, last);
    }
  }

  /** The device has nothing of earlier epochs any more. */
  void forgetBefore(Key key, long oldestEpoch) {
    State state = state(key);
    if (oldestEpoch > state.oldestEpoch && oldestEpoch <= key.bootEpoch()) {
      state.oldestEpoch = oldestEpoch;
      finished.add(
          new @Nullable Object[] {key.device().value(), key.stream().wireName(), oldestEpoch});
    }
  }

  private State state(Key key) {
    State state = states.get(key);
    if (state == null) {
      throw new IllegalStateException("ledger %s was not locked".formatted(key));
    }
    return state;
  }

  void save(Transaction transaction) {
    List<@Nullable Object[]> rows = new ArrayList<>();
    states.entrySet().stream()
        .filter(entry -> !entry.getValue().folded)
        .forEach(
            entry -> {
              Key key = entry.getKey();
              State state = entry.getValue();
              rows.add(
                  new @Nullable Object[] {
                    key.device().value(),
                    key.bootEpoch(),
                    key.stream().wireName(),
                    state.ledger.through(),
                    state.ledger.beyond().stream().mapToLong(Long::longValue).toArray(),
                    state.highest,
                    state.stored,
                    state.duplicates,
                    state.givenUp,
                    state.damaged,
                    state.oldestEpoch
                  });
            });
    transaction.batch(
        """
        insert into ingest_ledger (device, boot_epoch, stream, through, beyond, highest, stored,
          duplicates, given_up, damaged, oldest_epoch)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (device, boot_epoch, stream) do update set
          through = excluded.through, beyond = excluded.beyond, highest = excluded.highest,
          stored = excluded.stored, duplicates = excluded.duplicates,
          given_up = excluded.given_up, damaged = excluded.damaged,
          oldest_epoch = excluded.oldest_epoch
        """,
        rows);
    transaction.batch(
        """
        update ingest_ledger set
          given_up = highest - stored - damaged, through = highest, beyond = '{}'
        where device = ? and stream = ? and boot_epoch < ? and highest > stored + given_up + damaged
        """,
        finished);
    transaction.batch(
        """
        update ingest_ledger set ended_at = now()
        where device = ? and stream = ? and boot_epoch < ? and ended_at is null
        """,
        finished);
    for (Object[] boot : finished) {
      DeviceId device = new DeviceId(String.valueOf(boot[0]));
      ended
          .computeIfAbsent(device, none -> new ArrayList<>())
          .addAll(transaction.list(ENDED, Ledgers::endedRange, boot));
    }
  }

  private static CommittedRange endedRange(Row row) {
    return new CommittedRange(
        RecordStream.ofWireName(row.text("stream")),
        row.bigint("boot_epoch"),
        row.bigint("through"),
        OptionalLong.of(row.bigint("given_up")),
        true);
  }

  /**
   * Adds up boots that ended long ago, one row a device and stream instead of one a boot.
   *
   * @return how many were folded
   */
  static int fold(Transaction transaction, Duration endedFor) {
    return transaction.update(
        """
        with gone as (
          delete from ingest_ledger where ended_at < now() - ? * interval '1 millisecond'
          returning *
        ), sums as (
          select device, stream, max(boot_epoch) as boot_epoch, count(*) as boots,
            sum(highest) as highest, sum(stored) as stored, sum(duplicates) as duplicates,
            sum(given_up) as given_up, sum(damaged) as damaged
          from gone group by device, stream
        )
        insert into ingest_ledger_folded as folded (device, stream, boot_epoch, boots, highest,
          stored, duplicates, given_up, damaged)
        select device, stream, boot_epoch, boots, highest, stored, duplicates, given_up, damaged
        from sums
        on conflict (device, stream) do update set
          boot_epoch = greatest(folded.boot_epoch, excluded.boot_epoch),
          boots = folded.boots + excluded.boots, highest = folded.highest + excluded.highest,
          stored = folded.stored + excluded.stored,
          duplicates = folded.duplicates + excluded.duplicates,
          given_up = folded.given_up + excluded.given_up,
          damaged = folded.damaged + excluded.damaged
        """,
        endedFor.toMillis());
  }

  /** What is stored now, by device. */
  Map<DeviceId, List<CommittedRange>> committed() {
    Map<DeviceId, List<CommittedRange>> ranges = new HashMap<>();
    states.forEach(
        (key, state) -> {
          if (state.ledger.through() > 0) {
            ranges
                .computeIfAbsent(key.device(), device -> new ArrayList<>())
                .add(
                    new CommittedRange(
                        key.stream(),
                        key.bootEpoch(),
                        state.ledger.through(),
                        state.folded ? OptionalLong.empty() : OptionalLong.of(state.givenUp),
                        false));
          }
        });
    ended.forEach(
        (device, found) -> ranges.computeIfAbsent(device, none -> new ArrayList<>()).addAll(found));
    return ranges;
  }
}
