package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
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
  // What changed meanwhile is no reason against these: less happens after them.
  private static final Set<String> SAFER = Set.of("pause", "abort");

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

  @Command(
      name = "outsiders",
      description = "Lists the devices that are not eligible, and why.",
      mixinStandardHelpOptions = true)
  int outsiders(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Mixin OutputOptions output) {
    return list(
        server,
        "/v1/rollouts/%s/outsiders?pageSize=500".formatted(DescribeCommand.encoded(id)),
        output,
        List.of("device", "reason"));
  }

  @Command(
      name = "devices",
      description = "Lists its devices: stage, state, and what went wrong.",
      mixinStandardHelpOptions = true)
  int devices(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID") String id,
      @Option(
              names = "--state",
              paramLabel = "STATE",
              defaultValue = "",
              description = "only these: FAILED, REJECTED, DEFERRED, ...")
          String state,
      @Mixin OutputOptions output) {
    String only =
        state.isEmpty() ? "" : "&state=" + DescribeCommand.encoded(state.toUpperCase(Locale.ROOT));
    return list(
        server,
        "/v1/rollouts/%s/devices?pageSize=500%s".formatted(DescribeCommand.encoded(id), only),
        output,
        List.of("device", "stage", "profile", "state", "online", "attempt", "error"));
  }

  /** Prints devices of a rollout, page after page; the fields are the table's columns. */
  private int list(ServerOptions server, String path, OutputOptions output, List<String> fields) {
    PrintWriter out = spec.commandLine().getOut();
    try (SkerryClient client = server.client()) {
      List<JsonObject> devices = client.list(path, JsonObject.class);
      switch (output.output()) {
        case TABLE -> {
          Table table =
              new Table(fields.stream().map(field -> field.toUpperCase(Locale.ROOT)).toList());
          devices.forEach(
              one -> table.add(fields.stream().map(field -> Json.text(one, field)).toList()));
          table.print(out);
        }
        case JSON -> {
          JsonArray all = new JsonArray();
          devices.forEach(all::add);
          out.println(Json.pretty(all));
        }
        case NAME ->
            devices.forEach(
                one -> out.println("device/" + Table.printable(Json.text(one, "device"))));
      }
    }
    return ExitCodes.DONE;
  }

  @Command(name = "submit", description = "Hands a draft in.", mixinStandardHelpOptions = true)
  int submit(@Mixin ActOptions options) {
    return act(options, "submit", "submitted");
  }

  @Command(name = "start", description = "Starts it.", mixinStandardHelpOptions = true)
  int start(@Mixin ActOptions options) {
    return act(options, "start", "started");
  }

  @Command(
      name = "approve",
      description = "Agrees to what somebody else wrote; it starts.",
      mixinStandardHelpOptions = true)
  int approve(@Mixin ActOptions options) {
    return act(options, "approve", "approved");
  }

  @Command(name = "pause", description = "Opens no further stage.", mixinStandardHelpOptions = true)
  int pause(@Mixin ActOptions options) {
    return act(options, "pause", "paused");
  }

  @Command(
      name = "resume",
      description = "Goes on where it paused.",
      mixinStandardHelpOptions = true)
  int resume(@Mixin ActOptions options) {
    return act(options, "resume", "resumed");
  }

  @Command(
      name = "promote",
      description = "Opens the next stage now.",
      mixinStandardHelpOptions = true)
  int promote(@Mixin ActOptions options) {
    return act(options, "promote", "promoted");
  }

  @Command(
      name = "abort",
      description =
          "Ends it; takes back orders that no device has carried out; the others keep what they run.",
      mixinStandardHelpOptions = true)
  int abort(@Mixin ActOptions options) {
    return act(options, "abort", "aborted");
  }

  @Command(
      name = "rollback",
      description = "Ends it; devices go back to what they ran.",
      mixinStandardHelpOptions = true)
  int rollback(@Mixin ActOptions options) {
    return act(options, "rollback", "rolling back");
  }

  @Command(
      name = "retry",
      description = "Has devices that failed for a cause that may pass try again.",
      mixinStandardHelpOptions = true)
  int retry(@Mixin ActOptions options) {
    return act(options, "retry", "retrying");
  }

  /** What every act asks for. */
  static final class ActOptions {
    @Mixin private ServerOptions server;

    @Parameters(paramLabel = "ID")
    private String id;

    @Option(names = "--reason", required = true, description = "kept in the audit log")
    private String reason;

    @Option(
        names = "--revision",
        paramLabel = "N",
        description =
            "act only if the rollout is still at this revision; default: as read now, of pause and"
                + " abort whatever it is")
    private @Nullable Long revision;
  }

  private int act(ActOptions options, String act, String done) {
    String path = "/v1/rollouts/" + DescribeCommand.encoded(options.id);
    try (SkerryClient client = options.server.client()) {
      Map<String, String> body = Map.of("reason", options.reason);
      if (options.revision == null && SAFER.contains(act)) {
        client.post(path + "/" + act, body, JsonObject.class);
      } else {
        client.postIfMatch(path + "/" + act, body, seen(client, path, options), JsonObject.class);
      }
      spec.commandLine()
          .getOut()
          .println("rollout/%s %s".formatted(Table.printable(options.id), done));
    }
    return ExitCodes.DONE;
  }

  private static long seen(SkerryClient client, String path, ActOptions options) {
    return options.revision == null
        ? client.get(path, JsonObject.class).get("revision").getAsLong()
        : options.revision;
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
        new Table(List.of("STAGE", "TAKES", "STATE", "DEVICES", "COMMITTED", "FAILED", "VERDICT"));
    for (JsonElement element : Json.array(rollout, "stages")) {
      JsonObject stage = element.getAsJsonObject();
      table.add(
          List.of(
              Json.text(stage, "index"),
              Json.text(stage, "selection"),
              Json.text(stage, "state"),
              Json.text(stage, "devices"),
              Json.text(stage, "committed"),
              Json.text(stage, "failed"),
              Json.text(stage, "verdict")));
    }
    table.print(out);
    counts(rollout, out);
    for (JsonElement element : Json.array(rollout, "stages")) {
      gates(element.getAsJsonObject(), out);
    }
    if (!Json.array(rollout, "allowedActions").isEmpty()) {
      out.println(
          Table.printable(
              "allowed now: "
                  + Json.array(rollout, "allowedActions").asList().stream()
                      .map(JsonElement::getAsString)
                      .collect(Collectors.joining(", "))));
    }
  }

  private static void counts(JsonObject rollout, PrintWriter out) {
    String outside = Json.text(rollout, "notEligible");
    String more =
        outside.equals("0") ? "" : ": see ./skerry rollout outsiders " + Json.text(rollout, "id");
    out.println(
        Table.printable(
            "%s eligible, %s touched, %s not eligible%s"
                .formatted(
                    Json.text(rollout, "eligible"), Json.text(rollout, "touched"), outside, more)));
  }

  private static void gates(JsonObject stage, PrintWriter out) {
    for (JsonElement element : Json.array(stage, "gates")) {
      JsonObject gate = element.getAsJsonObject();
      out.println(
          Table.printable(
              "  stage %s  %-12s %s (%s): %s"
                  .formatted(
                      Json.text(stage, "index"),
                      Json.text(gate, "verdict"),
                      Json.text(gate, "gate"),
                      Json.text(gate, "scope"),
                      Json.text(gate, "reason"))));
    }
  }
}
