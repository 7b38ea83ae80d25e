package io.skerry.simulator.world;

import io.skerry.agent.model.ServingModel;
import io.skerry.agent.uplink.DeviceLink;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.MachineStopped;
import io.skerry.simulator.disk.MemoryDisk;
import io.skerry.simulator.disk.Stop;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One device: a machine with a disk in memory, a network and a clock, of which each can fail, and
 * the agent's process while it runs. It lives in events: nothing happens between them.
 */
public final class SimDevice {
  static final TenantId TENANT = new TenantId("default");

  private final Fleet fleet;
  private final World world;
  private final int index;
  private final DeviceId id;
  private Hardware hardware;
  // What it has told of itself.
  private Hardware known;
  private Map<String, String> attributes;
  private final SplittableRandom random;
  private final float[] offsets;
  private final String desiredTopic;
  private final String committedTopic;
  private final MemoryDisk disk;
  private final DeviceNetwork network;
  private List<SlotWatch> slots;
  private @Nullable SimAgent process;
  private boolean gone;
  // Its disk does not work until the machine starts again.
  private boolean down;
  private long skewMillis;
  private double slowness = 1;
  private boolean diskFailing;
  private boolean takesNothing;
  private long diskWorksSince;
  private Optional<Loss> loss = Optional.empty();
  private long restartMillis = World.MINUTE;
  private boolean inside;
  private int crashes;

