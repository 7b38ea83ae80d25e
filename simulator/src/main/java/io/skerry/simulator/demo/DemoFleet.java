package io.skerry.simulator.demo;

import io.skerry.simulator.fleet.FleetPlan;
import io.skerry.simulator.fleet.FleetReport;
import io.skerry.simulator.machine.MachineData;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** All devices of a demo: the one real agent and the process of the simulated ones. */
final class DemoFleet {
  private static final Duration DELIVERED_WITHIN = Duration.ofSeconds(30);
  private static final Duration OBSERVED_WITHIN = Duration.ofSeconds(1);
  private static final String REAL_DEVICE = "this-machine";

  private final FleetProcess simulated;
  private final RealAgent real;
  private final String realSite;

  private DemoFleet(FleetProcess simulated, RealAgent real, String realSite) {
    this.simulated = simulated;
    this.real = real;
    this.realSite = realSite;
  }

  /** Enrols every device and starts it. */
  static DemoFleet start(
      DemoOptions options,
      MachineData machines,
      Programs programs,
      DemoFolder folder,
      ControlPlane plane,
      DemoRun.Keeper keeper)
      throws IOException, InterruptedException {
    FleetProcess simulated =
        keeper.keep(
            FleetProcess.start(
                programs.fleet(arguments(options, folder)),
                plane.enrolmentToken(options.devices()),
                folder.log("fleet")));
    FleetPlan.Planned planned =
        FleetPlan.device(options.devices(), machines, options.machines().seed());
    RealAgent real =
        keeper.keep(
            RealAgent.start(
                programs,
                folder,
                plane.enrolmentToken(1),
                REAL_DEVICE,
                planned,
                Demo.MODEL,
                machines.sensors().size(),
                options.tick()));
    return new DemoFleet(simulated, real, planned.site());
  }

  private static String[] arguments(DemoOptions options, DemoFolder folder) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--devices",
                Integer.toString(options.devices()),
                "--seed",
                Long.toString(options.machines().seed()),
                "--tick-millis",
                Long.toString(options.tick().toMillis()),
                "--data-dir",
                folder.fleet().toString(),
                "--model",
                Demo.MODEL));
    options
        .machines()
        .folder()
        .ifPresent(data -> arguments.addAll(List.of("--machines", data.toString())));
    return arguments.toArray(String[]::new);
  }

  void shift(String site, SensorShift shift) {
    simulated.shift(site, shift.sensor(), shift.amount());
    if (site.equals(realSite)) {
      real.shift(shift.sensor(), shift.amount());
    }
  }

  /** What applications saw on all devices; the latency is the real agent's over gRPC. */
  DemoReport.Predict predict() {
    FleetReport fleet = simulated.report();
    return new DemoReport.Predict(
        fleet.predictions() + real.counts().predictions(),
        fleet.failed() + real.counts().failed(),
        fleet.lastFailure().isEmpty() ? real.lastFailure() : fleet.lastFailure(),
        real.p50Micros(),
        fleet.feedback() + real.counts().feedback());
  }

  String described() {
    DemoReport.Predict predict = predict();
    return "%,d predictions, %d failed, p50 over gRPC %.0f us, %,d outcomes fed back"
        .formatted(predict.count(), predict.failed(), predict.p50Micros(), predict.feedback());
  }

  /** Fails when a process has ended. */
  void requireAlive() {
    simulated.requireAlive();
    real.requireAlive();
  }

  /** Stops the machines, waits until every record is committed, and compares both ends. */
  DemoReport.Telemetry drain(ControlPlane plane) throws IOException, InterruptedException {
    real.halt();
    simulated.halt();
    // The agents observe and spool a moment after they have answered.
    RealAgent.Spooled spooled = real.spooledAfter(Instant.now().plus(OBSERVED_WITHIN));
    FleetReport fleet = simulated.report();
    long deadline = System.nanoTime() + DELIVERED_WITHIN.toNanos();
    while (fleet.waiting() + spooled.waiting() > 0 && System.nanoTime() < deadline) {
      spooled = real.spooledAfter(Instant.now());
      fleet = simulated.report();
    }
    long sent = fleet.samples() + spooled.samples();
    long stored = plane.telemetry().samplesStored();
    return new DemoReport.Telemetry(
        sent, stored, Math.max(0, sent - stored), Math.max(0, stored - sent));
  }
}
