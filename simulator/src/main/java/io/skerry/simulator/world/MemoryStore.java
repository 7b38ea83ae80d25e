package io.skerry.simulator.world;

import io.skerry.fleet.device.CloneMachine;
import io.skerry.fleet.device.InstanceEvent;
import io.skerry.fleet.device.Instances;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.Generation;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The control plane's tables in memory: devices, presence, reports, ledgers of records, orders and
 * their outbox. It does what the statements of the server do, and is held to the same contract. A
 * call is a transaction: what it changed is there, whoever dies afterwards.
 */
public final class MemoryStore {
  /** Ends of earlier boots that are told at once. */
  private static final int ENDED_TOLD_MAX = 16;

  private final TenantId tenant;
  private final Map<DeviceId, Device> devices = new LinkedHashMap<>();
  // By device the number that it was queued with, who was queued first comes first.
  private final Map<DeviceId, Long> outbox = new LinkedHashMap<>();
  // Those that may lag behind their orders: the sweep looks at nobody else.
  private final Set<DeviceId> behind = new LinkedHashSet<>();
  private long term;
  private long queued;
  // Of what rollouts are decided by: who there is, what they are ordered and what they say.
  private long changes;
  private long duplicates;
  private long refused;

  private record StreamKey(long epoch, RecordStream stream) {}

  /** A device's rows. */
  static final class Device {
    private final DeviceId id;
    private final Map<StreamKey, StreamLedger> ledgers = new HashMap<>(4);
    private Instances instances = Instances.NONE;
    private boolean online;
    private long presenceEpoch;
    private long newestEpoch;
    private @Nullable ReportedDocument report;
    private Generation desired = Generation.NONE;
    private Instant issuedAt = Instant.EPOCH;
    private Map<SlotId, DesiredSlot> slots = Map.of();
    private long publishedAt = Long.MIN_VALUE;

    Device(DeviceId id) {
      this.id = id;
    }
  }

  /** What became of a batch. */
  public record Taken(List<Record> stored, List<CommittedRange> committed) {
    public Taken {
      stored = List.copyOf(stored);
      committed = List.copyOf(committed);
    }
  }

  /**
   * A document that is to be published.
   *
   * @param number that it was queued with last: what is queued again meanwhile stays in the outbox
   */
  public record Waiting(DesiredDocument document, long number) {}

  public MemoryStore(TenantId tenant) {
    this.tenant = tenant;
  }

  /** Enrols a device. */
  public void enroll(DeviceId device) {
    devices.putIfAbsent(device, new Device(device));
    changes++;
  }

  /** Removes a device, and what it was ordered. */
  public void remove(DeviceId device) {
    changes++;
    devices.remove(device);
    outbox.remove(device);
    behind.remove(device);
  }

  /** Every device, in the order in which they were enrolled. */
  public Collection<DeviceId> devices() {
    return devices.keySet();
  }

  /** Whether the device is one of them. */
  boolean isEnrolled(DeviceId device) {
    return devices.containsKey(device);
  }

  private Optional<Device> find(DeviceId device) {
    return Optional.ofNullable(devices.get(device));
  }

  /** Begins a new term, above every one before. */
  public long beginTerm() {
    return ++term;
  }

  /** Takes a birth or a death; a death counts only if it is of the current boot epoch. */
  public void status(DeviceId id, DeviceStatus status, Instant now) {
    Device device = devices.get(id);
    if (device == null) {
      return;
    }
    changes++;
    if (status.online()) {
      device.instances =
          CloneMachine.after(
              device.instances,
              new InstanceEvent.Born(status.instance(), status.bootEpoch(), status.at()),
              now);
      if (device.presenceEpoch <= status.bootEpoch()) {
        device.online = true;
        device.presenceEpoch = status.bootEpoch();
      }
    } else if (device.presenceEpoch == status.bootEpoch()) {
      device.online = false;
    }
  }

  /** Counts every device as offline until it says otherwise. */
  public void forgetPresence() {
    changes++;
    devices.values().forEach(device -> device.online = false);
  }

  /** Whether the device is connected, as far as it is known. */
  public boolean isOnline(DeviceId id) {
    return find(id).map(device -> device.online).orElse(false);
  }

  /** Whether a copied key was noticed. */
  public boolean isCloned(DeviceId id) {
    return find(id).map(device -> device.instances.alarm().isPresent()).orElse(false);
  }

  /**
   * Stores a report if it is newer than the stored one.
   *
   * @return whether it was
   */
  public boolean report(ReportedDocument report, Instant now) {
    Device device = devices.get(report.device());
    if (device == null) {
      return false;
    }
    device.instances =
        CloneMachine.after(
            device.instances,
            new InstanceEvent.Reported(report.health().instance(), report.bootEpoch(), report.at()),
            now);
    ReportedDocument before = device.report;
    if (before != null && !report.isAfter(before.bootEpoch(), before.sequence())) {
      return false;
    }
    changes++;
    device.report = report;
    device.newestEpoch = Math.max(device.newestEpoch, report.bootEpoch());
    if (report.observed().isAfter(device.desired)) {
      // It has seen what the database does not know: the sweep has something to do.
      behind.add(device.id);
    } else if (report.observed().equals(device.desired)) {
      behind.remove(device.id);
    }
    return true;
  }

