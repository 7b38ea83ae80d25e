package io.skerry.e2e;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.api.client.SkerryClient;
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

  private final Process process;
  private final SkerryClient client;

  private RunningServer(Process process, SkerryClient client) {
    this.process = process;
    this.client = client;
  }

  /**
   * Starts a control plane and waits until it is ready.
   *
   * @param folder a fresh folder; data and log go there
   * @param options further options of {@code skerry server}
   */
  public static RunningServer start(Path folder, List<String> options)
      throws IOException, InterruptedException {
    Path data = folder.resolve("data");
    Path log = folder.resolve("server.log");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--data-dir",
                data.toString(),
                "--port",
                "0",
                "--device-port",
                "0",
                "--mqtt-port",
                "0"));
    arguments.addAll(options);
    Process process = Program.SERVER.start(log, arguments.toArray(String[]::new));
    Path ready = data.resolve("server.json");
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
        new SkerryClient(
            URI.create(address.get("url").getAsString()),
            Files.readString(data.resolve("keys").resolve("admin.token")).strip()));
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
