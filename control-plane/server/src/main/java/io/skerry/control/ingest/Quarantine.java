package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.skerry.api.QuarantinedRecord;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Topics;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What could not be read, with the reason; the oldest goes first. */
final class Quarantine {
  static final int ROWS_MAX = 10_000;
  private static final int PAYLOAD_BYTES_MAX = 64 * 1024;
  private static final int REASON_MAX = 500;
  private static final Logger log = LoggerFactory.getLogger(Quarantine.class);

  private Quarantine() {}

  /** The newest before an id, newest first; of one device, or of all when it is empty. */
  static List<QuarantinedRecord> newest(
      Transaction transaction, long before, String device, int limit) {
    return transaction.list(
        """
        select *, octet_length(payload) as bytes from telemetry_quarantine
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

  static void put(
      Transaction transaction,
      Topics.DeviceTopic topic,
      @Nullable Long epoch,
      @Nullable Long sequence,
      String reason,
      ByteString payload) {
    String told = told(reason);
    log.atWarn()
        .addKeyValue("device", topic.device())
        .addKeyValue("kind", topic.kind())
        .addKeyValue("reason", told)
        .log("message quarantined");
    transaction.update(
        """
        insert into telemetry_quarantine (at, device, stream, boot_epoch, sequence, reason, payload)
        values (now(), ?, ?, ?, ?, ?, ?)
        """,
        topic.device().value(),
        topic.kind(),
        epoch,
        sequence,
        told,
        payload.substring(0, Math.min(payload.size(), PAYLOAD_BYTES_MAX)).toByteArray());
    transaction.update(
        "delete from telemetry_quarantine where id <= (select max(id) from telemetry_quarantine) - ?",
        (long) ROWS_MAX);
    Counters.add(transaction, "quarantined", 1);
  }

  // It may quote what a device sent: of any length, and with what no text column takes.
  private static String told(String reason) {
    return reason.substring(0, Math.min(reason.length(), REASON_MAX)).replace('\0', ' ');
  }
}
