package io.skerry.simulator.world;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.rollout.MaintenanceWindow;
import io.skerry.fleet.rollout.Pace;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.Stop;
import io.skerry.simulator.world.Releases.Behaviour;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** Lets faults happen, and ends them when their time is over. */
public final class FaultInjector {
  private static final double SLOWNESS_MAX = 50;
  private static final double OPERATIONS_MAX = 3000;
  private static final double MESSAGES_MAX = 30;
  private static final long YEAR = 365 * World.DAY;

  /** Versions from this one on are bad. */
  private static final long FIRST_BAD = 100;

  private static final String AUTHOR = "author";

  private static final List<Behaviour> BAD =
      List.of(
          Behaviour.CRASH,
          Behaviour.FAILS,
          Behaviour.SLOW,
          Behaviour.TWICE,
          Behaviour.WRONG,
          Behaviour.BROKEN,
          Behaviour.UNSIGNED);

  private final Fleet fleet;
  private final World world;
  // What is wrong with each thing now, the newest last.
  private final Map<Key, List<Runnable>> holding = new HashMap<>();
  private boolean healed;

  /** What can be wrong for a while. */
  private enum Thing {
    LINE,
    MESSAGES,
    DISK,
    CLOCK,
    ARTIFACTS,
    SPEED,
    BROKER,
    DELIVERY,
    OVERTAKING,
    ORDERS,
    PLANE,
    PLANE_LINE,
    REPLICA,
    DATABASE
  }

  /**
   * @param device its index; -1 of all
   */
  private record Key(Thing thing, int device) {}

  /** A source of faults for a fleet. */
  public FaultInjector(Fleet fleet) {
    this.fleet = fleet;
    this.world = fleet.world();
  }

  /** Lets a fault happen at its time. */
  public void plan(Fault fault) {
    world.at(
        World.BEGIN + fault.at(),
        () -> {
          if (!healed) {
            world
                .trace()
                .note(
                    world.now(),
                    Trace.Kind.FAULT,
                    fault.device(),
                    fault.kind().name().hashCode(),
                    fault.lasts());
            happen(fault);
          }
        });
  }

  /**
   * Something is wrong for a while. Where several hold at once, the newest is what is wrong, and
   * each ends by itself: with the last one all is well again.
   *
   * @param begin can be done again, when a newer one ends before it
   */
  private void hold(Thing thing, int device, long lasts, Runnable begin, Runnable end) {
    List<Runnable> held = holding.computeIfAbsent(new Key(thing, device), key -> new ArrayList<>());
    // Each is one of its own, whatever it does.
    Runnable own = () -> begin.run();
    held.add(own);
    own.run();
    world.after(
        lasts,
        () -> {
          if (!healed) {
            boolean newest = held.getLast() == own;
            held.removeIf(one -> one == own);
            if (held.isEmpty()) {
              end.run();
            } else if (newest) {
              held.getLast().run();
            }
          }
        });
  }

  private void hold(Thing thing, Fault fault, Runnable begin, Runnable end) {
    hold(thing, fault.device(), fault.lasts(), begin, end);
  }

  private void happen(Fault fault) {
    SplittableRandom random = new SplittableRandom(fault.seed());
    if (fault.kind().isOfDevice()) {
      ofDevice(fault, fleet.device(fault.device()), random);
      return;
    }
    switch (fault.kind()) {
      case BROKER_KILLED ->
          hold(
              Thing.BROKER,
              -1,
              Math.min(fault.lasts(), 6 * World.HOUR),
              fleet.broker()::kill,
              fleet.broker()::start);
      case BROKER_SLOW -> {
        long delay = 20 + random.nextLong(20 * World.SECOND);
        hold(
            Thing.DELIVERY,
            fault,
            () -> fleet.broker().delay(delay),
            () -> fleet.broker().delay(20));
      }
      case PLANE_KILLED -> {
        ControlPlane.DeathPoint[] points = ControlPlane.DeathPoint.values();
        ControlPlane.DeathPoint point = points[random.nextInt(points.length)];
        hold(
            Thing.PLANE,
            -1,
            Math.min(fault.lasts(), 12 * World.HOUR),
            () -> fleet.plane().killAt(point),
            () -> {
              fleet.plane().kill();
              fleet.plane().start();
            });
      }
      case PARTITION -> {
        int third = random.nextInt(3);
        for (SimDevice device : fleet.devices()) {
          if (device.index() % 3 == third) {
            cutOff(device, fault.lasts());
          }
        }
      }
      case OPERATOR -> operate(random);
      case REPLICA ->
          hold(
              Thing.REPLICA,
              -1,
              Math.min(fault.lasts(), 4 * World.HOUR),
              () -> {
                if (!fleet.replica().isUp()) {
                  fleet.replica().start();
                }
              },
              fleet.replica()::kill);
      case DATABASE_FAILS -> {
        double share = .1 + .8 * random.nextDouble();
        SplittableRandom chance = random.split();
        hold(
            Thing.DATABASE,
            -1,
            Math.min(fault.lasts(), 6 * World.HOUR),
            () -> fleet.commits().fail(share, chance),
            fleet.commits()::heal);
      }
      case ORDERS_LATE -> {
        SplittableRandom chance = random.split();
        hold(
            Thing.ORDERS,
            fault,
            () -> fleet.broker().late(Optional.of(chance)),
            () -> fleet.broker().late(Optional.empty()));
      }
      case TOPICS_OVERTAKE -> {
        SplittableRandom chance = random.split();
        hold(
            Thing.OVERTAKING,
            fault,
            () -> fleet.broker().overtake(Optional.of(chance)),
            () -> fleet.broker().overtake(Optional.empty()));
      }
      case PLANE_KILLED_AT_WORK -> {
        boolean starting = random.nextInt(4) == 0;
        long effects = starting ? 1 + random.nextInt(20) : upTo(OPERATIONS_MAX, random);
        hold(
            Thing.PLANE,
            -1,
            Math.min(fault.lasts(), 12 * World.HOUR),
            () -> {
              if (starting) {
                fleet.plane().kill();
                fleet.plane().startAndDie(effects);
              } else {
                fleet.plane().killAtWork(effects);
              }
            },
            () -> {
              fleet.plane().kill();
              fleet.plane().start();
            });
      }
      case BAD_MODEL -> rollOutBad(random);
      case ROLLOUT_WRITTEN -> writeDown(random);
      case DEVICE_JOINS -> fleet.join();
      case PLANE_CUT_OFF ->
          hold(
              Thing.PLANE_LINE,
              fault,
              () -> fleet.plane().reaches(false),
              () -> fleet.plane().reaches(true));
      default -> throw new IllegalStateException("no device: " + fault);
    }
  }

