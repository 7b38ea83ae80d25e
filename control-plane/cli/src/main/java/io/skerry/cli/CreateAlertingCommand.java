package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.AlertRouteRequest;
import io.skerry.api.AlertSilenceRequest;
import io.skerry.api.ErasureRequest;
import io.skerry.api.client.SkerryClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Commands of {@code create} that say who is told of what, and what is forgotten. */
final class CreateAlertingCommand {
  private CreateAlertingCommand() {}

  @Command(
      name = "route",
      description = "Has alerts told to a webhook, by mail or to a Prometheus Alertmanager.",
      mixinStandardHelpOptions = true)
  @SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
  static final class Route implements Callable<Integer> {
    @Mixin private ServerOptions server;

    @Parameters(paramLabel = "NAME")
    private String name;

    @Option(names = "--kind", required = true, description = "webhook, mail or alertmanager")
    private String kind;

    @Option(
        names = "--url",
        required = true,
        description = "https://host/path, or smtp://user@host:587?to=a@b&from=c@d")
    private String url;

    @Option(
        names = "--secret-file",
        paramLabel = "FILE",
        description = "holds the webhook's signing secret, the mail password or the bearer token")
    private @Nullable Path secretFile;

    @Option(
        names = "--from",
        defaultValue = "ticket",
        description = "lowest severity: page, ticket or note; default: ${DEFAULT-VALUE}")
    private String from;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
      String secret = secretFile == null ? null : Files.readString(secretFile).strip();
      try (SkerryClient client = server.client()) {
        client.post(
            "/v1/alert-routes",
            new AlertRouteRequest(name, kind, url, secret, from),
            JsonObject.class);
      }
      spec.commandLine().getOut().println("route/%s created".formatted(Table.printable(name)));
      return ExitCodes.DONE;
    }
  }

  @Command(
      name = "silence",
      description = "Keeps alerts from being told for a while; they are kept all the same.",
      mixinStandardHelpOptions = true)
  @SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
  static final class Silence implements Callable<Integer> {
    @Mixin private ServerOptions server;

    @Option(names = "--kind", description = "beginning of kinds, such as incident.")
    private @Nullable String kind;

    @Option(names = "--cohort", paramLabel = "ATTRIBUTE=VALUE")
    private @Nullable String cohort;

    @Option(names = "--object", paramLabel = "ID")
    private @Nullable String object;

    @Option(
        names = "--for",
        required = true,
        paramLabel = "TIME",
        converter = Durations.class,
        description = "such as 90m, 24h or 7d")
    private Duration time;

    @Option(names = "--reason", required = true)
    private String reason;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() {
      try (SkerryClient client = server.client()) {
        JsonObject made =
            client.post(
                "/v1/silences",
                new AlertSilenceRequest(kind, cohort, object, Instant.now().plus(time), reason),
                JsonObject.class);
        spec.commandLine()
            .getOut()
            .println(
                "silence/%s until %s".formatted(Json.text(made, "id"), Json.text(made, "until")));
      }
      return ExitCodes.DONE;
    }
  }

  @Command(
      name = "erasure",
      description = {
        "Erases everything that a device sent, or every prediction of a subject: rows, lake,",
        "training sets. It cannot be taken back."
      },
      mixinStandardHelpOptions = true)
  @SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
  static final class Erasure implements Callable<Integer> {
    @Mixin private ServerOptions server;

    @Option(names = "--device", paramLabel = "NAME")
    private @Nullable String device;

    @Option(
        names = "--subject",
        paramLabel = "ID",
        description = "the client id that an application gave its predictions")
    private @Nullable String subject;

    @Option(names = "--reason", required = true)
    private String reason;

    @Option(names = "--yes", description = "to say that you mean it")
    private boolean yes;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() {
      if (!yes) {
        throw new CommandFailed(ExitCodes.USAGE, "say --yes: it cannot be taken back");
      }
      try (SkerryClient client = server.client()) {
        JsonObject made =
            client.post(
                "/v1/erasures", new ErasureRequest(device, subject, reason), JsonObject.class);
        spec.commandLine()
            .getOut()
            .println(
                "erasure/%s done: %s samples, %s windows, %s outcomes, %s training examples"
                    .formatted(
                        Json.text(made, "id"),
                        Json.text(made, "samples"),
                        Json.text(made, "windows"),
                        Json.text(made, "feedback"),
                        Json.text(made, "examples")));
        Json.find(made, "beyond")
            .ifPresent(
                beyond ->
                    spec.commandLine()
                        .getErr()
                        .println(Table.printable("not all: " + beyond.getAsString())));
      }
      return ExitCodes.DONE;
    }
  }
}
