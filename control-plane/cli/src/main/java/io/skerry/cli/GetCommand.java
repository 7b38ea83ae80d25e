package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
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
    name = "get",
    description = {
      "Lists things of one kind, one a line; 'get variants' those of a version, 'get release' and",
      "'get candidates' write files."
    },
    mixinStandardHelpOptions = true)
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class GetCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  // Not required for picocli, which asks for it even when a subcommand follows.
  @Parameters(arity = "0..1", paramLabel = "KIND", description = "${COMPLETION-CANDIDATES}")
  private @Nullable Kind kind;

  @Mixin private OutputOptions output;

  @Spec private CommandSpec spec;

  @Command(
      name = "release",
      description = "Writes what release keys are to sign of a version to a file.",
      mixinStandardHelpOptions = true)
  int release(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL@VERSION", converter = VersionRef.Converter.class)
          VersionRef version,
      @Option(
              names = "--out",
              required = true,
              paramLabel = "FILE",
              description = "for './skerry sign release' where the release key is kept")
          Path out)
      throws IOException {
    try (SkerryClient client = server.client()) {
      Files.write(out, client.getBytes(version.path() + "/release"));
    }
    PrintWriter told = spec.commandLine().getOut();
    told.println(
        "model/%s written to %s: sign it where the release key is kept, with"
            .formatted(version, out));
    told.println(
        "./skerry sign release --keys DIR/offline --in %s --out signed.json"
            .formatted(out.getFileName()));
    return ExitCodes.DONE;
  }

  @Command(
      name = "candidates",
      description = {
        "Writes the model files that a version's packagings tried, winners and losers, for devices",
        "to time: those of profiles that the server is not of itself."
      },
      mixinStandardHelpOptions = true)
  int candidates(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL@VERSION", converter = VersionRef.Converter.class)
          VersionRef version,
      @Option(
              names = "--profile",
              paramLabel = "ID",
              description = "of this hardware profile only; default: of all that are kept")
          @Nullable String profile,
      @Option(
              names = "--out",
              required = true,
              paramLabel = "DIR",
              description = "gets a folder for each profile")
          Path out)
      throws IOException {
    try (SkerryClient client = server.client()) {
      CandidateDownload.run(client, version, profile, out, spec.commandLine().getOut());
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "variants",
      description = {
        "Lists a version's candidates for each hardware profile: accuracy beside the float model,",
        "times, memory, and why one ships and the others do not."
      },
      mixinStandardHelpOptions = true)
  int variants(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL@VERSION", converter = VersionRef.Converter.class)
          VersionRef version,
      @Mixin OutputOptions output) {
    PrintWriter out = spec.commandLine().getOut();
    try (SkerryClient client = server.client()) {
      JsonArray variants = Json.array(client.get(version.path(), JsonObject.class), "variants");
      switch (output.output()) {
        case JSON -> out.println(Json.pretty(variants));
        case NAME ->
            variants.forEach(
                one ->
                    out.println(
                        Table.printable(
                            "variant/%s/%s"
                                .formatted(version, Json.text(one.getAsJsonObject(), "profile")))));
        case TABLE -> {
          if (variants.isEmpty()) {
            spec.commandLine()
                .getErr()
                .println(
                    "%s is not packaged yet: skerry create variants %s"
                        .formatted(version, version));
          } else {
            VariantTable.print(variants, out);
          }
        }
      }
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "monitoring",
      description = "Prints what was said about watching a model, as JSON.",
      mixinStandardHelpOptions = true)
  int monitoring(@Mixin ServerOptions server, @Parameters(paramLabel = "MODEL") String model) {
    try (SkerryClient client = server.client()) {
      spec.commandLine()
          .getOut()
          .println(
              Json.pretty(
                  client.get(
                      "/v1/models/%s/monitoring".formatted(DescribeCommand.encoded(model)),
                      JsonObject.class)));
    }
    return ExitCodes.DONE;
  }

  @Override
  public Integer call() {
    Kind chosen = kind;
    if (chosen == null) {
      throw new ParameterException(spec.commandLine(), "Missing required parameter: 'KIND'");
    }
    PrintWriter out = spec.commandLine().getOut();
    try (SkerryClient client = server.client()) {
      List<JsonObject> items = client.list(chosen.path(), JsonObject.class);
      switch (output.output()) {
        case TABLE -> table(chosen, items, out);
        case JSON -> json(items, out);
        case NAME ->
            items.forEach(
                item -> out.println(chosen.singular() + "/" + Table.printable(chosen.name(item))));
      }
    }
    return ExitCodes.DONE;
  }

  private void table(Kind kind, List<JsonObject> items, PrintWriter out) {
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
