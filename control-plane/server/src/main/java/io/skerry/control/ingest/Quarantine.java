package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.skerry.api.QuarantinedRecord;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What could not be read, with the reason; the oldest goes first, of one device as of all: what a
 * device sends pushes out nothing that others sent while there is room for all. Its bytes may be of
 * people: they are sealed, and nobody sees from outside of whom they are.
 */
@Singleton
final class Quarantine {
  static final int ROWS_MAX = 10_000;
  static final int DEVICE_ROWS_MAX = 1000;

  // Rows are counted once in so many, and may be so many more.
  static final int TRIMMED_EVERY = 100;

  private static final int PAYLOAD_BYTES_MAX = 64 * 1024;
  private static final int REASON_MAX = 500;
  private static final String PURPOSE = "quarantine";
  private static final Logger log = LoggerFactory.getLogger(Quarantine.class);

  private final Seals seals;

  Quarantine(Seals seals) {
    this.seals = seals;
  }

  /** The newest before an id, newest first; of one device, or of all when it is empty. */
  static List<QuarantinedRecord> newest(
      Transaction transaction, long before, String device, int limit) {
    return transaction.list(
        """
        select * from telemetry_quarantine
        where id < ? and (? = '' or device = ?) order by id desc limit ?
        """,
        row ->
            new QuarantinedRecord(
                row.bigint("id"),
                row.instant("at"),
                row.text("device"),
                row.text("stream"),
                row.optionalBigint("boot_epoch").orElse(null),
                row.optionalBigint("sequence").orElse(null),
                row.text("reason"),
                row.bigint("bytes")),
        before,
        device,
        device,
        limit);
  }

  /** The bytes that were kept of one; empty when it is not here, or they were erased. */
  Optional<byte[]> payload(Transaction transaction, long id) {
    return transaction.first(
        "select * from telemetry_quarantine where id = ? and sealed is not null",
        row ->
            seals.open(
                new TenantId(row.text("tenant")),
                PURPOSE,
                name(
                    row.text("device"),
                    row.text("stream"),
                    row.optionalBigint("boot_epoch").orElse(null),
                    row.optionalBigint("sequence").orElse(null)),
                row.bytes("sealed")),
        id);
  }

  void put(
      Transaction transaction,
      Topics.DeviceTopic topic,
      @Nullable Long epoch,
      @Nullable Long sequence,
      String reason,
      ByteString payload) {
    byte[] kept = payload.substring(0, Math.min(payload.size(), PAYLOAD_BYTES_MAX)).toByteArray();
    String device = topic.device().value();
    byte @Nullable [] sealed = null;
    String told = told(reason);
    try {
      sealed =
          seals.seal(topic.tenant(), PURPOSE, name(device, topic.kind(), epoch, sequence), kept);
    } catch (RuntimeException e) {
      // Without its tenant's key: better known without its bytes than in the way of all others.
      told =
          told(
              "its bytes are not kept, they cannot be sealed: %s; %s"
                  .formatted(e.getMessage(), reason));
    }
    log.atWarn()
        .addKeyValue("device", topic.device())
        .addKeyValue("kind", topic.kind())
        .addKeyValue("reason", told)
        .log("message quarantined");
    long id =
        transaction.number(
            """
            insert into telemetry_quarantine (at, tenant, device, stream, boot_epoch, sequence,
              reason, bytes, sealed)
            values (now(), ?, ?, ?, ?, ?, ?, ?, ?) returning id
            """,
            topic.tenant().value(),
            device,
            topic.kind(),
            epoch,
            sequence,
            told,
            sealed == null ? 0L : (long) kept.length,
            sealed);
    transaction.update(
        """
        delete from telemetry_quarantine where device = ? and id <= (
          select id from telemetry_quarantine where device = ? order by id desc offset ? limit 1)
        """,
        device,
        device,
        DEVICE_ROWS_MAX);
    if (id % TRIMMED_EVERY == 0) {
      transaction.update(
          """
          delete from telemetry_quarantine where id <= (
            select id from telemetry_quarantine order by id desc offset ? limit 1)
          """,
          ROWS_MAX);
    }
    Counters.add(transaction, "quarantined", 1);
  }

  /** Forgets all bytes of a tenant that may be of a subject; that they came stays known. */
  static void erasePayloads(Transaction transaction, TenantId tenant) {
    transaction.update(
        """
        update telemetry_quarantine set sealed = null, bytes = 0 where tenant = ?
        """,
        tenant.value());
  }

  private static String name(
      String device, String stream, @Nullable Long epoch, @Nullable Long sequence) {
    return "%s/%s/%s/%s".formatted(device, stream, epoch, sequence);
  }

  // It may quote what a device sent: of any length, and with what no text column takes.
  private static String told(String reason) {
    return reason.substring(0, Math.min(reason.length(), REASON_MAX)).replace('\0', ' ');
  }
}
