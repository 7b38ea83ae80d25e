package io.skerry.simulator.fleet;

import com.google.gson.Gson;
import io.skerry.agent.boot.AgentExecutors;
import io.skerry.agent.identity.EnrolmentException;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.protocol.ModelName;
import io.skerry.simulator.machine.MachineData;
import io.skerry.simulator.machine.MachineSource;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The process of a simulated fleet. Reads the enrolment token from the first line of standard
 * input, enrols every device, and then answers one line of JSON, a {@link FleetReport}, to each
 * further line:
 *
 * <pre>
 * report                       what was counted until now
 * shift SITE SENSOR AMOUNT     adds AMOUNT to the sensor of every device at SITE from now on
 * halt                         the machines stop; the agents go on
 * </pre>
 *
 * <p>Ends when its input ends.
 */
@Command(name = "fleet", mixinStandardHelpOptions = true)
public final class FleetMain implements Callable<Integer> {
  @Option(names = "--devices", required = true)
  private int devices;

  @Option(names = "--seed", required = true)
  private long seed;

  @Option(names = "--tick-millis", required = true)
  private long tickMillis;

  @Option(names = "--data-dir", required = true)
  private Path dataDir;

  @Option(names = "--model", required = true)
  private String model;

  @Option(names = "--machines", description = "C-MAPSS folder; generated when absent")
  private @Nullable Path machines;

  private final PrintStream answers = System.out;
  private final List<SimulatedDevice> fleet = new ArrayList<>();

  /** Starts the fleet. */
  public static void main(String... arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    System.exit(new CommandLine(new FleetMain()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException, EnrolmentException, InterruptedException {
    BufferedReader questions =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String token = questions.readLine();
    if (token == null) {
      return CommandLine.ExitCode.USAGE;
    }
    MachineData data = new MachineSource(Optional.ofNullable(machines), seed).load();
    ScheduledExecutorService clock =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("machines").daemon().factory());
    try (AgentExecutors executors = AgentExecutors.create()) {
      SimulatedDevice.Shared shared =
          new SimulatedDevice.Shared(
              token, new ModelName(model), dataDir, data, EngineCatalog.discovered(), executors);
      try {
        for (FleetPlan.Planned planned : FleetPlan.devices(devices, data, seed)) {
          fleet.add(SimulatedDevice.start(planned, shared));
        }
        ScheduledFuture<?> machinesRun =
            clock.scheduleAtFixedRate(this::tick, tickMillis, tickMillis, TimeUnit.MILLISECONDS);
        answer();
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
          // A tick that throws ends the machines, which nobody would notice otherwise.
          if (machinesRun.state() == Future.State.FAILED) {
            throw new IllegalStateException("the machines stopped", machinesRun.exceptionNow());
          }
          obey(line.split(" "), clock);
          answer();
        }
      } finally {
        clock.shutdownNow();
        fleet.forEach(SimulatedDevice::close);
      }
    }
    return CommandLine.ExitCode.OK;
  }

  private void obey(String[] words, ScheduledExecutorService clock) throws InterruptedException {
    switch (words[0]) {
      case "shift" -> shift(words[1], Integer.parseInt(words[2]), Float.parseFloat(words[3]));
      case "halt" -> {
        clock.shutdown();
        clock.awaitTermination(10, TimeUnit.SECONDS);
      }
      case "report" -> {}
      default -> throw new IllegalArgumentException("unknown order '%s'".formatted(words[0]));
    }
  }

  private synchronized void tick() {
    fleet.forEach(SimulatedDevice::tick);
  }

  private synchronized void shift(String site, int sensor, float amount) {
    fleet.forEach(device -> device.shift(site, sensor, amount));
  }

  private synchronized void answer() {
    Application.Counts counts = new Application.Counts(0, 0, 0);
    long samples = 0;
    long waiting = 0;
    long dropped = 0;
    String lastFailure = "";
    for (SimulatedDevice device : fleet) {
      counts = counts.plus(device.application().counts());
      samples += device.samples();
      waiting += device.waiting();
      dropped += device.dropped();
      if (!device.application().lastFailure().isEmpty()) {
        lastFailure = device.application().lastFailure();
      }
    }
    answers.println(
        new Gson()
            .toJson(
                new FleetReport(
                    fleet.size(),
                    counts.predictions(),
                    counts.failed(),
                    counts.feedback(),
                    samples,
                    waiting,
                    dropped,
                    lastFailure)));
    answers.flush();
  }
}
