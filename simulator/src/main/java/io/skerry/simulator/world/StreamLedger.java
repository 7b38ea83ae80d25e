package io.skerry.simulator.world;

import io.skerry.protocol.SequenceLedger;

/**
 * What is known of one device's records of one stream and boot epoch.
 *
 * @param sequences which of them are stored
 * @param highest the highest sequence that was heard of
 * @param stored records that were stored
 * @param duplicates records that came again
 * @param givenUp records that the device dropped
 * @param damaged records that were damaged on the device's disk
 * @param oldestEpoch the lowest boot epoch of which the device still had records of this stream
 */
record StreamLedger(
    SequenceLedger sequences,
    long highest,
    long stored,
    long duplicates,
    long givenUp,
    long damaged,
    long oldestEpoch) {
  /** Nothing heard of yet. */
  public static final StreamLedger EMPTY = new StreamLedger(SequenceLedger.EMPTY, 0, 0, 0, 0, 0, 0);

  /** The ledger once the device has nothing of this epoch any more: what is missing is given up. */
  public StreamLedger finished() {
    return new StreamLedger(
        sequences.skipTo(highest + 1),
        highest,
        stored,
        duplicates,
        highest - stored - damaged,
        damaged,
        oldestEpoch);
  }

  /** Records that were heard of, are not stored and not accounted for. */
  public long missing() {
    return highest - stored - givenUp - damaged;
  }
}
