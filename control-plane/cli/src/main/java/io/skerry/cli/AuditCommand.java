package io.skerry.cli;

import io.skerry.api.AuditCheck;
import io.skerry.api.client.SkerryClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "audit",
    description = "Checks the audit log.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
@SuppressWarnings("NullAway.Init") // Picocli sets the fields before it calls.
final class AuditCommand {
  @Spec private CommandSpec spec;

  @Command(
      name = "verify",
      description = {
        "Checks that every row of the audit log fits the one before it; exits 6 when one does not.",
        "Keep the head that it tells: a log whose rows were all written anew fits, but ends in",
        "another one."
      },
      mixinStandardHelpOptions = true)
  int verify(@Mixin ServerOptions server) {
    AuditCheck check;
    try (SkerryClient client = server.client()) {
      check = client.get("/v1/audit/check", AuditCheck.class);
    }
    if (check.firstBroken() != null) {
      spec.commandLine()
          .getErr()
          .println(
              "skerry: audit row %d does not fit the one before it: somebody changed the database"
                  .formatted(check.firstBroken()));
      return ExitCodes.BAD_RESULT;
    }
    spec.commandLine()
        .getOut()
        .println(
            "audit log sound: %d rows, head %s"
                .formatted(check.rows(), Table.printable(check.head())));
    return ExitCodes.DONE;
  }
}
