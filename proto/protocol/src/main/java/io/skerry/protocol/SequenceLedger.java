package io.skerry.protocol;

import java.util.List;
import java.util.TreeSet;

/**
 * Which sequences of one (device, boot epoch, stream) are stored: everything through a high-water
 * mark, and a bounded set beyond the gaps.
 *
 * @param through every sequence up to this one is stored; 0 when none is
 * @param beyond stored sequences above {@code through + 1}, ascending
 */
public record SequenceLedger(long through, List<Long> beyond) {
  /** Nothing stored yet. */
  public static final SequenceLedger EMPTY = new SequenceLedger(0, List.of());

  /** Sequences kept beyond the first gap; what arrives later is refused and sent again. */
  public static final int BEYOND_MAX = 4096;

  public SequenceLedger {
    beyond = List.copyOf(beyond);
  }

  /** What became of one sequence. */
  public enum Outcome {
    /** New: store it. */
    STORE,
    /** Stored before: drop it. */
    DUPLICATE,
    /** Too far beyond a gap to be remembered: drop it, the device sends it again. */
    REFUSED
  }

  /** The ledger after a sequence, and what to do with the record. */
  public record Step(SequenceLedger after, Outcome outcome) {}

  /**
   * Takes one sequence, from 1.
   *
   * @throws IllegalArgumentException if the sequence is below 1
   */
  public Step take(long sequence) {
    if (sequence < 1) {
      throw new IllegalArgumentException("sequence %d: sequences start at 1".formatted(sequence));
    }
    if (sequence <= through || beyond.contains(sequence)) {
      return new Step(this, Outcome.DUPLICATE);
    }
    if (sequence > through + 1 && beyond.size() >= BEYOND_MAX) {
      return new Step(this, Outcome.REFUSED);
    }
    if (sequence == through + 1 && beyond.isEmpty()) {
      return new Step(new SequenceLedger(sequence, beyond), Outcome.STORE);
    }
    TreeSet<Long> stored = new TreeSet<>(beyond);
    stored.add(sequence);
    long mark = through;
    while (!stored.isEmpty() && stored.first() == mark + 1) {
      mark = stored.removeFirst();
    }
    return new Step(new SequenceLedger(mark, List.copyOf(stored)), Outcome.STORE);
  }

  /**
   * Gives up on the gaps below a sequence: the device says it no longer has them.
   *
   * @param first the lowest sequence that the device still has
   */
  public SequenceLedger skipTo(long first) {
    if (first <= through + 1) {
      return this;
    }
    SequenceLedger ledger = new SequenceLedger(first - 1, List.of());
    for (long sequence : beyond) {
      if (sequence >= first) {
        ledger = ledger.take(sequence).after();
      }
    }
    return ledger;
  }

  /**
   * The ledger after a device said that sequences will never come.
   *
   * @param records how many of them had not come before
   */
  public record GivenUp(SequenceLedger after, long records) {}

  /**
   * Takes sequences that the device lost as settled. Where they lie beyond another gap and are too
   * many to be remembered, nothing changes: the device says it again.
   *
   * @param first from 1
   * @param last nothing is given up when it is below {@code first}
   */
  public GivenUp giveUp(long first, long last) {
    long from = Math.max(first, through + 1);
    if (last < from) {
      return new GivenUp(this, 0);
    }
    long stored = beyond.stream().filter(known -> known >= from && known <= last).count();
    long records = last - from + 1 - stored;
    if (from == through + 1) {
      return new GivenUp(skipTo(last + 1), records);
    }
    if (records > BEYOND_MAX - beyond.size()) {
      return new GivenUp(this, 0);
    }
    SequenceLedger ledger = this;
    for (long sequence = from; sequence <= last; sequence++) {
      ledger = ledger.take(sequence).after();
    }
    return new GivenUp(ledger, records);
  }
}
