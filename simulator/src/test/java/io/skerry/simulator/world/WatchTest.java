package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.RecordStream;
import io.skerry.wire.fleet.v1.Record;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** What the watch must see that no mistake in the code would show by itself. */
class WatchTest {
  /** Held, so that its level stays. */
  private static final Logger LOG = Logger.getLogger("io.skerry");

  @Test
  void refusedRecordsDoNotStandForLostOnes() {
    LOG.setLevel(Level.OFF);
    Simulation simulation =
        new Simulation(
            new Simulation.Plan(
                1,
                Settings.light(1),
                4,
                2,
                fleet -> new Story(fleet).everybodyRuns(1),
                List.of(new Fault(World.DAY, Fault.Kind.DISK_FULL, 0, 2 * World.DAY, 1))),
            0);
    assertThat(simulation.run().breaks()).isEmpty();
    Fleet fleet = simulation.fleet();
    Watch watch = fleet.watch();
    long refused = fleet.store().saidLost(fleet.device(0).id());
    assertThat(refused).as("refused by the full disk").isPositive();
    assertThat(fleet.store().lost(fleet.device(0).id())).isZero();

    for (int i = 0; i < refused; i++) {
      watch.kept(0, RecordStream.EVENTS, 1, 1_000_000 + i, Record.getDefaultInstance());
    }
    watch.durable(0);
    watch.checkSettled();

    assertThat(watch.breaks())
        .singleElement()
        .extracting(Watch.Break::what)
        .asString()
        .contains("%d records were kept and are neither stored".formatted(refused));
  }
}
