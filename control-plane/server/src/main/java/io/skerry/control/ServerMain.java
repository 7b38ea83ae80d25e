package io.skerry.control;

import io.skerry.control.config.ConfigException;
import io.skerry.control.config.ConfigFile;
import io.skerry.control.host.StartException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the control plane until it is told to end. */
@Command(
    name = "skerry server",
    mixinStandardHelpOptions = true,
    description = "Runs the control plane: console, API, broker, database.",
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {"0:ended as told", "1:could not start", "2:wrong usage or configuration"})
public final class ServerMain implements Callable<Integer> {
  @Option(names = "--config", paramLabel = "FILE", description = "YAML configuration file")
  private @Nullable Path config;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "folder for everything that is kept (default: ~/.skerry)")
  private @Nullable Path dataDir;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "address to listen on; the console speaks HTTPS unless it is loopback")
  private @Nullable String host;

  @Option(
      names = "--public-host",
      paramLabel = "NAME",
      description = "name or address that devices use (default: --host)")
  private @Nullable String publicHost;

  @Option(names = "--port", paramLabel = "N", description = "console and API; 0 = a free port")
  private @Nullable Integer port;

  @Option(
      names = "--device-port",
      paramLabel = "N",
      description = "HTTPS for devices: enrolment, certificates, artifacts; 0 = a free port")
  private @Nullable Integer devicePort;

  @Option(names = "--mqtt-port", paramLabel = "N", description = "broker; 0 = a free port")
  private @Nullable Integer mqttPort;

  @Option(
      names = "--profiles",
      paramLabel = "DIR",
      description = "folder with hardware profiles of your own: <id>.yaml")
  private @Nullable Path profiles;

  @Option(
      names = "--database-url",
      paramLabel = "JDBC_URL",
      description = "an outside PostgreSQL instead of the embedded one")
  private @Nullable String databaseUrl;

  static {
    // The broker's jar brings a logback.xml too: ours has a name of its own.
    if (System.getProperty("logback.configurationFile") == null) {
      System.setProperty("logback.configurationFile", "skerry-logback.xml");
    }
  }

  private final PrintWriter out;
  private final PrintWriter err;

  private ServerMain(PrintWriter out, PrintWriter err) {
    this.out = out;
    this.err = err;
  }

  /** Ends with 0 after a signal, 1 if it could not start, 2 on wrong usage. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(out, err, arguments));
  }

  static int run(PrintWriter out, PrintWriter err, String... arguments) {
    return new CommandLine(new ServerMain(out, err))
        .setOut(out)
        .setErr(err)
        .setParameterExceptionHandler(
            (wrong, given) -> {
              err.printf("skerry server: %s (see './skerry server --help')%n", wrong.getMessage());
              return CommandLine.ExitCode.USAGE;
            })
        .execute(arguments);
  }

  @Override
  public Integer call() throws InterruptedException {
    ServerConfig effective;
    try {
      effective = effective();
    } catch (ConfigException | IllegalArgumentException e) {
      err.println("skerry server: " + e.getMessage());
      return CommandLine.ExitCode.USAGE;
    }
    out.print(ConfigFile.printed(effective).indent(2));
    out.flush();
    CountDownLatch ended = new CountDownLatch(1);
    try {
      ControlPlane plane = ControlPlane.start(effective);
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> {
                    plane.close();
                    ended.countDown();
                  },
                  "shutdown"));
      tell(plane);
    } catch (StartException e) {
      err.println("skerry server: " + e.getMessage());
      return CommandLine.ExitCode.SOFTWARE;
    }
    ended.await();
    return CommandLine.ExitCode.OK;
  }

  private void tell(ControlPlane plane) {
    plane
        .firstToken()
        .ifPresent(
            token -> {
              out.println("Admin token (shown once, kept in keys/admin.token): " + token);
              out.println(
                  "Keys were made in the data folder; in production keep root and release offline.");
            });
    out.println("Ready: " + plane.address().url());
    out.println("Devices: " + plane.address().controlBase());
    plane
        .firstToken()
        .ifPresent(
            token ->
                out.println(
                    "Console, logged in: %s/?token=%s".formatted(plane.address().url(), token)));
    out.flush();
  }

  private ServerConfig effective() {
    ServerConfig effective =
        config == null ? ServerConfig.DEFAULTS : ConfigFile.read(config, ServerConfig.DEFAULTS);
    if (dataDir != null) {
      effective = effective.withDataDir(dataDir);
    }
    if (host != null || publicHost != null) {
      effective =
          effective.withHosts(
              host == null ? effective.host() : host,
              publicHost == null ? effective.publicHost() : publicHost);
    }
    if (port != null) {
      effective = effective.withPort(port);
    }
    if (devicePort != null) {
      effective = effective.withDevicePort(devicePort);
    }
    if (mqttPort != null) {
      effective = effective.withMqttPort(mqttPort);
    }
    if (profiles != null) {
      effective = effective.withProfiles(profiles.toString());
    }
    if (databaseUrl != null) {
      DatabaseConfig database = effective.database();
      effective =
          effective.withDatabase(
              new DatabaseConfig(
                  databaseUrl, database.user(), database.password(), database.connectionsMax()));
    }
    return effective.withDataDir(effective.dataDir().toAbsolutePath().normalize());
  }
}
