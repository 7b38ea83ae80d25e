package io.skerry.agent.uplink;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.protocol.RecordStream;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.util.Map;

/**
 * A batch of one stream and boot epoch: consecutive sequences, of which those that are damaged on
 * disk are told as gaps.
 *
 * @param last the highest sequence in it, or in its gaps
 */
record SpoolBatch(RecordStream stream, long epoch, long last, RecordBatch message) {
  /** Gaps in a batch; what comes behind the next one waits for the next batch. */
  static final int GAPS_MAX = 256;

  // Bytes that a record and a gap cost in a batch besides the record's own.
  private static final int RECORD_OVERHEAD = 8;
  private static final int GAP_BYTES = 32;
  private static final int BATCH_OVERHEAD = 64;

  /**
   * Takes what fits from a segment's records.
   *
   * @param from at least the segment's first sequence
   * @param firstKept the lowest sequence of this epoch that is still in the spool
   * @param oldestEpoch of the stream's records that are still in the spool
   * @param bytesMax beyond which no further record is taken; one is, however large
   */
  static SpoolBatch of(
      SpoolSegment segment,
      Map<Long, byte[]> records,
      long from,
      long firstKept,
      long oldestEpoch,
      int bytesMax) {
    RecordBatch.Builder batch =
        RecordBatch.newBuilder()
            .setBootEpoch(segment.epoch)
            .setFirstKept(firstKept)
            .setOldestEpoch(oldestEpoch);
    int size = BATCH_OVERHEAD;
    long sequence = from;
    while (sequence <= segment.last() && batch.getGapsCount() <= GAPS_MAX) {
      byte[] payload = segment.isDamaged(sequence) ? null : records.get(sequence);
      int cost = payload == null ? GAP_BYTES : payload.length + RECORD_OVERHEAD;
      if (size + cost > TelemetryRecords.BATCH_BYTES_MAX
          || (sequence > from && size + cost > bytesMax)) {
        break;
      }
      size += cost;
      if (payload == null || !add(batch, payload)) {
        segment.damaged(sequence);
        addGap(batch, sequence);
      }
      sequence++;
    }
    return new SpoolBatch(segment.stream, segment.epoch, sequence - 1, batch.build());
  }

  private static boolean add(RecordBatch.Builder batch, byte[] payload) {
    try {
      batch.addRecords(Record.parseFrom(payload));
      return true;
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }

  private static void addGap(RecordBatch.Builder batch, long sequence) {
    int last = batch.getGapsCount() - 1;
    if (last >= 0 && batch.getGaps(last).getLast() == sequence - 1) {
      batch.getGapsBuilder(last).setLast(sequence);
    } else {
      batch.addGapsBuilder().setFirst(sequence).setLast(sequence);
    }
  }
}
