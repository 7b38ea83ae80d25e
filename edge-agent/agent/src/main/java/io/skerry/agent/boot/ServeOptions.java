package io.skerry.agent.boot;

import io.skerry.agent.diagnose.Diagnostics;
import io.skerry.agent.model.Batching;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.serve.AgentServer;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.ListenException;
import io.skerry.agent.serve.Listener;
import io.skerry.agent.serve.QueueConfig;
import io.skerry.agent.serve.RequestBudget;
import io.skerry.agent.serve.ServeConfig;
import io.skerry.agent.serve.http.HttpConfig;
import io.skerry.agent.serve.http.HttpServer;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import io.skerry.agent.trace.TraceConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** How to serve: what {@code serve} and {@code run} have in common. */
final class ServeOptions {
  private static final int BATCH_LATENCY_MILLIS_MAX = 10_000;
  private static final double RATIO_USUAL = 0.01;
  private static final int RUNS_IN_BATCHES = 32;
  private static final int MESSAGE_MIB_MAX = 1_024;

  @Option(
      names = "--listen",
      paramLabel = "ADDRESS",
      description =
          "unix:PATH[,app=NAME][,group=NAME][,mode=0660] or"
              + " tcp:HOST:PORT[,cert=FILE,key=FILE,clients=FILE]; may be repeated, one for each"
              + " application; by default the socket /run/skerry/agent.sock, or under"
              + " $$XDG_RUNTIME_DIR/skerry")
  private List<String> listen = new ArrayList<>();

  @Option(
      names = "--message-mib",
      paramLabel = "N",
      description = "largest request in MiB (default: 64, or 15/32 of the heap when that is less)")
  private @Nullable Integer messageMib;

  @Option(
      names = "--http-port",
      paramLabel = "PORT",
      description = "answer HTTP, too, on this port of 127.0.0.1; 0 for any free one")
  private @Nullable Integer httpPort;

  @Option(
      names = "--shared-memory",
      paramLabel = "PREFIX",
      description =
          "let clients register shared memory whose key begins with this, of the agent's own user")
  private @Nullable String memoryPrefix;

  @Option(
      names = "--shared-memory-uid",
      paramLabel = "UID",
      description = "also of this user, by number; may be repeated")
  private List<Integer> memoryUsers = new ArrayList<>();

  @Option(
      names = "--metrics",
      paramLabel = "ADDRESS",
      description =
          "tell Prometheus metrics on unix:PATH or tcp:127.0.0.1:PORT (9464 is the usual port);"
              + " off unless given")
  private @Nullable String metrics;

  @Option(
      names = "--traces",
      paramLabel = "URL",
      description =
          "trace calls and send that to a collector, OTLP over gRPC: http://HOST:PORT or"
              + " https://HOST:PORT; off unless given")
  private @Nullable String traces;

  @Option(
      names = "--traces-ca",
      paramLabel = "FILE",
      description =
          "certificates, in PEM, of those who vouch for an https collector; by default the"
              + " runtime's own")
  private @Nullable Path tracesAuthorities;

  @Option(
      names = "--trace-ratio",
      paramLabel = "SHARE",
      description =
          "the share of calls that are traced, 0 to 1 (default: 0.01); a caller that is"
              + " part of a trace decides for its call")
  private @Nullable Double traceRatio;

  @Option(
      names = "--diagnostics",
      paramLabel = "PATH",
      description =
          "the Unix socket, for the agent's own user only, where 'skerry agent diagnose' asks; by"
              + " default beside the first socket of --listen; none: off")
  private @Nullable String diagnostics;

  @Option(
      names = "--batch-latency",
      paramLabel = "MILLIS",
      description =
          "run calls that wait for each other in batches, for models that gain by it here; no batch"
              + " may take longer than this (default: no batches)")
  private @Nullable Integer batchLatencyMillis;

  /** Where to listen. */
  List<Listener> listeners(CommandSpec spec) {
    return listeners(listen, spec);
  }

  /** Reads what {@code --listen} says; the usual place when it says nothing. */
  static List<Listener> listeners(List<String> given, CommandSpec spec) {
    if (given.isEmpty()) {
      return List.of(
          ListenAddress.usual(System.getenv())
              .map(Listener::of)
              .orElseThrow(
                  () ->
                      new ParameterException(
                          spec.commandLine(),
                          "no usual place for a socket: /run/skerry is not writable and"
                              + " XDG_RUNTIME_DIR is not set; give --listen unix:PATH")));
    }
    try {
      List<Listener> listeners = given.stream().map(Listener::parse).toList();
      Listener.requireDistinct(listeners);
      return listeners;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--listen: " + e.getMessage(), e);
    }
  }

  /** The engines with these options. */
  EngineCatalog engines(CommandSpec spec) {
    if (batchLatencyMillis == null) {
      return EngineCatalog.discovered();
    }
    if (batchLatencyMillis < 1 || batchLatencyMillis > BATCH_LATENCY_MILLIS_MAX) {
      throw new ParameterException(
          spec.commandLine(),
          "--batch-latency is %d, expected 1 to %d milliseconds"
              .formatted(batchLatencyMillis, BATCH_LATENCY_MILLIS_MAX));
    }
    return EngineCatalog.discovered().with(new Batching(Duration.ofMillis(batchLatencyMillis)));
  }

