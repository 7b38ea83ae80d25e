package io.skerry.contract;

import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.time.Instant;
import java.util.List;

/**
 * What a control plane keeps of devices, records, orders and rollouts, and the real ways to it. All
 * devices are of one profile, and versions 1 to 3 are packaged for it.
 */
interface Tables {
  /** Ends the control plane's process and starts it again on what is kept. */
  void restart();

  /** Enrols a device that is connected, of boot epoch 1. */
  void enrol(DeviceId device);

  /** A device's birth or death. */
  void present(DeviceId device, boolean online);

  /** Stores what a device reports; whether it was newer than what was known. */
  boolean report(ReportedDocument report);

  /** Stores a batch of events, and returns what the device may then free. */
  List<CommittedRange> take(DeviceId device, RecordBatch batch);

  /** Sequences of a device's stored events, ascending; one that is stored twice comes twice. */
  List<Long> stored(DeviceId device, long bootEpoch);

  /** A device's events, counted. */
  Counts counts(DeviceId device);

  /**
   * Records by what became of them.
   *
   * @param missing heard of, and not accounted for
   * @param lost dropped or damaged on the device
   */
  record Counts(long stored, long duplicates, long missing, long lost) {}

  /** Orders a version for the slot {@code main} of these devices. */
  void order(List<DeviceId> devices, long version);

  /** Documents that wait to be published, who has waited longest first. */
  List<Waiting> waiting(int limit);

  /**
   * A document that waits.
   *
   * @param ticket what the outbox knows it by
   */
  record Waiting(DesiredDocument document, Object ticket) {}

  /** The broker has these. */
  void published(List<Waiting> documents);

  /** Queues again what devices that are connected have not seen; how many. */
  int repair();

  /** Queues every document again. */
  void queueAll();

  /** Lifts orders above what their devices have seen. */
  void outrank();

  /** The books of rollouts. */
  RolloutBooks books();

  /** Begins a rollout to every device, of cumulative percentages. */
  RolloutId begin(long version, List<Integer> percents, Instant now);

  /** A replica looks at a rollout once, if it gets its lease. */
  void look(RolloutId rollout, String replica, Instant now);
}
