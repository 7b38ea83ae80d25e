package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.api.RolloutPreview;
import io.skerry.api.client.SkerryClient;
import io.skerry.api.document.RequestDocument;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "rollout",
    description =
        "Rolls a packaged version out in stages, as a file says or with the usual stages.",
    mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class CreateRolloutCommand implements Callable<Integer> {
  private static final int NAMED_MAX = 20;

  @Mixin private ServerOptions server;

  @Parameters(
      paramLabel = "NAME@VERSION",
      arity = "0..1",
      converter = VersionRef.Converter.class,
      description = "without a file")
  private @Nullable VersionRef version;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "a rollout as YAML; --schema prints what it can hold")
  private @Nullable Path file;

  @Option(
      names = "--dry-run",
      description = "only tell who would get it, who not and why, and what the gates could see")
  private boolean dryRun;

  @Option(
      names = "--devices",
      description = "with --dry-run: every device and its stage, or why none takes it")
  private boolean devices;

  @Option(names = "--schema", description = "print the JSON schema of a file")
  private boolean schema;

  @Option(
      names = "--stages",
      split = ",",
      description = "percent of the fleet, cumulative; default: 10,40,100")
  private @Nullable List<Integer> stages;

  @Option(names = "--slot", description = "default: main")
  private @Nullable String slot;

  @Option(
      names = "--soak",
      paramLabel = "WINDOWS",
      description = "windows each stage is watched; default: 2")
  private @Nullable Integer soakWindows;

  @Option(
      names = "--window",
      converter = Durations.class,
      description = "length of a counting window; default: 60s")
  private @Nullable Duration window;

  @Mixin private CreateCommand.WatchOptions watch;

  @Option(
      names = {"-o", "--output"},
      defaultValue = "table",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}")
  private Output output;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    if (schema) {
      out.println(RequestDocument.ROLLOUT.schema().strip());
      return ExitCodes.DONE;
    }
    if (devices && !dryRun) {
      throw new ParameterException(
          spec.commandLine(), "--devices tells who would get it: use it with --dry-run");
    }
    JsonObject request = request();
    try (SkerryClient client = server.client()) {
      if (devices) {
        places(
            client.listOf(
                "/v1/rollouts/preview/devices?pageSize=" + RolloutPreview.PLACES_MAX,
                request,
                JsonObject.class),
            out);
        return ExitCodes.DONE;
      }
      if (dryRun) {
        preview(client.post("/v1/rollouts/preview", request, JsonObject.class), out);
        return ExitCodes.DONE;
      }
      JsonObject rollout = client.post("/v1/rollouts", request, JsonObject.class);
      String id = Json.text(rollout, "id");
      switch (output) {
        case JSON -> out.println(Json.pretty(rollout));
        case NAME -> out.println("rollout/" + Table.printable(id));
        case TABLE ->
            out.println(
                Table.printable("rollout/%s %s".formatted(id, done(Json.text(rollout, "state")))));
      }
      return watch.follow(
          client, "/v1/rollouts/" + id, RolloutCommand::line, spec.commandLine().getErr());
    }
  }

  private static String done(String state) {
    return switch (state) {
      case "DRAFT" -> "written down";
      case "WAITING_FOR_APPROVAL" -> "waits for somebody else's approval";
      default -> "started";
    };
  }

  private JsonObject request() {
    if ((file == null) == (version == null)) {
      throw new ParameterException(
          spec.commandLine(), "name either NAME@VERSION or a file with -f");
    }
    JsonObject request =
        file == null ? new JsonObject() : RequestFile.read(RequestDocument.ROLLOUT, file);
    if (version != null) {
      request.addProperty("model", version.model());
      request.addProperty("version", version.version());
    }
    if (stages != null) {
      JsonArray list = new JsonArray();
      for (int percent : stages) {
        JsonObject stage = new JsonObject();
        stage.addProperty("percent", percent);
        list.add(stage);
      }
      request.add("stages", list);
    }
    if (slot != null) {
      request.addProperty("slot", slot);
    }
    if (soakWindows != null) {
      request.addProperty("soakWindows", soakWindows);
    }
    if (window != null) {
      request.addProperty("windowMillis", window.toMillis());
    }
    return request;
  }

  private void preview(JsonObject preview, PrintWriter out) {
    if (output == Output.JSON) {
      out.println(Json.pretty(preview));
      return;
    }
    out.println(Table.printable(Json.text(preview, "sentence")));
    for (JsonElement element : Json.array(preview, "superseded")) {
      JsonObject other = element.getAsJsonObject();
      out.println(
          Table.printable(
              "supersedes %s (%s, %s), which is under way in its place"
                  .formatted(
                      Json.text(other, "rollout"),
                      Json.text(other, "version"),
                      Json.text(other, "state"))));
    }
    Table table = new Table(List.of("STAGE", "TAKES", "DEVICES", "BY-PROFILE", "FIRST"));
    for (JsonElement element : Json.array(preview, "stages")) {
      JsonObject stage = element.getAsJsonObject();
      table.add(
          List.of(
              Json.text(stage, "index"),
              Json.text(stage, "selection"),
              Json.text(stage, "count"),
              Json.text(stage, "byProfile"),
              first(Json.array(stage, "devices"))));
    }
    table.print(out);
    for (JsonElement element : Json.array(preview, "stages")) {
      JsonObject stage = element.getAsJsonObject();
      for (JsonElement gate : Json.array(stage, "gates")) {
        JsonObject sight = gate.getAsJsonObject();
        out.println(
            Table.printable(
                "  stage %s  %s %s (%s): %s"
                    .formatted(
                        Json.text(stage, "index"),
                        sight.get("enough").getAsBoolean() ? "sees enough   " : "sees too little",
                        Json.text(sight, "gate"),
                        Json.text(sight, "profile"),
                        Json.text(sight, "text"))));
      }
    }
    out.println(
        "not eligible: %s devices %s"
            .formatted(
                Json.text(preview, "notEligible"),
                Table.printable(Json.find(preview, "notEligibleBy").map(Json::plain).orElse(""))));
    Json.array(preview, "outsiders").asList().stream()
        .limit(NAMED_MAX)
        .map(JsonElement::getAsJsonObject)
        .forEach(
            outsider ->
                out.println(
                    Table.printable(
                        "  %s: %s"
                            .formatted(
                                Json.text(outsider, "device"), Json.text(outsider, "reason")))));
  }

  private void places(List<JsonObject> places, PrintWriter out) {
    switch (output) {
      case JSON -> {
        JsonArray all = new JsonArray();
        places.forEach(all::add);
        out.println(Json.pretty(all));
      }
      case NAME ->
          places.forEach(one -> out.println("device/" + Table.printable(Json.text(one, "device"))));
      case TABLE -> {
        Table table = new Table(List.of("DEVICE", "STAGE", "PROFILE", "WHY-NOT"));
        for (JsonObject one : places) {
          table.add(
              List.of(
                  Json.text(one, "device"),
                  Json.text(one, "stage"),
                  Json.text(one, "profile"),
                  Json.text(one, "reason")));
        }
        table.print(out);
      }
    }
  }

  private static String first(JsonArray devices) {
    String names =
        devices.asList().stream()
            .limit(3)
            .map(JsonElement::getAsString)
            .reduce((left, right) -> left + "," + right)
            .orElse("-");
    return devices.size() > 3 ? names + ",..." : names;
  }
}
