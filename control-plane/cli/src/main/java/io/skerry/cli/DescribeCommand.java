package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import io.skerry.api.client.SkerryException;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "describe",
    description = "Tells everything about one thing, and what is behind its state.",
    mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class DescribeCommand implements Callable<Integer> {
  /** What can be described. */
  enum Kind {
    DEVICE("/v1/devices/"),
    ROLLOUT("/v1/rollouts/"),
    INCIDENT("/v1/incidents/"),
    RUN("/v1/runs/"),
    MODEL("/v1/models/");

    private final String path;

    Kind(String path) {
      this.path = path;
    }

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "KIND", description = "${COMPLETION-CANDIDATES}")
  private Kind kind;

  @Parameters(index = "1", paramLabel = "NAME", description = "its name or id")
  private String name;

  @Option(
      names = {"-o", "--output"},
      defaultValue = "table",
      description = "${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}")
  private Output output;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (SkerryClient client = server.client()) {
      JsonObject document = client.get(kind.path + encoded(name), JsonObject.class);
      switch (output) {
        case JSON -> out.println(Json.pretty(document));
        case NAME -> out.println(kind + "/" + Table.printable(name));
        case TABLE -> {
          print(document, "", out);
          if (kind == Kind.DEVICE) {
            behind(client, document, out);
          }
        }
      }
    }
    return ExitCodes.DONE;
  }

  // The next question about a device is why it runs what it runs: its rollout.
  private static void behind(SkerryClient client, JsonObject device, PrintWriter out) {
    if (Json.find(device, "cloned").isPresent()) {
      out.println(
          "its key is at work on two machines since %s: 'skerry revoke device %s --reason ...', then"
                  .formatted(
                      Table.printable(Json.text(device, "cloned.since")),
                      Table.printable(Json.text(device, "id")))
              + " delete it and let the right one enrol again");
    }
    Optional<String> rollout =
        Json.find(device, "slots.rollout").map(Json::plain).filter(id -> !id.isEmpty());
    if (rollout.isEmpty()) {
      return;
    }
    try {
      JsonObject behind = client.get(Kind.ROLLOUT.path + encoded(rollout.get()), JsonObject.class);
      out.println("behind it:");
      out.println(
          "  rollout %s of %s@%s is %s%s"
              .formatted(
                  Table.printable(rollout.get()),
                  Table.printable(Json.text(behind, "model")),
                  Json.text(behind, "version"),
                  Json.text(behind, "state"),
                  Json.find(behind, "reason")
                      .map(reason -> ": " + Table.printable(Json.plain(reason)))
                      .orElse("")));
    } catch (SkerryException e) {
      if (e.problem().isEmpty()) {
        throw e;
      }
      out.println("behind it: rollout %s, which is gone".formatted(Table.printable(rollout.get())));
    }
  }

  private static void print(JsonObject document, String indent, PrintWriter out) {
    for (Map.Entry<String, JsonElement> entry : document.entrySet()) {
      print(entry.getKey(), entry.getValue(), indent, out);
    }
  }

  private static void print(String key, JsonElement value, String indent, PrintWriter out) {
    if (value instanceof JsonObject object && !object.isEmpty()) {
      out.println(indent + Table.printable(key) + ":");
      print(object, indent + "  ", out);
    } else if (value instanceof JsonArray array && !array.isEmpty()) {
      out.println(indent + Table.printable(key) + ":");
      for (JsonElement element : array) {
        if (element instanceof JsonObject object) {
          out.println(indent + "  -");
          print(object, indent + "    ", out);
        } else {
          out.println(indent + "  - " + Table.printable(Json.plain(element)));
        }
      }
    } else {
      boolean empty = value.isJsonArray() || value.isJsonObject();
      out.println(
          indent
              + Table.printable(key)
              + ": "
              + (empty ? "-" : Table.printable(Json.plain(value))));
    }
  }

  static String encoded(String segment) {
    return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
