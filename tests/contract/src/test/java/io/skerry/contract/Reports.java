package io.skerry.contract;

import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What devices say of their orders. */
final class Reports {
  private static final DeviceFacts FACTS =
      new DeviceFacts(
          "x86-64", List.of("avx2"), 4, 1L << 32, List.of(), List.of("onnxruntime"), "");

  private Reports() {}

  /** Every slot of a document that was seen is in this phase; it runs what is committed. */
  static ReportedDocument of(DesiredDocument seen, long sequence, SlotPhase phase) {
    return new ReportedDocument(
        seen.tenant(),
        seen.device(),
        1,
        sequence,
        Instant.EPOCH,
        seen.generation(),
        seen.generation(),
        seen.slots().stream().map(slot -> slot(slot, phase)).toList(),
        FACTS,
        "1.0",
        Map.of(),
        DeviceHealth.UNKNOWN);
  }

  private static SlotReport slot(DesiredSlot order, SlotPhase phase) {
    return new SlotReport(
        order.slot(),
        order.revision(),
        phase,
        order.rollout(),
        Optional.of(order.manifest()),
        phase == SlotPhase.COMMITTED
            ? Optional.of(new SlotReport.Running(order.version(), order.manifest()))
            : Optional.empty(),
        Optional.empty(),
        0,
        0);
  }
}
