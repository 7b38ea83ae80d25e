package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.Stop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

class SimulationTest {
  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  @Test
  void whatWasAskedInTheLastWindowIsStoredWhenTheRunIsJudged() {
    LOG.setLevel(Level.OFF);
    Settings settings = Settings.busy(3);
    Simulation simulation =
        new Simulation(
            new Simulation.Plan(
                1, settings, 1, 1, fleet -> new Story(fleet, 1).everybodyRuns(1), List.of()),
            0);

    Simulation.Outcome outcome = simulation.run();

    assertThat(outcome.breaks()).isEmpty();
    // Of every hour but the first ones, in which there is no model yet.
    assertThat(outcome.predictions()).isGreaterThan(3L * 40 * settings.predictions());
    // The judgement made every device tell what it had counted: nothing was left to tell.
    assertThat(simulation.fleet().devices()).extracting(SimDevice::waiting).containsOnly(0L);
  }

  @Test
  void aTakeoverThatAReadOnlyDiskKeptNoRecordOfIsNotAwaited() {
    LOG.setLevel(Level.OFF);
    List<Fault> faults =
        List.of(
            new Fault(6 * World.HOUR, Fault.Kind.DISK_READ_ONLY, 0, 2 * World.HOUR, 1),
            new Fault(7 * World.HOUR, Fault.Kind.CLONED, 0, World.HOUR / 4, 1));

    Simulation.Outcome outcome =
        new Simulation(
                new Simulation.Plan(
                    1,
                    Settings.light(1),
                    1,
                    1,
                    fleet -> {
                      Story story = new Story(fleet, 1);
                      story.good(2);
                      story.everybodyRuns(1);
                      story.act(Duration.ofHours(9), 1, new RolloutEvent.Abort("operator"));
                      // Each ends in an event, whose number follows those that were kept.
                      story.roll(Duration.ofHours(10), 2, List.of(100));
                      story.act(Duration.ofHours(16), 2, new RolloutEvent.RollBack("operator"));
                      story.roll(Duration.ofHours(20), 2, List.of(100));
                    },
                    faults),
                0)
            .run();

    assertThat(outcome.breaks()).isEmpty();
  }

  @Test
  void aMachineMayStopWhileItKeepsARecordOfATakeover() {
    LOG.setLevel(Level.OFF);
    Simulation simulation =
        new Simulation(
            new Simulation.Plan(
                1,
                Settings.light(6),
                1,
                1,
                fleet -> {
                  new Story(fleet, 1).everybodyRuns(1);
                  fleet.world().at(World.BEGIN + 6 * World.HOUR, () -> takenOverAndStopped(fleet));
                },
                List.of()),
            0);

    assertThat(simulation.run().breaks()).isEmpty();
  }

  @Test
  void aMachineMayStopBeforeAndBehindAnyMessage() {
    LOG.setLevel(Level.OFF);
    List<String> broken = new ArrayList<>();

    // Each device at another of its messages: orders and windows are told, and a rollout.
    for (int message = 1; message <= 60; message += 3) {
      int first = message;
      Simulation simulation =
          new Simulation(
              new Simulation.Plan(
                  1,
                  Settings.light(6),
                  1,
                  1,
                  fleet -> {
                    Story story = new Story(fleet, 1);
                    story.good(2);
                    story.everybodyRuns(1);
                    story.roll(Duration.ofHours(6), 2, List.of(50, 100));
                    fleet.world().at(World.BEGIN + World.HOUR, () -> stopped(fleet, first));
                  },
                  List.of()),
              0);
      Simulation.Outcome outcome = simulation.run();
      outcome.breaks().forEach(one -> broken.add(first + ": " + one));
    }

    assertThat(broken).isEmpty();
  }

  private static void stopped(Fleet fleet, int first) {
    for (SimDevice device : fleet.devices()) {
      Loss loss = device.index() < 3 ? new Loss.Kill() : new Loss.PowerCut(device.index());
      device.stopAtMessage(loss, first + device.index() % 3, device.index() % 2 == 0, World.MINUTE);
    }
  }

  // Each device at another of the next operations of its disk, which are those of this record.
  private static void takenOverAndStopped(Fleet fleet) {
    for (SimDevice device : fleet.devices()) {
      device.stop(new Loss.Kill(), device.index() / 2, Stop.AFTER, World.MINUTE);
      fleet.clone(device, World.MINUTE / 4, 1);
    }
  }
}
