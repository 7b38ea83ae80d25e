package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.RevocationRequest;
import io.skerry.api.client.SkerryClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "revoke",
    description = "Takes a device's certificates back.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class RevokeCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "device",
      description = {
        "Revokes all certificates of a device: it is cut off at once.",
        "To let it come back, delete it and let it enrol again."
      },
      mixinStandardHelpOptions = true)
  int device(
      @Mixin ServerOptions server,
      @Parameters(paramLabel = "NAME") String name,
      @Option(names = "--reason", required = true, description = "kept in the audit log")
          String reason) {
    try (SkerryClient client = server.client()) {
      client.post(
          "/v1/devices/%s/revocation".formatted(DescribeCommand.encoded(name)),
          new RevocationRequest(reason),
          JsonObject.class);
    }
    spec.commandLine().getOut().println("device/%s revoked".formatted(Table.printable(name)));
    return ExitCodes.DONE;
  }
}
