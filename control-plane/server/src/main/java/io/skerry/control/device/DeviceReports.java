package io.skerry.control.device;

import com.google.gson.Gson;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.control.sql.Columns;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.device.InstanceEvent;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotReport;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Stores what devices say of themselves: the latest only. */
@Singleton
public final class DeviceReports {
  private final Profiles profiles;
  private final DeviceInstances instances;
  private final ApplicationEventPublisher<ReportsStoring> storing;
  private final Gson gson = new Gson();

  DeviceReports(
      Profiles profiles,
      DeviceInstances instances,
      ApplicationEventPublisher<ReportsStoring> storing) {
    this.profiles = profiles;
    this.instances = instances;
    this.storing = storing;
  }

  /**
   * Stores a report if it is newer than the stored one, by boot epoch and sequence, and not of a
   * removed device that had the same name.
   *
   * @return whether it was
   */
  public boolean store(Transaction transaction, ReportedDocument report) {
    return !store(transaction, List.of(report)).isEmpty();
  }

  /**
   * Stores many reports, in a fixed number of statements. Of several of one device only the newest
   * counts.
   *
   * @return those that were newer than what was stored
   */
  public List<ReportedDocument> store(
      Transaction transaction, Collection<ReportedDocument> reports) {
    Map<String, Long> floors = new HashMap<>();
    transaction.forEach(
        "select id, boot_epoch_floor from device where id = any(?)",
        row -> floors.put(row.text("id"), row.bigint("boot_epoch_floor")),
        reports.stream().map(report -> report.device().value()).distinct().toList());
    Map<DeviceId, ReportedDocument> newest = new LinkedHashMap<>();
    Map<DeviceId, List<InstanceEvent>> heard = new LinkedHashMap<>();
    for (ReportedDocument report : reports) {
      Long floor = floors.get(report.device().value());
      if (floor == null || report.bootEpoch() <= floor) {
        continue;
      }
      heard
          .computeIfAbsent(report.device(), unused -> new ArrayList<>())
          .add(
              new InstanceEvent.Reported(
                  report.health().instance(), report.bootEpoch(), report.at()));
      newest.merge(
          report.device(),
          report,
          (before, after) -> after.isAfter(before.bootEpoch(), before.sequence()) ? after : before);
    }
    if (newest.isEmpty()) {
      return List.of();
    }
    instances.heard(transaction, heard);
    Set<String> stored = storeHeads(transaction, newest.values());
    List<ReportedDocument> taken =
        newest.values().stream()
            .filter(report -> stored.contains(report.device().value()))
            .toList();
    if (!taken.isEmpty()) {
      storeSlots(transaction, taken);
      storeFacts(transaction, taken);
      storing.publishEvent(
          new ReportsStoring(transaction, taken.stream().map(ReportedDocument::device).toList()));
    }
    return taken;
  }

  private static Set<String> storeHeads(
      Transaction transaction, Collection<ReportedDocument> reports) {
    Columns rows = new Columns(11);
    for (ReportedDocument report : reports) {
      rows.add(
          report.device().value(),
          report.bootEpoch(),
          report.sequence(),
          report.observed().term(),
          report.observed().counter(),
          report.agentVersion(),
          report.dropped().values().stream().mapToLong(Long::longValue).sum(),
          storable(report.health().system()),
          storable(report.health().runtime()),
          storable(report.health().instance()),
          report.at().toEpochMilli());
    }
    return new HashSet<>(
        transaction.list(
            """
            insert into device_report (device, boot_epoch, sequence, observed_term,
              observed_counter, agent_version, dropped, system, runtime, instance, told_millis)
            select * from unnest(?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[],
              ?::text[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::bigint[])
              as given (device)
            order by device
            on conflict (device) do update set
              boot_epoch = excluded.boot_epoch, sequence = excluded.sequence,
              observed_term = excluded.observed_term,
              observed_counter = excluded.observed_counter,
              agent_version = excluded.agent_version, dropped = excluded.dropped,
              system = excluded.system, runtime = excluded.runtime,
              instance = coalesce(nullif(excluded.instance, ''), device_report.instance),
              told_millis = case excluded.instance
                when '' then device_report.told_millis
                when device_report.instance
                  then greatest(device_report.told_millis, excluded.told_millis)
                else excluded.told_millis end
            where (device_report.boot_epoch, device_report.sequence)
              < (excluded.boot_epoch, excluded.sequence)
            returning device
            """,
            row -> row.text("device"),
            rows.and()));
  }