  private void cutOff(SimDevice device, long lasts) {
    hold(Thing.LINE, device.index(), lasts, () -> device.link(false), () -> device.link(true));
  }

  private void ofDevice(Fault fault, SimDevice device, SplittableRandom random) {
    switch (fault.kind()) {
      case LINK_DOWN -> cutOff(device, fault.lasts());
      case LINK_LOSSY -> hold(Thing.MESSAGES, fault, () -> device.lossy(.1), () -> device.lossy(0));
      case AGENT_KILLED ->
          device.stop(new Loss.Kill(), random.nextLong(40), stop(random), restart(random));
      case POWER_CUT ->
          device.stop(
              new Loss.PowerCut(random.nextLong()),
              random.nextLong(40),
              stop(random),
              restart(random));
      case STOPPED_AT_WORK ->
          device.stopAtWork(
              random.nextBoolean() ? new Loss.PowerCut(random.nextLong()) : new Loss.Kill(),
              upTo(OPERATIONS_MAX, random),
              stop(random),
              restart(random));
      case STOPPED_AT_MESSAGE ->
          device.stopAtMessage(
              random.nextBoolean() ? new Loss.PowerCut(random.nextLong()) : new Loss.Kill(),
              upTo(MESSAGES_MAX, random),
              random.nextBoolean(),
              restart(random));
      case DISK_FULL -> disk(fault, device, Failure.FULL);
      case DISK_READ_ONLY -> disk(fault, device, Failure.READ_ONLY);
      case SHORT_WRITES -> disk(fault, device, Failure.SHORT_WRITE);
      case BIT_FLIP -> device.flipBit(random);
      case CLOCK_JUMP -> {
        long jump =
            (long) (World.SECOND * Math.exp(random.nextDouble() * Math.log(10 * YEAR / 1e3)));
        long skew = random.nextBoolean() ? jump : -jump;
        hold(Thing.CLOCK, fault, () -> device.skew(skew), () -> device.skew(0));
      }
      case ARTIFACTS_BROKEN -> {
        boolean up = random.nextBoolean();
        hold(
            Thing.ARTIFACTS,
            fault,
            () -> device.artifacts(up, .3),
            () -> device.artifacts(true, 0));
      }
      case SLOW_HARDWARE -> slow(fault, device, 1 + 2 * random.nextDouble());
      case HARDWARE_CRAWLS ->
          slow(fault, device, Math.exp(random.nextDouble() * Math.log(SLOWNESS_MAX)));
      case DISK_UNREADABLE -> disk(fault, device, Failure.UNREADABLE);
      case ORDER_FORGED -> fleet.misdirect(device, false);
      case DIRECTOR_STOLEN -> fleet.misdirect(device, true);
      case BOARD_EXCHANGED -> {
        if (device.hardware() == Hardware.OLD_BOARD) {
          device.exchange(Hardware.BOARD, restart(random));
        }
      }
      case DEVICE_GONE -> device.leave();
      case DEVICE_REMOVED -> {
        if (isAnswered() && !device.isGone()) {
          device.leave();
          fleet.plane().remove(device);
        }
      }
      case CLONED ->
          fleet.clone(device, Math.min(fault.lasts(), 6 * World.HOUR), random.nextLong());
      default -> throw new IllegalStateException("of no device: " + fault);
    }
  }

