package io.skerry.simulator.world;

import io.skerry.agent.boot.BootEpoch;
import io.skerry.agent.boot.SpooledWindows;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.MemoryRoom;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.observe.DayBytes;
import io.skerry.agent.observe.Observer;
import io.skerry.agent.time.DeviceClock;
import io.skerry.agent.update.MemoryMeter;
import io.skerry.agent.update.UpdateSetup;
import io.skerry.agent.update.Updater;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.Spool;
import io.skerry.agent.uplink.SpoolSeal;
import io.skerry.agent.uplink.Uplink;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.Generation;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotReport;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.SplittableRandom;

/**
 * The agent's process on a device: real spool, uplink, updater, observer and predictor. Nothing of
 * it outlives a stop but what is on the disk.
 */
final class SimAgent {
  private static final ProfileCatalog PROFILES = ProfileCatalog.builtIn();
  private static final Path DATA = Path.of("/data");
  private static final Path SPOOL = DATA.resolve("spool");
  private static final Path MODELS = DATA.resolve("models");
  private static final SlotId TRIAL = RolloutPart.trialBeside(RolloutShell.SLOT);
  private static final int RING = 4;
  // What a prediction takes of it: one place, and another for its sample.
  private static final int PLACES = 2;
  private static final int RECENT_MAX = 256;
  private static final byte[] PRIVACY_KEY = new byte[32];
  private static final long BUSY_TICK = 5 * World.SECOND;
  private static final long RESEND_TICK = 11 * World.SECOND;
  private static final long RESEND_TICK_MAX = 10 * World.MINUTE;
  private static final long JOB_MILLIS = 400;
  private static final long PROCESS_BYTES = 16L << 20;
  private static final MemoryMeter NO_METER =
      new MemoryMeter() {
        @Override
        public OptionalLong resident() {
          return OptionalLong.empty();
        }

        @Override
        public OptionalLong available() {
          return OptionalLong.empty();
        }
      };

  private final Fleet fleet;
  private final World world;
  private final SimDevice device;
  private final MemoryDisk disk;
  private final Workload workload;
  private final long epoch;
  private final String instance;
  private final DeviceClock clock;
  private final ModelSlots slots = new ModelSlots(Runnable::run);
  private final SimEngine engine;
  private final Spool spool;
  private final Observer observer;
  private final Predictor predictor;
  private final Updater updater;
  private final MemoryLink link;
  private final Uplink uplink;
  // Copies of answered requests for what shadows.
  private final Queue<Runnable> copies = new ArrayDeque<>(1);
  private long spentNanos;
  // Whether what runs may have changed since a user looked.
  private boolean unchecked;
  private long dueAt = Long.MAX_VALUE;
  private long sealAt;
  // A real agent looks some times a second, and writes down what it counted.
  private long writtenAt;
  // Places in the ring that may be taken.
  private int undrained;
  // Nothing is open that the observer could close, or write down, after that.
  private long lookUntil;
  private long takenOver;
  private long resendMillis = RESEND_TICK;
  // While its disk takes nothing: when somebody asks next, and how long they wait then.
  private long askedAt;
  private long askMillis = World.SECOND;
  private long tickedAt = Long.MIN_VALUE / 2;
  private final long heartbeatMillis;
  private final long windowMillis;
  private final Map<RecordStream, Long> kept = new EnumMap<>(RecordStream.class);

  SimAgent(Fleet fleet, SimDevice device) throws IOException {
    this.fleet = fleet;
    this.world = fleet.world();
    this.device = device;
    this.disk = device.disk();
    SplittableRandom random = device.random();
    this.instance = HexFormat.of().toHexDigits(random.nextLong());
    this.lookUntil = world.now() + 2 * fleet.settings().window().toMillis();
    this.heartbeatMillis = fleet.settings().cadence().heartbeat().toMillis();
    this.windowMillis = fleet.settings().window().toMillis();
    this.workload = new Workload(fleet, device, this);
    disk.createFolders(DATA);
    clock =
        DeviceClock.open(
            disk,
            DATA,
            Instant.ofEpochMilli(World.BEGIN - World.DAY),
            () -> Instant.ofEpochMilli(world.now() + device.skewMillis()),
            this::nanos,
            random);
    epoch = BootEpoch.next(disk, DATA, SPOOL, 0);
    SpoolSeal seal =
        SpoolSeal.of(
            disk, DATA, SimDevice.TENANT, new SplittableRandom(device.id().hashCode() + epoch));
    spool = Spool.open(disk, SPOOL, seal, epoch, fleet.settings().spoolBytesMax());
    engine = new SimEngine(disk, machine());
    observer =
        new Observer(
            clock,
            RING,
            RECENT_MAX,
            this::keep,
            PRIVACY_KEY,
            DayBytes.open(disk, DATA),
            this::residentBytes,
            new SpooledWindows(spool));
    predictor = new Predictor(slots, clock, this::nanos, random, listener(), copies::add);
    updater =
        new Updater(
            new UpdateSetup(
                disk,
                MODELS,
                SimDevice.TENANT,
                device.id(),
                fleet.releases()::trust,
                device.hardware().facts(),
                PROFILES,
                new EngineCatalog(List.of(engine), new MemoryRoom(OptionalLong::empty)),
                1,
                slots,
                fleet.http(device.network()),
                this::execute,
                this::execute,
                clock,
                this::nanos,
                NO_METER),
            observer,
            observer::event);
    link =
        new MemoryLink(
            world,
            fleet.broker(),
            new LinkConfig(
                    "broker",
                    1,
                    SimDevice.TENANT,
                    device.id(),
                    MemoryLink::noCertificate,
                    epoch,
                    instance)
                .with(fleet.settings().timing()),
            device.network(),
            random,
            action -> device.with(this, () -> heard(action)));
    uplink =
        new Uplink(
            link,
            spool,
            SimDevice.TENANT,
            device.id(),
            clock,
            () -> fleet.settings().cadence(),
            this::desired,
            this::report);
    uplink.onConnected(this::connected);
  }