  /** The newest report. */
  public Optional<ReportedDocument> report(DeviceId id) {
    return find(id).flatMap(device -> Optional.ofNullable(device.report));
  }

  /** What the device says of a slot. */
  public Optional<SlotReport> slotReport(DeviceId id, SlotId slot) {
    Device device = devices.get(id);
    if (device == null || device.report == null) {
      return Optional.empty();
    }
    for (SlotReport one : device.report.slots()) {
      if (one.slot().equals(slot)) {
        return Optional.of(one);
      }
    }
    return Optional.empty();
  }

  /** Takes a batch of records: each once. */
  public Taken take(DeviceId id, RecordStream stream, RecordBatch batch) {
    Device device = devices.get(id);
    if (device == null || !BatchMachine.isPossible(batch.getBootEpoch(), device.newestEpoch)) {
      refused++;
      return new Taken(List.of(), List.of());
    }
    device.newestEpoch = Math.max(device.newestEpoch, batch.getBootEpoch());
    StreamKey key = new StreamKey(batch.getBootEpoch(), stream);
    StreamLedger before = device.ledgers.getOrDefault(key, StreamLedger.EMPTY);
    List<Long> sequences = new ArrayList<>(batch.getRecordsCount());
    for (int i = 0; i < batch.getRecordsCount(); i++) {
      sequences.add(batch.getRecords(i).getSequence());
    }
    List<BatchMachine.Gap> gaps = new ArrayList<>(batch.getGapsCount());
    for (RecordBatch.Gap gap : batch.getGapsList()) {
      gaps.add(new BatchMachine.Gap(gap.getFirst(), gap.getLast()));
    }
    BatchMachine.Step step =
        BatchMachine.take(
            before,
            new BatchMachine.Batch(
                batch.getBootEpoch(),
                batch.getFirstKept(),
                batch.getOldestEpoch(),
                gaps,
                sequences));
    device.ledgers.put(key, step.after());
    List<CommittedRange> committed = new ArrayList<>(1);
    if (step.after().sequences().through() > 0) {
      committed.add(range(key, step.after(), false));
    }
    if (step.endsEarlier()) {
      device.ledgers.replaceAll(
          (other, ledger) ->
              isBefore(other, stream, batch.getOldestEpoch()) && ledger.missing() > 0
                  ? ledger.finished()
                  : ledger);
      device.ledgers.entrySet().stream()
          .filter(one -> isBefore(one.getKey(), stream, batch.getOldestEpoch()))
          .sorted(Comparator.comparingLong(one -> -one.getKey().epoch()))
          .limit(ENDED_TOLD_MAX)
          .forEach(one -> committed.add(range(one.getKey(), one.getValue(), true)));
    }
    List<Record> stored = new ArrayList<>(sequences.size());
    for (int i = 0; i < step.fates().size(); i++) {
      switch (step.fates().get(i)) {
        case STORE -> stored.add(batch.getRecords(i));
        case DUPLICATE -> duplicates++;
        case REFUSED, OUT_OF_RANGE, TOO_FAR -> refused++;
      }
    }
    return new Taken(stored, committed);
  }

  private static boolean isBefore(StreamKey key, RecordStream stream, long epoch) {
    return key.stream() == stream && key.epoch() < epoch;
  }

  private static CommittedRange range(StreamKey key, StreamLedger ledger, boolean ended) {
    return new CommittedRange(
        key.stream(),
        key.epoch(),
        ledger.sequences().through(),
        OptionalLong.of(ledger.givenUp()),
        ended);
  }

  /** Records and batches that could not be taken. */
  public long refused() {
    return refused;
  }

  /** Records that came more than once. */
  public long duplicates() {
    return duplicates;
  }

  /** Records that a device says will never come: dropped, or damaged on its disk. */
  public long lost(DeviceId id) {
    return sum(id, ledger -> ledger.givenUp() + ledger.damaged());
  }

  /** Records that a device's last report counts as dropped. */
  public long saidDropped(DeviceId id) {
    return report(id).map(report -> sum(report.dropped())).orElse(0L);
  }

  /** Records that a device's last report counts as dropped or damaged. */
  public long saidLost(DeviceId id) {
    return report(id)
        .map(report -> sum(report.dropped()) + sum(report.health().damaged()))
        .orElse(0L);
  }

