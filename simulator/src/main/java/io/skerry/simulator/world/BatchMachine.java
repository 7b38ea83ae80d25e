package io.skerry.simulator.world;

import io.skerry.protocol.SequenceLedger;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides what becomes of a batch of records. Pure: {@code (ledger, batch) -> (ledger, fates)}.
 *
 * <p>A sequence is stored once, whatever comes how often and in whatever order. What a device says
 * it dropped, or could not read back, is accounted for and never waited for. What cannot be is
 * refused: no device can make the ledger, or the sums over all of them, grow without bound.
 *
 * <p>This is the simulation's own: it follows the rules of the server's ingest, which keeps its
 * ledgers in SQL, and stands on the same {@link SequenceLedger}. One contract suite runs against
 * both.
 */
final class BatchMachine {
  /** So that sums over all devices stay numbers. */
  public static final long SEQUENCE_MAX = 1L << 48;

  /** A device that restarts every second for so many seconds gets no further. */
  public static final long EPOCHS_AHEAD_MAX = 1L << 20;

  /** How far a record may be ahead of everything heard of before: more than any spool holds. */
  public static final long JUMP_MAX = 1L << 20;

  /** How much a device may say at once that it dropped. */
  public static final long GIVEN_UP_MAX = 1L << 32;

  /** Gaps in a batch that are looked at. */
  public static final int GAPS_MAX = 1024;

  private BatchMachine() {}

  /** Sequences that were damaged on the device's disk. */
  public record Gap(long first, long last) {}

  /**
   * What a batch says.
   *
   * @param firstKept the lowest sequence of this epoch that the device still has; 0 says nothing
   * @param oldestEpoch the lowest epoch of which it has records of this stream; 0 says nothing
   * @param gaps ascending
   * @param sequences of its records, ascending
   */
  public record Batch(
      long bootEpoch, long firstKept, long oldestEpoch, List<Gap> gaps, List<Long> sequences) {
    public Batch {
      gaps = List.copyOf(gaps);
      sequences = List.copyOf(sequences);
    }
  }

  /** What becomes of a record. */
  public enum Fate {
    STORE,
    /** It is stored already. */
    DUPLICATE,
    /** Too far beyond a gap to be remembered: the device sends it again. */
    REFUSED,
    /** Its sequence cannot be. */
    OUT_OF_RANGE,
    /** Its sequence is further ahead than any spool reaches. */
    TOO_FAR
  }

  /**
   * The ledger after a batch.
   *
   * @param fates one for each record
   * @param faults what else was wrong with the batch
   * @param endsEarlier whether the ledgers of this stream's epochs below {@code oldestEpoch} are to
   *     be {@link StreamLedger#finished}
   */
  public record Step(
      StreamLedger after, List<Fate> fates, List<String> faults, boolean endsEarlier) {
    public Step {
      fates = List.copyOf(fates);
      faults = List.copyOf(faults);
    }
  }

  /**
   * Whether records of this boot epoch can be of the device.
   *
   * @param newest the highest epoch known of it
   */
  public static boolean isPossible(long bootEpoch, long newest) {
    return bootEpoch >= 1 && bootEpoch <= SEQUENCE_MAX && bootEpoch - newest <= EPOCHS_AHEAD_MAX;
  }

  /** Takes a batch. */
  public static Step take(StreamLedger before, Batch batch) {
    Taking taking = new Taking(before);
    taking.giveUp(batch.firstKept());
    boolean endsEarlier =
        batch.oldestEpoch() > before.oldestEpoch() && batch.oldestEpoch() <= batch.bootEpoch();
    if (endsEarlier) {
      taking.oldestEpoch = batch.oldestEpoch();
    }
    List<Gap> gaps =
        batch.gaps().size() > GAPS_MAX ? batch.gaps().subList(0, GAPS_MAX) : batch.gaps();
    int gap = 0;
    List<Fate> fates = new ArrayList<>(batch.sequences().size());
    for (long sequence : batch.sequences()) {
      // In the order of sequences, so that little has to be remembered beyond a gap.
      while (gap < gaps.size() && gaps.get(gap).first() < sequence) {
        taking.damaged(gaps.get(gap++));
      }
      fates.add(taking.take(sequence));
    }
    while (gap < gaps.size()) {
      taking.damaged(gaps.get(gap++));
    }
    return new Step(taking.ledger(), fates, taking.faults, endsEarlier);
  }

  private static final class Taking {
    private final List<String> faults = new ArrayList<>(0);
    private SequenceLedger sequences;
    private long highest;
    private long stored;
    private long duplicates;
    private long givenUp;
    private long damaged;
    private long oldestEpoch;

    Taking(StreamLedger before) {
      sequences = before.sequences();
      highest = before.highest();
      stored = before.stored();
      duplicates = before.duplicates();
      givenUp = before.givenUp();
      damaged = before.damaged();
      oldestEpoch = before.oldestEpoch();
    }

    StreamLedger ledger() {
      return new StreamLedger(
          sequences, highest, stored, duplicates, givenUp, damaged, oldestEpoch);
    }

    Fate take(long sequence) {
      if (sequence < 1 || sequence > SEQUENCE_MAX) {
        return Fate.OUT_OF_RANGE;
      }
      if (sequence - highest > JUMP_MAX) {
        return Fate.TOO_FAR;
      }
      SequenceLedger.Step step = sequences.take(sequence);
      sequences = step.after();
      return switch (step.outcome()) {
        case STORE -> {
          stored++;
          highest = Math.max(highest, sequence);
          yield Fate.STORE;
        }
        case DUPLICATE -> {
          duplicates++;
          yield Fate.DUPLICATE;
        }
        case REFUSED -> Fate.REFUSED;
      };
    }

    /** The device has nothing below this sequence any more. */
    void giveUp(long firstKept) {
      if (firstKept < 0 || firstKept - highest > GIVEN_UP_MAX) {
        faults.add("first kept sequence %d is more than 2^32 ahead".formatted(firstKept));
      } else if (firstKept > 0) {
        SequenceLedger.GivenUp given = sequences.giveUp(1, firstKept - 1);
        sequences = given.after();
        givenUp += given.records();
        highest = Math.max(highest, firstKept - 1);
      }
    }

    void damaged(Gap gap) {
      if (gap.first() < 1 || gap.last() < gap.first() || gap.last() - highest > JUMP_MAX) {
        faults.add("gap from %d to %d cannot be".formatted(gap.first(), gap.last()));
        return;
      }
      SequenceLedger.GivenUp given = sequences.giveUp(gap.first(), gap.last());
      sequences = given.after();
      damaged += given.records();
      if (given.records() > 0) {
        highest = Math.max(highest, gap.last());
      }
    }
  }
}
