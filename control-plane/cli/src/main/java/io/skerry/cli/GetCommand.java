package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "get",
    description = "Lists things of one kind, one a line.",
    mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class GetCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "KIND", description = "${COMPLETION-CANDIDATES}")
  private Kind kind;

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
      List<JsonObject> items = client.list(kind.path(), JsonObject.class);
      switch (output) {
        case TABLE -> table(items, out);
        case JSON -> json(items, out);
        case NAME ->
            items.forEach(
                item -> out.println(kind.singular() + "/" + Table.printable(kind.name(item))));
      }
    }
    return ExitCodes.DONE;
  }

  private void table(List<JsonObject> items, PrintWriter out) {
    if (items.isEmpty()) {
      spec.commandLine().getErr().println("no " + kind + " yet");
      return;
    }
    Table table = new Table(kind.columns().stream().map(Kind.Column::title).toList());
    for (JsonObject item : items) {
      table.add(kind.columns().stream().map(column -> column.value().apply(item)).toList());
    }
    table.print(out);
  }

  private static void json(List<JsonObject> items, PrintWriter out) {
    JsonArray array = new JsonArray();
    items.forEach(array::add);
    JsonObject page = new JsonObject();
    page.add("items", array);
    out.println(Json.pretty(page));
  }
}
