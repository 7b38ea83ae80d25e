package io.skerry.agent.boot;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Tells how the agent of a data folder stands, and how old each thing it tells is. */
@Command(
    name = "status",
    description = "Tells how the agent of a data folder stands.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  /** An older status means that no agent runs. */
  static final Duration FRESH = Duration.ofSeconds(10);

  @Option(names = "--data-dir", required = true, paramLabel = "DIR", description = "the device's")
  private Path dataDir = Path.of(".");

  @Option(names = "--json", description = "as JSON")
  private boolean json;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() {
    JsonObject status;
    try {
      status =
          new StatusFile(dataDir)
              .read()
              .orElseThrow(
                  () ->
                      new CommandException(
                          ExitCode.NOT_FOUND,
                          "no agent has run on data folder '%s'".formatted(dataDir)));
    } catch (IOException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()), e);
    }
    PrintWriter out = spec.commandLine().getOut();
    Instant now = Instant.now();
    boolean running = Duration.between(Instant.parse(text(status, "at")), now).compareTo(FRESH) < 0;
    if (json) {
      status.addProperty("running", running);
      out.println(status);
    } else {
      print(out, status, now, running);
    }
    return running ? ExitCode.DONE : ExitCode.FAILED;
  }

  private static void print(PrintWriter out, JsonObject status, Instant now, boolean running) {
    out.printf(
        "device      %s, boot %s, started %s%n",
        text(status, "device"), text(status, "bootEpoch"), age(status, "startedAt", now));
    out.printf(
        "agent       %s, as of %s%n", running ? "running" : "not running", age(status, "at", now));
    out.printf(
        "link        %s, control plane heard %s%n",
        text(status, "link"), status.has("heardAt") ? age(status, "heardAt", now) : "never");
    out.printf(
        "orders      seen %s, carried out %s%n", text(status, "observed"), text(status, "applied"));
    for (JsonElement element : status.getAsJsonArray("slots")) {
      JsonObject slot = element.getAsJsonObject();
      out.printf(
          "slot %-6s %s, runs %s, %s predictions, %s failed%s%n",
          text(slot, "slot"),
          text(slot, "phase"),
          slot.has("running") ? text(slot, "running") : "nothing",
          text(slot, "predictions"),
          text(slot, "predictionsFailed"),
          slot.has("error") ? ", " + text(slot, "error") : "");
    }
    out.printf(
        "telemetry   waiting %s, dropped %s, damaged %s, skipped %s%n",
        status.get("waiting"),
        status.get("dropped"),
        text(status, "damaged"),
        text(status, "skipped"));
  }

  private static String text(JsonObject object, String key) {
    return object.get(key).getAsString();
  }

  private static String age(JsonObject object, String key, Instant now) {
    Duration age = Duration.between(Instant.parse(text(object, key)), now);
    return "%d s ago".formatted(Math.max(0, age.toSeconds()));
  }
}
