package io.skerry.contract;

import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.DeviceStatus;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.simulator.world.MemoryStore;
import io.skerry.simulator.world.StandIns;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The simulation's tables. */
class MemoryTables implements Tables {
  private static final Digest ANY = Digest.of("any".getBytes(StandardCharsets.UTF_8));

  private final StandIns standIns = new StandIns();
  private final MemoryStore store = standIns.store();
  // The store hands records on instead of keeping them.
  private final Map<DeviceId, Map<Long, List<Long>>> kept = new HashMap<>();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  // Everything is later than what was before.
  private Instant next() {
    now = now.plusMillis(1);
    return now;
  }

  @Override
  public void restart() {
    store.beginTerm();
    standIns.restart();
  }

  @Override
  public void enrol(DeviceId device) {
    store.enroll(device);
    present(device, true);
  }

  @Override
  public void remove(DeviceId device) {
    standIns.remove(device);
  }

  @Override
  public void present(DeviceId device, boolean online, long bootEpoch) {
    boolean known = store.isOnline(device);
    store.status(device, new DeviceStatus(online, bootEpoch, next(), "one"), now);
    if (known != store.isOnline(device)) {
      standIns.moved(device, !known, now);
    }
  }

  @Override
  public void forgetPresence() {
    store.forgetPresence();
  }

  @Override
  public boolean isOnline(DeviceId device) {
    return store.isOnline(device);
  }

  @Override
  public boolean report(ReportedDocument report) {
    return store.report(report, next());
  }

  @Override
  public List<CommittedRange> take(
      DeviceId device, RecordStream stream, List<RecordBatch> together) {
    List<CommittedRange> committed = new ArrayList<>();
    standIns.beginTransaction();
    for (RecordBatch batch : together) {
      MemoryStore.Taken taken = standIns.take(device, stream, batch);
      committed.addAll(taken.committed());
      if (stream == RecordStream.EVENTS) {
        List<Long> sequences =
            kept.computeIfAbsent(device, id -> new HashMap<>())
                .computeIfAbsent(batch.getBootEpoch(), epoch -> new ArrayList<>());
        taken.stored().stream().map(Record::getSequence).forEach(sequences::add);
      }
    }
    return committed;
  }

  @Override
  public ModelRef model(long version, String profile) {
    return standIns.model(version, profile);
  }

  @Override
  public List<JudgedWindow> judge() {
    return standIns.judge();
  }

  @Override
  public List<Long> stored(DeviceId device, long bootEpoch) {
    return kept.getOrDefault(device, Map.of()).getOrDefault(bootEpoch, List.of()).stream()
        .sorted()
        .toList();
  }

  @Override
  public Counts counts(DeviceId device) {
    return new Counts(
        store.stored(device), store.duplicates(), store.missing(device), store.lost(device));
  }

  @Override
  public void order(List<DeviceId> devices, long version) {
    store.order(
        devices,
        new SlotId("main"),
        next(),
        (device, revision) ->
            new DesiredSlot(
                new SlotId("main"),
                revision,
                new ModelVersion(new ModelName("tested"), version),
                ANY,
                ANY,
                URI.create("https://artifacts.test"),
                Optional.empty(),
                new SamplingRates(.1, 1),
                Duration.ofMinutes(1),
                3,
                Duration.ofMinutes(1)));
  }

  @Override
  public List<Waiting> waiting(int limit) {
    return store.waiting(limit).stream().map(one -> new Waiting(one.document(), one)).toList();
  }

  @Override
  public void published(List<Waiting> documents) {
    store.published(
        documents.stream().map(one -> (MemoryStore.Waiting) one.ticket()).toList(), next());
  }

  @Override
  public int repair() {
    return store.repair(next(), 0);
  }

  @Override
  public void queueAll() {
    store.queueAll();
  }

  @Override
  public void outrank() {
    store.outrank(next());
  }

  @Override
  public RolloutBooks books() {
    return standIns.books();
  }

  @Override
  public RolloutId begin(Wish wish, Instant at) {
    return standIns.begin(
        wish.kind(),
        wish.version(),
        wish.unit(),
        wish.stages(),
        wish.limits(),
        wish.dynamic(),
        Wish.WINDOW.multipliedBy(Wish.SOAK_WINDOWS),
        Wish.DEADLINES,
        at);
  }

  @Override
  public Map<DeviceId, DeploymentState> deployments(RolloutId rollout) {
    return standIns.deployments(rollout);
  }

  @Override
  public Map<DeviceId, String> outsiders(RolloutId rollout) {
    return standIns.outsiders(rollout);
  }

  @Override
  public Digest manifest(long version, String profile) {
    return standIns.manifest(version, profile);
  }

  @Override
  public ModelRef secondModel(long version, String profile) {
    return standIns.secondModel(version, profile);
  }

  @Override
  public Digest secondManifest(long version, String profile) {
    return standIns.secondManifest(version, profile);
  }

  @Override
  public void look(RolloutId rollout, String replica, Instant at) {
    standIns.look(replica, at);
  }
}
