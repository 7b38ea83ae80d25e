package io.skerry.control.ingest;

import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SequenceLedger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The ledgers that one transaction touches: read and locked first, written back at its end. */
final class Ledgers {
  private final Map<Key, State> states = new LinkedHashMap<>();
  private final List<@Nullable Object[]> finished = new ArrayList<>();

  record Key(DeviceId device, long bootEpoch, RecordStream stream) {}

  private static final class State {
    private SequenceLedger ledger = SequenceLedger.EMPTY;
    private long highest;
    private long stored;
    private long duplicates;
    private long givenUp;
    private long damaged;
    private long oldestEpoch;
  }

  private Ledgers() {}

  /** Locks the ledgers of these devices. */
  static Ledgers lock(Transaction transaction, Collection<Key> keys) {
    Ledgers ledgers = new Ledgers();
    Set<Key> wanted = Set.copyOf(keys);
    wanted.forEach(key -> ledgers.states.put(key, new State()));
    List<String> devices = wanted.stream().map(key -> key.device().value()).distinct().toList();
    List<Long> epochs = wanted.stream().map(Key::bootEpoch).distinct().toList();
    if (devices.isEmpty()) {
      return ledgers;
    }
    transaction.list(
        """
        select * from ingest_ledger where device = any(?) and boot_epoch = any(?)
        order by device, boot_epoch, stream for update
        """,
        row -> {
          State state = ledgers.states.get(key(row));
          if (state != null) {
            fill(state, row);
          }
          return true;
        },
        devices,
        epochs);
    return ledgers;
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
    states.forEach(
        (key, state) ->
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
                }));
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
  }

  /** What is stored now, by device. */
  Map<DeviceId, List<CommittedRange>> committed() {
    Map<DeviceId, List<CommittedRange>> ranges = new HashMap<>();
    states.forEach(
        (key, state) -> {
          if (state.ledger.through() > 0) {
            ranges
                .computeIfAbsent(key.device(), device -> new ArrayList<>())
                .add(new CommittedRange(key.stream(), key.bootEpoch(), state.ledger.through()));
          }
        });
    return ranges;
  }
}
