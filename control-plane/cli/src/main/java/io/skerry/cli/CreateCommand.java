package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.PackagingRequest;
import io.skerry.api.ReleaseFloor;
import io.skerry.api.RunRequest;
import io.skerry.api.UserRequest;
import io.skerry.api.client.SkerryClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "create",
    description =
        "Starts runs, packagings and rollouts; brings signatures; makes tokens and users.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      CreateTokenCommand.class,
      CreatePreauthorisationCommand.class,
      CreateRolloutCommand.class,
      CreateCohortCommand.class,
      CreateAlertingCommand.Route.class,
      CreateAlertingCommand.Silence.class,
      CreateAlertingCommand.Erasure.class
    })
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class CreateCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "run",
      description = "Trains a model on a snapshot.",
      mixinStandardHelpOptions = true)
  int run(
      @Mixin ServerOptions server,
      @Option(names = "--model", required = true) String model,
      @Option(names = "--snapshot", required = true, description = "as 'import dataset' printed it")
          String snapshot,
      @Option(names = "--epochs") @Nullable Integer epochs,
      @Option(names = "--seed") @Nullable Long seed,
      @Mixin WatchOptions watch,
      @Mixin OutputOptions output)
      throws InterruptedException {
    try (SkerryClient client = server.client()) {
      JsonObject run =
          client.post("/v1/runs", new RunRequest(model, snapshot, epochs, seed), JsonObject.class);
      String id = Json.text(run, "id");
      output.print(spec.commandLine().getOut(), run, "run/" + id, "run/%s started".formatted(id));
      return watch.follow(client, "/v1/runs/" + id, Watch::work, err());
    }
  }

  @Command(
      name = "variants",
      description = "Packages a version for hardware profiles.",
      mixinStandardHelpOptions = true)
  int variants(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL@VERSION", converter = VersionRef.Converter.class)
          VersionRef version,
      @Option(
              names = "--profile",
              description = "several times if needed; default: those of the enrolled devices")
          @Nullable List<String> profiles,
      @Option(
              names = "--monitoring",
              paramLabel = "FILE",
              description =
                  "what devices watch and may tell of the model, as 'import monitoring' takes it")
          @Nullable Path monitoring,
      @Mixin EmulationOptions emulation,
      @Mixin JudgingOptions judging,
      @Mixin WatchOptions watch,
      @Mixin OutputOptions output)
      throws InterruptedException {
    String path = version.path() + "/variants";
    try (SkerryClient client = server.client()) {
      if (monitoring != null) {
        ImportCommand.sendMonitoring(client, version.model(), monitoring);
      }
      JsonObject packaging =
          client.post(
              path,
              new PackagingRequest(profiles, emulation.items(), judging.judging()),
              JsonObject.class);
      output.print(
          spec.commandLine().getOut(),
          packaging,
          "model/" + version,
          "model/%s packaging started".formatted(version));
      return watch.follow(client, path, Watch::work, err());
    }
  }

  @Command(
      name = "signature",
      description = "Brings what release keys signed; devices can get the variants from then on.",
      mixinStandardHelpOptions = true)
  int signature(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL@VERSION", converter = VersionRef.Converter.class)
          VersionRef version,
      @Option(
              names = {"-f", "--file"},
              required = true,
              paramLabel = "FILE",
              description = "as './skerry sign release' wrote it")
          Path file,
      @Mixin OutputOptions output)
      throws IOException {
    ImportCommand.checkFile(file);
    try (SkerryClient client = server.client()) {
      JsonObject signed =
          client.send(
              "PUT",
              version.path() + "/signatures",
              "application/json",
              BodyPublishers.ofFile(file),
              JsonObject.class);
      output.print(
          spec.commandLine().getOut(),
          signed,
          "model/" + version,
          "model/%s: %s".formatted(version, Watch.variants(Json.array(signed, "variants"))));
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "release-floor",
      description = "Forbids devices to begin older releases of a model. Cannot be taken back.",
      mixinStandardHelpOptions = true)
  int releaseFloor(
      @Mixin ServerOptions server,
      @Option(names = "--model", required = true) String model,
      @Option(
              names = "--counter",
              required = true,
              paramLabel = "N",
              description = "the lowest release counter that devices may begin")
          long counter,
      @Mixin OutputOptions output) {
    try (SkerryClient client = server.client()) {
      JsonObject made =
          client.post("/v1/release-floors", new ReleaseFloor(model, counter), JsonObject.class);
      output.print(
          spec.commandLine().getOut(),
          made,
          "release-floor/" + model,
          "devices begin no release of %s below %d".formatted(model, counter));
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "user",
      description = "Makes a user and prints the token, once.",
      mixinStandardHelpOptions = true)
  int user(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "NAME") String name,
      @Option(
              names = "--role",
              required = true,
              description = "viewer, operator, approver, auditor or admin")
          String role,
      @Mixin OutputOptions output) {
    try (SkerryClient client = server.client()) {
      JsonObject made = client.post("/v1/users", new UserRequest(name, role), JsonObject.class);
      output.print(
          spec.commandLine().getOut(),
          made,
          "user/" + name,
          "user/%s created%n%s".formatted(name, Json.text(made, "token")));
    }
    return ExitCodes.DONE;
  }

  /** Whether to wait for what was started. */
  static final class WatchOptions {
    @Option(names = "--watch", description = "wait for the end and exit with its result")
    private boolean watch;

    @Option(
        names = "--timeout",
        defaultValue = "30m",
        converter = Durations.class,
        description = "longest wait; default: ${DEFAULT-VALUE}")
    private Duration timeout = Duration.ofMinutes(30);

    int follow(SkerryClient client, String path, Function<JsonObject, String> told, PrintWriter err)
        throws InterruptedException {
      return watch ? Watch.follow(client, path, timeout, told, err) : ExitCodes.DONE;
    }
  }

  private PrintWriter err() {
    return spec.commandLine().getErr();
  }
}
