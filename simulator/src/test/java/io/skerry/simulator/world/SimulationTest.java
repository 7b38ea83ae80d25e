package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

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
                1, settings, 1, 1, fleet -> new Story(fleet).everybodyRuns(1), List.of()),
            0);

    Simulation.Outcome outcome = simulation.run();

    assertThat(outcome.breaks()).isEmpty();
    // Of every hour but the first ones, in which there is no model yet.
    assertThat(outcome.predictions()).isGreaterThan(3L * 40 * settings.predictions());
    // The judgement made every device tell what it had counted: nothing was left to tell.
    assertThat(simulation.fleet().devices()).extracting(SimDevice::waiting).containsOnly(0L);
  }
}
