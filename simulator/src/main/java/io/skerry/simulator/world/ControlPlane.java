package io.skerry.simulator.world;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.Topics;
import io.skerry.telemetry.drift.WindowVerdict;
import io.skerry.telemetry.sketch.WindowCounts;
import io.skerry.telemetry.wire.TelemetryRecords;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A process of the control plane: takes what devices send, stores it, and only then tells them so;
 * moves rollouts on; brings orders out of the outbox to the broker; judges windows. It can die
 * between any two of these, and starts again on what the store holds.
 */
public final class ControlPlane implements MemoryBroker.Client {
  // Every replica's, as the server's: one that connects throws out the other.
  private static final String CLIENT_ID = "control";
  // As the server's.
  private static final Duration SESSION = Duration.ofHours(1);
  private static final long BATCH_MILLIS = 200;
  private static final long RETRY_MILLIS = World.SECOND;
  private static final int OUTBOX_BATCH = 200;
  private static final long UNSEEN_MILLIS = 10 * World.SECOND;
  private static final long RECONNECT_MILLIS = 2 * World.SECOND;

  private final String name;
  private final Fleet fleet;
  private final World world;
  private final MemoryBroker broker;
  private final MemoryStore store;
  private final RolloutShell rollouts;
  private final DriftShell drift;
  private final List<MemoryBroker.Message> inbox = new ArrayList<>();
  private final Map<String, Topics.DeviceTopic> topics = new HashMap<>();
  private MemoryBroker.@Nullable Connection connection;
  private boolean up;
  private boolean reachesBroker = true;
  private long life;
  private boolean batchDue;
  private boolean engineDue;
  private boolean sweepDue;
  private boolean publishDue;
  // What the devices sent may not have been stored meanwhile.
  private boolean gap;
  private @Nullable DeathPoint dies;
  // What it does until it dies in the midst of it; it does not from 0 on.
  private long effectsLeft;
  private long effects;
  // Whether what is done now is work of its own, and nobody's who asks for it.
  private boolean working;
  private final Set<DeathPoint> diedAt = EnumSet.noneOf(DeathPoint.class);
  private Instant heardSince = Instant.EPOCH;
  private long recordsStored;
  private long timesTakenOver;

  /** Where in its work the process dies. */
  public enum DeathPoint {
    AT_ONCE,
    BEFORE_COMMIT,
    /** The batch is stored, nobody was told. */
    AFTER_COMMIT,
    /** Some messages were acknowledged and some devices told. */
    WHILE_TELLING,
    /** Orders are in the outbox, some were published and not noted. */
    WHILE_PUBLISHING
  }

  /** The process ended here. */
  private static final class Died extends Error {
    private static final long serialVersionUID = 1;

    Died() {
      super(null, null, false, false);
    }
  }

  /**
   * @param rollouts of all replicas, as they are in their database
   * @param drift the same
   */
  ControlPlane(Fleet fleet, String name, RolloutShell rollouts, DriftShell drift) {
    this.name = name;
    this.fleet = fleet;
    this.world = fleet.world();
    this.broker = fleet.broker();
    this.store = fleet.store();
    this.rollouts = rollouts;
    this.drift = drift;
  }

  /** Starts the process. */
  public void start() {
    startAndDie(0);
  }

  /** Starts the process, which dies behind so many of its effects; not at all for 0. */
  void startAndDie(long behind) {
    up = true;
    life++;
    dies = null;
    effectsLeft = behind;
    world.trace().note(world.now(), Trace.Kind.PLANE, -1, 1, life);
    work(this::begin);
  }

  private void begin() {
    store.beginTerm();
    effect();
    store.queueAll();
    effect();
    if (drift.replay() > 0) {
      fleet.watch().broken(7, -1, "a window judged once more has another verdict");
    }
    connect();
    lookAtWindows();
    if (rollouts.isActive()) {
      wakeEngine();
    }
    publishSoon();
    sweepSoon();
  }

  /** Since when it hears the devices without a gap. */
  Instant heardSince() {
    return heardSince;
  }

