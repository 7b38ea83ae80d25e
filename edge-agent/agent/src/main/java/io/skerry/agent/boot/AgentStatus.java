package io.skerry.agent.boot;

import io.skerry.agent.uplink.DeviceLink;
import io.skerry.protocol.Generation;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SlotReport;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a device agent stands.
 *
 * @param heardAt when the control plane was last heard of
 * @param spooled records of this boot that were written to the spool
 * @param waiting records in the spool that are not committed
 * @param dropped records that did not fit the spool, since the start
 * @param damaged records that were damaged on disk, since the start
 * @param skipped predictions answered but not observed, since the start
 */
public record AgentStatus(
    String device,
    long bootEpoch,
    Instant startedAt,
    Instant at,
    DeviceLink.State link,
    Optional<Instant> heardAt,
    Generation observed,
    Generation applied,
    List<SlotReport> slots,
    Map<RecordStream, Long> spooled,
    Map<RecordStream, Long> waiting,
    Map<RecordStream, Long> dropped,
    long damaged,
    long skipped) {
  public AgentStatus {
    slots = List.copyOf(slots);
    spooled = Map.copyOf(spooled);
    waiting = Map.copyOf(waiting);
    dropped = Map.copyOf(dropped);
  }
}
