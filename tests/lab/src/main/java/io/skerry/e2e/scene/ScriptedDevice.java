package io.skerry.e2e.scene;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.identity.Enrolment;
import io.skerry.agent.time.DeviceClock;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.LinkException;
import io.skerry.agent.uplink.PahoLink;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.Topics;
import io.skerry.wire.fleet.v1.Envelope;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Window;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/**
 * A device with the agent's own identity and link that carries out every order without an engine,
 * and remembers what it was ordered.
 */
public final class ScriptedDevice implements AutoCloseable, DeviceLink.Listener {
  /** A device of the profile {@code x86-64-avx2}. */
  public static final DeviceFacts FACTS =
      new DeviceFacts(
          "x86-64", List.of("avx2"), 4, 1L << 32, List.of(), List.of("onnxruntime/cpu"), "script");

  private static final long BOOT_EPOCH = 1;
  private static final long WINDOW_MILLIS = 1000;
  private static final int PREDICTIONS = 40;
  private static final List<SlotPhase> STEPS =
      List.of(SlotPhase.DOWNLOADING, SlotPhase.PROBATION, SlotPhase.COMMITTED);

  private final DeviceIdentity identity;
  private final DeviceLogin login;
  private final DeviceLink link;
  private final ScheduledExecutorService work;
  private final Random random;
  private final Map<SlotId, Carried> slots = new LinkedHashMap<>();
  private final List<DesiredDocument> orders = new ArrayList<>();
  private Generation observed = new Generation(0, 0);
  private long reports;
  private long windows;

  private record Carried(DesiredSlot order, SlotPhase phase) {}

  private ScriptedDevice(
      DeviceIdentity identity,
      DeviceLogin login,
      int brokerPort,
      ScheduledExecutorService work,
      Random random) {
    this.identity = identity;
    this.login = login;
    this.work = work;
    this.random = random;
    this.link =
        new PahoLink(
            new LinkConfig(
                identity.mqttHost(),
                brokerPort,
                identity.tenant(),
                identity.device(),
                login::forLink,
                BOOT_EPOCH,
                "script"),
            InstantSource.system(),
            RandomGenerator.getDefault(),
            Thread::startVirtualThread);
  }

  /**
   * Enrols a device and lets it begin.
   *
   * @param data its folder
   * @param brokerPort where it finds the broker, whatever enrolment says
   */
  public static ScriptedDevice begin(
      DeviceId device, Path data, String token, int brokerPort, ScheduledExecutorService work)
      throws Exception {
    DeviceClock clock = DeviceClock.open(Disk.local(), data, AgentVersion.builtAt());
    DeviceIdentity identity =
        new Enrolment(Disk.local(), data, Optional.empty(), clock)
            .enrol(token, new Enrolment.Applicant(device, Map.of(), FACTS));
    DeviceLogin login =
        DeviceLogin.open(
            Disk.local(),
            data,
            identity,
            clock,
            () -> {
              throw new IllegalStateException("nothing is signed here");
            },
            Thread::startVirtualThread);
    ScriptedDevice made =
        new ScriptedDevice(identity, login, brokerPort, work, new Random(device.hashCode()));
    made.link.start(made);
    made.later(made.random.nextInt((int) WINDOW_MILLIS), made::window);
    return made;
  }

  /** Its name. */
  public DeviceId id() {
    return identity.device();
  }

  private void later(long millis, Runnable task) {
    Future<?> unused = work.schedule(task, millis, TimeUnit.MILLISECONDS);
  }

  @Override
  public void connected() {
    work.execute(this::report);
  }

