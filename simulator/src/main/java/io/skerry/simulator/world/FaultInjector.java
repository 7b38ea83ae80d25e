package io.skerry.simulator.world;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.simulator.disk.Failure;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.Stop;
import io.skerry.simulator.world.Releases.Behaviour;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Lets faults happen, and ends them when their time is over. */
public final class FaultInjector {
  private static final double SLOWNESS_MAX = 50;
  private static final double OPERATIONS_MAX = 3000;
  private static final long YEAR = 365 * World.DAY;

  /** Versions from this one on are bad. */
  private static final long FIRST_BAD = 100;

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
  private long brokerDowns;
  private long databaseFaults;
  private long lateOrders;
  private boolean healed;

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

  private void until(Fault fault, Runnable end) {
    world.after(
        fault.lasts(),
        () -> {
          if (!healed) {
            end.run();
          }
        });
  }

  private void happen(Fault fault) {
    SplittableRandom random = new SplittableRandom(fault.seed());
    if (fault.kind().isOfDevice()) {
      ofDevice(fault, fleet.device(fault.device()), random);
      return;
    }
    switch (fault.kind()) {
      case BROKER_KILLED -> {
        long downs = ++brokerDowns;
        fleet.broker().kill();
        long lasts = Math.min(fault.lasts(), 6 * World.HOUR);
        world.after(
            lasts,
            () -> {
              if (brokerDowns == downs) {
                fleet.broker().start();
              }
            });
      }
      case BROKER_SLOW -> {
        fleet.broker().delay(20 + random.nextLong(20 * World.SECOND));
        until(fault, () -> fleet.broker().delay(20));
      }
      case PLANE_KILLED -> {
        ControlPlane.DeathPoint[] points = ControlPlane.DeathPoint.values();
        fleet.plane().killAt(points[random.nextInt(points.length)]);
        world.after(
            Math.min(fault.lasts(), 12 * World.HOUR),
            () -> {
              if (!healed) {
                fleet.plane().kill();
                fleet.plane().start();
              }
            });
      }
      case PARTITION -> {
        int third = random.nextInt(3);
        for (SimDevice device : fleet.devices()) {
          if (device.index() % 3 == third) {
            device.link(false);
            until(fault, () -> device.link(true));
          }
        }
      }
      case OPERATOR -> operate(random);
      case REPLICA -> {
        if (!fleet.replica().isUp()) {
          fleet.replica().start();
          world.after(Math.min(fault.lasts(), 4 * World.HOUR), fleet.replica()::kill);
        }
      }
      case DATABASE_FAILS -> {
        long faults = ++databaseFaults;
        fleet.commits().fail(.1 + .8 * random.nextDouble(), random.split());
        world.after(
            Math.min(fault.lasts(), 6 * World.HOUR),
            () -> {
              if (databaseFaults == faults) {
                fleet.commits().heal();
              }
            });
      }
      case ORDERS_LATE -> {
        long faults = ++lateOrders;
        fleet.broker().late(Optional.of(random.split()));
        until(
            fault,
            () -> {
              if (lateOrders == faults) {
                fleet.broker().late(Optional.empty());
              }
            });
      }
      case BAD_MODEL -> rollOutBad(random);
      case DEVICE_JOINS -> fleet.join();
      case PLANE_CUT_OFF -> {
        fleet.plane().reaches(false);
        until(fault, () -> fleet.plane().reaches(true));
      }
      default -> throw new IllegalStateException("no device: " + fault);
    }
  }

  private void ofDevice(Fault fault, SimDevice device, SplittableRandom random) {
    switch (fault.kind()) {
      case LINK_DOWN -> {
        device.link(false);
        until(fault, () -> device.link(true));
      }
      case LINK_LOSSY -> {
        device.lossy(.1);
        until(fault, () -> device.lossy(0));
      }
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
              operations(random),
              stop(random),
              restart(random));
      case DISK_FULL -> disk(fault, device, Failure.FULL);
      case DISK_READ_ONLY -> disk(fault, device, Failure.READ_ONLY);
      case SHORT_WRITES -> disk(fault, device, Failure.SHORT_WRITE);
      case BIT_FLIP -> device.flipBit(random);
      case CLOCK_JUMP -> {
        long jump =
            (long) (World.SECOND * Math.exp(random.nextDouble() * Math.log(10 * YEAR / 1e3)));
        device.skew(random.nextBoolean() ? jump : -jump);
        until(fault, () -> device.skew(0));
      }
      case ARTIFACTS_BROKEN -> {
        device.artifacts(random.nextBoolean(), .3);
        until(fault, () -> device.artifacts(true, 0));
      }
      case SLOW_HARDWARE -> {
        device.slow(1 + 2 * random.nextDouble());
        until(fault, () -> device.slow(1));
      }
      case HARDWARE_CRAWLS -> {
        device.slow(Math.exp(random.nextDouble() * Math.log(SLOWNESS_MAX)));
        until(fault, () -> device.slow(1));
      }
      case DISK_UNREADABLE -> disk(fault, device, Failure.UNREADABLE);
      case ORDER_FORGED -> fleet.misdirect(device, false);
      case DIRECTOR_STOLEN -> fleet.misdirect(device, true);
      case DEVICE_GONE -> device.leave();
      case DEVICE_REMOVED -> {
        if (fleet.plane().isUp() && !device.isGone()) {
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
    device.disk(Optional.of(failure));
    until(fault, () -> device.disk(Optional.empty()));
  }

  private static Stop stop(SplittableRandom random) {
    return List.of(Stop.BEFORE, Stop.INSIDE, Stop.AFTER).get(random.nextInt(3));
  }

  // One, tens, hundreds and thousands are equally likely.
  private static long operations(SplittableRandom random) {
    return (long) Math.exp(random.nextDouble() * Math.log(OPERATIONS_MAX));
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
