package io.skerry.simulator.spool;

import io.skerry.agent.boot.SpooledWindows;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionId;
import io.skerry.agent.observe.DayBytes;
import io.skerry.agent.observe.Observer;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.Spool;
import io.skerry.agent.uplink.SpoolSeal;
import io.skerry.agent.uplink.Uplink;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** A device that counts predictions in windows, and a control plane that stores each once. */
final class OpenWindowRun {
  static final Duration WINDOW = Duration.ofSeconds(4);

  private static final Path DATA = Path.of("/device");
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("d1");
  private static final int VERSIONS = 2;

  private final Disk disk;
  private final Plane plane = new Plane();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private long epoch;
  private int asked;
  private int safe;
  private Optional<Observer> observer = Optional.empty();
  private Optional<Uplink> uplink = Optional.empty();

  OpenWindowRun(Disk disk) {
    this.disk = disk;
  }

  /** Stores each record once, and says so when it is asked to. */
  private static final class Plane implements DeviceLink {
    private final Map<Long, Map<Long, Long>> predictions = new HashMap<>();
    private State state = State.WAITING;
    private Optional<Listener> listener = Optional.empty();

    @Override
    public void start(Listener to) {
      listener = Optional.of(to);
    }

    @Override
    public State state() {
      return state;
    }

    @Override
    public void publish(String topic, byte[] payload) {
      if (!topic.equals(Topics.records(TENANT, DEVICE, RecordStream.WINDOWS))) {
        return;
      }
      try {
        RecordBatch batch = RecordBatch.parseFrom(payload);
        for (Record record : batch.getRecordsList()) {
          predictions
              .computeIfAbsent(batch.getBootEpoch(), missing -> new HashMap<>())
              .put(record.getSequence(), record.getWindow().getPredictions());
        }
      } catch (com.google.protobuf.InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
    }

    void tellCommitted() {
      predictions.forEach(
          (boot, stored) ->
              listener
                  .orElseThrow()
                  .received(
                      Topics.device(TENANT, DEVICE, Topics.COMMITTED),
                      ProtocolCodec.encode(
                          List.of(
                              new CommittedRange(
                                  RecordStream.WINDOWS,
                                  boot,
                                  stored.keySet().stream().max(Long::compare).orElse(0L))))));
    }

    @Override
    public void close() {
      state = State.CLOSED;
    }
  }

  private static ModelRef model(int version) {
    return new ModelRef(
        new SlotId("main"),
        new ModelVersion(new ModelName("engine-health"), version),
        Digest.of(new byte[] {(byte) version}));
  }

  /** Starts the device; so many of its versions, from the first, answer. */
  void boot(int versions) throws IOException {
    epoch++;
    Spool spool =
        Spool.open(
            disk,
            DATA.resolve("spool"),
            SpoolSeal.of(disk, DATA, TENANT, new SplittableRandom(epoch)),
            epoch,
            1 << 20);
    Observer made =
        new Observer(
            () -> now,
            64,
            16,
            spool::append,
            new byte[32],
            DayBytes.forgetful(),
            () -> 0,
            new SpooledWindows(spool));
    for (int version = 1; version <= versions; version++) {
      watch(made, version);
    }
    observer = Optional.of(made);
    plane.state = DeviceLink.State.WAITING;
    Uplink sender =
        new Uplink(plane, spool, TENANT, DEVICE, () -> now, document -> {}, this::report);
    sender.start();
    uplink = Optional.of(sender);
  }

  private static void watch(Observer observer, int version) {
    ModelRef model = model(version);
    try {
      observer.watch(
          model,
          MonitoringPlan.of(
              MonitoringManifests.fromReference(
                  "input",
                  List.of(new MonitoringManifests.Feature("a", 0)),
                  new float[][] {{1}, {2}, {3}},
                  "score",
                  new float[] {0, 0.1f, 0.2f},
                  0.5)),
          new DesiredSlot(
              model.slot(),
              1,
              model.version(),
              model.manifest(),
              model.manifest(),
              URI.create("http://127.0.0.1"),
              Optional.empty(),
              new SamplingRates(0, 0),
              WINDOW,
              1,
              Duration.ofSeconds(1)));
    } catch (MalformedDocumentException e) {
      throw new AssertionError(e);
    }
  }

  private ReportedDocument report(long sequence) {
    return new ReportedDocument(
        TENANT,
        DEVICE,
        epoch,
        sequence,
        now,
        Generation.NONE,
        Generation.NONE,
        List.of(),
        new DeviceFacts("x86-64", List.of(), 1, 0, List.of(), List.of(), ""),
        "test",
        Map.of(),
        DeviceHealth.UNKNOWN);
  }

  /** Asks every version once, and lets a second go by. */
  void second() {
    for (int version = 1; version <= VERSIONS; version++) {
      observer
          .orElseThrow()
          .predicted(
              new Prediction(
                  new PredictionId("%026d".formatted(asked)),
                  "",
                  model(version),
                  List.of(Tensor.ofFloats("input", List.of(1L, 1L), version)),
                  List.of(Tensor.ofFloats("score", List.of(1L, 1L), 0.1f)),
                  now,
                  1_000_000));
      asked++;
    }
    now = now.plusSeconds(1);
    tick();
    safe = asked;
  }

  /** Nobody asks for so long. */
  void rest(Duration length) {
    now = now.plus(length);
    tick();
  }

  private void tick() {
    observer.orElseThrow().tick();
  }

  void sendAndCommit() {
    plane.state = DeviceLink.State.CONNECTED;
    plane.listener.orElseThrow().connected();
    now = now.plusMillis(10);
    uplink.orElseThrow().tick();
    plane.state = DeviceLink.State.WAITING;
    plane.tellCommitted();
  }

  void stop() {
    observer.orElseThrow().flush();
  }

  /** Predictions that were asked. */
  int asked() {
    return asked;
  }

  /** Those of them that a second has gone by since. */
  int safe() {
    return safe;
  }

  /** Predictions that the control plane counts. */
  long counted() {
    return plane.predictions.values().stream()
        .flatMap(stored -> stored.values().stream())
        .mapToLong(Long::longValue)
        .sum();
  }
}
