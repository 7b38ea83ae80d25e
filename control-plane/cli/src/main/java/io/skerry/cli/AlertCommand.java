package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "alert",
    description = "Tries whether alerts arrive, and delivers one again.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class AlertCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "test",
      description = "Sends a test alert to every route; see 'get deliveries'.",
      mixinStandardHelpOptions = true)
  int test(@Mixin ServerOptions server) {
    try (SkerryClient client = server.client()) {
      JsonObject alert = client.post("/v1/alerts/test", Map.of(), JsonObject.class);
      spec.commandLine().getOut().println("alert/%s sent".formatted(Json.text(alert, "id")));
    }
    return ExitCodes.DONE;
  }

  @Command(
      name = "redeliver",
      description = "Delivers once more, whatever became of it.",
      mixinStandardHelpOptions = true)
  int redeliver(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID", description = "as 'get deliveries' shows it") String id) {
    try (SkerryClient client = server.client()) {
      client.post(
          "/v1/deliveries/%s/redeliver".formatted(DescribeCommand.encoded(id)),
          Map.of(),
          JsonObject.class);
      spec.commandLine().getOut().println("delivery/%s waiting".formatted(Table.printable(id)));
    }
    return ExitCodes.DONE;
  }
}