  /** Records that this one stored. */
  long recordsStored() {
    return recordsStored;
  }

  /** How often the other one threw this one off the broker. */
  long timesTakenOver() {
    return timesTakenOver;
  }

  /** Lets the process die when it next comes to this point. */
  void killAt(DeathPoint point) {
    if (point == DeathPoint.AT_ONCE) {
      diedAt.add(point);
      kill();
    } else {
      dies = point;
    }
  }

  /** Lets the process die behind so many more of its effects. */
  void killAtWork(long behind) {
    effectsLeft = behind;
  }

  /**
   * What somebody else could see, or finds after a start, was done: a transaction, an
   * acknowledgement, a message.
   */
  private void effect() {
    effects++;
    if (working && effectsLeft > 0 && --effectsLeft == 0) {
      kill();
      throw new Died();
    }
  }

  /** Effects since the beginning. */
  long effects() {
    return effects;
  }

  /** Lets the process die now. */
  void kill() {
    if (!up) {
      return;
    }
    up = false;
    life++;
    inbox.clear();
    batchDue = false;
    engineDue = false;
    sweepDue = false;
    publishDue = false;
    gap = false;
    world.trace().note(world.now(), Trace.Kind.PLANE, -1, 0, life);
    MemoryBroker.Connection current = connection;
    connection = null;
    if (current != null) {
      current.cut();
    }
  }

  /** Nothing more goes wrong with the process; one that is gone is started. */
  void heal() {
    dies = null;
    effectsLeft = 0;
    reachesBroker = true;
    if (!up) {
      start();
    }
  }

  /** Whether the process has a network to the broker. */
  void reaches(boolean broker) {
    reachesBroker = broker;
    MemoryBroker.Connection current = connection;
    if (!broker && current != null) {
      current.cut();
    }
  }

  /** Whether the process runs. */
  public boolean isUp() {
    return up;
  }

  private void dieAt(DeathPoint point) {
    if (dies == point) {
      diedAt.add(point);
      kill();
      throw new Died();
    }
  }

  /** Where it was killed since the beginning. */
  Set<DeathPoint> diedAt() {
    return diedAt;
  }

  /** Runs something of this life of the process, later. */
  private void later(long millis, Runnable task) {
    long of = life;
    world.after(
        millis,
        () -> {
          if (up && life == of) {
            work(task);
          }
        });
  }

  private void work(Runnable task) {
    working = true;
    try {
      task.run();
    } catch (Died e) {
      world.trace().note(world.now(), Trace.Kind.PLANE, -1, 2, life);
    } finally {
      working = false;
    }
  }

  private void connect() {
    Optional<MemoryBroker.Connection> opened =
        reachesBroker
            ? broker.connect(CLIENT_ID, SESSION, Optional.empty(), this)
            : Optional.empty();
    if (opened.isEmpty()) {
      later(RECONNECT_MILLIS, this::connect);
      return;
    }
    MemoryBroker.Connection fresh = opened.get();
    connection = fresh;
    boolean known = fresh.isSessionPresent();
    if (!known) {
      // A broker that knows nobody told nobody's death: who is there is born again, retained.
      store.forgetPresence();
      rollouts.forgetsPresence();
      effect();
    }
    heardSince = world.instant();
    rollouts.listens(heardSince);
    fresh.subscribe(Topics.everyDevice(Topics.REPORTED));
    fresh.subscribe(Topics.everyDevice(Topics.STATUS));
    for (RecordStream stream : RecordStream.values()) {
      fresh.subscribe(Topics.everyDevice(stream.wireName()));
    }
  }

  @Override
  public void lost(boolean takenOver) {
    connection = null;
    timesTakenOver += takenOver ? 1 : 0;
    // The broker sends them again, and their acknowledgements would be for another connection.
    inbox.clear();
    if (up) {
      later(RECONNECT_MILLIS, this::connect);
    }
  }

  @Override
  public void received(MemoryBroker.Message message) {
    inbox.add(message);
    if (!batchDue) {
      batchDue = true;
      later(BATCH_MILLIS, this::store);
    }
  }

