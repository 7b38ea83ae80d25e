package io.skerry.control.device;

import io.skerry.control.host.Addresses;
import io.skerry.control.sql.Columns;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.UnitName;
import jakarta.inject.Singleton;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Desired documents that are to be published. Publishing one twice harms nobody. */
@Singleton
public final class DesiredOutbox {
  private final Database database;
  private final Addresses addresses;
  private final OutboxSignal signal;
  private final Duration validity;

  DesiredOutbox(Database database, Addresses addresses, OutboxSignal signal, TrustConfig config) {
    this.database = database;
    this.addresses = addresses;
    this.signal = signal;
    this.validity = config.desiredValidity();
  }

  /**
   * A document that is to be published.
   *
   * @param queuedAt when it was queued last: what is queued again meanwhile stays in the outbox
   */
  public record Waiting(DesiredDocument document, Instant queuedAt) {}

  /** The newest documents of the devices that have waited longest. */
  public List<Waiting> waiting(int limit) {
    return waiting(limit, Optional.empty());
  }

  /**
   * The same of those that come after another, which may still be in the outbox; what is queued
   * again meanwhile comes after all that waits.
   */
  public List<Waiting> waiting(int limit, Optional<Waiting> after) {
    URI artifactBase = addresses.get().artifactBase();
    Instant expiresAt = Instant.now().plus(validity).truncatedTo(ChronoUnit.SECONDS);
    return database.call(
        transaction -> waiting(transaction, limit, after, artifactBase, expiresAt));
  }

  private static List<Waiting> waiting(
      Transaction transaction,
      int limit,
      Optional<Waiting> after,
      URI artifactBase,
      Instant expiresAt) {
    transaction.readOneSnapshot();
    List<Head> heads =
        transaction.list(
            """
            select device.tenant, desired.device, desired.term, desired.counter, desired.issued_at,
              desired_outbox.queued_at
            from desired_outbox
            join desired using (device)
            join device on device.id = desired.device
            where (desired_outbox.queued_at, desired_outbox.device) > (?::timestamptz, ?)
            order by desired_outbox.queued_at, desired_outbox.device limit ?
            """,
            Head::read,
            after.map(Waiting::queuedAt).orElse(Instant.EPOCH).toString(),
            after.map(one -> one.document().device().value()).orElse(""),
            limit);
    if (heads.isEmpty()) {
      return List.of();
    }
    Map<String, List<OfDevice>> slots =
        transaction
            .list(
                """
                select * from desired_slot where device = any(?) order by device, slot
                """,
                row -> new OfDevice(row.text("device"), slot(row, artifactBase)),
                heads.stream().map(Head::device).toList())
            .stream()
            .collect(Collectors.groupingBy(OfDevice::device));
    return heads.stream()
        .map(
            head ->
                new Waiting(
                    head.document(expiresAt, slots.getOrDefault(head.device(), List.of())),
                    head.queuedAt()))
        .toList();
  }

  /**
   * Takes documents out of the outbox, unless they were queued again, or a newer one of the same
   * device has come in.
   */
  public void published(Collection<Waiting> documents) {
    Columns rows = new Columns(4);
    for (Waiting waiting : documents) {
      Generation generation = waiting.document().generation();
      rows.add(
          waiting.document().device().value(),
          generation.term(),
          generation.counter(),
          waiting.queuedAt().toString());
    }
    List<String> devices =
        documents.stream().map(waiting -> waiting.document().device().value()).toList();
    database.run(
        transaction -> {
          // In the order in which DesiredService locks.
          transaction.update(
              """
              with sent as (
                select device from desired where device = any(?) order by device for update)
              update desired set published_at = now() from sent where desired.device = sent.device
              """,
              devices);
          transaction.update(
              """
              delete from desired_outbox waiting
              using unnest(?::text[], ?::bigint[], ?::bigint[], ?::text[])
                as sent (device, term, counter, queued)
              where waiting.device = sent.device
                and (waiting.term, waiting.counter) <= (sent.term, sent.counter)
                and waiting.queued_at = sent.queued::timestamptz
              """,
              rows.and());
        });
  }

  /**
   * Queues again what devices that are online have not seen for some time after it was published,
   * and what will expire before long.
   *
   * @return the number of devices
   */
  public int repair(Duration unseen) {
    int queued =
        database.call(
            transaction ->
                transaction.update(
                    """
                    insert into desired_outbox (device, term, counter, queued_at)
                    select desired.device, desired.term, desired.counter, now()
                    from desired
                    join device_presence presence on presence.device = desired.device
                    left join device_report report on report.device = desired.device
                    where presence.online
                      and desired.published_at < now() - ? * interval '1 millisecond'
                      and (report.device is null
                        or (report.observed_term, report.observed_counter)
                          < (desired.term, desired.counter))
                    union
                    select device, term, counter, now() from desired
                    where published_at < now() - ? * interval '1 millisecond'
                    on conflict (device) do nothing
                    """,
                    unseen.toMillis(),
                    validity.dividedBy(2).toMillis()));
    if (queued > 0) {
      signal.raise();
    }
    return queued;
  }

  /**
   * Queues every document, those too that are being published: a broker that was started anew has
   * none, and keys that changed sign anew.
   */
  public void queueAll() {
    database.run(
        transaction ->
            transaction.update(
                """
                insert into desired_outbox (device, term, counter, queued_at)
                select device, term, counter, clock_timestamp() from desired
                on conflict (device) do update set queued_at = excluded.queued_at
                """));
    signal.raise();
  }

  /** Waits until something is queued, or the time is over. */
  public void await(Duration longest) throws InterruptedException {
    signal.await(longest);
  }

  private record OfDevice(String device, DesiredSlot slot) {}

  private record Head(
      String tenant, String device, Generation generation, Instant issuedAt, Instant queuedAt) {
    static Head read(Row row) {
      return new Head(
          row.text("tenant"),
          row.text("device"),
          new Generation(row.bigint("term"), row.bigint("counter")),
          row.instant("issued_at"),
          row.instant("queued_at"));
    }

    DesiredDocument document(Instant expiresAt, List<OfDevice> slots) {
      return new DesiredDocument(
          new TenantId(tenant),
          new DeviceId(device),
          generation,
          issuedAt,
          Optional.of(expiresAt),
          slots.stream().map(OfDevice::slot).toList());
    }
  }

  private static DesiredSlot slot(Row row, URI artifactBase) {
    return new DesiredSlot(
        new SlotId(row.text("slot")),
        row.bigint("revision"),
        new ModelVersion(new ModelName(row.text("model")), row.bigint("version")),
        Digest.parse(row.text("manifest")),
        Digest.parse(row.text("signature")),
        artifactBase,
        row.optionalText("rollout").map(RolloutId::new),
        new SamplingRates(row.number("sampling_base"), row.number("sampling_notable"))
            .times(row.number("sampling_factor")),
        Duration.ofMillis(row.bigint("window_millis")),
        row.integer("probation_predictions"),
        Duration.ofMillis(row.bigint("probation_millis")),
        ModeColumns.read(row),
        row.optionalText("unit").map(UnitName::new));
  }
}
