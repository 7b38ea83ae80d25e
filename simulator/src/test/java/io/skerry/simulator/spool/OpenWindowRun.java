package io.skerry.simulator.spool;

import io.skerry.agent.boot.SpooledWindows;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionId;
import io.skerry.agent.observe.DayBytes;
import io.skerry.agent.observe.Observer;
import io.skerry.agent.uplink.Spool;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.Digest;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A device that counts predictions in windows, and a control plane that stores each once. */
final class OpenWindowRun {
  static final Duration WINDOW = Duration.ofSeconds(4);

  private static final int VERSIONS = 2;

  private final SpoolDevice device;
  // By boot epoch and sequence.
  private final Map<Long, Map<Long, Long>> predictions = new HashMap<>();
  private int asked;
  private int safe;
  private Optional<Observer> observer = Optional.empty();

  OpenWindowRun(Disk disk) {
    this.device = new SpoolDevice(disk, 1 << 20, this::store);
  }

  private void store(RecordStream stream, RecordBatch batch) {
    if (stream == RecordStream.WINDOWS) {
      Map<Long, Long> stored =
          predictions.computeIfAbsent(batch.getBootEpoch(), missing -> new HashMap<>());
      for (Record record : batch.getRecordsList()) {
        stored.put(record.getSequence(), record.getWindow().getPredictions());
      }
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
    Spool spool = device.boot();
    Observer made =
        new Observer(
            device::now,
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
                  device.now(),
                  1_000_000));
      asked++;
    }
    device.pass(Duration.ofSeconds(1));
    tick();
    safe = asked;
  }

  /** Nobody asks for so long. */
  void rest(Duration length) {
    device.pass(length);
    tick();
  }

  private void tick() {
    observer.orElseThrow().tick();
  }

  void sendAndCommit() {
    device.send();
    predictions.forEach(
        (boot, stored) ->
            device.committed(
                RecordStream.WINDOWS,
                boot,
                stored.keySet().stream().max(Long::compare).orElse(0L)));
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
    return predictions.values().stream()
        .flatMap(stored -> stored.values().stream())
        .mapToLong(Long::longValue)
        .sum();
  }
}
