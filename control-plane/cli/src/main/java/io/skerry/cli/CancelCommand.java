package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "cancel",
    description = "Stops long work; nothing of it is kept.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class CancelCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "variants",
      description = {
        "Stops the packaging of a version and waits for its end. Variants of before stay.",
        "Exits with 6 when it had ended otherwise before."
      },
      mixinStandardHelpOptions = true)
  int variants(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "MODEL@VERSION", converter = VersionRef.Converter.class)
          VersionRef version,
      @Option(names = "--timeout", defaultValue = "1m", converter = Durations.class)
          Duration timeout)
      throws InterruptedException {
    String path = version.path() + "/variants";
    PrintWriter err = spec.commandLine().getErr();
    try (SkerryClient client = server.client()) {
      client.delete(path);
      Watch.follow(client, path, timeout, Watch::work, err);
      String state = Json.text(client.get(path, JsonObject.class), "state");
      boolean cancelled = state.equals("CANCELLED");
      spec.commandLine()
          .getOut()
          .println(
              cancelled
                  ? "model/%s packaging cancelled".formatted(version)
                  : "model/%s packaging had ended before: %s"
                      .formatted(version, Table.printable(state)));
      return cancelled ? ExitCodes.DONE : ExitCodes.BAD_RESULT;
    }
  }
}
