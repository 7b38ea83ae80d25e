package io.skerry.control.ingest;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * Windows and outcomes were stored; told inside the transaction, so that what counts them counts
 * each once.
 */
public record RecordsStoring(
    Transaction transaction, List<Window> windows, List<StoredFeedback> feedback) {
  public RecordsStoring {
    windows = List.copyOf(windows);
    feedback = List.copyOf(feedback);
  }

  /**
   * What a window says of its version.
   *
   * @param bootEpoch of the device's agent when it counted
   * @param manifest of the artifact
   * @param residentBytes memory of the agent's process at the window's end; 0 or less is not known
   * @param streams counts per bin of the streams that gates read
   */
  public record Window(
      DeviceId device,
      long bootEpoch,
      SlotId slot,
      ModelVersion version,
      String manifest,
      Instant start,
      long predictions,
      long predictionsFailed,
      long residentBytes,
      Map<String, Counts> streams) {
    public Window {
      streams = Map.copyOf(streams);
    }
  }

  /**
   * Counts of one stream of a window.
   *
   * @param fold neighbouring ordinary bins that the device added up: the sum lies in the first of
   *     them
   */
  public record Counts(List<Long> bins, int fold) {
    public Counts {
      bins = List.copyOf(bins);
    }
  }
}
