package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.SlotReport;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.Stop;
import io.skerry.wire.fleet.v1.Record;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
                fleet -> new Story(fleet, 1).everybodyRuns(1),
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

  private static Simulation ran(int days, Simulation.Script script, Fault... faults) {
    LOG.setLevel(Level.OFF);
    Simulation simulation =
        new Simulation(
            new Simulation.Plan(1, Settings.light(3), days, 1, script, List.of(faults)), 0);
    assertThat(simulation.run().breaks()).isEmpty();
    return simulation;
  }

  @Test
  void aDeviceThatDoesNotRunWhatItWasToldNeedsAReason() {
    Fleet fleet = ran(2, one -> new Story(one, 1).everybodyRuns(1)).fleet();
    SimDevice device = fleet.device(0);
    DesiredSlot old = fleet.store().desired(device.id(), RolloutShell.SLOT).orElseThrow();
    fleet
        .store()
        .order(
            List.of(device.id()),
            RolloutShell.SLOT,
            fleet.world().instant(),
            (id, revision) ->
                new DesiredSlot(
                    old.slot(),
                    revision,
                    new ModelVersion(Releases.MODEL, 2),
                    Digest.of(new byte[1]),
                    old.signature(),
                    old.artifactBase(),
                    old.rollout(),
                    old.sampling(),
                    old.window(),
                    old.probationPredictions(),
                    old.probation()));

    fleet.watch().checkSettled();

    assertThat(fleet.watch().breaks())
        .extracting(Watch.Break::what)
        .anyMatch(what -> what.startsWith("runs version 1, ordered is pump-health@2"));
  }

  @Test
  void aDeviceThatReportsAFaultOfItsOwnBreaksTheRun() {
    Fleet fleet = ran(2, one -> new Story(one, 1).everybodyRuns(1)).fleet();
    SlotReport told =
        fleet.store().slotReport(fleet.device(0).id(), RolloutShell.SLOT).orElseThrow();

    fleet
        .watch()
        .reported(
            0,
            new ReportedDocument(
                SimDevice.TENANT,
                fleet.device(0).id(),
                1,
                1_000_000,
                fleet.world().instant(),
                fleet.device(0).observed(),
                fleet.device(0).observed(),
                List.of(
                    new SlotReport(
                        told.slot(),
                        told.revision(),
                        told.phase(),
                        told.rollout(),
                        told.target(),
                        told.running(),
                        Optional.of(
                            new SlotReport.Failure(ErrorCode.INTERNAL, "NullPointerException")),
                        0,
                        0)),
                fleet.facts(fleet.device(0).hardware()),
                "simulated",
                Map.of(),
                DeviceHealth.UNKNOWN));

    assertThat(fleet.watch().breaks())
        .singleElement()
        .extracting(Watch.Break::what)
        .isEqualTo("reports a fault of its own: NullPointerException");
  }

  /** Its disk would start anew under the process that had started meanwhile. */
  @Test
  void aMachineThatIsDownStartsWhenItsTimeHasCome() {
    long hour = World.BEGIN + World.DAY + World.HOUR;
    boolean[] ranThen = new boolean[2];
    ran(
        2,
        one -> {
          new Story(one, 1).everybodyRuns(1);
          SimDevice device = one.device(0);
          World world = one.world();
          world.at(
              hour, () -> device.stop(new Loss.Kill(), 1_000_000, Stop.BEFORE, 10 * World.MINUTE));
          world.at(
              hour + 65 * World.MINUTE,
              () -> {
                device.boot();
                ranThen[0] = device.isRunning();
              });
          world.at(hour + 71 * World.MINUTE, () -> ranThen[1] = device.isRunning());
        });

    assertThat(ranThen).containsExactly(false, true);
  }
}