  private void store() {
    batchDue = false;
    List<MemoryBroker.Message> messages = List.copyOf(inbox);
    inbox.clear();
    dieAt(DeathPoint.BEFORE_COMMIT);
    Commits.Fate fate = messages.isEmpty() ? Commits.Fate.DONE : fleet.commits().next();
    Map<DeviceId, List<CommittedRange>> committed =
        fate == Commits.Fate.REFUSED ? Map.of() : stored(messages);
    dieAt(DeathPoint.AFTER_COMMIT);
    if (!messages.isEmpty()) {
      effect();
    }
    if (fate != Commits.Fate.DONE) {
      // They stay here until they are safe: the broker would not send them again.
      gap = true;
      inbox.addAll(0, messages);
      batchDue = true;
      later(RETRY_MILLIS, this::store);
      return;
    }
    MemoryBroker.Connection current = connection;
    if (current != null) {
      int told = 0;
      for (int i = 0; i < messages.size(); i++) {
        if (dies == DeathPoint.WHILE_TELLING && told++ >= messages.size() / 2) {
          dieAt(DeathPoint.WHILE_TELLING);
        }
        current.acknowledge();
        effect();
      }
      committed.forEach(
          (device, ranges) -> {
            current.publish(
                fleet.device(device).committedTopic(), ProtocolCodec.encode(ranges), false);
            effect();
          });
    }
    if (rollouts.isActive()) {
      wakeEngine();
    }
  }

  private Map<DeviceId, List<CommittedRange>> stored(List<MemoryBroker.Message> messages) {
    Map<DeviceId, List<CommittedRange>> committed = new LinkedHashMap<>();
    rollouts.beginTransaction();
    for (MemoryBroker.Message message : messages) {
      try {
        store(message, committed);
      } catch (MalformedDocumentException | InvalidProtocolBufferException e) {
        fleet.watch().broken(2, -1, "a message cannot be read: " + e.getMessage());
      }
    }
    return committed;
  }

  private void store(MemoryBroker.Message message, Map<DeviceId, List<CommittedRange>> committed)
      throws MalformedDocumentException, InvalidProtocolBufferException {
    Topics.DeviceTopic topic =
        topics.computeIfAbsent(message.topic(), name -> Topics.parse(name).orElseThrow());
    DeviceId device = topic.device();
    int index = fleet.device(device).index();
    switch (topic.kind()) {
      case Topics.STATUS -> {
        boolean known = store.isOnline(device);
        store.status(device, ProtocolCodec.decodeStatus(message.payload()), world.instant());
        if (known != store.isOnline(device)) {
          world
              .trace()
              .note(
                  world.now(), known ? Trace.Kind.DISCONNECTED : Trace.Kind.CONNECTED, index, 0, 0);
          if (known) {
            rollouts.left(device, world.instant());
          } else {
            rollouts.returned(device, world.instant());
          }
        }
      }
      case Topics.REPORTED -> {
        ReportedDocument report = ProtocolCodec.decodeReported(message.payload());
        if (store.report(report, world.instant())) {
          fleet.device(device).told(report.facts());
          world
              .trace()
              .note(world.now(), Trace.Kind.REPORTED, index, report.bootEpoch(), report.sequence());
          fleet.watch().reported(index, report);
          sweepSoon();
        }
      }
      default -> {
        RecordStream stream = RecordStream.ofWireName(topic.kind());
        RecordBatch batch = TelemetryRecords.decodeBatch(message.payload());
        MemoryStore.Taken taken = store.take(device, stream, batch);
        for (Record record : taken.stored()) {
          stored(device, index, stream, batch.getBootEpoch(), record);
        }
        if (!taken.committed().isEmpty()) {
          committed.computeIfAbsent(device, id -> new ArrayList<>(2)).addAll(taken.committed());
        }
      }
    }
  }

