package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.micronaut.context.event.ApplicationEventPublisher;
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
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Stores one batch of messages in one transaction. */
@Singleton
final class BatchStore {
  // So that sums over all devices stay numbers.
  static final long SEQUENCE_MAX = 1L << 48;

  // A device that restarts every second for as long gets no further.
  private static final long EPOCHS_AHEAD_MAX = 1L << 20;

  /** How far a record may be ahead of everything heard of before: more than any spool holds. */
  static final long JUMP_MAX = 1L << 20;

  /** How much a device may say at once that it dropped. */
  static final long GIVEN_UP_MAX = 1L << 32;

  /** Gaps in a batch that are looked at. */
  static final int GAPS_MAX = 1024;

  /** Records of a batch that are kept in quarantine; the others are only counted. */
  static final int SET_ASIDE_MAX = 16;

  private final DeviceReports reports;
  private final Presence presence;
  private final SealedSample seals;
  private final TenantKeys keys;
  private final WindowLayouts layouts;
  private final IngestConfig config;
  private final Quarantine quarantine;
  private final HeldBack heldBack;
  private final Clock clock = Clock.systemUTC();
  private final ApplicationEventPublisher<RecordsStoring> storing;

  BatchStore(
      DeviceReports reports,
      Presence presence,
      SealedSample seals,
      TenantKeys keys,
      WindowLayouts layouts,
      IngestConfig config,
      Quarantine quarantine,
      HeldBack heldBack,
      ApplicationEventPublisher<RecordsStoring> storing) {
    this.layouts = layouts;
    this.config = config;
    this.quarantine = quarantine;
    this.heldBack = heldBack;
    this.reports = reports;
    this.presence = presence;
    this.seals = seals;
    this.keys = keys;
    this.storing = storing;
  }

  record Address(TenantId tenant, DeviceId device) {}

  /** What a committed transaction changed. */
  record Stored(Map<Address, List<CommittedRange>> committed, List<ReportedDocument> reported) {}

  private record Batch(Topics.DeviceTopic topic, RecordStream stream, RecordBatch records) {
    Ledgers.Key key() {
      return new Ledgers.Key(topic.device(), records.getBootEpoch(), stream);
    }
  }

  Stored store(Transaction transaction, List<InboundMessage> messages) {
    return store(transaction, messages, Optional.empty());
  }

  /**
   * Takes records as they come, but sets them aside: nobody can store them.
   *
   * @param reason why
   */
  Stored setAside(Transaction transaction, List<InboundMessage> messages, String reason) {
    return store(transaction, messages, Optional.of(reason));
  }

  /** The records of a message in two messages; empty where it has fewer than two. */
  static List<InboundMessage> halves(InboundMessage message) {
    Topics.DeviceTopic topic = message.topic();
    if (topic.kind().equals(Topics.STATUS) || topic.kind().equals(Topics.REPORTED)) {
      return List.of();
    }
    try {
      RecordBatch batch = RecordBatch.parseFrom(message.payload());
      int half = batch.getRecordsCount() / 2;
      List<Record> records = batch.getRecordsList();
      return half == 0
          ? List.of()
          : Stream.of(records.subList(0, half), records.subList(half, records.size()))
              .map(some -> batch.toBuilder().clearRecords().addAllRecords(some).build())
              .map(
                  some ->
                      new InboundMessage(topic, some.toByteString(), message.isVoid(), () -> {}))
              .toList();
    } catch (InvalidProtocolBufferException e) {
      return List.of();
    }
  }