  /** What a clock says that never jumps. */
  long nanos() {
    return world.now() * 1_000_000 + spentNanos;
  }

  // Some of its own, and some for each model.
  private long residentBytes() {
    return (4L + slots.active().size()) * PROCESS_BYTES;
  }

  private SimEngine.Machine machine() {
    return new SimEngine.Machine() {
      @Override
      public void spend(long nanos) {
        spentNanos += nanos;
      }

      @Override
      public double slowness() {
        return device.slowness();
      }

      @Override
      public void die() {
        throw new SimDevice.ProcessDied();
      }
    };
  }

  private boolean keep(RecordStream stream, Record record) {
    long sequence = kept.getOrDefault(stream, 0L) + 1;
    // Before it is: the machine may stop when the record is on the disk and nobody heard of it.
    fleet.watch().kept(device.index(), stream, epoch, sequence, record);
    boolean taken = spool.append(stream, record);
    if (taken) {
      kept.put(stream, sequence);
      wake(World.SECOND);
    } else {
      fleet.watch().refused(device.index(), stream, epoch, sequence);
    }
    return taken;
  }

  private void heard(Runnable action) {
    boolean ended = false;
    try {
      action.run();
      ended = true;
    } finally {
      if (uplink.timesTakenOver() > takenOver) {
        takenOver = uplink.timesTakenOver();
        keptByUplink(ended);
      }
    }
  }

  // The uplink keeps this one itself. Where the machine stopped in it, it may be on the disk.
  private void keptByUplink(boolean ended) {
    RecordStream stream = RecordStream.EVENTS;
    long sequence = kept.getOrDefault(stream, 0L) + 1;
    fleet.watch().kept(device.index(), stream, epoch, sequence, Record.getDefaultInstance());
    if (ended && spool.appended().getOrDefault(stream, 0L) < sequence) {
      fleet.watch().refused(device.index(), stream, epoch, sequence);
    } else {
      kept.put(stream, sequence);
      wake(World.SECOND);
    }
  }

  private void connected() {
    if (clock.isDoubtful() && fleet.isPlaneUp()) {
      try {
        clock.ask(
            nonce -> fleet.releases().signedTime(nonce, world.instant()), fleet.releases().trust());
      } catch (IOException e) {
        wake(World.MINUTE);
      } catch (InterruptedException e) {
        throw new IllegalStateException("nobody interrupts a simulation", e);
      }
    }
    wake(0);
  }

  // Jobs of the updater block: they come to their end a little later.
  private void execute(Runnable job) {
    world.after(
        (long) ((JOB_MILLIS + device.random().nextLong(JOB_MILLIS)) * device.slowness()),
        () ->
            device.with(
                this,
                () -> {
                  job.run();
                  wake(0);
                }));
  }

  private void desired(byte[] payload) {
    Generation before = updater.observed();
    updater.desired(payload);
    unchecked = true;
    askAtOnce();
    if (!updater.observed().equals(before)) {
      fleet.watch().observed(device.index(), updater.observed());
    }
    device.slots().forEach(slot -> slot.received(slots));
    wake(0);
  }

  private ReportedDocument report(long sequence) {
    List<SlotReport> reports = updater.reports();
    return new ReportedDocument(
        SimDevice.TENANT,
        device.id(),
        epoch,
        sequence,
        clock.instant(),
        updater.observed(),
        updater.applied(),
        reports,
        fleet.facts(device.hardware()),
        "simulated",
        spool.dropped(),
        new DeviceHealth(
            instance,
            spool.damaged(),
            spool.bytes(),
            1,
            1,
            Optional.empty(),
            uplink.timesTakenOver()));
  }

  /** What could not be written down can be from now on. */
  void diskWorks() {
    // An agent looks at its counts every second; nothing but a look writes them down.
    lookUntil = Math.max(lookUntil, world.now() + World.MINUTE);
    wake(World.SECOND);
    if (!updater.isSettled()) {
      askAtOnce();
    }
  }

  private void askAtOnce() {
    askedAt = 0;
    askMillis = World.SECOND;
  }