  private void disk(Fault fault, SimDevice device, Failure failure) {
    hold(
        Thing.DISK,
        fault,
        () -> device.disk(Optional.of(failure)),
        () -> device.disk(Optional.empty()));
  }

  private void slow(Fault fault, SimDevice device, double times) {
    hold(Thing.SPEED, fault, () -> device.slow(times), () -> device.slow(1));
  }

  private static Stop stop(SplittableRandom random) {
    return List.of(Stop.BEFORE, Stop.INSIDE, Stop.AFTER).get(random.nextInt(3));
  }

  // One, tens, hundreds and thousands are equally likely.
  private static long upTo(double most, SplittableRandom random) {
    return (long) Math.exp(random.nextDouble() * Math.log(most));
  }

  private static long restart(SplittableRandom random) {
    return World.SECOND + random.nextLong(10 * World.MINUTE);
  }

  // An operator who is told that it failed leaves it, done or not.
  private boolean isAnswered() {
    return fleet.plane().isUp() && fleet.commits().next() != Commits.Fate.REFUSED;
  }

  private void rollOutBad(SplittableRandom random) {
    int which = random.nextInt(BAD.size());
    int last = 20 + 20 * random.nextInt(3);
    GateAction failedDevices = random.nextBoolean() ? GateAction.ROLLBACK : GateAction.PAUSE;
    if (isAnswered()) {
      long version = FIRST_BAD + which;
      fleet.release(version, BAD.get(which));
      fleet
          .plane()
          .roll(
              fleet.kind(),
              version,
              List.of(10, last, 100),
              fleet.settings().window(),
              failedDevices);
    }
  }

  // Somebody writes it down and hands it in; somebody else, or the same person, wants to approve it
  // some hours later. Until the database takes it, each asks again.
  private void writeDown(SplittableRandom random) {
    if (!isAnswered()) {
      return;
    }
    Rollout rollout =
        fleet
            .plane()
            .write(
                fleet.kind(),
                1 + random.nextInt(3),
                List.of(10, 50, 100),
                fleet.settings().window(),
                limits(random),
                AUTHOR);
    fleet.plane().act(rollout, new RolloutEvent.Submit());
    approve(rollout, random.nextInt(3) == 0 ? AUTHOR : "somebody else", random.split());
    approve(rollout, "another one", random.split());
  }

  private void approve(Rollout rollout, String by, SplittableRandom random) {
    world.after(
        random.nextLong(World.DAY),
        () -> {
          if (!healed && isAnswered()) {
            fleet.watch().approves(rollout, by);
            fleet.plane().act(rollout, new RolloutEvent.Approve(by));
          }
        });
  }

  // A window of each day, so that the rollout can come to its end.
  private static RolloutPlan.Limits limits(SplittableRandom random) {
    List<MaintenanceWindow> windows =
        random.nextBoolean()
            ? List.of()
            : List.of(
                new MaintenanceWindow(
                    List.of(DayOfWeek.values()),
                    LocalTime.of(random.nextInt(24), 0),
                    Duration.ofHours(1 + random.nextInt(12)),
                    ZoneOffset.UTC));
    double perMinute = .1 + random.nextDouble();
    Pace pace =
        random.nextBoolean()
            ? Pace.UNLIMITED
            : new Pace(perMinute, 1 + random.nextInt(3), 2, Pace.Growth.SUCCEEDED, 10 * perMinute);
    return new RolloutPlan.Limits(
        random.nextInt(3), pace, 1 + random.nextInt(5), 1 + random.nextInt(3), windows);
  }

  private void operate(SplittableRandom random) {
    if (!isAnswered()) {
      return;
    }
    Optional<Rollout> active = fleet.plane().active();
    if (active.isEmpty() || random.nextInt(4) == 0) {
      fleet
          .plane()
          .roll(
              fleet.kind(),
              1 + random.nextInt(3),
              List.of(10, 50, 100),
              Duration.ofMillis(fleet.settings().window().toMillis()),
              random.nextBoolean() ? GateAction.ROLLBACK : GateAction.PAUSE);
      return;
    }
    RolloutEvent event =
        switch (random.nextInt(6)) {
          case 0 -> new RolloutEvent.Pause("operator");
          case 1 -> new RolloutEvent.Resume();
          case 2 -> new RolloutEvent.Promote("operator");
          case 3 -> new RolloutEvent.Abort("operator");
          case 4 -> new RolloutEvent.Retry("operator");
          default -> new RolloutEvent.RollBack("operator");
        };
    fleet.plane().act(active.get(), event);
  }

  /** Everything works again, and nothing more goes wrong. */
  public void heal() {
    healed = true;
    fleet.broker().delay(20);
    fleet.broker().late(Optional.empty());
    fleet.broker().overtake(Optional.empty());
    fleet.commits().heal();
    fleet.endClones();
    if (!fleet.broker().isUp()) {
      fleet.broker().start();
    }
    fleet.replica().kill();
    // Not started anew where it runs: a start repairs what it ought to have repaired before.
    fleet.plane().heal();
    for (SimDevice device : fleet.devices()) {
      device.heal();
      if (!device.isGone()) {
        device.boot();
      }
    }
  }
}
