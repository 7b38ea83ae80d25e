package io.skerry.e2e;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.api.client.SkerryClient;
import io.skerry.e2e.plane.Director;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A control plane in its own process, on free ports. */
public final class RunningServer implements AutoCloseable {
  private static final Duration READY_WITHIN = Duration.ofMinutes(2);
  private static final Duration END_WITHIN = Duration.ofSeconds(30);

  private static final List<String> PORTS = List.of("--port", "--device-port", "--mqtt-port");

  private final Process process;
  private final JsonObject address;
  private final SkerryClient client;

  private RunningServer(Process process, JsonObject address, SkerryClient client) {
    this.process = process;
    this.address = address;
    this.client = client;
  }

  private interface Start {
    Process with(Path log, List<String> arguments) throws IOException;
  }

  /**
   * Starts a control plane and waits until it is ready.
   *
   * @param folder a fresh folder; data and log go there
   * @param options further options of {@code skerry server}
   */
  public static RunningServer start(Path folder, List<String> options)
      throws IOException, InterruptedException {
    return start(
        folder,
        options,
        (log, arguments) -> Program.SERVER.start(log, arguments.toArray(String[]::new)));
  }

  /**
   * Starts a control plane that also does what {@link io.skerry.e2e.plane.Director} is asked for.
   *
   * @param folder data and log go there
   * @param portFile where the director's port will be
   * @param options further options of {@code skerry server}
   */
  public static RunningServer startWithDirector(Path folder, Path portFile, List<String> options)
      throws IOException, InterruptedException {
    return start(
        folder,
        options,
        (log, arguments) ->
            Program.SERVER.startWithTests(
                log, List.of("-Xmx512m", "-D" + Director.PORT_FILE + "=" + portFile), arguments));
  }

  private static RunningServer start(Path folder, List<String> options, Start start)
      throws IOException, InterruptedException {
    Path data = folder.resolve("data");
    Path log = folder.resolve("server.log");
    List<String> arguments = new ArrayList<>(List.of("--data-dir", data.toString()));
    for (String port : PORTS) {
      if (!options.contains(port)) {
        arguments.addAll(List.of(port, "0"));
      }
    }
    if (!options.contains("--config")) {
      // Nobody here waits a quarter of an hour.
      Path config = Files.writeString(folder.resolve("server.yaml"), "ingest: {judged-window: 0s}");
      arguments.addAll(List.of("--config", config.toString()));
    }
    arguments.addAll(options);
    Path ready = data.resolve("server.json");
    Files.deleteIfExists(ready);
    Process process = start.with(log, arguments);
    long deadline = System.nanoTime() + READY_WITHIN.toNanos();
    while (!Files.exists(ready)) {
      if (process.waitFor(100, TimeUnit.MILLISECONDS) || System.nanoTime() > deadline) {
        process.destroyForcibly();
        throw new AssertionError("the control plane did not start:\n" + Files.readString(log));
      }
    }
    JsonObject address = JsonParser.parseString(Files.readString(ready)).getAsJsonObject();
    return new RunningServer(
        process,
        address,
        new SkerryClient(
            URI.create(address.get("url").getAsString()),
            Files.readString(data.resolve("keys").resolve("admin.token")).strip()));
  }

  /** Options with which the next one listens where this one does. */
  public List<String> samePorts() {
    return List.of(
        "--port",
        port("url"),
        "--device-port",
        port("controlBase"),
        "--mqtt-port",
        Integer.toString(mqttPort()));
  }

  private String port(String key) {
    return Integer.toString(URI.create(address.get(key).getAsString()).getPort());
  }

  /** The broker's port. */
  public int mqttPort() {
    return address.get("mqttPort").getAsInt();
  }

  /** Ends it with SIGKILL. */
  public void kill() throws InterruptedException {
    client.close();
    process.destroyForcibly().waitFor();
  }

  /** Lets it stand still, or go on. */
  public void stands(boolean still) throws IOException, InterruptedException {
    String signal = still ? "-STOP" : "-CONT";
    new ProcessBuilder("kill", signal, Long.toString(process.pid())).start().waitFor();
  }

  /** The API, as the first admin. */
  public SkerryClient client() {
    return client;
  }

  /** A token with which one device enrols. */
  public String enrolmentToken() {
    return client
        .post(
            "/v1/enrolment-tokens", new EnrolmentTokenRequest(1, null, null), EnrolmentToken.class)
        .token();
  }

  @Override
  public void close() {
    client.close();
    process.destroy();
    try {
      if (!process.waitFor(END_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