  private void stored(DeviceId device, int index, RecordStream stream, long epoch, Record record) {
    world
        .trace()
        .note(
            world.now(),
            Trace.Kind.STORED,
            index,
            epoch * 31 + stream.wireName().hashCode(),
            record.getSequence());
    world.trace().note(Arrays.hashCode(record.toByteArray()));
    recordsStored++;
    fleet.watch().stored(index, stream, epoch, record);
    switch (record.getBodyCase()) {
      case WINDOW -> {
        WindowCounts counts = fleet.releases().counts(record.getWindow());
        drift.stored(device, record.getWindow(), counts);
        rollouts.counted(device, epoch, record.getWindow(), counts);
      }
      case FEEDBACK -> {
        long length = fleet.settings().window().toMillis();
        drift.outcome(device, record.getFeedback(), world.now() / length);
        rollouts.counted(device, record.getFeedback());
      }
      case SAMPLE, EVENT, BODY_NOT_SET -> {}
    }
  }

  private void wakeEngine() {
    if (!engineDue) {
      engineDue = true;
      later(fleet.settings().engineMillis(), this::moveOn);
    }
  }

  private void moveOn() {
    engineDue = false;
    // While nobody is heard nothing is known, and nobody is late.
    if (connection != null) {
      look();
    }
    if (rollouts.isActive()) {
      wakeEngine();
    }
  }

  private void look() {
    Commits.Fate fate = fleet.commits().next();
    if (fate != Commits.Fate.REFUSED) {
      if (gap) {
        heardSince = world.instant();
        rollouts.listens(heardSince);
        gap = false;
      }
      changing(() -> rollouts.tick(name + life, heardSince, world.instant(), this::effect));
    }
    gap |= fate != Commits.Fate.DONE;
  }

  /** Tells what became of the rollouts while something was done. */
  private void changing(Runnable act) {
    if (!up) {
      throw new IllegalStateException("a control plane that is down takes no orders");
    }
    Map<Rollout, RolloutState> before = new LinkedHashMap<>();
    rollouts.all().forEach(rollout -> before.put(rollout, rollout.state));
    try {
      act.run();
    } finally {
      // Whoever does it may die in the midst: what is done is done.
      tell(before);
    }
    publishSoon();
  }

  private void tell(Map<Rollout, RolloutState> before) {
    rollouts
        .all()
        .forEach(
            rollout -> {
              RolloutState was = before.get(rollout);
              if (was == null || !was.equals(rollout.state)) {
                fleet.watch().changed(rollout, Optional.ofNullable(was));
              } else if (was.phase() instanceof RolloutPhase.Paused) {
                fleet.watch().paused(rollout);
              }
              if (!rollout.plan.limits().equals(RolloutPlan.Limits.NONE)) {
                fleet.watch().limited(rollout);
              }
            });
  }

  private void publishSoon() {
    if (store.outboxSize() > 0 && !publishDue) {
      publishDue = true;
      later(connection == null ? RECONNECT_MILLIS : 50, this::publish);
    }
  }

  private void publish() {
    publishDue = false;
    MemoryBroker.Connection current = connection;
    if (current == null) {
      publishSoon();
      return;
    }
    List<MemoryStore.Waiting> documents = store.waiting(OUTBOX_BATCH);
    int published = 0;
    for (MemoryStore.Waiting waiting : documents) {
      DesiredDocument document = waiting.document();
      SimDevice device = fleet.device(document.device());
      world
          .trace()
          .note(
              world.now(),
              Trace.Kind.ORDERED,
              device.index(),
              document.generation().term(),
              document.generation().counter());
      device.ordered(document);
      broker.order(current, device.desiredTopic(), fleet.releases().directed(document));
      if (published++ >= documents.size() / 2) {
        dieAt(DeathPoint.WHILE_PUBLISHING);
      }
      effect();
    }
    if (fleet.commits().next() != Commits.Fate.REFUSED) {
      store.published(documents, world.instant());
      effect();
    }
    publishSoon();
    sweepSoon();
  }

