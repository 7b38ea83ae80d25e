package io.skerry.agent.boot;

import io.skerry.agent.diagnose.Diagnostics;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.Pipelines;
import io.skerry.agent.serve.AgentServer;
import io.skerry.agent.serve.ListenException;
import io.skerry.agent.serve.ModelListing;
import io.skerry.agent.serve.ServeConfig;
import io.skerry.agent.serve.Served;
import io.skerry.artifact.trust.TrustException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Runs this machine as an enrolled device until it is interrupted. */
@Command(
    name = "run",
    description = "Runs this machine as the device that it was enrolled as.",
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  private static final long STATUS_EVERY_MILLIS = 1000;

  // More would lie in segments that are too large for the heap, into which each is read to be sent.
  private static final int SPOOL_MIB_MAX = 8_192;

  @Option(
      names = "--data-dir",
      required = true,
      paramLabel = "DIR",
      description = "the folder that 'enroll' wrote the identity to")
  private Path dataDir = Path.of(".");

  @Option(
      names = "--spool-mib",
      paramLabel = "N",
      description = "disk for telemetry that is not committed yet (default: ${DEFAULT-VALUE})")
  private int spoolMib = 64;

  @Option(
      names = "--pipelines",
      paramLabel = "DIR",
      description = "holds <pipeline>/pipeline.yaml: graphs of the models that the device serves")
  private @Nullable Path pipelines;

  @Mixin private ProfileChoice profiles = new ProfileChoice();

  @Mixin private ServeOptions options = new ServeOptions();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    if (spoolMib < 1 || spoolMib > SPOOL_MIB_MAX) {
      throw misuse("--spool-mib is %d, expected 1 to %d".formatted(spoolMib, SPOOL_MIB_MAX));
    }
    ServeConfig given = options.apply(ServeConfig.at(options.listeners(spec)), spec);
    DeviceIdentity identity = identity();
    ServeConfig config =
        given.withTraces(given.traces().map(traces -> traces.at(identity.device().value())));
    EngineCatalog engines = options.engines(spec);
    Path compiled = DeviceAgent.compiled(dataDir);
    try (AgentExecutors executors = AgentExecutors.create();
        DeviceAgent agent =
            DeviceAgent.start(
                DeviceAgentConfig.of(
                        dataDir,
                        identity,
                        profiles.detected(engines, Optional.of(compiled)).facts(),
                        engines,
                        executors)
                    .withProfiles(profiles.catalog())
                    .withLimits(
                        (long) spoolMib << 20,
                        DeviceAgentConfig.RING_CAPACITY,
                        Runtime.getRuntime().availableProcessors()))) {
      StatusFile status = new StatusFile(Disk.local(), dataDir);
      status.carryOver();
      AgentExecutors.Repetition telling =
          executors.every(STATUS_EVERY_MILLIS, "status file", () -> status.tell(agent.status()));
      serve(config, agent, status);
      telling.stop();
      return ExitCode.DONE;
    } catch (IOException | TrustException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    }
  }

  private void serve(ServeConfig config, DeviceAgent agent, StatusFile status)
      throws InterruptedException {
    Served served =
        Served.of(agent.slots(), agent.predictor(), listing(agent)).withFeedback(agent.feedback());
    try (AgentServer server = AgentServer.start(config, served);
        ServeOptions.Http http = options.http(config, server);
        ServeOptions.Telling telling =
            options.telling(
                server.addresses(),
                new Diagnostics(agent.slots(), server.service()::callStatistics, agent::file),
                spec)) {
      status.listening(server.places());
      Thread closer = new Thread(() -> stop(telling, http, server, agent), "agent-shutdown");
      Runtime.getRuntime().addShutdownHook(closer);
      spec.commandLine()
          .getOut()
          .printf(
              "serving on %s%s%s%n",
              String.join(", ", server.places()), http.address(), telling.address());
      server.awaitClosed();
      // Only the hook closes the server; it may still send what is left.
      closer.join();
    } catch (ListenException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    }
  }

  private ModelListing listing(DeviceAgent agent) {
    if (pipelines == null) {
      return agent.listing();
    }
    try {
      return agent.listing().with(Pipelines.serve(pipelines, agent.slots()));
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, "cannot read '%s': %s".formatted(pipelines, e.getMessage()), e);
    }
  }

  private static void stop(
      ServeOptions.Telling telling, ServeOptions.Http http, AgentServer server, DeviceAgent agent) {
    telling.close();
    http.close();
    server.close();
    agent.close();
  }

  private DeviceIdentity identity() {
    if (!DeviceIdentity.isIn(Disk.local(), dataDir)) {
      throw new CommandException(
          ExitCode.NOT_FOUND,
          "no identity in '%s': run 'skerry agent enroll' first".formatted(dataDir));
    }
    try {
      return DeviceIdentity.load(Disk.local(), dataDir);
    } catch (IOException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    }
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
