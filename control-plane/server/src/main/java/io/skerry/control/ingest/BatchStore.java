package io.skerry.control.ingest;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.control.device.DeviceReports;
import io.skerry.control.device.Presence;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SequenceLedger;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Stores one batch of messages in one transaction. */
@Singleton
final class BatchStore {
  // So that sums over all devices stay numbers.
  private static final long SEQUENCE_MAX = 1L << 48;

  private final DeviceReports reports;
  private final Presence presence;

  BatchStore(DeviceReports reports, Presence presence) {
    this.reports = reports;
    this.presence = presence;
  }

  record Address(TenantId tenant, DeviceId device) {}

  /** What a committed transaction changed. */
  record Stored(
      Map<Address, List<CommittedRange>> committed,
      List<ReportedDocument> reported,
      List<StoredWindow> windows,
      List<StoredFeedback> feedback) {}

  private record Batch(Topics.DeviceTopic topic, RecordStream stream, RecordBatch records) {
    Ledgers.Key key() {
      return new Ledgers.Key(topic.device(), records.getBootEpoch(), stream);
    }
  }

  Stored store(Transaction transaction, List<InboundMessage> messages) {
    List<InboundMessage> known = ofKnownDevices(transaction, messages);
    List<Batch> batches = new ArrayList<>();
    List<ReportedDocument> reported = new ArrayList<>();
    for (InboundMessage message : known) {
      try {
        read(transaction, message, batches, reported);
      } catch (InvalidProtocolBufferException
          | MalformedDocumentException
          | IllegalArgumentException e) {
        Quarantine.put(
            transaction,
            message.topic(),
            null,
            null,
            String.valueOf(e.getMessage()),
            message.payload());
      }
    }
    Ledgers ledgers = Ledgers.lock(transaction, batches.stream().map(Batch::key).toList());
    RecordRows rows = new RecordRows();
    long duplicates = 0;
    for (Batch batch : batches) {
      duplicates += gather(transaction, batch, ledgers, rows);
    }
    rows.insert(transaction);
    ledgers.save(transaction);
    Counters.add(transaction, "duplicates", duplicates);
    presence.seen(transaction, devices(known));
    return new Stored(
        committed(batches, ledgers), reported, rows.storedWindows(), rows.storedFeedback());
  }

  // A device that was removed while it was connected: nothing of it is kept.
  private static List<InboundMessage> ofKnownDevices(
      Transaction transaction, List<InboundMessage> messages) {
    Set<String> known =
        new HashSet<>(
            transaction.list(
                "select tenant || '/' || id as name from device where id = any(?) for key share",
                row -> row.text("name"),
                devices(messages).stream().map(DeviceId::value).toList()));
    return messages.stream()
        .filter(
            message -> known.contains(message.topic().tenant() + "/" + message.topic().device()))
        .toList();
  }

  private static Set<DeviceId> devices(List<InboundMessage> messages) {
    Set<DeviceId> devices = new HashSet<>();
    messages.forEach(message -> devices.add(message.topic().device()));
    return devices;
  }

  private void read(
      Transaction transaction,
      InboundMessage message,
      List<Batch> batches,
      List<ReportedDocument> reported)
      throws InvalidProtocolBufferException, MalformedDocumentException {
    Topics.DeviceTopic topic = message.topic();
    switch (topic.kind()) {
      case Topics.STATUS -> {
        if (!message.payload().isEmpty()) {
          presence.store(
              transaction,
              topic.device(),
              ProtocolCodec.decodeStatus(message.payload().toByteArray()));
        }
      }
      case Topics.REPORTED -> {
        ReportedDocument document = ProtocolCodec.decodeReported(message.payload().toByteArray());
        if (!document.device().equals(topic.device())
            || !document.tenant().equals(topic.tenant())) {
          throw new MalformedDocumentException(
              "reported document of '%s/%s' on another device's topic"
                  .formatted(document.tenant(), document.device()));
        }
        if (reports.store(transaction, document)) {
          reported.add(document);
        }
      }
      default ->
          batches.add(
              new Batch(
                  topic,
                  RecordStream.ofWireName(topic.kind()),
                  RecordBatch.parseFrom(message.payload())));
    }
  }

  private static long gather(
      Transaction transaction, Batch batch, Ledgers ledgers, RecordRows rows) {
    Ledgers.Key key = batch.key();
    long firstKept = batch.records().getFirstKept();
    if (firstKept > 0 && firstKept <= SEQUENCE_MAX) {
      ledgers.skipTo(key, firstKept);
    }
    long duplicates = 0;
    for (Record record : batch.records().getRecordsList()) {
      if (record.getSequence() < 1 || record.getSequence() > SEQUENCE_MAX) {
        setAside(transaction, batch, record, "sequence is outside 1 to 2^48");
        continue;
      }
      SequenceLedger.Outcome outcome = ledgers.take(key, record.getSequence());
      if (outcome == SequenceLedger.Outcome.DUPLICATE) {
        duplicates++;
      } else if (outcome == SequenceLedger.Outcome.STORE) {
        add(transaction, batch, record, rows);
      }
    }
    return duplicates;
  }

  // A malformed record counts as stored: its device need not send it again, its neighbours live on.
  private static void add(Transaction transaction, Batch batch, Record record, RecordRows rows) {
    try {
      RecordReader.checkKind(batch.stream(), record);
      rows.add(
          batch.topic().tenant(), batch.topic().device(), batch.records().getBootEpoch(), record);
    } catch (RecordReader.Malformed e) {
      setAside(transaction, batch, record, String.valueOf(e.getMessage()));
    }
  }

  private static void setAside(Transaction transaction, Batch batch, Record record, String reason) {
    Quarantine.put(
        transaction,
        batch.topic(),
        batch.records().getBootEpoch(),
        record.getSequence(),
        reason,
        record.toByteString());
  }

  private static Map<Address, List<CommittedRange>> committed(
      List<Batch> batches, Ledgers ledgers) {
    Map<DeviceId, List<CommittedRange>> ranges = ledgers.committed();
    Map<Address, List<CommittedRange>> committed = new HashMap<>();
    for (Batch batch : batches) {
      List<CommittedRange> ofDevice = ranges.get(batch.topic().device());
      if (ofDevice != null) {
        committed.put(new Address(batch.topic().tenant(), batch.topic().device()), ofDevice);
      }
    }
    return committed;
  }
}