  private void sweepSoon() {
    if (!sweepDue && store.isAnybodyBehind()) {
      sweepDue = true;
      later(
          fleet.settings().sweepMillis(),
          () -> {
            sweepDue = false;
            if (fleet.commits().next() != Commits.Fate.REFUSED) {
              store.outrank(world.instant());
              effect();
            }
            if (fleet.commits().next() != Commits.Fate.REFUSED) {
              store.repair(world.instant(), UNSEEN_MILLIS);
              effect();
            }
            publishSoon();
            sweepSoon();
          });
    }
  }

  private void lookAtWindows() {
    long length = fleet.settings().window().toMillis();
    long grace = fleet.settings().windowGrace().toMillis();
    long next = (Math.floorDiv(world.now() - grace, length) + 1) * length + grace;
    later(
        next - world.now(),
        () -> {
          judge(next / length);
          lookAtWindows();
        });
  }

  // Until it is told that its verdicts are kept: what was judged is not judged again.
  private void judge(long before) {
    Commits.Fate fate = fleet.commits().next();
    if (fate != Commits.Fate.REFUSED) {
      drift.judgeBefore(before, this::judged);
    }
    if (fate != Commits.Fate.DONE) {
      later(RETRY_MILLIS, () -> judge(before));
    }
  }

  private void judged(WindowVerdict verdict) {
    verdict
        .found()
        .ifPresent(
            finding ->
                world
                    .trace()
                    .note(
                        world.now(),
                        Trace.Kind.INCIDENT,
                        -1,
                        finding.window(),
                        finding.cohort().hashCode()));
    fleet.watch().judged(verdict);
    effect();
  }

  /** An operator begins a rollout to every device. */
  Rollout roll(
      RolloutKind kind,
      long version,
      List<Integer> percents,
      Duration soak,
      GateAction failedDevices) {
    RolloutShell.Wish wish = wish(kind, version, percents, soak);
    return begun(() -> rollouts.start(wish, failedDevices, world.instant()));
  }

  /** An operator begins a rollout to every device, and leaves its gates as they are. */
  Rollout rollByDefault(long version, List<Integer> percents, Duration soak) {
    RolloutShell.Wish wish = wish(new RolloutKind.Replace(), version, percents, soak);
    return begun(() -> rollouts.startByDefault(wish, world.instant()));
  }

  /** An operator writes a rollout down, which somebody else must approve. */
  Rollout write(
      RolloutKind kind,
      long version,
      List<Integer> percents,
      Duration soak,
      RolloutPlan.Limits limits,
      String author) {
    RolloutShell.Wish wish = wish(kind, version, percents, soak);
    return begun(() -> rollouts.write(wish, limits, author));
  }

  private RolloutShell.Wish wish(
      RolloutKind kind, long version, List<Integer> percents, Duration soak) {
    return new RolloutShell.Wish(
        kind,
        fleet.parts(version),
        percents,
        fleet.admitsNewcomers(),
        fleet.settings().window(),
        soak);
  }

  private Rollout begun(Supplier<Rollout> start) {
    Rollout[] begun = new Rollout[1];
    changing(() -> begun[0] = start.get());
    wakeEngine();
    return begun[0];
  }

  /** An operator acts; returns why it is not possible, if it is not. */
  Optional<String> act(Rollout rollout, RolloutEvent event) {
    List<Optional<String>> refusal = new ArrayList<>();
    changing(() -> refusal.add(rollouts.apply(rollout, event, world.instant())));
    wakeEngine();
    return refusal.getFirst();
  }

  /** An operator removes a device from the fleet. */
  void remove(SimDevice device) {
    store.remove(device.id());
    changing(() -> rollouts.removed(device.id()));
  }

  List<Incident> incidents() {
    return drift.incidents();
  }

  DriftShell drift() {
    return drift;
  }

  Iterable<Rollout> rollouts() {
    return rollouts.all();
  }

  Optional<Rollout> active() {
    for (Rollout rollout : rollouts.all()) {
      if (rollout.state.phase() instanceof RolloutPhase.Running
          || rollout.state.phase() instanceof RolloutPhase.Paused) {
        return Optional.of(rollout);
      }
    }
    return Optional.empty();
  }
}