  private static long sum(Map<RecordStream, Long> counts) {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Records that were heard of, did not come and are not accounted for. */
  public long missing(DeviceId id) {
    return sum(id, StreamLedger::missing);
  }

  /** Records that were stored. */
  public long stored(DeviceId id) {
    return sum(id, StreamLedger::stored);
  }

  private long sum(DeviceId id, java.util.function.ToLongFunction<StreamLedger> figure) {
    return find(id)
        .map(device -> device.ledgers.values().stream().mapToLong(figure).sum())
        .orElse(0L);
  }

  /**
   * Orders one slot of many devices: every device's generation and slot revision grow, and its
   * document is queued to be published; both are above what the device has reported.
   *
   * @param made the slot's order with the revision that it is given
   */
  public void order(
      Collection<DeviceId> ordered,
      SlotId slot,
      Instant now,
      java.util.function.BiFunction<DeviceId, Long, DesiredSlot> made) {
    for (DeviceId id : ordered) {
      Device device = devices.get(id);
      if (device == null) {
        continue;
      }
      long reported = slotReport(id, slot).map(SlotReport::revision).orElse(0L);
      DesiredSlot before = device.slots.get(slot);
      long revision = 1 + Math.max(before == null ? 0 : before.revision(), reported);
      Map<SlotId, DesiredSlot> slots = new LinkedHashMap<>(device.slots);
      slots.put(slot, made.apply(id, revision));
      device.slots = slots;
      bump(device, now);
    }
  }

  private void bump(Device device, Instant now) {
    Generation before = device.desired;
    device.desired = before.term() < term ? new Generation(term, 1) : before.next();
    issued(device, now);
  }

  private void issued(Device device, Instant now) {
    changes++;
    device.issuedAt = now;
    queue(device);
    behind.add(device.id);
  }

  private void queue(Device device) {
    outbox.remove(device.id);
    outbox.put(device.id, ++queued);
  }

  /**
   * Lifts the orders of devices that have seen a higher generation than the database knows. Theirs
   * only: a device may lie.
   */
  public void outrank(Instant now) {
    for (Device device : devices.values()) {
      ReportedDocument report = device.report;
      if (report != null && !device.slots.isEmpty() && report.observed().isAfter(device.desired)) {
        device.desired = new Generation(Math.max(term, report.observed().term() + 1), 1);
        Map<SlotId, DesiredSlot> lifted = new LinkedHashMap<>();
        device.slots.forEach(
            (slot, order) ->
                lifted.put(
                    slot,
                    slotReport(device.id, slot)
                        .filter(reported -> reported.revision() >= order.revision())
                        .map(reported -> order.withRevision(reported.revision() + 1))
                        .orElse(order)));
        device.slots = lifted;
        issued(device, now);
      }
    }
  }

  /** What a device shall run. */
  public Optional<DesiredSlot> desired(DeviceId id, SlotId slot) {
    return find(id).flatMap(device -> Optional.ofNullable(device.slots.get(slot)));
  }

  /** What a device shall run in each slot. */
  List<DesiredSlot> orders(DeviceId id) {
    return find(id).map(device -> List.copyOf(device.slots.values())).orElse(List.of());
  }

  /** The newest generation of a device's orders. */
  public Generation generation(DeviceId id) {
    return find(id).map(device -> device.desired).orElse(Generation.NONE);
  }

  /** The newest documents of the devices that have waited longest. */
  public List<Waiting> waiting(int limit) {
    List<Waiting> documents = new ArrayList<>();
    for (Map.Entry<DeviceId, Long> entry : outbox.entrySet()) {
      if (documents.size() >= limit) {
        break;
      }
      Device device = devices.get(entry.getKey());
      if (device != null) {
        documents.add(
            new Waiting(
                new DesiredDocument(
                    tenant,
                    device.id,
                    device.desired,
                    device.issuedAt,
                    List.copyOf(device.slots.values())),
                entry.getValue()));
      }
    }
    return documents;
  }

  /**
   * Takes documents out of the outbox, unless they were queued again, or a newer one of the same
   * device has come in.
   */
  public void published(Collection<Waiting> documents, Instant now) {
    for (Waiting waiting : documents) {
      DeviceId id = waiting.document().device();
      Device device = devices.get(id);
      if (device != null) {
        device.publishedAt = now.toEpochMilli();
        outbox.remove(id, waiting.number());
      }
    }
  }

  /** Queues again what devices that are online have not seen for some time. */
  public int repair(Instant now, long unseenMillis) {
    int again = 0;
    for (DeviceId id : behind) {
      Device device = devices.get(id);
      if (device != null
          && device.online
          && device.publishedAt < now.toEpochMilli() - unseenMillis
          && !outbox.containsKey(id)) {
        queue(device);
        again++;
      }
    }
    return again;
  }

  /** Grows with every change of who there is, is online, is ordered what, or reports what. */
  long changes() {
    return changes;
  }

  /** Whether the sweep has anybody to look at. */
  boolean isAnybodyBehind() {
    return !behind.isEmpty();
  }

  /** Queues every document. */
  public void queueAll() {
    for (Device device : devices.values()) {
      if (!device.slots.isEmpty()) {
        queue(device);
      }
    }
  }

  /** Documents that wait to be published. */
  public int outboxSize() {
    return outbox.size();
  }
}