  // While nothing can be remembered nothing goes on: every second of these hours is the same.
  private boolean isAsked() {
    if (!device.takesNothing()) {
      return true;
    }
    if (world.now() < askedAt) {
      return false;
    }
    askedAt = world.now() + askMillis;
    askMillis = Math.min(2 * askMillis, World.MINUTE);
    return true;
  }

  /** Ticks at the latest after this long. */
  void wake(long millis) {
    long at = world.now() + millis;
    if (at < dueAt) {
      dueAt = at;
      world.at(
          at,
          () -> {
            if (device.isAlive(this) && dueAt == at) {
              device.with(this, this::tick);
            }
          });
    }
  }

  private void tick() {
    dueAt = Long.MAX_VALUE;
    if (undrained > 0 || world.now() <= lookUntil) {
      look();
    }
    if (!device.isDiskFailing() && world.now() - device.diskWorksSince() >= World.SECOND) {
      fleet.watch().written(device.index());
    }
    boolean settled = updater.isSettled();
    if (!settled) {
      // Somebody always asks while a version has to prove itself.
      if (isAsked()) {
        workload.predict(2, false);
      }
      updater.tick(link.state() == DeviceLink.State.CONNECTED);
      settled = updater.isSettled();
      unchecked = true;
    }
    if (settled) {
      device.slots().forEach(SlotWatch::settled);
    }
    if (unchecked) {
      checkRunning();
      unchecked = !settled;
    }
    uplink.tick();
    if (world.now() - tickedAt >= World.SECOND) {
      tickedAt = world.now();
      if (!device.isDiskFailing()) {
        // A second has gone by since the last look: what is in the spool is on the disk now.
        fleet.watch().durable(device.index());
        dueAt = Long.MAX_VALUE;
      }
    }
    if (sealAt > world.now()) {
      wake(sealAt - world.now());
    }
    if (writtenAt > world.now()) {
      wake(writtenAt - world.now());
    }
    if (!settled) {
      wake(device.takesNothing() ? askedAt - world.now() : BUSY_TICK);
    }
    if (device.isDiskFailing()) {
      wake(World.MINUTE);
    }
    if (spool.bytes() == 0) {
      resendMillis = RESEND_TICK;
    }
    if (link.state() == DeviceLink.State.CONNECTED) {
      if (spool.bytes() > 0) {
        wake(resendMillis);
        resendMillis = Math.min(2 * resendMillis, RESEND_TICK_MAX);
      } else if (heartbeatMillis < windowMillis) {
        wake(heartbeatMillis);
      }
    }
  }

  private void look() {
    undrained = 0;
    observer.tick();
    if (device.isDiskFailing()) {
      // What was not written down now is tried once more.
      lookUntil = Math.max(lookUntil, sealAt + World.MINUTE);
    }
  }

  private void checkRunning() {
    List<SlotWatch> watched = device.slots();
    for (int i = 0; i < watched.size(); i++) {
      watched.get(i).look(slots, updater);
    }
    if (watched.size() > 1) {
      fleet.watch().together(device, device.versions());
    }
    if (fleet.hasTrials()) {
      fleet.watch().running(device, slots.active(TRIAL).map(ServingModel::manifest));
    }
  }

  /** Starts what the process does. */
  void start() {
    updater.start();
    device.slots().forEach(slot -> slot.started(slots, updater.observed()));
    checkRunning();
    uplink.start();
    wake(0);
  }

  /** What applications asked for in a window that has just ended; it is over after so long. */
  void windowEnds(long endMillis) {
    workload.ofWindow();
    // What was counted is sealed when the window is over.
    sealAt = endMillis + 250;
    lookUntil = sealAt;
    wake(sealAt - world.now());
  }

  /** Something was counted. */
  void counted() {
    writtenAt = world.now() + World.SECOND;
    lookUntil = Math.max(lookUntil, writtenAt);
    wake(World.SECOND);
  }

  /** A prediction was answered: the ring has room for so many, and what shadows sees it now. */
  void predicted() {
    counted();
    undrained += PLACES;
    for (Runnable copy = copies.poll(); copy != null; copy = copies.poll()) {
      copy.run();
      undrained += PLACES;
    }
    if (undrained + PLACES > RING) {
      look();
    }
  }

  /** What an observer hears, and where versions shadow, a user too: their answers are counted. */
  private PredictionListener listener() {
    return fleet.hasTrials() ? new TrialListener(observer, fleet.watch(), device) : observer;
  }

  /** Everything that was counted is told, as when the agent is told to stop. */
  void flush() {
    observer.flush();
  }

  long epoch() {
    return epoch;
  }

  DeviceClock clock() {
    return clock;
  }

  ModelSlots slots() {
    return slots;
  }

  SimEngine engine() {
    return engine;
  }

  Spool spool() {
    return spool;
  }

  Observer observer() {
    return observer;
  }

  Predictor predictor() {
    return predictor;
  }

  Updater updater() {
    return updater;
  }

  MemoryLink link() {
    return link;
  }
}
