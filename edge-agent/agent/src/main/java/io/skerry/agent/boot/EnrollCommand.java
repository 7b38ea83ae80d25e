package io.skerry.agent.boot;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.Enrolment;
import io.skerry.agent.identity.EnrolmentException;
import io.skerry.agent.identity.Pkcs11Config;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.time.DeviceClock;
import io.skerry.profile.FactsProbe;
import io.skerry.protocol.DeviceId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
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
  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "enrolment token from 'skerry create token'")
  private @Nullable String token;

  @Option(names = "--device", paramLabel = "NAME", description = "its name")
  private @Nullable String device;

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

  @Option(
      names = "--again",
      description = "enrol a folder that holds an identity anew; its key and its data stay")
  private boolean again;

  @Option(
      names = "--new-key",
      description = "with --again: make a new key, because the old one may be in other hands")
  private boolean newKey;

  @Option(
      names = "--pkcs11",
      paramLabel = "CONFIG",
      description =
          "keep the key in a PKCS#11 token: a file for Java's SunPKCS11 (name, library, slot);"
              + " otherwise it is kept in the data folder")
  private @Nullable Path pkcs11;

  @Option(
      names = "--pkcs11-pin",
      paramLabel = "FILE",
      description = "holds the token's PIN; read at every start")
  private @Nullable Path pkcs11Pin;

  @Option(
      names = "--show-key",
      description =
          "make the key, print its SHA-256 for 'skerry create preauthorisation', and enrol nothing")
  private boolean showKey;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    Optional<Pkcs11Config> config = config();
    Disk disk = Disk.local();
    if (DeviceIdentity.isIn(disk, dataDir) && !again && !showKey) {
      throw new CommandException(
          ExitCode.FAILED,
          "'%s' already holds an identity: use another folder, or --again to enrol it anew"
              .formatted(dataDir));
    }
    try {
      Enrolment enrolment =
          new Enrolment(
              disk, dataDir, config, DeviceClock.open(disk, dataDir, AgentVersion.builtAt()));
      if (newKey) {
        enrolment = enrolment.withNewKey();
      }
      if (showKey) {
        spec.commandLine().getOut().println(enrolment.key().fingerprint());
        return ExitCode.DONE;
      }
      return enrol(enrolment);
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, "cannot write to '%s': %s".formatted(dataDir, e.getMessage()), e);
    }
  }

  private int enrol(Enrolment enrolment) throws IOException, InterruptedException {
    Enrolment.Applicant applicant =
        new Enrolment.Applicant(
            deviceId(),
            labels,
            DeviceAgent.toProtocol(
                FactsProbe.detect(Detected.onProcessor(EngineCatalog.discovered()))));
    try {
      DeviceIdentity identity = enrolment.enrol(needed("--token", token), applicant);
      spec.commandLine()
          .getOut()
          .printf(
              "enrolled %s of tenant %s; certificate until %s%n",
              identity.device(), identity.tenant(), identity.validity().notAfter());
      return ExitCode.DONE;
    } catch (EnrolmentException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    }
  }

  private Optional<Pkcs11Config> config() {
    if (pkcs11 == null) {
      if (pkcs11Pin != null) {
        throw misuse("--pkcs11-pin says nothing without --pkcs11");
      }
      return Optional.empty();
    }
    return Optional.of(
        new Pkcs11Config(
            pkcs11.toAbsolutePath(), Optional.ofNullable(pkcs11Pin).map(Path::toAbsolutePath)));
  }

  private DeviceId deviceId() {
    try {
      return new DeviceId(needed("--device", device));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--device: " + e.getMessage(), e);
    }
  }

  // Asked for here, because --show-key needs neither.
  private String needed(String option, @Nullable String value) {
    if (value == null) {
      throw misuse("Missing required option: '%s'".formatted(option));
    }
    return value;
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
