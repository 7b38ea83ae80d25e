package io.skerry.agent.boot;

import io.skerry.agent.serve.AgentServer;
import io.skerry.agent.serve.ListenException;
import io.skerry.agent.serve.ServeConfig;
import io.skerry.agent.serve.http.HttpConfig;
import io.skerry.agent.serve.http.HttpServer;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** How to serve, beside the address: what {@code serve} and {@code run} have in common. */
final class ServeOptions {
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

  /** The configuration with these options. */
  ServeConfig apply(ServeConfig config, CommandSpec spec) {
    if (httpPort != null && (httpPort < 0 || httpPort > 65_535)) {
      throw new ParameterException(
          spec.commandLine(), "--http-port is %d, expected 0 to 65535".formatted(httpPort));
    }
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
                    HttpConfig.at(httpPort).withBodyBytesMax(config.messageBytesMax()),
                    server.service())));
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
