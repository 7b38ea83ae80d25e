package io.skerry.agent.boot;

import com.google.gson.JsonObject;
import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.time.DeviceClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Tells how the agent of a data folder stands, and how old each thing it tells is. Only reads:
 * while the agent is stopped it tells what that one told last, and what the folder says.
 */
@Command(
    name = "status",
    description = "Tells how the agent of a data folder stands, running or not.",
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the agent runs",
      "1:it does not run, or its folder cannot be read",
      "2:wrong usage",
      "3:the folder holds no device"
    })
final class StatusCommand implements Callable<Integer> {
  /** An older status means that no agent runs. */
  static final Duration FRESH = Duration.ofSeconds(10);

  /** More than a status takes. */
  private static final long STATUS_BYTES = 64 << 10;

  @Option(names = "--data-dir", required = true, paramLabel = "DIR", description = "the device's")
  private Path dataDir = Path.of(".");

  @Option(names = "--json", description = "as JSON")
  private boolean json;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() {
    Disk disk = Disk.local();
    DeviceClock clock = DeviceClock.open(disk, dataDir, AgentVersion.builtAt());
    Optional<JsonObject> told;
    Optional<DeviceIdentity> identity;
    try {
      told = new StatusFile(disk, dataDir).read();
      identity =
          DeviceIdentity.isIn(disk, dataDir)
              ? Optional.of(DeviceIdentity.load(disk, dataDir))
              : Optional.empty();
    } catch (IOException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    }
    if (told.isEmpty() && identity.isEmpty()) {
      throw new CommandException(
          ExitCode.NOT_FOUND,
          "no device in '%s': run 'skerry agent enroll' first".formatted(dataDir));
    }
    JsonObject status = told.orElseGet(JsonObject::new);
    boolean running = told.isPresent() && isFresh(status, clock);
    if (!running && identity.isPresent()) {
      addFromFolder(status, identity.get(), clock);
    }
    if (!running) {
      diskFault(disk).ifPresent(fault -> status.addProperty("diskFault", fault));
    }
    status.addProperty("running", running);
    if (json) {
      spec.commandLine().getOut().println(status);
    } else {
      new StatusText(status, clock.instant()).print(spec.commandLine().getOut());
    }
    return running ? ExitCode.DONE : ExitCode.FAILED;
  }

  /** Why an agent that runs could not tell so. */
  private Optional<String> diskFault(Disk disk) {
    try {
      if (!Files.getFileStore(dataDir).isReadOnly() && disk.usableBytes(dataDir) >= STATUS_BYTES) {
        return Optional.empty();
      }
    } catch (IOException e) {
      return Optional.of("'%s' cannot be looked at: %s".formatted(dataDir, e.getMessage()));
    }
    return Optional.of(
        "'%s' cannot be written, as it is read-only or full; an agent that runs serves what was"
                .formatted(dataDir)
            + " proven, keeps no telemetry, and cannot write its status");
  }

  // Written by the agent's corrected clock, read by the system's: both may be meant.
  private static boolean isFresh(JsonObject status, DeviceClock clock) {
    Instant at = Instant.parse(status.get("at").getAsString());
    Duration corrected =
        status.has("clock")
            ? Duration.ofMillis(status.getAsJsonObject("clock").get("correctedMillis").getAsLong())
            : Duration.ZERO;
    Instant now = clock.reading().system().plus(corrected);
    return Duration.between(at, now).abs().compareTo(FRESH) < 0;
  }

  private static void addFromFolder(JsonObject status, DeviceIdentity identity, DeviceClock clock) {
    status.addProperty("device", identity.device().value());
    status.add("certificate", StatusFile.json(DeviceLogin.statusOf(identity, clock)));
    status.add("clock", StatusFile.json(clock.reading()));
  }
}
