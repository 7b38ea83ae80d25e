package io.skerry.cli;

import io.skerry.api.client.SkerryException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line's entry. */
@Command(
    name = "skerry",
    description = "Operates a Skerry control plane.",
    mixinStandardHelpOptions = true,
    version = "skerry 0.1.0",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      GetCommand.class,
      DescribeCommand.class,
      ImportCommand.class,
      CreateCommand.class,
      CancelCommand.class,
      RevokeCommand.class,
      DeleteCommand.class,
      RolloutCommand.class,
      DriftCommand.class,
      LabelCommand.class,
      AlertCommand.class,
      AuditCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      " 0:done",
      " 1:failed",
      " 2:wrong usage",
      " 3:not found",
      " 4:not logged in, or not allowed",
      " 5:conflict: something else is in the way, or changed meanwhile",
      " 6:it ran and its result is bad: a rollout was rolled back, a run failed",
      " 7:timeout",
      "130:interrupted"
    })
public final class Main {
  private Main() {}

  /** Runs one command and exits with its code. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    int code = run(out, err, System.getenv(), arguments);
    out.flush();
    err.flush();
    System.exit(code);
  }

  static int run(
      PrintWriter out, PrintWriter err, Map<String, String> environment, String... arguments) {
    CommandLine line = new CommandLine(new Main(), new Factory(environment));
    line.setOut(out).setErr(err);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(Main::wrongUsage);
    line.setExecutionExceptionHandler((failure, command, parsed) -> told(failure, command));
    return line.execute(arguments);
  }

  private static int wrongUsage(ParameterException wrong, String[] arguments) {
    CommandLine command = wrong.getCommandLine();
    StringBuilder text = new StringBuilder("skerry: ").append(oneLine(wrong));
    if (wrong instanceof UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      text.append("; did you mean ").append(String.join(" or ", unmatched.getSuggestions()));
    }
    text.append(" (see '").append(command.getCommandSpec().qualifiedName()).append(" --help')");
    command.getErr().println(text);
    return ExitCodes.USAGE;
  }

  private static int told(Exception failure, CommandLine command) {
    command.getErr().println("skerry: " + oneLine(failure));
    return switch (failure) {
      case CommandFailed failed -> failed.exitCode();
      case SkerryException refused ->
          refused.getCause() instanceof InterruptedException
              ? ExitCodes.INTERRUPTED
              : refused
                  .problem()
                  .map(problem -> ExitCodes.ofProblem(problem.code()))
                  .orElse(ExitCodes.FAILED);
      case InterruptedException interrupted -> ExitCodes.INTERRUPTED;
      default -> ExitCodes.FAILED;
    };
  }

  private static String oneLine(Throwable failure) {
    String message = failure.getMessage();
    return Table.printable(
        message == null ? failure.getClass().getSimpleName() : message.replaceAll("\\R", " "));
  }

  /** Gives commands the environment they were started in. */
  private record Factory(Map<String, String> environment) implements CommandLine.IFactory {
    @Override
    public <K> K create(Class<K> type) throws Exception {
      if (type == ServerOptions.class) {
        return type.cast(new ServerOptions(environment));
      }
      return CommandLine.defaultFactory().create(type);
    }
  }
}
