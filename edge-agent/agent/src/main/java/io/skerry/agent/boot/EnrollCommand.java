package io.skerry.agent.boot;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.profile.FactsProbe;
import io.skerry.protocol.DeviceId;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Makes this machine a device of a control plane. */
@Command(
    name = "enroll",
    description = "Makes this machine a device of the control plane that the token names.",
    mixinStandardHelpOptions = true)
final class EnrollCommand implements Callable<Integer> {
  private static final Duration CONNECT_PATIENCE = Duration.ofSeconds(10);

  @Option(
      names = "--token",
      required = true,
      paramLabel = "TOKEN",
      description = "enrolment token from 'skerry create token'")
  private String token = "";

  @Option(names = "--device", required = true, paramLabel = "NAME", description = "its name")
  private String device = "";

  @Option(
      names = "--data-dir",
      required = true,
      paramLabel = "DIR",
      description = "where the device keeps its identity, models and telemetry")
  private Path dataDir = Path.of(".");

  @Option(
      names = "--label",
      paramLabel = "KEY=VALUE",
      description = "a label to select the device by; may be repeated")
  private Map<String, String> labels = new LinkedHashMap<>();

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    DeviceId id = deviceId();
    if (DeviceIdentity.isIn(dataDir)) {
      throw new CommandException(
          ExitCode.FAILED,
          "'%s' already holds an identity: use another folder, or remove identity.json from it"
              .formatted(dataDir));
    }
    try {
      DeviceIdentity.prepare(dataDir);
    } catch (IOException e) {
      throw notWritable(e);
    }
    try (HttpClient http = HttpClient.newBuilder().connectTimeout(CONNECT_PATIENCE).build()) {
      DeviceIdentity identity =
          Enrolment.enrol(
              http,
              token,
              id,
              labels,
              DeviceAgent.toProtocol(FactsProbe.detect(EngineCatalog.discovered().usable())));
      identity.store(dataDir);
      spec.commandLine()
          .getOut()
          .printf("enrolled %s of tenant %s%n", identity.device(), identity.tenant());
      return ExitCode.DONE;
    } catch (EnrolmentException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw notWritable(e);
    }
  }

  private CommandException notWritable(IOException e) {
    return new CommandException(
        ExitCode.FAILED, "cannot write to '%s': %s".formatted(dataDir, e.getMessage()), e);
  }

  private DeviceId deviceId() {
    try {
      return new DeviceId(device);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--device: " + e.getMessage(), e);
    }
  }
}
