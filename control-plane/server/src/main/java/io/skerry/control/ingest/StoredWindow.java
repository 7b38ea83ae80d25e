package io.skerry.control.ingest;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.time.Instant;
import java.util.List;

/**
 * Exact counters of one window of one running version on one device.
 *
 * @param index start in epoch milliseconds divided by the window's length
 * @param skipped predictions answered but not counted
 */
public record StoredWindow(
    DeviceId device,
    SlotId slot,
    ModelVersion version,
    String manifest,
    long index,
    Instant start,
    Instant end,
    long predictions,
    long predictionsFailed,
    long skipped,
    List<Stream> streams) {
  public StoredWindow {
    streams = List.copyOf(streams);
  }

  /** One stream's count per bin of the monitoring manifest. */
  public record Stream(String name, List<Long> counts) {
    public Stream {
      counts = List.copyOf(counts);
    }
  }
}
