package io.skerry.cli;

import io.skerry.api.client.SkerryClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "delete",
    description = "Removes devices, tokens and pre-authorisations.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class DeleteCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "device",
      description = "Revokes a device and removes it; its name may enrol again.",
      mixinStandardHelpOptions = true)
  int device(@Mixin ServerOptions server, @Parameters(paramLabel = "NAME") String name) {
    return delete(server, "/v1/devices/", name, "device/%s deleted");
  }

  @Command(
      name = "token",
      description = "Deletes an enrolment token: nobody enrols with it any more.",
      mixinStandardHelpOptions = true)
  int token(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "ID", description = "as 'get tokens' shows it") String id) {
    return delete(server, "/v1/enrolment-tokens/", id, "token/%s deleted");
  }

  @Command(
      name = "preauthorisation",
      description = "Deletes a device's pre-authorisation.",
      mixinStandardHelpOptions = true)
  int preauthorisation(@Mixin ServerOptions server, @Parameters(paramLabel = "NAME") String name) {
    return delete(server, "/v1/preauthorisations/", name, "preauthorisation/%s deleted");
  }

  @Command(
      name = "route",
      description = "Deletes a route: alerts are no longer told there.",
      mixinStandardHelpOptions = true)
  int route(@Mixin ServerOptions server, @Parameters(paramLabel = "NAME") String name) {
    return delete(server, "/v1/alert-routes/", name, "route/%s deleted");
  }

  @Command(
      name = "silence",
      description = "Ends a silence before its time.",
      mixinStandardHelpOptions = true)
  int silence(@Mixin ServerOptions server, @Parameters(paramLabel = "ID") String id) {
    return delete(server, "/v1/silences/", id, "silence/%s ended");
  }

  private int delete(ServerOptions server, String path, String name, String words) {
    try (SkerryClient client = server.client()) {
      client.delete(path + DescribeCommand.encoded(name));
    }
    spec.commandLine().getOut().println(words.formatted(Table.printable(name)));
    return ExitCodes.DONE;
  }
}
