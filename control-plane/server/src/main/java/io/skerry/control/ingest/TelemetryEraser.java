package io.skerry.control.ingest;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Erases what devices sent. */
@Singleton
public final class TelemetryEraser {
  private final LakeWriter lake;
  private final SampleStore samples;
  private final TenantKeys keys;

  TelemetryEraser(LakeWriter lake, SampleStore samples, TenantKeys keys) {
    this.lake = lake;
    this.samples = samples;
    this.keys = keys;
  }

  /**
   * What was erased.
   *
   * @param predictions of a subject, each as {@code device/prediction}; empty for a device
   */
  public record Erased(long samples, long windows, long feedback, Set<String> predictions) {
    public Erased {
      predictions = Set.copyOf(predictions);
    }
  }

  /** The pseudonym under which a subject's samples are found: 32 hexadecimal digits. */
  public String pseudonym(TenantId tenant, String subject) {
    return keys.pseudonym(tenant, subject);
  }

  /** Erases everything that a device sent. */
  public Erased device(Transaction transaction, TenantId tenant, String device) {
    // Before any row: who moves samples to the lake holds it, and takes rows then.
    LakeWriter.lock(transaction);
    long waiting = transaction.update("delete from telemetry_sample where device = ?", device);
    transaction.update("delete from telemetry_window_stream where device = ?", device);
    long windows = transaction.update("delete from telemetry_window where device = ?", device);
    // Who labels holds the task and then stores an outcome, which is to be seen here.
    transaction.update("delete from label_task where device = ?", device);
    long feedback = transaction.update("delete from telemetry_feedback where device = ?", device);
    transaction.update("delete from telemetry_event where device = ?", device);
    transaction.update(
        """
        delete from device_attributes old where device = ?
          and (exists (select 1 from device_attributes newer
              where newer.device = old.device and newer.since > old.since)
            or not exists (select 1 from device where id = old.device))
        """,
        device);
    transaction.update("delete from telemetry_prediction where device = ?", device);
    transaction.update("delete from telemetry_quarantine where device = ?", device);
    transaction.update("delete from device_change where device = ?", device);
    transaction.update(
        """
        update incident_event
        set event = jsonb_set(event, '{event,touched}', (event #> '{event,touched}') - ?::text)
        where jsonb_exists(event #> '{event,touched}', ?)
        """,
        device,
        device);
    long stored = lake.erase(transaction, tenant.value(), new SampleFiles.Erased("device", device));
    // Whoever judges holds a track and then its incidents' scores. Baselines of a device are in the
    // states that are stored; the next is made without it.
    transaction.list(
        "select 1 from drift_track order by slot, model, window_millis for update", row -> true);
    transaction.update("delete from drift_snapshot");
    transaction.update("delete from incident_score where device = ?", device);
    transaction.update("delete from incident_score_today where device = ?", device);
    return new Erased(waiting + stored, windows, feedback, Set.of());
  }

  /**
   * Erases every prediction of a subject, and the bytes of all samples and outcomes that could not
   * be read: nobody can tell whose they are. A pseudonym is made with its tenant's key, so it is no
   * other tenant's; the device that sent it may be gone.
   */
  public Erased subject(Transaction transaction, TenantId tenant, String pseudonym) {
    LakeWriter.lock(transaction);
    Set<String> predictions = new HashSet<>(samples.predictions(transaction, tenant, pseudonym));
    // Samples may be gone whose outcomes are not.
    predictions.addAll(
        transaction.list(
            """
            select device || '/' || prediction_id as name from telemetry_prediction
            where subject = ?
            """,
            row -> row.text("name"),
            pseudonym));
    long waiting =
        transaction.update(
            "delete from telemetry_sample where tenant = ? and subject = ?",
            tenant.value(),
            pseudonym);
    long stored =
        lake.erase(transaction, tenant.value(), new SampleFiles.Erased("subject", pseudonym));
    // Who labels holds the task and then stores an outcome, which is to be seen here.
    transaction.update(
        "delete from label_task where device || '/' || prediction_id = any(?)", predictions);
    long feedback =
        transaction.update(
            """
            delete from telemetry_feedback
            where subject = ? or device || '/' || prediction_id = any(?)
            """,
            pseudonym,
            predictions);
    transaction.update("delete from telemetry_prediction where subject = ?", pseudonym);
    AnomalyLogs.erase(transaction, predictions);
    Quarantine.erasePayloads(transaction, tenant);
    return new Erased(waiting + stored, 0, feedback, predictions);
  }

  /** The tenant of a device that is or was here. */
  public static Optional<TenantId> tenant(Transaction transaction, String device) {
    return transaction
        .first(
            """
            select tenant from (
              select 1 as nth, tenant from device where id = ?
              union all select 2, tenant from device_removed where id = ?) known
            order by nth limit 1
            """,
            row -> row.text("tenant"),
            device,
            device)
        .map(TenantId::new);
  }
}
