package io.skerry.cli;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "rollout",
    description = "Watches and steers a rollout.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class RolloutCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "status",
      description = "Shows a rollout's stages; exits with 6 if it ended badly.",
      mixinStandardHelpOptions = true)
  int status(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--watch", description = "until it ends") boolean watch,
      @Option(
              names = "--timeout",
              defaultValue = "30m",
              converter = Durations.class,
              description = "longest wait; default: ${DEFAULT-VALUE}")
          Duration timeout,
      @Option(
              names = {"-o", "--output"},
              defaultValue = "table")
          Output output)
      throws InterruptedException {
    String path = "/v1/rollouts/" + DescribeCommand.encoded(id);
    try (SkerryClient client = server.client()) {
      if (watch) {
        Watch.follow(client, path, timeout, RolloutCommand::line, spec.commandLine().getErr());
      }
      JsonObject rollout = client.get(path, JsonObject.class);
      PrintWriter out = spec.commandLine().getOut();
      switch (output) {
        case TABLE -> table(rollout, out);
        case JSON -> out.println(Json.pretty(rollout));
        case NAME -> out.println("rollout/" + Table.printable(id));
      }
      return Watch.BAD_ENDS.contains(Json.text(rollout, "state"))
          ? ExitCodes.BAD_RESULT
          : ExitCodes.DONE;
    }
  }

  @Command(name = "pause", description = "Opens no further stage.", mixinStandardHelpOptions = true)
  int pause(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--reason", required = true) String reason) {
    return act(server, id, "pause", "paused", reason);
  }

  @Command(
      name = "resume",
      description = "Goes on where it paused.",
      mixinStandardHelpOptions = true)
  int resume(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--reason", required = true) String reason) {
    return act(server, id, "resume", "resumed", reason);
  }

  @Command(
      name = "promote",
      description = "Opens the next stage now.",
      mixinStandardHelpOptions = true)
  int promote(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--reason", required = true) String reason) {
    return act(server, id, "promote", "promoted", reason);
  }

  @Command(
      name = "abort",
      description = "Ends it; devices keep what they run.",
      mixinStandardHelpOptions = true)
  int abort(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--reason", required = true) String reason) {
    return act(server, id, "abort", "aborted", reason);
  }

  @Command(
      name = "rollback",
      description = "Ends it; devices go back to what they ran.",
      mixinStandardHelpOptions = true)
  int rollback(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--reason", required = true) String reason) {
    return act(server, id, "rollback", "rolling back", reason);
  }

  private int act(ServerOptions server, String id, String act, String done, String reason) {
    try (SkerryClient client = server.client()) {
      client.post(
          "/v1/rollouts/%s/%s".formatted(DescribeCommand.encoded(id), act),
          Map.of("reason", reason),
          JsonObject.class);
      spec.commandLine().getOut().println("rollout/%s %s".formatted(Table.printable(id), done));
    }
    return ExitCodes.DONE;
  }

  /** A rollout's state and its current stage in one line. */
  static String line(JsonObject rollout) {
    StringBuilder line = new StringBuilder(Json.text(rollout, "state"));
    for (JsonElement element : Json.array(rollout, "stages")) {
      JsonObject stage = element.getAsJsonObject();
      line.append(" · stage ")
          .append(Json.text(stage, "index"))
          .append(' ')
          .append(Json.text(stage, "state"))
          .append(' ')
          .append(Json.text(stage, "committed"))
          .append('/')
          .append(Json.text(stage, "devices"));
    }
    Json.find(rollout, "reason").ifPresent(reason -> line.append(" · ").append(Json.plain(reason)));
    return line.toString();
  }

  private static void table(JsonObject rollout, PrintWriter out) {
    out.println(
        Table.printable(
            "rollout/%s  %s@%s  %s%s"
                .formatted(
                    Json.text(rollout, "id"),
                    Json.text(rollout, "model"),
                    Json.text(rollout, "version"),
                    Json.text(rollout, "state"),
                    Json.find(rollout, "reason")
                        .map(reason -> ": " + Json.plain(reason))
                        .orElse(""))));
    Table table =
        new Table(
            List.of(
                "STAGE",
                "PERCENT",
                "STATE",
                "DEVICES",
                "COMMITTED",
                "FAILED",
                "VERDICT",
                "REASON"));
    for (JsonElement element : Json.array(rollout, "stages")) {
      JsonObject stage = element.getAsJsonObject();
      table.add(
          List.of(
              Json.text(stage, "index"),
              Json.text(stage, "percent"),
              Json.text(stage, "state"),
              Json.text(stage, "devices"),
              Json.text(stage, "committed"),
              Json.text(stage, "failed"),
              Json.text(stage, "verdict"),
              Json.text(stage, "reason")));
    }
    table.print(out);
  }
}