  // Those that are in a batch only wait for it, so more may be under way.
  private ServeConfig withBatches(ServeConfig config) {
    QueueConfig queue = config.queue();
    return batchLatencyMillis == null
        ? config
        : config.withQueue(
            new QueueConfig(
                Math.max(queue.runsMax(), RUNS_IN_BATCHES),
                queue.waitingMax(),
                queue.waitingBytesMax()));
  }

  private ServeConfig withMessages(ServeConfig config, CommandSpec spec) {
    if (messageMib == null) {
      return config;
    }
    if (messageMib < 1 || messageMib > MESSAGE_MIB_MAX) {
      throw new ParameterException(
          spec.commandLine(),
          "--message-mib is %d, expected 1 to %d".formatted(messageMib, MESSAGE_MIB_MAX));
    }
    long largest = RequestBudget.largestRequest(config.bounds().requestBytesMax());
    if ((long) messageMib << 20 > largest) {
      throw new ParameterException(
          spec.commandLine(),
          "--message-mib is %d, but this heap has room for %d: give it 2.2 times as much as the largest request, by -Xmx in SKERRY_JAVA_OPTIONS"
              .formatted(messageMib, largest >> 20));
    }
    return config.withBounds(config.bounds().withMessageBytesMax(messageMib << 20));
  }

  /** The configuration with these options. */
  ServeConfig apply(ServeConfig given, CommandSpec spec) {
    ServeConfig config = withMessages(withBatches(given), spec);
    if (httpPort != null && (httpPort < 0 || httpPort > 65_535)) {
      throw new ParameterException(
          spec.commandLine(), "--http-port is %d, expected 0 to 65535".formatted(httpPort));
    }
    return withSharedMemory(config.withTraces(traces(spec)), spec);
  }

  private Optional<TraceConfig> traces(CommandSpec spec) {
    if (traces == null) {
      if (tracesAuthorities != null || traceRatio != null) {
        throw new ParameterException(
            spec.commandLine(),
            "%s needs --traces: nothing is traced without a collector"
                .formatted(tracesAuthorities == null ? "--trace-ratio" : "--traces-ca"));
      }
      return Optional.empty();
    }
    try {
      return Optional.of(
          TraceConfig.of(
              traces,
              Optional.ofNullable(tracesAuthorities),
              traceRatio == null ? RATIO_USUAL : traceRatio));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--traces: " + e.getMessage(), e);
    }
  }

  private ServeConfig withSharedMemory(ServeConfig config, CommandSpec spec) {
    if (memoryPrefix == null) {
      return config;
    }
    try {
      Set<Integer> owners = new HashSet<>(memoryUsers);
      owners.add((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
      return config.withSharedMemory(Optional.of(SharedMemoryConfig.of(memoryPrefix, owners)));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--shared-memory: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED, "cannot tell the agent's own user: " + e.getMessage(), e);
    }
  }

  /** An HTTP server, if one is wanted. */
  Http http(ServeConfig config, AgentServer server) throws ListenException {
    return httpPort == null
        ? new Http(Optional.empty())
        : new Http(
            Optional.of(
                HttpServer.start(
                    HttpConfig.at(httpPort).withBodyBytesMax(config.bounds().messageBytesMax()),
                    server.service())));
  }

  /**
   * Metrics and diagnostics, as wanted.
   *
   * @throws ListenException if an address cannot be used
   */
  Telling telling(List<ListenAddress> served, Diagnostics what, CommandSpec spec)
      throws ListenException {
    List<Diagnostics.Listening> open = new ArrayList<>();
    Telling telling = new Telling(open);
    boolean done = false;
    try {
      if (metrics != null) {
        open.add(what.metrics(metricsAddress(spec)));
      }
      Optional<Path> socket = diagnosticsSocket(served);
      if (socket.isPresent()) {
        open.add(what.all(socket.get()));
      }
      done = true;
      return telling;
    } finally {
      if (!done) {
        telling.close();
      }
    }
  }

  private ListenAddress metricsAddress(CommandSpec spec) {
    try {
      return ListenAddress.parse(String.valueOf(metrics));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--metrics: " + e.getMessage(), e);
    }
  }

  private Optional<Path> diagnosticsSocket(List<ListenAddress> served) {
    if (diagnostics == null) {
      return served.stream()
          .filter(ListenAddress.Unix.class::isInstance)
          .map(address -> diagnosticsOf(((ListenAddress.Unix) address).path()))
          .findFirst();
    }
    return diagnostics.equals("none") ? Optional.empty() : Optional.of(Path.of(diagnostics));
  }

  /** Where diagnostics are told unless the agent was told otherwise. */
  static Path diagnosticsOf(Path socket) {
    return socket.resolveSibling(socket.getFileName() + ".diagnostics");
  }

  /** Metrics and diagnostics that listen. */
  record Telling(List<Diagnostics.Listening> open) implements AutoCloseable {
    /** Where metrics are told, for the line that says so; empty when they are not. */
    String address() {
      return open.isEmpty() || open.getFirst().isWhole()
          ? ""
          : ", metrics on " + open.getFirst().address();
    }

    @Override
    public void close() {
      open.forEach(Diagnostics.Listening::close);
    }
  }

  /** The HTTP server, or none. */
  record Http(Optional<HttpServer> server) implements AutoCloseable {
    /** Where it listens, for the line that says so; empty without one. */
    String address() {
      return server.map(http -> " and http://127.0.0.1:" + http.port()).orElse("");
    }

    @Override
    public void close() {
      server.ifPresent(HttpServer::close);
    }
  }
}
