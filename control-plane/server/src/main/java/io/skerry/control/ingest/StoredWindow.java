package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.time.Instant;
import java.util.Map;

/**
 * Exact counters of one window of one running version on one device.
 *
 * @param bootEpoch of the device's agent when it counted
 * @param index start in epoch milliseconds divided by the window's length
 * @param skipped predictions answered but not counted
 * @param anomalous inputs, also among the skipped
 * @param residentBytes memory of the agent's process at the window's end; 0 or less is not known
 * @param samplesRefused samples that were chosen and not kept, by stratum
 * @param record the wire message, byte for byte
 * @param gated its streams that gates read bin by bin, by name
 */
record StoredWindow(
    DeviceId device,
    long bootEpoch,
    SlotId slot,
    ModelVersion version,
    String manifest,
    long index,
    long windowMillis,
    Instant start,
    Instant end,
    long predictions,
    long predictionsFailed,
    long skipped,
    long anomalous,
    long residentBytes,
    Map<String, Long> samplesRefused,
    ByteString record,
    Map<String, RecordsStoring.Counts> gated) {
  StoredWindow {
    samplesRefused = Map.copyOf(samplesRefused);
    gated = Map.copyOf(gated);
  }
}
