package io.skerry.protocol;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * What a device says of itself: always the whole of it.
 *
 * @param bootEpoch grows with every start of the agent, persisted, from 1
 * @param sequence grows with every report of one boot epoch, from 1
 * @param observed the highest generation seen
 * @param applied the highest generation of which every slot reached a terminal phase
 * @param dropped records that the spool had to drop, by stream
 * @param health how the agent itself is
 */
public record ReportedDocument(
    TenantId tenant,
    DeviceId device,
    long bootEpoch,
    long sequence,
    Instant at,
    Generation observed,
    Generation applied,
    List<SlotReport> slots,
    DeviceFacts facts,
    String agentVersion,
    Map<RecordStream, Long> dropped,
    DeviceHealth health) {
  /** The largest encoded document that the control plane accepts. */
  public static final int BYTES_MAX = 32 * 1024;

  public ReportedDocument {
    slots = List.copyOf(slots);
    dropped = Map.copyOf(dropped);
  }

  /** Whether this report is newer than one of that epoch and sequence of the same device. */
  public boolean isAfter(long otherEpoch, long otherSequence) {
    return bootEpoch > otherEpoch || (bootEpoch == otherEpoch && sequence > otherSequence);
  }
}
