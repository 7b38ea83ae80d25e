package io.skerry.agent.boot;

import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.time.DeviceClock;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.protocol.Generation;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a device agent stands.
 *
 * @param instance random, of this start
 * @param heardAt when the control plane was last heard of, in this run
 * @param committedAt when it last told which records it has stored, in this run
 * @param observed generation of the newest desired document
 * @param desiredAt when that came, in this run
 * @param runningSince when what a slot runs began to answer
 * @param spooled records of this boot that were written to the spool
 * @param waiting records in the spool that are not committed
 * @param oldestWaiting when the oldest of those was made
 * @param dropped records that did not fit the spool, since the start
 * @param damaged records that were damaged on disk, since the start
 * @param telemetryFault why nothing is recorded and the link is off; empty when all is well
 * @param skipped predictions answered but not observed, since the start
 */
public record AgentStatus(
    String device,
    String instance,
    long bootEpoch,
    Instant startedAt,
    Instant at,
    DeviceLink.State link,
    Optional<Instant> heardAt,
    Optional<Instant> committedAt,
    Generation observed,
    Generation applied,
    Optional<Instant> desiredAt,
    List<SlotReport> slots,
    Map<SlotId, Instant> runningSince,
    Map<RecordStream, Long> spooled,
    Map<RecordStream, Long> waiting,
    Optional<Instant> oldestWaiting,
    Map<RecordStream, Long> dropped,
    long damaged,
    Optional<String> telemetryFault,
    long skipped,
    Believed believed,
    DeviceLogin.Status login,
    DeviceClock.Reading clock) {
  /** Copies. */
  public AgentStatus {
    slots = List.copyOf(slots);
    runningSince = Map.copyOf(runningSince);
    spooled = Map.copyOf(spooled);
    waiting = Map.copyOf(waiting);
    dropped = Map.copyOf(dropped);
  }

  /** The root document and the snapshot that the device believes. */
  public record Believed(
      long rootVersion, Instant rootExpires, Optional<BelievedSnapshot> snapshot) {}

  /** A snapshot's version and times. */
  public record BelievedSnapshot(long version, Instant issuedAt, Instant expiresAt) {}
}
