package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The control plane dies behind each single thing that it does. */
@Tag("slow")
class PlaneDeathsTest {
  private static final int DEVICES = 3;
  private static final long FROM = World.BEGIN + 5 * World.HOUR;

  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  /** A run in which it dies behind so many effects; not at all for 0. */
  private record Died(Simulation.Outcome outcome, Story story, ControlPlane plane, long before) {
    static Died behind(long effects) {
      Story[] told = new Story[1];
      long[] before = new long[1];
      Simulation simulation =
          new Simulation(
              new Simulation.Plan(
                  1,
                  seldom(Settings.light(DEVICES)),
                  1,
                  1,
                  fleet -> {
                    Story story = new Story(fleet, 1);
                    told[0] = story;
                    story.good(2);
                    story.everybodyRuns(1);
                    story.roll(Duration.ofHours(6), 2, List.of(50, 100));
                    fleet
                        .world()
                        .at(
                            FROM,
                            () -> {
                              before[0] = fleet.plane().effects();
                              fleet.plane().killAtWork(effects);
                              startAgain(fleet);
                            });
                  },
                  List.of()),
              0);
      Simulation.Outcome outcome = simulation.run();
      return new Died(outcome, told[0], simulation.fleet().plane(), before[0]);
    }

    private static void startAgain(Fleet fleet) {
      if (!fleet.plane().isUp()) {
        fleet.plane().start();
      }
      fleet.world().after(World.MINUTE, () -> startAgain(fleet));
    }

    long effects() {
      return plane.effects() - before;
    }
  }

  // What is looked at every minute for a day is looked at the same way each time.
  private static Settings seldom(Settings of) {
    return new Settings(
        of.devices(),
        of.sites(),
        of.predictions(),
        of.measured(),
        of.outcomes(),
        of.window(),
        of.windowGrace(),
        of.cadence(),
        of.timing(),
        of.spoolBytesMax(),
        of.sampling(),
        World.HOUR,
        World.HOUR,
        true);
  }

  @Test
  void nothingBreaksBehindWhicheverEffectItDies() {
    LOG.setLevel(Level.OFF);
    long effects = Died.behind(0).effects();
    assertThat(effects).isGreaterThan(100);
    List<String> broken = new ArrayList<>();

    for (long behind = 1; behind <= effects; behind++) {
      Died died = Died.behind(behind);
      if (!died.outcome().held() || died.story().running(2) != DEVICES) {
        broken.add(
            "%d: %d devices on version 2, %s"
                .formatted(behind, died.story().running(2), died.outcome().breaks()));
      }
    }

    assertThat(broken).isEmpty();
  }
}
