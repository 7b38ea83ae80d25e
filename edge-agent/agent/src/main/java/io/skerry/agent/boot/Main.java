package io.skerry.agent.boot;

import io.skerry.agent.config.AgentVersion;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The agent's entry point. */
@Command(
    name = "skerry agent",
    description = "Serves models on a device.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      ServeCommand.class,
      EnrollCommand.class,
      RunCommand.class,
      StatusCommand.class,
      DoctorCommand.class,
      BenchCommand.class,
      DiagnoseCommand.class,
      RehearseCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:done", "1:failed", "2:wrong usage", "3:not found", "130:interrupted"})
public final class Main implements Runnable {
  private static final String LOG_FORMAT = "java.util.logging.SimpleFormatter.format";

  // Held, because java.util.logging forgets the level of a logger that nobody holds. gRPC asks
  // every
  // accepted channel for TCP keep-alive, and Netty warns that a Unix socket has none.
  private static final Logger NETTY_BOOTSTRAP =
      Logger.getLogger("io.grpc.netty.shaded.io.netty.bootstrap.ServerBootstrap");

  // Writes a stack trace for every request that is too large; the client is told, and who floods us
  // should not fill the log as well.
  private static final Logger NETTY_STREAM =
      Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerStream");

  // The same for every connection that breaks or is refused.
  private static final Logger NETTY_CONNECTIONS =
      Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerTransport.connections");

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before run().
  private CommandSpec spec;

  /** Runs a subcommand and exits with its code. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    if (System.getProperty(LOG_FORMAT) == null) {
      System.setProperty(LOG_FORMAT, "%1$tFT%1$tT.%1$tL %4$s %3$s: %5$s%6$s%n");
    }
    NETTY_BOOTSTRAP.setLevel(Level.SEVERE);
    NETTY_STREAM.setLevel(Level.SEVERE);
    NETTY_CONNECTIONS.setLevel(Level.WARNING);
    System.exit(
        execute(
            new PrintWriter(System.out, true, Charset.defaultCharset()),
            new PrintWriter(System.err, true, Charset.defaultCharset()),
            arguments));
  }

  /** Runs a subcommand; data goes to {@code out}, what went wrong to {@code err}. */
  static int execute(PrintWriter out, PrintWriter err, String... arguments) {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setOut(out)
        .setErr(err)
        .setExecutionExceptionHandler(Main::failed)
        .setParameterExceptionHandler(Main::misused)
        .execute(arguments);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  private static int failed(Exception failure, CommandLine command, ParseResult parsed) {
    if (failure instanceof CommandException known) {
      command.getErr().println("error: " + known.getMessage());
      return known.exitCode();
    }
    LoggerFactory.getLogger(Main.class).atError().setCause(failure).log("command failed");
    command.getErr().println("error: " + failure);
    return ExitCode.FAILED;
  }

  private static int misused(ParameterException mistake, String[] arguments) {
    CommandLine command = mistake.getCommandLine();
    String suggestion =
        mistake instanceof UnmatchedArgumentException unmatched
                && !unmatched.getSuggestions().isEmpty()
            ? "; did you mean '%s'?".formatted(unmatched.getSuggestions().getFirst())
            : "";
    command
        .getErr()
        .printf(
            "error: %s%s (try '%s --help')%n",
            mistake.getMessage(), suggestion, command.getCommandSpec().qualifiedName());
    return ExitCode.USAGE;
  }

  /** Tells picocli the version. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"skerry agent " + AgentVersion.current()};
    }
  }
}
