package io.skerry.simulator.world;

import io.skerry.agent.boot.BootEpoch;
import io.skerry.agent.boot.SpooledWindows;
import io.skerry.agent.model.CallTimes;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.MemoryRoom;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.observe.DayBytes;
import io.skerry.agent.observe.Observer;
import io.skerry.agent.serve.Feedback;
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
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.MachineStopped;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.simulator.disk.Stop;
import io.skerry.simulator.world.Releases.Behaviour;
import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One device: real spool, uplink, updater, observer and predictor on a disk in memory, a link in
 * memory and an engine that follows a script. It lives in events: nothing happens between them.
 */
public final class SimDevice {
  static final TenantId TENANT = new TenantId("default");

  private static final ProfileCatalog PROFILES = ProfileCatalog.builtIn();
  private static final Path DATA = Path.of("/data");
  private static final Path SPOOL = DATA.resolve("spool");
  private static final Path MODELS = DATA.resolve("models");
  private static final int RING = 4;
  // What a prediction takes of it: one place, and another for its sample.
  private static final int PLACES = 2;
  private static final int RECENT_MAX = 256;
  private static final byte[] PRIVACY_KEY = new byte[32];
  private static final long BUSY_TICK = 5 * World.SECOND;
  private static final long RESEND_TICK = 11 * World.SECOND;
  private static final long RESEND_TICK_MAX = 10 * World.MINUTE;
  private static final long JOB_MILLIS = 400;
  private static final List<Long> INPUT_SHAPE = List.of(1L, (long) Nature.FEATURES);
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
  private final int index;
  private final DeviceId id;
  private final Hardware hardware;
  private final Map<String, String> attributes;
  private final SplittableRandom random;
  private final float[] offsets;
  private final String desiredTopic;
  private final String committedTopic;
  private final MemoryDisk disk;
  private @Nullable Agent process;
  private boolean gone;
  // Its disk does not work until the machine starts again.
  private boolean down;
  private long skewMillis;
  private boolean linkUp = true;
  private double lossy;
  private boolean artifactsUp = true;
  private double artifactsBroken;
  private double slowness = 1;
  private boolean diskFailing;
  private long diskWorksSince;
  private Optional<Loss> loss = Optional.empty();
  private long restartMillis = World.MINUTE;
  private boolean proven;
  private Set<Generation> offAt = Set.of();
  private boolean inside;
  private final Set<Long> ran = new TreeSet<>();
  private long fetched;
  private int crashes;

  SimDevice(Fleet fleet, int index) {
    this.fleet = fleet;
    this.world = fleet.world();
    this.disk = new MemoryDisk(fleet.pages());
    this.index = index;
    this.id = new DeviceId(String.format(Locale.ROOT, "d%05d", index));
    this.hardware = Hardware.dealt(index / fleet.settings().sites());
    this.attributes =
        Map.of(
            "site",
            "site-" + (char) ('a' + index % fleet.settings().sites()),
            "profile",
            hardware.profile().value());
    this.random = world.split();
    this.offsets = Nature.offsets(random);
    this.desiredTopic = Topics.device(TENANT, id, Topics.DESIRED);
    this.committedTopic = Topics.device(TENANT, id, Topics.COMMITTED);
  }

  int index() {
    return index;
  }

  DeviceId id() {
    return id;
  }

  Hardware hardware() {
    return hardware;
  }

  Map<String, String> attributes() {
    return attributes;
  }

  String site() {
    return attributes.getOrDefault("site", "");
  }

  String desiredTopic() {
    return desiredTopic;
  }

  String committedTopic() {
    return committedTopic;
  }

