package io.skerry.e2e.scene;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A device's agent: one process after the other on the same data folder. Thread-safe. */
public final class AgentProcess implements AutoCloseable {
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(60);
  private static final String END = "";

  private final AgentStart start;
  private final Path data;
  private final Path socket;
  private final Path log;
  private final long spoolBytes;
  private final int webProxy;
  private BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private @Nullable Process process;
  private @Nullable BufferedWriter commands;
  private volatile boolean ready;
  private volatile int starts;

  /**
   * An agent that is not started.
   *
   * @param webProxy port of what its HTTPS leads through
   */
  AgentProcess(AgentStart start, Path data, Path socket, Path log, long spoolBytes, int webProxy) {
    this.start = start;
    this.webProxy = webProxy;
    this.data = data;
    this.socket = socket;
    this.log = log;
    this.spoolBytes = spoolBytes;
  }

  /** The device's data folder. */
  public Path data() {
    return data;
  }

  /** Where it serves. */
  public Path socket() {
    return socket;
  }

  /** Processes that were started. */
  public int starts() {
    return starts;
  }

  /** Starts the next process; it must come up. */
  public void start(String... commandsBefore) throws IOException, InterruptedException {
    if (!tryStart(commandsBefore)) {
      throw new AssertionError("the agent did not start:\n" + lastLog());
    }
  }

  /**
   * Starts the next process and waits until it serves.
   *
   * @param commandsBefore carried out before the agent is started
   * @return false when it ended before
   */
  public synchronized boolean tryStart(String... commandsBefore)
      throws IOException, InterruptedException {
    ready = false;
    starts = starts + 1;
    List<String> arguments =
        new ArrayList<>(List.of(data.toString(), "unix:" + socket, Long.toString(spoolBytes)));
    arguments.addAll(List.of(commandsBefore));
    Process started = start.process(log, webProxy, arguments);
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    Thread.ofVirtual().start(() -> read(started, lines));
    process = started;
    answers = lines;
    commands =
        new BufferedWriter(
            new OutputStreamWriter(started.getOutputStream(), StandardCharsets.UTF_8));
    ready = !answer(lines).equals(END);
    return ready;
  }

  private void read(Process of, BlockingQueue<String> lines) {
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(of.getInputStream(), StandardCharsets.UTF_8))) {
      reader.lines().filter(line -> line.startsWith("{")).forEach(lines::add);
    } catch (IOException | UncheckedIOException e) {
      // The process is gone.
    }
    if (of == process) {
      ready = false;
    }
    lines.add(END);
  }

  private String answer(BlockingQueue<String> lines) throws InterruptedException {
    String answer = lines.poll(ANSWER_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
    if (answer == null) {
      throw new AssertionError("the agent does not answer:\n" + lastLog());
    }
    return answer;
  }

  /** Whether it serves. */
  public boolean isUp() {
    return ready;
  }

  /**
   * Gives a command.
   *
   * @throws AgentDown if the process is gone
   */
  public synchronized JsonObject ask(String command) throws InterruptedException, AgentDown {
    BufferedWriter to = commands;
    if (to == null || !ready) {
      throw new AgentDown();
    }
    try {
      to.write(command);
      to.newLine();
      to.flush();
    } catch (IOException e) {
      throw new AgentDown();
    }
    String answer = answer(answers);
    if (answer.equals(END)) {
      throw new AgentDown();
    }
    return JsonParser.parseString(answer).getAsJsonObject();
  }

  /** How it stands. */
  public JsonObject status() throws InterruptedException, AgentDown {
    return ask("status");
  }

  /** Ends it with SIGKILL and waits for its end. */
  public void kill() throws InterruptedException {
    Process running = process;
    if (running != null) {
      running.destroyForcibly().waitFor();
    }
    ready = false;
  }

  /** Waits for the end of the process; false when it goes on. */
  public boolean awaitEnd(Duration within) throws InterruptedException {
    Process running = process;
    boolean ended = running == null || running.waitFor(within.toMillis(), TimeUnit.MILLISECONDS);
    if (ended) {
      ready = false;
    }
    return ended;
  }

  String lastLog() {
    try {
      List<String> lines = Files.readAllLines(log);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
    } catch (IOException e) {
      return log + " cannot be read";
    }
  }

  /** Ends it in good order; false when it did not end so. */
  boolean stop() throws InterruptedException {
    try {
      ask("stop");
    } catch (AgentDown e) {
      return false;
    }
    if (!awaitEnd(ANSWER_WITHIN)) {
      kill();
      return false;
    }
    return true;
  }

  @Override
  public void close() {
    Process running = process;
    if (running != null) {
      running.destroyForcibly();
    }
  }

  /** The process is not there to answer. */
  public static final class AgentDown extends Exception {
    private static final long serialVersionUID = 1;

    AgentDown() {
      super("the agent's process is gone");
    }
  }
}
