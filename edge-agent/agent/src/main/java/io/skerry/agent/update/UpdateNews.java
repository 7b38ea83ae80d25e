package io.skerry.agent.update;

import io.skerry.agent.disk.DiskFullException;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.SlotReport;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells what happened to updates: in the log, and to the control plane as events. */
final class UpdateNews {
  static final String MONITORING_UNREADABLE = "MONITORING_UNREADABLE";
  static final String MONITORING_MENDED = "MONITORING_MENDED";

  private static final Logger log = LoggerFactory.getLogger(UpdateNews.class);

  private final UpdateSetup setup;
  private final Consumer<Record> events;

  UpdateNews(UpdateSetup setup, Consumer<Record> events) {
    this.setup = setup;
    this.events = events;
  }

  static SlotReport.Failure unwritten(IOException cause) {
    return new SlotReport.Failure(
        cause instanceof DiskFullException ? ErrorCode.STORAGE_FULL : ErrorCode.STORAGE_FAILED,
        "nothing is begun while the update state cannot be written: " + cause.getMessage());
  }

  void planUnread(DesiredSlot order) {
    planEvent(
        MONITORING_UNREADABLE,
        order,
        "the monitoring plan of %s on the disk cannot be read: it is fetched again, and until then a version that was started without it counts latencies only; look at the disk if this comes back"
            .formatted(order.version()));
  }

  void planMended(DesiredSlot order) {
    planEvent(
        MONITORING_MENDED,
        order,
        "the monitoring plan of %s can be read again, and everything is counted"
            .formatted(order.version()));
  }

  void planGivenUp(DesiredSlot order, int attempts, String cause) {
    planEvent(
        MONITORING_UNREADABLE,
        order,
        "the monitoring plan of %s could not be fetched again in %d attempts, the last: %s; restart the agent or order the version anew"
            .formatted(order.version(), attempts, cause));
  }

  private void planEvent(String code, DesiredSlot order, String detail) {
    log.atWarn()
        .addKeyValue("device", setup.device())
        .addKeyValue("slot", order.slot())
        .addKeyValue("version", order.version())
        .addKeyValue("code", code)
        .log(detail);
    tell(code, detail, attributes(order));
  }

  void lost(String what) {
    log.atError().addKeyValue("device", setup.device()).addKeyValue("what", what).log("state lost");
    tell(ErrorCode.STORAGE_FAILED.name(), what, Map.of());
  }

  void refused(SlotReport.Failure failure) {
    log.atWarn()
        .addKeyValue("device", setup.device())
        .addKeyValue("code", failure.code())
        .addKeyValue("cause", failure.detail())
        .log("desired document refused");
    tell(failure.code().name(), failure.detail(), Map.of());
  }

  void ended(DesiredSlot order, Optional<SlotReport.Failure> failure) {
    String code = failure.map(cause -> cause.code().name()).orElse("COMMITTED");
    String detail =
        failure.map(SlotReport.Failure::detail).orElse(order.version() + " is committed");
    log.atInfo()
        .addKeyValue("device", setup.device())
        .addKeyValue("slot", order.slot())
        .addKeyValue("version", order.version())
        .addKeyValue("code", code)
        .addKeyValue("detail", detail)
        .log("order ended");
    Map<String, String> attributes = attributes(order);
    order.rollout().ifPresent(rollout -> attributes.put("rollout", rollout.value()));
    tell(code, detail, attributes);
  }

  private static Map<String, String> attributes(DesiredSlot order) {
    Map<String, String> attributes = new HashMap<>();
    attributes.put("slot", order.slot().value());
    attributes.put("version", order.version().toString());
    attributes.put("manifest", order.manifest().toString());
    return attributes;
  }

  private void tell(String code, String detail, Map<String, String> attributes) {
    events.accept(TelemetryRecords.event(setup.clock().instant(), code, detail, attributes));
  }
}
