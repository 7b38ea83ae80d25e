package io.skerry.control.device;

import com.google.gson.Gson;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.device.InstanceEvent;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotReport;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Stores what devices say of themselves: the latest only. */
@Singleton
public final class DeviceReports {
  private final Profiles profiles;
  private final DeviceInstances instances;
  private final Gson gson = new Gson();

  DeviceReports(Profiles profiles, DeviceInstances instances) {
    this.profiles = profiles;
    this.instances = instances;
  }

  /**
   * Stores a report if it is newer than the stored one, by boot epoch and sequence, and not of a
   * removed device that had the same name.
   *
   * @return whether it was
   */
  public boolean store(Transaction transaction, ReportedDocument report) {
    String device = report.device().value();
    if (!BootEpochs.isOfThisDevice(transaction, report.device(), report.bootEpoch())) {
      return false;
    }
    instances.heard(
        transaction,
        report.device(),
        new InstanceEvent.Reported(report.health().instance(), report.bootEpoch(), report.at()));
    int stored =
        transaction.update(
            """
            insert into device_report (device, boot_epoch, sequence, at, received_at, observed_term,
              observed_counter, applied_term, applied_counter, agent_version, dropped, document)
            values (?, ?, ?, ?, now(), ?, ?, ?, ?, ?, ?, ?)
            on conflict (device) do update set
              boot_epoch = excluded.boot_epoch, sequence = excluded.sequence, at = excluded.at,
              received_at = excluded.received_at, observed_term = excluded.observed_term,
              observed_counter = excluded.observed_counter, applied_term = excluded.applied_term,
              applied_counter = excluded.applied_counter, agent_version = excluded.agent_version,
              dropped = excluded.dropped, document = excluded.document
            where (device_report.boot_epoch, device_report.sequence)
              < (excluded.boot_epoch, excluded.sequence)
            """,
            device,
            report.bootEpoch(),
            report.sequence(),
            report.at(),
            report.observed().term(),
            report.observed().counter(),
            report.applied().term(),
            report.applied().counter(),
            report.agentVersion(),
            report.dropped().values().stream().mapToLong(Long::longValue).sum(),
            ProtocolCodec.encode(report));
    if (stored == 0) {
      return false;
    }
    storeSlots(transaction, device, report.slots());
    String facts = gson.toJson(report.facts());
    transaction.update(
        "update device set facts = ?::jsonb, profile = ? where id = ? and facts <> ?::jsonb",
        facts,
        profiles.matching(report.facts()).orElse(null),
        device,
        facts);
    return true;
  }

  private static void storeSlots(Transaction transaction, String device, List<SlotReport> slots) {
    transaction.update(
        "delete from device_slot_report where device = ? and slot <> all(?)",
        device,
        slots.stream().map(slot -> slot.slot().value()).toList());
    List<@Nullable Object[]> rows = new ArrayList<>();
    for (SlotReport slot : slots) {
      Optional<SlotReport.Running> running = slot.running();
      rows.add(
          new @Nullable Object[] {
            device,
            slot.slot().value(),
            slot.revision(),
            slot.phase().name(),
            slot.rollout().map(RolloutId::value).orElse(null),
            slot.target().map(Digest::toString).orElse(null),
            running.map(now -> now.version().model().value()).orElse(null),
            running.map(now -> now.version().version()).orElse(null),
            running.map(now -> now.manifest().toString()).orElse(null),
            slot.error().map(error -> error.code().name()).orElse(null),
            slot.error().map(SlotReport.Failure::detail).orElse(null),
            slot.predictions(),
            slot.predictionsFailed()
          });
    }
    transaction.batch(
        """
        insert into device_slot_report (device, slot, revision, phase, rollout, target_manifest,
          running_model, running_version, running_manifest, error_code, error_detail, predictions,
          predictions_failed)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (device, slot) do update set
          revision = excluded.revision, phase = excluded.phase, rollout = excluded.rollout,
          target_manifest = excluded.target_manifest, running_model = excluded.running_model,
          running_version = excluded.running_version, running_manifest = excluded.running_manifest,
          error_code = excluded.error_code, error_detail = excluded.error_detail,
          predictions = excluded.predictions, predictions_failed = excluded.predictions_failed
        """,
        rows);
  }
}