  @Override
  public synchronized void received(String topic, byte[] payload) {
    if (!topic.equals(Topics.device(identity.tenant(), id(), Topics.DESIRED))) {
      return;
    }
    DesiredDocument document;
    try {
      document =
          ProtocolCodec.decodeDesired(Envelope.parseFrom(payload).getPayload().toByteArray());
    } catch (InvalidProtocolBufferException | MalformedDocumentException e) {
      throw new AssertionError(e);
    }
    orders.add(document);
    if (document.generation().compareTo(observed) > 0) {
      observed = document.generation();
      for (DesiredSlot order : document.slots()) {
        Carried before = slots.get(order.slot());
        if (before == null || before.order().revision() < order.revision()) {
          slots.put(order.slot(), new Carried(order, SlotPhase.IDLE));
          work.execute(() -> step(order, 0));
        }
      }
    }
    work.execute(this::report);
  }

  private synchronized void step(DesiredSlot order, int step) {
    Carried now = slots.get(order.slot());
    if (now == null || now.order().revision() != order.revision() || step == STEPS.size()) {
      return;
    }
    slots.put(order.slot(), new Carried(order, STEPS.get(step)));
    report();
    later(50 + random.nextInt(400), () -> step(order, step + 1));
  }

  private synchronized void report() {
    List<SlotReport> told = new ArrayList<>();
    slots.forEach((slot, carried) -> told.add(slotReport(carried)));
    ReportedDocument document =
        new ReportedDocument(
            identity.tenant(),
            id(),
            BOOT_EPOCH,
            ++reports,
            Instant.now(),
            observed,
            observed,
            told,
            FACTS,
            "script",
            Map.of(),
            DeviceHealth.UNKNOWN);
    try {
      link.publish(
          Topics.device(identity.tenant(), id(), Topics.REPORTED), ProtocolCodec.encode(document));
    } catch (LinkException e) {
      later(500, this::report);
    }
  }

  private static SlotReport slotReport(Carried carried) {
    DesiredSlot order = carried.order();
    boolean runs = carried.phase() == SlotPhase.PROBATION || carried.phase() == SlotPhase.COMMITTED;
    return new SlotReport(
        order.slot(),
        order.revision(),
        carried.phase(),
        order.rollout(),
        Optional.of(order.manifest()),
        runs
            ? Optional.of(new SlotReport.Running(order.version(), order.manifest()))
            : Optional.empty(),
        Optional.empty(),
        0,
        0);
  }

  private synchronized void window() {
    later(WINDOW_MILLIS, this::window);
    long end = Instant.now().toEpochMilli() / WINDOW_MILLIS * WINDOW_MILLIS;
    for (Carried carried : slots.values()) {
      if (carried.phase() == SlotPhase.COMMITTED) {
        Window window =
            Window.newBuilder()
                .setModel(
                    ModelRef.newBuilder()
                        .setSlot(carried.order().slot().value())
                        .setModel(carried.order().version().model().value())
                        .setVersion(carried.order().version().version())
                        .setManifestDigest(carried.order().manifest().toString()))
                .setWindow(end / WINDOW_MILLIS - 1)
                .setStartMillis(end - WINDOW_MILLIS)
                .setEndMillis(end)
                .setPredictions(PREDICTIONS)
                .build();
        send(window);
      }
    }
  }

  private void send(Window window) {
    RecordBatch batch =
        RecordBatch.newBuilder()
            .setBootEpoch(BOOT_EPOCH)
            .addRecords(
                Record.newBuilder()
                    .setSequence(windows + 1)
                    .setAtMillis(window.getEndMillis())
                    .setWindow(window))
            .build();
    try {
      link.publish(
          Topics.records(identity.tenant(), id(), RecordStream.WINDOWS), batch.toByteArray());
      windows++;
    } catch (LinkException e) {
      // The next one takes its number: nobody counts what this device could not send.
    }
  }

  /** The orders of a rollout that have come to this device, so far, by their slots' revisions. */
  public synchronized Set<Long> ordered(RolloutId rollout) {
    Set<Long> revisions = new HashSet<>();
    for (DesiredDocument document : orders) {
      document.slots().stream()
          .filter(slot -> slot.rollout().equals(Optional.of(rollout)))
          .forEach(slot -> revisions.add(slot.revision()));
    }
    return revisions;
  }

  @Override
  public void close() {
    link.close();
    login.close();
  }
}
