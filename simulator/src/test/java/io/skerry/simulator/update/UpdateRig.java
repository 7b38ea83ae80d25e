package io.skerry.simulator.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.identity.NoKeyException;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.update.MemoryMeter;
import io.skerry.agent.update.UpdateSetup;
import io.skerry.agent.update.Updater;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.runtime.Tensor;
import io.skerry.simulator.disk.MachineStopped;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.simulator.world.ArtifactServer;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Random;

/**
 * One device with its updater on one thread: an order arrives, time goes by a second at a time,
 * clients predict. The machine stops where the disk says so, and starts again on what is left.
 */
final class UpdateRig {
  static final Path FOLDER = Path.of("/device/models");
  private static final HardwareFacts FACTS =
      HardwareFacts.of("x86-64", List.of("avx2", "fma", "f16c"), List.of());

  final MemoryDisk disk;
  private final ArtifactServer http;
  final List<String> events = new ArrayList<>();
  final List<MonitoringPlan> plans = new ArrayList<>();
  // Revisions of the settings that each of these plans came with.
  final List<Long> revisions = new ArrayList<>();
  Trust trust;
  Instant clock = Factory.BEGIN;
  boolean online = true;
  ProfileCatalog profiles = ProfileCatalog.builtIn();
  Optional<String> keyFault = Optional.empty();
  Optional<Error> fault = Optional.empty();
  OptionalLong available = OptionalLong.empty();
  final ScriptedEngine engine;
  private final Queue<Runnable> tasks = new ArrayDeque<>();
  private Optional<byte[]> retained = Optional.empty();
  private ModelSlots slots = new ModelSlots(Runnable::run);
  private Predictor predictor;
  private Updater updater;

  UpdateRig(Factory factory) {
    this(
        new ArtifactServer(factory::blob, ArtifactServer.Line.WHOLE),
        factory.trust(),
        new MemoryDisk());
  }

  /** A stopped machine once more: what is left of it is its disk, and what others know of it. */
  UpdateRig(UpdateRig stopped) {
    this(stopped.http, stopped.trust, stopped.disk.copy());
    this.events.addAll(stopped.events);
    this.clock = stopped.clock;
    this.online = stopped.online;
    this.retained = stopped.retained;
  }

  private UpdateRig(ArtifactServer http, Trust trust, MemoryDisk disk) {
    this.http = http;
    this.trust = trust;
    this.disk = disk;
    this.engine = new ScriptedEngine(disk);
    this.predictor = newPredictor();
    this.updater = newUpdater();
  }

  private Predictor newPredictor() {
    return new Predictor(slots, () -> clock, new Random(1), PredictionListener.NONE);
  }

  private Updater newUpdater() {
    return new Updater(
        new UpdateSetup(
            disk,
            FOLDER,
            Factory.TENANT,
            Factory.DEVICE,
            () -> trust,
            FACTS,
            profiles,
            new EngineCatalog(List.of(engine)),
            1,
            slots,
            this::client,
            tasks::add,
            tasks::add,
            () -> clock,
            System::nanoTime,
            new MemoryMeter() {
              @Override
              public OptionalLong resident() {
                return OptionalLong.of(engine.resident);
              }

              @Override
              public OptionalLong available() {
                return available;
              }
            }),
        (model, plan, order) -> {
          plans.add(plan);
          revisions.add(order.revision());
        },
        record -> events.add(record.getEvent().getCode()));
  }

  private HttpClient client() {
    if (keyFault.isPresent()) {
      throw new NoKeyException(keyFault.get());
    }
    if (fault.isPresent()) {
      throw fault.get();
    }
    return http;
  }

  /** Runs a step; true when the machine stopped in it. */
  boolean stopsIn(Runnable step) {
    try {
      step.run();
      return false;
    } catch (MachineStopped e) {
      return true;
    }
  }

  /** A process start: nothing is left but the disk. The network comes later. */
  void boot() {
    tasks.clear();
    slots = new ModelSlots(Runnable::run);
    predictor = newPredictor();
    updater = newUpdater();
    updater.start();
  }

  /** The link comes up: what is retained arrives. */
  void connect() {
    online = true;
    retained.ifPresent(updater::desired);
  }

  void order(byte[] document) {
    retained = Optional.of(document);
    if (online) {
      updater.desired(document);
    }
  }

  void receive(byte[] message) {
    updater.desired(message);
  }

  void close() {
    updater.close();
  }

  /** Work is done, a second goes by, clients ask. */
  void second() {
    pass(Duration.ofSeconds(1));
  }

  /** The same, of so many minutes. */
  void minutes(int count) {
    for (int i = 0; i < count; i++) {
      pass(Duration.ofMinutes(1));
    }
  }

  private void pass(Duration time) {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
    clock = clock.plus(time);
    updater.tick(online);
    for (int i = 0; i < 2; i++) {
      predict();
    }
  }

  void seconds(int count) {
    for (int i = 0; i < count; i++) {
      second();
    }
  }

  private void predict() {
    engine.inUse = true;
    try {
      float[] output =
          predictor
              .predict(
                  PredictRequest.of(
                      Factory.MODEL, "", List.of(Tensor.ofFloats("input", List.of(1L), 1))))
              .outputs()
              .getFirst()
              .floats();
      assertThat((long) output[0]).isEqualTo(active());
    } catch (PredictException e) {
      // Nothing runs yet, or the bad version: who asks in vain is counted by the test.
      assertThat(active()).isIn(0L, 3L);
    } finally {
      engine.inUse = false;
    }
  }

  /** The version that answers; 0 when none does. */
  long active() {
    return slots.active(Factory.MAIN).map(model -> model.version().version()).orElse(0L);
  }

  /** How many versions answer. */
  int answering() {
    return slots.active().size();
  }

  Optional<SlotReport> report() {
    return updater.reports().stream().findFirst();
  }

  SlotPhase phase() {
    return report().map(SlotReport::phase).orElse(SlotPhase.IDLE);
  }

  long revision() {
    return report().map(SlotReport::revision).orElse(0L);
  }

  boolean isSettled() {
    return updater.isSettled();
  }

  boolean needsControlPlane() {
    return updater.needsControlPlane();
  }

  Generation observed() {
    return updater.observed();
  }

  Generation applied() {
    return updater.applied();
  }
}