  /** The agent's process: nothing of it outlives a stop. */
  private final class Agent {
    private final long epoch;
    private final String instance = HexFormat.of().toHexDigits(random.nextLong());
    private final DeviceClock clock;
    private final ModelSlots slots = new ModelSlots(Runnable::run);
    private final SimEngine engine;
    private final Spool spool;
    private final Observer observer;
    private final Predictor predictor;
    private final Updater updater;
    private final MemoryLink link;
    private final Uplink uplink;
    private long spentNanos;
    // Whether what runs may have changed since a user looked.
    private boolean unchecked;
    // What answers until an order to switch it off, which was taken, is on the disk.
    private Optional<ServingModel> leaving = Optional.empty();
    private long dueAt = Long.MAX_VALUE;
    private long sealAt;
    // Places in the ring that may be taken.
    private int undrained;
    // Nothing is open that the observer could close, or write down, after that.
    private long lookUntil = world.now() + 2 * fleet.settings().window().toMillis();
    private long takenOver;
    private long resendMillis = RESEND_TICK;
    private long tickedAt = Long.MIN_VALUE / 2;
    private final long heartbeatMillis = fleet.settings().cadence().heartbeat().toMillis();
    private final long windowMillis = fleet.settings().window().toMillis();
    private final Map<RecordStream, Long> kept = new EnumMap<>(RecordStream.class);

    Agent() throws IOException {
      disk.createFolders(DATA);
      clock =
          DeviceClock.open(
              disk,
              DATA,
              Instant.ofEpochMilli(World.BEGIN - World.DAY),
              () -> Instant.ofEpochMilli(world.now() + skewMillis),
              this::nanos,
              random);
      epoch = BootEpoch.next(disk, DATA, SPOOL, 0);
      SpoolSeal seal =
          SpoolSeal.of(disk, DATA, TENANT, new SplittableRandom(id.hashCode() + epoch));
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
              () -> NO_METER.resident().orElse(0),
              new SpooledWindows(spool));
      predictor = new Predictor(slots, clock, this::nanos, random, observer);
      updater =
          new Updater(
              new UpdateSetup(
                  disk,
                  MODELS,
                  TENANT,
                  id,
                  fleet.releases()::trust,
                  hardware.facts(),
                  PROFILES,
                  new EngineCatalog(List.of(engine), new MemoryRoom(OptionalLong::empty)),
                  1,
                  slots,
                  fleet.http(artifactLine()),
                  this::execute,
                  this::execute,
                  clock,
                  this::nanos,
                  NO_METER),
              observer,
              event -> keep(RecordStream.EVENTS, event));
      link =
          new MemoryLink(
              world,
              fleet.broker(),
              new LinkConfig("broker", 1, TENANT, id, MemoryLink::noCertificate, epoch, instance)
                  .with(fleet.settings().timing()),
              line(),
              random,
              action -> with(this, () -> heard(action)));
      uplink =
          new Uplink(
              link,
              spool,
              TENANT,
              id,
              clock,
              fleet.settings().cadence(),
              this::desired,
              this::report);
      uplink.onConnected(this::connected);
    }

    private long nanos() {
      return world.now() * 1_000_000 + spentNanos;
    }

    private SimEngine.Machine machine() {
      return new SimEngine.Machine() {
        @Override
        public void spend(long nanos) {
          spentNanos += nanos;
        }

        @Override
        public double slowness() {
          return slowness;
        }

        @Override
        public void die() {
          throw new ProcessDied();
        }
      };
    }

