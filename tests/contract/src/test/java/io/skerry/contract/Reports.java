package io.skerry.contract;

import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** What devices say of their orders. */
final class Reports {
  static final DeviceFacts FACTS =
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

  /**
   * The slots of what a device has seen are in these phases.
   *
   * @param seen empty before its first order
   * @param running what answers in each
   */
  static ReportedDocument of(
      DeviceId device,
      Optional<DesiredDocument> seen,
      long sequence,
      Function<SlotId, SlotPhase> phases,
      DeviceFacts facts,
      Function<SlotId, Optional<SlotReport.Running>> running) {
    Generation generation = seen.map(DesiredDocument::generation).orElse(Generation.NONE);
    return new ReportedDocument(
        seen.map(DesiredDocument::tenant).orElse(new TenantId("default")),
        device,
        1,
        sequence,
        Instant.EPOCH,
        generation,
        generation,
        seen.map(DesiredDocument::slots).orElse(List.of()).stream()
            .map(order -> slot(order, phases.apply(order.slot()), running.apply(order.slot())))
            .toList(),
        facts,
        "1.0",
        Map.of(),
        DeviceHealth.UNKNOWN);
  }

  private static SlotReport slot(
      DesiredSlot order, SlotPhase phase, Optional<SlotReport.Running> running) {
    return new SlotReport(
        order.slot(),
        order.revision(),
        phase,
        order.rollout(),
        Optional.of(order.manifest()),
        running,
        Optional.empty(),
        0,
        0);
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