  SimDevice(Fleet fleet, int index) {
    this.fleet = fleet;
    this.world = fleet.world();
    this.disk = new MemoryDisk(fleet.pages());
    this.index = index;
    this.id = new DeviceId(String.format(Locale.ROOT, "d%05d", index));
    this.hardware = Hardware.dealt(index / fleet.settings().sites());
    this.known = hardware;
    this.attributes = attributes(hardware);
    this.random = world.split();
    this.offsets = Nature.offsets(random);
    this.network = new DeviceNetwork(random);
    this.slots = List.of(new SlotWatch(fleet, this, RolloutShell.SLOT));
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

  private Map<String, String> attributes(Hardware of) {
    return Map.of(
        "site",
        "site-" + (char) ('a' + index % fleet.settings().sites()),
        "profile",
        of.profile().value());
  }

  /** Its disk goes on in another board; that starts after a while. */
  void exchange(Hardware other, long restartAfter) {
    hardware = other;
    stopNow(new Loss.PowerCut(restartAfter), restartAfter);
  }

  /** It has told what it is. */
  void told(DeviceFacts facts) {
    if (known != hardware && fleet.facts(hardware).equals(facts)) {
      known = hardware;
      attributes = attributes(hardware);
    }
  }

  /** What it is known as. */
  Described described() {
    return known.described();
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

  SplittableRandom random() {
    return random;
  }

  /** What makes it special, in deviations. */
  float[] offsets() {
    return offsets;
  }

  MemoryDisk disk() {
    return disk;
  }

  DeviceNetwork network() {
    return network;
  }

  /** What a user sees of its slots, the main one first; those of trials are not among them. */
  List<SlotWatch> slots() {
    return slots;
  }

  /** It has one model more, which goes together with the others. */
  void addSlot(SlotId more) {
    slots = Stream.concat(slots.stream(), Stream.of(new SlotWatch(fleet, this, more))).toList();
  }

  /** How far its clock is off. */
  long skewMillis() {
    return skewMillis;
  }

  /** How many times slower than it should be it is. */
  double slowness() {
    return slowness;
  }

  boolean isDiskFailing() {
    return diskFailing;
  }

  /** Whether nothing can be written down: an order goes no further then. */
  boolean takesNothing() {
    return takesNothing;
  }

  /** Since when its disk works, if it ever failed. */
  long diskWorksSince() {
    return diskWorksSince;
  }

  /** Whether this is the process that runs now. */
  boolean isAlive(SimAgent agent) {
    return process == agent;
  }

  /** The agent's process died of its model. */
  static final class ProcessDied extends Error {
    private static final long serialVersionUID = 1;

    ProcessDied() {
      super(null, null, false, false);
    }
  }

  /** Does something in the process, if that is the one that lives; the machine may stop in it. */
  void with(SimAgent wanted, Runnable action) {
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
    SimAgent dead = process;
    process = null;
    if (dead != null) {
      dead.link().die();
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
    slots.forEach(slot -> slot.ordered(document));
  }

  /** Starts the agent. */
  void boot() {
    if (gone || down || process != null) {
      return;
    }
    try {
      SimAgent started = new SimAgent(fleet, this);
      process = started;
      world.trace().note(world.now(), Trace.Kind.BOOT, index, started.epoch(), 0);
      fleet.watch().booted(index, started.epoch());
      started.start();
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
          SimAgent now = process;
          if (now != null) {
            with(now, () -> now.windowEnds(at + offset));
          }
          if (!gone) {
            nextWindow(length, offset);
          }
        });
  }

  /** The network is gone, or back. */
  void link(boolean up) {
    network.up(up);
    SimAgent now = process;
    if (!up && now != null) {
      now.link().cut();
    }
  }

  void lossy(double share) {
    network.lossy(share);
  }

  void artifacts(boolean up, double broken) {
    network.artifacts(up, broken);
  }

  void slow(double times) {
    slowness = times;
  }

  void skew(long millis) {
    skewMillis = millis;
  }

  void disk(Optional<Failure> failure) {
    boolean failed = diskFailing;
    diskFailing = failure.isPresent();
    takesNothing = failure.filter(how -> how != Failure.UNREADABLE).isPresent();
    if (failure.isPresent()) {
      disk.failFrom(disk.operations(), failure.get());
    } else {
      disk.heal();
      diskWorksSince = world.now();
      SimAgent now = process;
      if (failed && now != null) {
        now.diskWorks();
      }
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
    stopAt(taken, operations, where, restartAfter, World.HOUR, this::died);
  }

  /** Stops the machine so many operations of its disk later, if it comes to that within a day. */
  void stopAtWork(Loss taken, long operations, Stop where, long restartAfter) {
    stopAt(taken, operations, where, restartAfter, World.DAY, disk::stopNoMore);
  }

  /** Stops the machine before or behind a message that it sends within a day. */
  void stopAtMessage(Loss taken, long messages, boolean behind, long restartAfter) {
    SimAgent now = process;
    if (now == null) {
      return;
    }
    Runnable machine =
        () -> {
          if (process == now) {
            loss = Optional.of(taken);
            restartMillis = restartAfter;
            disk.stopNow();
          }
        };
    network.stopAt(messages, behind, machine);
    world.after(World.DAY, () -> network.stopNoMore(machine));
  }

  private void stopAt(
      Loss taken, long operations, Stop where, long restartAfter, long within, Runnable otherwise) {
    SimAgent now = process;
    if (now == null) {
      return;
    }
    loss = Optional.of(taken);
    restartMillis = restartAfter;
    disk.stopAt(disk.operations() + 1 + operations, where);
    world.after(
        within,
        () -> {
          if (process == now) {
            otherwise.run();
          }
        });
  }

  /** Leaves the fleet for good. */
  void leave() {
    gone = true;
    SimAgent now = process;
    if (now != null) {
      process = null;
      now.link().die();
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
    disk.stopNoMore();
    network.stopNoMore();
  }

  long epoch() {
    SimAgent now = process;
    return now == null ? 0 : now.epoch();
  }

  /** Every version that ever answered. */
  Set<Long> ran() {
    return slots.getFirst().ran();
  }

  /** How often its model ended the agent. */
  int crashes() {
    return crashes;
  }

  /** Bytes of artifacts that ever came over its line. */
  long fetched() {
    return network.fetched();
  }

  boolean isGone() {
    return gone;
  }

  boolean isRunning() {
    return process != null;
  }

  boolean isConnected() {
    SimAgent now = process;
    return now != null && now.link().state() == DeviceLink.State.CONNECTED;
  }

  /** The version that answers now; 0 when none does. */
  long version() {
    SimAgent now = process;
    return now == null
        ? 0
        : now.slots().active(RolloutShell.SLOT).map(model -> model.version().version()).orElse(0L);
  }

  /** The version that answers in each slot; 0 where none does. */
  List<Long> versions() {
    SimAgent now = process;
    return slots.stream()
        .map(
            slot ->
                now == null
                    ? 0L
                    : now.slots()
                        .active(slot.slot())
                        .map(model -> model.version().version())
                        .orElse(0L))
        .toList();
  }

  /** Whether a version is on trial in it. */
  boolean hasTrial() {
    return runs(RolloutPart.trialBeside(RolloutShell.SLOT)).isPresent();
  }

  /** Whether what is in a slot answers nobody. */
  boolean isShadow(SlotId slot) {
    SimAgent now = process;
    return now != null
        && now.slots().mode(slot).filter(SlotMode.Shadow.class::isInstance).isPresent();
  }

  /** What is in a slot. */
  Optional<Digest> runs(SlotId slot) {
    SimAgent now = process;
    return now == null ? Optional.empty() : now.slots().active(slot).map(ServingModel::manifest);
  }

  Generation observed() {
    SimAgent now = process;
    return now == null ? Generation.NONE : now.updater().observed();
  }

  /** Whether a version proved itself and the slot was not switched off since. */
  boolean isProven() {
    return slots.getFirst().isProven();
  }

  boolean isSettled() {
    SimAgent now = process;
    return now != null && now.updater().isSettled();
  }

  /** Lets the agent tell everything that it has counted, as when it is told to stop. */
  void flush() {
    SimAgent now = process;
    if (now != null) {
      with(now, now::flush);
    }
  }

  long waiting() {
    SimAgent now = process;
    return now == null
        ? 0
        : now.spool().waiting().values().stream().mapToLong(Long::longValue).sum();
  }

  long spoolBytes() {
    SimAgent now = process;
    return now == null ? 0 : now.spool().bytes();
  }

  Instant clock() {
    SimAgent now = process;
    return now == null ? Instant.EPOCH : now.clock().instant();
  }
}