    private boolean keep(RecordStream stream, Record record) {
      long sequence = kept.getOrDefault(stream, 0L) + 1;
      // Before it is: the machine may stop when the record is on the disk and nobody heard of it.
      fleet.watch().kept(index, stream, epoch, sequence, record);
      boolean taken = spool.append(stream, record);
      if (taken) {
        kept.put(stream, sequence);
        wake(World.SECOND);
      } else {
        fleet.watch().refused(index, stream, epoch, sequence);
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
      fleet.watch().kept(index, stream, epoch, sequence, Record.getDefaultInstance());
      if (ended && spool.appended().getOrDefault(stream, 0L) < sequence) {
        fleet.watch().refused(index, stream, epoch, sequence);
      } else {
        kept.put(stream, sequence);
        wake(World.SECOND);
      }
    }

    private void connected() {
      if (clock.isDoubtful() && fleet.isPlaneUp()) {
        try {
          clock.ask(
              nonce -> fleet.releases().signedTime(nonce, world.instant()),
              fleet.releases().trust());
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
          (long) ((JOB_MILLIS + random.nextLong(JOB_MILLIS)) * slowness),
          () ->
              with(
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
      if (!updater.observed().equals(before)) {
        fleet.watch().observed(index, updater.observed());
      }
      if (isOff()) {
        proven = false;
        leaving = slots.active(RolloutShell.SLOT);
      }
      wake(0);
    }

    private ReportedDocument report(long sequence) {
      List<SlotReport> reports = updater.reports();
      return new ReportedDocument(
          TENANT,
          id,
          epoch,
          sequence,
          clock.instant(),
          updater.observed(),
          updater.applied(),
          reports,
          fleet.facts(hardware),
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

    /** Ticks at the latest after this long. */
    private void wake(long millis) {
      long at = world.now() + millis;
      if (at < dueAt) {
        dueAt = at;
        world.at(
            at,
            () -> {
              if (process == this && dueAt == at) {
                with(this, this::tick);
              }
            });
      }
    }

    private void tick() {
      dueAt = Long.MAX_VALUE;
      if (undrained > 0 || world.now() <= lookUntil) {
        look();
      }
      if (!diskFailing && world.now() - diskWorksSince >= World.SECOND) {
        fleet.watch().written(index);
      }
      boolean settled = updater.isSettled();
      if (!settled) {
        // Somebody always asks while a version has to prove itself.
        predict(2, false);
        updater.tick(link.state() == DeviceLink.State.CONNECTED);
        settled = updater.isSettled();
        unchecked = true;
      }
      if (settled) {
        leaving = Optional.empty();
      }
      if (unchecked) {
        checkRunning();
        unchecked = !settled;
      }
      uplink.tick();
      if (world.now() - tickedAt >= World.SECOND) {
        tickedAt = world.now();
        if (!diskFailing) {
          // A second has gone by since the last look: what is in the spool is on the disk now.
          fleet.watch().durable(index);
          dueAt = Long.MAX_VALUE;
        }
      }
      if (sealAt > world.now()) {
        wake(sealAt - world.now());
      }
      if (!settled) {
        wake(BUSY_TICK);
      }
      if (diskFailing) {
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
    }

    /** What a user sees of the model that answers. */
    private void checkRunning() {
      Optional<ServingModel> model = slots.active(RolloutShell.SLOT);
      fleet.watch().running(SimDevice.this, model.map(ServingModel::manifest));
      boolean stays = model.isPresent() && !model.equals(leaving);
      proven = model.isPresent() ? proven || (stays && isProven()) : proven && !isOff();
      model.ifPresent(running -> ran.add(running.version().version()));
    }

    // A first version that dies while it proves itself starts from its beginning again.
    private boolean isProven() {
      return updater.reports().stream()
          .anyMatch(
              report ->
                  report.slot().equals(RolloutShell.SLOT)
                      && report.phase() == SlotPhase.COMMITTED
                      && report.running().isPresent());
    }

    // What was switched off has to answer no more.
    private boolean isOff() {
      return fleet
          .store()
          .desired(id, RolloutShell.SLOT)
          .filter(order -> order.mode() instanceof SlotMode.Off)
          .isPresent();
    }

    // Where a version was proven, applications go on asking, whatever is under way.
    private void unanswered(String what) {
      if (proven && !isOff()) {
        fleet.watch().broken(1, index, what + " found no model, although a version was proven");
      }
    }

    private void predict(int count, boolean withOutcomes) {
      if (slots.active(RolloutShell.SLOT).isEmpty()) {
        unanswered("a prediction");
        return;
      }
      Nature.Batch batch = fleet.batch();
      Nature.measure(batch, count, offsets, fleet.drift().at(SimDevice.this, world.now()), random);
      for (int i = 0; i < count; i++) {
        float[] input = new float[Nature.FEATURES];
        System.arraycopy(batch.views, i * Nature.FEATURES, input, 0, input.length);
        predict(input, batch.truths[i], withOutcomes);
      }
    }

    private void predict(float[] input, boolean truth, boolean withOutcome) {
      Behaviour behaviour = behaviour();
      engine.inUse = true;
      try {
        long now = nanos();
        Prediction prediction =
            predictor.predict(
                new PredictRequest(
                    Releases.MODEL,
                    Optional.empty(),
                    "",
                    List.of(SimEngine.floats("input", INPUT_SHAPE, input)),
                    "",
                    new CallTimes(now, now)));
        fleet.watch().answered(index, 1);
        undrained += PLACES;
        if (undrained + PLACES > RING) {
          look();
        }
        if (withOutcome
            && random.nextDouble() < fleet.settings().outcomes()
            && behaviour != Behaviour.UNTOLD) {
          observer.submit(
              new Feedback(prediction.id().value(), "", truth ? 1 : 0, clock.instant()));
        }
      } catch (PredictException e) {
        fleet.watch().answered(index, 1);
        if (behaviour != Behaviour.FAILS) {
          fleet.watch().broken(1, index, "a prediction failed: " + e.getMessage());
        }
      } finally {
        engine.inUse = false;
      }
    }

    private Behaviour behaviour() {
      return slots
          .active(RolloutShell.SLOT)
          .map(model -> fleet.releases().behaviour(model.version().version()))
          .orElse(Behaviour.GOOD);
    }

    /** What applications asked for in a window that has just ended. */
    private void work() {
      Optional<ServingModel> active = slots.active(RolloutShell.SLOT);
      if (active.isEmpty()) {
        unanswered("a window's predictions");
        return;
      }
      Settings settings = fleet.settings();
      int measured =
          behaviour() == Behaviour.FAILS || behaviour() == Behaviour.CRASH
              ? settings.predictions()
              : settings.measured();
      if (measured > 0) {
        predict(measured, true);
      }
      int rest = settings.predictions() - measured;
      if (rest > 0) {
        Nature.Batch batch = fleet.batch();
        Nature.measure(batch, rest, offsets, fleet.drift().at(SimDevice.this, world.now()), random);
        Behaviour behaviour = behaviour();
        long micros = (long) (SimEngine.latencyNanos(behaviour, true) * slowness) / 1000;
        for (int i = 0; i < rest; i++) {
          // One in 64 takes twice as long: a tail, as real ones have.
          batch.latencyMicros[i] = (i & 63) == 63 ? 2 * micros : micros + (i & 63);
          batch.scores[i] = SimEngine.answer(behaviour, batch.scores[i]);
        }
        fleet.watch().answered(index, rest);
        observer.count(
            active.get().ref(),
            clock.millis(),
            rest,
            batch.views,
            batch.scores,
            batch.latencyMicros);
      }
      // A real agent looks some times a second, and writes down what it counted.
      wake(World.SECOND);
    }
  }

  /** The agent's process died of its model. */
  private static final class ProcessDied extends Error {
    private static final long serialVersionUID = 1;

    ProcessDied() {
      super(null, null, false, false);
    }
  }

  private MemoryLink.Line line() {
    return new MemoryLink.Line() {
      @Override
      public boolean isUp() {
        return linkUp;
      }

      @Override
      public MemoryLink.Fate next() {
        if (lossy > 0 && random.nextDouble() < lossy) {
          return random.nextBoolean() ? MemoryLink.Fate.LOST : MemoryLink.Fate.UNACKNOWLEDGED;
        }
        return MemoryLink.Fate.ARRIVES;
      }

      @Override
      public long millis() {
        return 50 + random.nextLong(200);
      }
    };
  }

  private ArtifactServer.Line artifactLine() {
    return new ArtifactServer.Line() {
      @Override
      public ArtifactServer.Fate next(int length) {
        return artifactFate(length);
      }

      @Override
      public void gave(int bytes) {
        fetched += bytes;
      }
    };
  }

  private ArtifactServer.Fate artifactFate(int length) {
    if (!artifactsUp || !linkUp) {
      return new ArtifactServer.Fate(-1, false, 0);
    }
    if (artifactsBroken > 0 && random.nextDouble() < artifactsBroken) {
      return switch (random.nextInt(4)) {
        case 0 -> new ArtifactServer.Fate(random.nextInt(length + 1), false, 0);
        case 1 -> new ArtifactServer.Fate(length, true, 0);
        case 2 -> new ArtifactServer.Fate(length, false, 503);
        default -> new ArtifactServer.Fate(-1, false, 0);
      };
    }
    return new ArtifactServer.Fate(length, false, 0);
  }

  /** Does something in the process, if that is the one that lives; the machine may stop in it. */
  private void with(Agent wanted, Runnable action) {
    if (process != wanted) {
      return;
    }
    if (inside) {
      action.run();
      return;
    }
    inside = true;
    try {
      action.run();
    } catch (ProcessDied e) {
      crashes++;
      died();
    } catch (MachineStopped e) {
      died();
    } finally {
      inside = false;
    }
  }

  private void died() {
    Agent dead = process;
    process = null;
    if (dead != null) {
      dead.link.die();
    }
    fleet.watch().stopped(index);
    world.trace().note(world.now(), Trace.Kind.STOP, index, disk.operations(), 0);
    Loss taken = loss.orElseGet(Loss.Kill::new);
    loss = Optional.empty();
    down = true;
    world.after(
        restartMillis,
        () -> {
          down = false;
          disk.restart(taken);
          boot();
        });
  }

  /** This is sent to it. */
  void ordered(DesiredDocument document) {
    if (document.slots().stream()
        .anyMatch(
            slot -> slot.slot().equals(RolloutShell.SLOT) && slot.mode() instanceof SlotMode.Off)) {
      offAt = offAt.isEmpty() ? new HashSet<>() : offAt;
      offAt.add(document.generation());
    }
  }

  /** Starts the agent. */
  void boot() {
    if (gone || down || process != null) {
      return;
    }
    try {
      Agent started = new Agent();
      process = started;
      world.trace().note(world.now(), Trace.Kind.BOOT, index, started.epoch, 0);
      fleet.watch().booted(index, started.epoch);
      started.updater.start();
      boolean runs = started.slots.active(RolloutShell.SLOT).isPresent();
      // Switched off by the last order that it took, perhaps in the moment in which it stopped.
      proven &= runs || !offAt.contains(started.updater.observed());
      if (proven && !runs) {
        fleet
            .watch()
            .broken(2, index, "nothing answers after a start, although a version was proven");
      }
      started.checkRunning();
      started.uplink.start();
      started.wake(0);
    } catch (MachineStopped e) {
      died();
    } catch (IOException e) {
      // A disk that cannot be used: the service manager tries again.
      process = null;
      world.after(World.MINUTE, this::boot);
    }
  }

  /** Lets the application ask, window by window, each device at a time of its own. */
  void begin() {
    long length = fleet.settings().window().toMillis();
    long spread = Math.min(length / 4, 10 * World.MINUTE);
    long offset = 1000 + random.nextLong(spread);
    boot();
    nextWindow(length, offset);
  }

  private void nextWindow(long length, long offset) {
    long at = (Math.floorDiv(world.now() + offset, length) + 1) * length - offset;
    world.at(
        at,
        () -> {
          Agent now = process;
          if (now != null) {
            with(
                now,
                () -> {
                  now.work();
                  // What was counted is sealed when the window is over.
                  now.sealAt = at + offset + 250;
                  now.lookUntil = now.sealAt + World.MINUTE;
                  now.wake(offset + 250);
                });
          }
          if (!gone) {
            nextWindow(length, offset);
          }
        });
  }

  /** The network is gone, or back. */
  void link(boolean up) {
    linkUp = up;
    Agent now = process;
    if (!up && now != null) {
      now.link.cut();
    }
  }

  void lossy(double share) {
    lossy = share;
  }

  void artifacts(boolean up, double broken) {
    artifactsUp = up;
    artifactsBroken = broken;
  }

  void slow(double times) {
    slowness = times;
  }

  void skew(long millis) {
    skewMillis = millis;
  }

  void disk(Optional<Failure> failure) {
    diskFailing = failure.isPresent();
    if (failure.isPresent()) {
      disk.failFrom(disk.operations(), failure.get());
    } else {
      disk.heal();
      diskWorksSince = world.now();
    }
  }

  /** Damages a record that waits on the disk. */
  void flipBit(SplittableRandom chance) {
    List<Path> files =
        disk.everyFile().stream().filter(file -> file.toString().endsWith(".seg")).toList();
    if (!files.isEmpty()) {
      try {
        Path file = files.get(chance.nextInt(files.size()));
        long bits = 8L * disk.read(file).length;
        if (bits > 0) {
          disk.flipBit(file, chance.nextLong(bits));
        }
      } catch (IOException | MachineStopped e) {
        // It is gone: nothing to damage.
      }
    }
  }

  /** Stops the machine now. */
  void stopNow(Loss taken, long restartAfter) {
    if (process != null) {
      loss = Optional.of(taken);
      restartMillis = restartAfter;
      died();
    }
  }

  /** Stops the machine some operations of its disk later, or within the hour. */
  void stop(Loss taken, long operations, Stop where, long restartAfter) {
    Agent now = process;
    if (now == null) {
      return;
    }
    loss = Optional.of(taken);
    restartMillis = restartAfter;
    disk.stopAt(disk.operations() + 1 + operations, where);
    world.after(
        World.HOUR,
        () -> {
          if (process == now) {
            died();
          }
        });
  }

  /** Leaves the fleet for good. */
  void leave() {
    gone = true;
    Agent now = process;
    if (now != null) {
      process = null;
      now.link.die();
      fleet.watch().stopped(index);
    }
  }

  /** Everything works again. */
  void heal() {
    link(true);
    lossy(0);
    artifacts(true, 0);
    slow(1);
    skew(0);
    disk(Optional.empty());
  }

  long epoch() {
    Agent now = process;
    return now == null ? 0 : now.epoch;
  }

  /** Every version that ever answered. */
  Set<Long> ran() {
    return ran;
  }

  /** How often its model ended the agent. */
  int crashes() {
    return crashes;
  }

  /** Bytes of artifacts that ever came over its line. */
  long fetched() {
    return fetched;
  }

  boolean isGone() {
    return gone;
  }

  boolean isRunning() {
    return process != null;
  }

  boolean isConnected() {
    Agent now = process;
    return now != null && now.link.state() == DeviceLink.State.CONNECTED;
  }

  /** The version that answers now; 0 when none does. */
  long version() {
    Agent now = process;
    return now == null
        ? 0
        : now.slots.active(RolloutShell.SLOT).map(model -> model.version().version()).orElse(0L);
  }

  Optional<Digest> manifest() {
    Agent now = process;
    return now == null
        ? Optional.empty()
        : now.slots.active(RolloutShell.SLOT).map(ServingModel::manifest);
  }

  Generation observed() {
    Agent now = process;
    return now == null ? Generation.NONE : now.updater.observed();
  }

  /** Whether a version proved itself and the slot was not switched off since. */
  boolean isProven() {
    return proven;
  }

  boolean isSettled() {
    Agent now = process;
    return now != null && now.updater.isSettled();
  }

  /** Lets the agent tell everything that it has counted, as when it is told to stop. */
  void flush() {
    Agent now = process;
    if (now != null) {
      with(now, now.observer::flush);
    }
  }

  long waiting() {
    Agent now = process;
    return now == null ? 0 : now.spool.waiting().values().stream().mapToLong(Long::longValue).sum();
  }

  long spoolBytes() {
    Agent now = process;
    return now == null ? 0 : now.spool.bytes();
  }

  Instant clock() {
    Agent now = process;
    return now == null ? Instant.EPOCH : now.clock.instant();
  }
}
