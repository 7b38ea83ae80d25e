package io.skerry.simulator.demo;

import io.skerry.simulator.machine.MachineSource;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./skerry demo}. */
@Command(
    name = "skerry demo",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Runs the whole loop on this machine: a control plane, one real agent and a simulated fleet"
            + " of degrading machines, from sensor data over training, packaging and a staged"
            + " rollout to drift, retraining and a bad model that is stopped.",
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:every step really happened",
      "1:the demo could not run",
      "2:wrong options",
      "6:it ran, and a step did not hold what it promises",
      "130:interrupted"
    })
public final class DemoMain implements Callable<Integer> {
  /** Of fewer a site has too few devices for outcomes to confirm its harm. */
  private static final int DEVICES_MIN = 32;

  private static final int DEVICES_MAX = 1000;
  private static final int BAD_RESULT = 6;
  private static final int INTERRUPTED = 130;

  @Spec private CommandLine.Model.CommandSpec spec;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "NASA C-MAPSS files (train_, test_, RUL_FD001.txt); generated when absent")
  private @Nullable Path data;

  @Option(names = "--once", description = "end after the loop instead of going on live")
  private boolean once;

  @Option(names = "--json", paramLabel = "FILE", description = "write what was measured")
  private @Nullable Path json;

  @Option(
      names = "--devices",
      paramLabel = "N",
      defaultValue = "50",
      description = "simulated devices, 32 to 1000 (default: ${DEFAULT-VALUE})")
  private int devices;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "of generated machines, ages and training (default: ${DEFAULT-VALUE})")
  private long seed;

  @Option(
      names = "--tick-millis",
      paramLabel = "MS",
      defaultValue = "250",
      description = "one machine cycle, 50 to 10000 (default: ${DEFAULT-VALUE})")
  private int tickMillis;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "0",
      description = "of the console; 0 takes a free one (default: ${DEFAULT-VALUE})")
  private int port;

  /** Held, so that its level stays: netty warns of every Unix socket that it has no keep-alive. */
  private static final Logger NETTY = Logger.getLogger("io.grpc.netty.shaded.io.netty.bootstrap");

  /** Starts the demo. */
  public static void main(String... arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    NETTY.setLevel(Level.SEVERE);
    System.exit(
        new CommandLine(new DemoMain())
            .setParameterExceptionHandler(
                (wrong, given) -> {
                  wrong
                      .getCommandLine()
                      .getErr()
                      .printf("skerry demo: %s (see './skerry demo --help')%n", wrong.getMessage());
                  return CommandLine.ExitCode.USAGE;
                })
            .setExecutionExceptionHandler(
                (failure, command, parsed) -> {
                  if (failure instanceof InterruptedException) {
                    return INTERRUPTED;
                  }
                  command.getErr().println("skerry demo: " + failure.getMessage());
                  return CommandLine.ExitCode.SOFTWARE;
                })
            .execute(arguments));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    require(
        devices >= DEVICES_MIN && devices <= DEVICES_MAX,
        "--devices must be %d to %d".formatted(DEVICES_MIN, DEVICES_MAX));
    require(tickMillis >= 50 && tickMillis <= 10_000, "--tick-millis must be 50 to 10000");
    require(port >= 0 && port <= 65_535, "--port must be 0 to 65535");
    DemoOptions options =
        new DemoOptions(
            Path.of(System.getProperty("skerry.home", ".")).toAbsolutePath().normalize(),
            new MachineSource(Optional.ofNullable(data), seed),
            devices,
            Duration.ofMillis(tickMillis),
            port,
            once,
            Optional.ofNullable(json).map(Path::toAbsolutePath));
    return new DemoRun(options, new Progress(System.out)).run() ? 0 : BAD_RESULT;
  }

  private void require(boolean held, String otherwise) {
    if (!held) {
      throw new ParameterException(spec.commandLine(), otherwise);
    }
  }
}