  // PostgreSQL's texts hold no NUL.
  private static String storable(String text) {
    return text.replace('\0', '\uFFFD');
  }

  private static void storeSlots(Transaction transaction, List<ReportedDocument> reports) {
    Columns rows = new Columns(12);
    for (ReportedDocument report : reports) {
      for (SlotReport slot : report.slots()) {
        Optional<SlotReport.Running> running = slot.running();
        rows.add(
            report.device().value(),
            slot.slot().value(),
            slot.revision(),
            slot.phase().name(),
            slot.rollout().map(RolloutId::value).orElse(null),
            running.map(now -> now.version().model().value()).orElse(null),
            running.map(now -> now.version().version()).orElse(null),
            running.map(now -> now.manifest().toString()).orElse(null),
            slot.error().map(error -> error.code().name()).orElse(null),
            slot.error().map(error -> storable(error.detail())).orElse(null),
            slot.predictions(),
            slot.predictionsFailed());
      }
    }
    Columns slots = new Columns(2);
    for (ReportedDocument report : reports) {
      report.slots().forEach(slot -> slots.add(report.device().value(), slot.slot().value()));
    }
    transaction.update(
        """
        delete from device_slot_report s
        where s.device = any(?) and not exists (
          select 1 from unnest(?::text[], ?::text[]) as told (device, slot)
          where told.device = s.device and told.slot = s.slot)
        """,
        slots.after(reports.stream().map(report -> report.device().value()).toList()));
    if (rows.isEmpty()) {
      return;
    }
    transaction.update(
        """
        insert into device_slot_report (device, slot, revision, phase, rollout, running_model,
          running_version, running_manifest, error_code, error_detail, predictions,
          predictions_failed)
        select * from unnest(?::text[], ?::text[], ?::bigint[], ?::text[], ?::text[], ?::text[],
          ?::bigint[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[])
          as given (device, slot)
        order by device, slot
        on conflict (device, slot) do update set
          revision = excluded.revision, phase = excluded.phase, rollout = excluded.rollout,
          running_model = excluded.running_model, running_version = excluded.running_version,
          running_manifest = excluded.running_manifest, error_code = excluded.error_code,
          error_detail = excluded.error_detail, predictions = excluded.predictions,
          predictions_failed = excluded.predictions_failed
        """,
        rows.and());
  }

  private record Told(String facts, Optional<String> profile) {}

  private void storeFacts(Transaction transaction, List<ReportedDocument> reports) {
    Map<DeviceFacts, Told> known = new HashMap<>();
    Columns rows = new Columns(3);
    for (ReportedDocument report : reports) {
      Told told =
          known.computeIfAbsent(
              report.facts(), facts -> new Told(gson.toJson(facts), profiles.matching(facts)));
      rows.add(report.device().value(), told.facts(), told.profile().orElse(null));
    }
    // Locked in one order, so that whoever else changes several devices never waits in a circle.
    transaction.update(
        """
        with told as materialized (
          select device, facts::jsonb as facts, profile
          from unnest(?::text[], ?::text[], ?::text[]) as given (device, facts, profile)),
        changed as materialized (
          select device.id, told.facts, told.profile
          from device join told on told.device = device.id
          -- The server may have been started with other profiles than when it was told before.
          where device.facts <> told.facts or device.profile is distinct from told.profile
          order by device.id for no key update of device)
        update device set facts = changed.facts, profile = changed.profile
        from changed where device.id = changed.id
        """,
        rows.and());
  }
}