  private Stored store(
      Transaction transaction, List<InboundMessage> messages, Optional<String> refused) {
    ErasureOrders.hold(transaction);
    List<InboundMessage> known = ofKnownDevices(transaction, messages);
    List<Batch> batches = new ArrayList<>();
    List<ReportedDocument> reported = new ArrayList<>();
    for (InboundMessage message : known) {
      try {
        read(transaction, message, batches, reported);
      } catch (InvalidProtocolBufferException
          | MalformedDocumentException
          | IllegalArgumentException e) {
        quarantine.put(
            transaction,
            message.topic(),
            null,
            null,
            String.valueOf(e.getMessage()),
            message.payload());
      }
    }
    List<ReportedDocument> newer = reports.store(transaction, reported);
    setAsideFarEpochs(transaction, batches);
    removeThoseOfRemovedDevices(transaction, batches);
    Ledgers ledgers = Ledgers.lock(transaction, batches.stream().map(Batch::key).toList());
    RecordRows rows =
        new RecordRows(
            clock.instant(),
            seals,
            keys,
            layouts,
            config,
            new Tracks(transaction, config),
            erased(transaction, batches));
    long duplicates = 0;
    for (Batch batch : batches) {
      duplicates += gather(transaction, batch, ledgers, rows, refused);
    }
    rows.insert(transaction);
    RecordsStoring stored = rows.storing(transaction);
    if (!stored.windows().isEmpty() || !stored.feedback().isEmpty()) {
      storing.publishEvent(stored);
    }
    ledgers.save(transaction);
    Counters.add(transaction, "duplicates", duplicates);
    presence.seen(transaction, devices(known));
    return new Stored(committed(batches, ledgers), newer);
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

  // A name can be enrolled again after its device was removed; the new one begins above the floor.
  private static void removeThoseOfRemovedDevices(Transaction transaction, List<Batch> batches) {
    if (batches.isEmpty()) {
      return;
    }
    Map<String, Long> floors = new HashMap<>();
    transaction.forEach(
        "select id, boot_epoch_floor from device where id = any(?) and boot_epoch_floor > 0",
        row -> floors.put(row.text("id"), row.bigint("boot_epoch_floor")),
        batches.stream().map(batch -> batch.topic().device().value()).distinct().toList());
    batches.removeIf(
        batch ->
            batch.records().getBootEpoch()
                <= floors.getOrDefault(batch.topic().device().value(), 0L));
  }

  private static ErasedRecords erased(Transaction transaction, List<Batch> batches) {
    return new ErasedRecords(
        ErasureOrders.ofDevices(
            transaction,
            batches.stream().map(batch -> batch.topic().device().value()).distinct().toList()));
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
        reported.add(document);
      }
      default -> {
        RecordStream stream = RecordStream.ofWireName(topic.kind());
        RecordBatch batch = RecordBatch.parseFrom(message.payload());
        if (heldBack.holds(topic.tenant(), stream, batch)) {
          Counters.add(transaction, "held_back", 1);
        } else {
          batches.add(new Batch(topic, stream, batch));
        }
      }
    }
  }

  // Or a hostile device could fill the table of ledgers, and shut itself out for good.
  private void setAsideFarEpochs(Transaction transaction, List<Batch> batches) {
    Map<String, Long> newest = new HashMap<>();
    transaction.forEach(
        """
        select id, greatest(boot_epoch_floor,
          coalesce((select max(boot_epoch) from ingest_ledger where device = id), 0),
          coalesce((select boot_epoch from device_report where device = id), 0)) as newest
        from device where id = any(?)
        """,
        row -> newest.put(row.text("id"), row.bigint("newest")),
        batches.stream().map(batch -> batch.topic().device().value()).distinct().toList());
    batches.removeIf(
        batch -> {
          long epoch = batch.records().getBootEpoch();
          long known = newest.getOrDefault(batch.topic().device().value(), 0L);
          if (epoch >= 1 && epoch <= SEQUENCE_MAX && epoch - known <= EPOCHS_AHEAD_MAX) {
            return false;
          }
          quarantine.put(
              transaction,
              batch.topic(),
              epoch,
              null,
              "boot epoch %d is not between 1 and %d above the newest known, %d"
                  .formatted(epoch, EPOCHS_AHEAD_MAX, known),
              batch.records().toByteString());
          return true;
        });
  }

  private long gather(
      Transaction transaction,
      Batch batch,
      Ledgers ledgers,
      RecordRows rows,
      Optional<String> refused) {
    Ledgers.Key key = batch.key();
    SetAside aside = new SetAside(transaction, batch);
    giveUp(batch, ledgers, aside);
    int gap = 0;
    long duplicates = 0;
    for (Record record : batch.records().getRecordsList()) {
      long sequence = record.getSequence();
      if (sequence < 1 || sequence > SEQUENCE_MAX) {
        aside.put(record, "sequence is outside 1 to 2^48");
        continue;
      }
      if (sequence - ledgers.highest(key) > JUMP_MAX) {
        aside.put(record, "sequence is more than 2^20 ahead of all that is known");
        continue;
      }
      // In the order of sequences, so that little has to be remembered beyond a gap.
      while (gap < gaps(batch) && batch.records().getGaps(gap).getFirst() < sequence) {
        damaged(batch, gap++, ledgers, aside);
      }
      SequenceLedger.Outcome outcome = ledgers.take(key, sequence);
      if (outcome == SequenceLedger.Outcome.DUPLICATE) {
        duplicates++;
      } else if (outcome == SequenceLedger.Outcome.STORE) {
        refused.ifPresentOrElse(
            reason -> aside.put(record, reason), () -> add(batch, record, rows, aside));
      }
    }
    while (gap < gaps(batch)) {
      damaged(batch, gap++, ledgers, aside);
    }
    aside.end();
    return duplicates;
  }

  private static int gaps(Batch batch) {
    return Math.min(GAPS_MAX, batch.records().getGapsCount());
  }

  private static void giveUp(Batch batch, Ledgers ledgers, SetAside aside) {
    Ledgers.Key key = batch.key();
    long firstKept = batch.records().getFirstKept();
    if (firstKept < 0 || firstKept - ledgers.highest(key) > GIVEN_UP_MAX) {
      aside.put("first kept sequence %d is more than 2^32 ahead".formatted(firstKept));
    } else if (firstKept > 0) {
      ledgers.skipTo(key, firstKept);
    }
    ledgers.forgetBefore(key, batch.records().getOldestEpoch());
  }

  private static void damaged(Batch batch, int index, Ledgers ledgers, SetAside aside) {
    RecordBatch.Gap gap = batch.records().getGaps(index);
    if (gap.getFirst() < 1
        || gap.getLast() < gap.getFirst()
        || gap.getLast() - ledgers.highest(batch.key()) > JUMP_MAX) {
      aside.put("gap from %d to %d cannot be".formatted(gap.getFirst(), gap.getLast()));
    } else {
      ledgers.damaged(batch.key(), gap.getFirst(), gap.getLast());
    }
  }

  // A malformed record counts as stored: its device need not send it again, its neighbours live on.
  private static void add(Batch batch, Record record, RecordRows rows, SetAside aside) {
    try {
      RecordReader.checkKind(batch.stream(), record);
      rows.add(
          batch.topic().tenant(), batch.topic().device(), batch.records().getBootEpoch(), record);
    } catch (RecordReader.Malformed e) {
      aside.put(record, String.valueOf(e.getMessage()));
    }
  }

  /** Puts what a batch holds that cannot be into quarantine, a few with their bytes. */
  private final class SetAside {
    private final Transaction transaction;
    private final Batch batch;
    private int count;

    SetAside(Transaction transaction, Batch batch) {
      this.transaction = transaction;
      this.batch = batch;
    }

    void put(Record record, String reason) {
      put(record.getSequence(), reason, record.toByteString());
    }

    void put(String reason) {
      put(null, reason, ByteString.EMPTY);
    }

    private void put(@Nullable Long sequence, String reason, ByteString payload) {
      count++;
      if (count <= SET_ASIDE_MAX) {
        quarantine.put(
            transaction, batch.topic(), batch.records().getBootEpoch(), sequence, reason, payload);
      }
    }

    void end() {
      Counters.add(transaction, "quarantined", Math.max(0, count - SET_ASIDE_MAX));
    }
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
