package io.skerry.agent.bench;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** An agent that serves a folder of models in a process of its own. */
public final class AgentProcess implements AutoCloseable {
  private static final Duration START_MAX = Duration.ofSeconds(60);
  private static final Duration STOP_MAX = Duration.ofSeconds(20);

  private final Process process;
  private final Path socket;
  private final Path log;

  private AgentProcess(Process process, Path socket, Path log) {
    this.process = process;
    this.socket = socket;
    this.log = log;
  }

  /**
   * Starts an agent; it need not serve yet.
   *
   * @param command the program, for example {@code skerry-agent}
   * @param models what it serves
   * @param folder for its socket and its log; its path must be short
   * @param options more options of {@code serve}
   */
  public static AgentProcess start(
      List<String> command,
      Path models,
      Path folder,
      List<String> options,
      Map<String, String> environment)
      throws IOException {
    Path socket = folder.resolve("a.sock");
    Path log = folder.resolve("agent.log");
    Files.deleteIfExists(socket);
    List<String> line = new ArrayList<>(command);
    line.addAll(List.of("serve", "--models", models.toString(), "--listen", "unix:" + socket));
    line.addAll(options);
    ProcessBuilder builder =
        new ProcessBuilder(line)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().putAll(environment);
    return new AgentProcess(builder.start(), socket, log);
  }

  /** Waits until it answers. */
  public AgentProcess awaitServing() throws IOException, InterruptedException {
    long end = System.nanoTime() + START_MAX.toNanos();
    awaitSocket(end);
    try (AgentClient client = AgentClient.of(socket)) {
      while (true) {
        try {
          if (client.live()) {
            return this;
          }
        } catch (StatusRuntimeException e) {
          requireAlive(end);
          Thread.sleep(20);
        }
      }
    }
  }

  /** Waits until its socket is there, looking often. */
  public void awaitSocket() throws IOException, InterruptedException {
    awaitSocket(System.nanoTime() + START_MAX.toNanos());
  }

  private void awaitSocket(long end) throws IOException, InterruptedException {
    while (!Files.exists(socket)) {
      requireAlive(end);
      Thread.sleep(1);
    }
  }

  private void requireAlive(long end) throws IOException {
    if (!process.isAlive() || System.nanoTime() > end) {
      throw new IOException(
          "the agent does not serve; its last words: " + lastWords(Files.readString(log)));
    }
  }

  private static String lastWords(String text) {
    return text.strip().substring(Math.max(0, text.strip().length() - 500));
  }

  /** Where it listens. */
  public Path socket() {
    return socket;
  }

  /** What the kernel tells of it. */
  public ProcessFacts facts() {
    return new ProcessFacts(process.pid());
  }

  /** Whether it runs. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** Asks it to end, and waits. */
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_MAX.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
