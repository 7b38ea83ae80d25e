package io.skerry.simulator.demo;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.simulator.fleet.AgentClient;
import io.skerry.simulator.fleet.Application;
import io.skerry.simulator.fleet.FleetPlan;
import io.skerry.simulator.fleet.MachineFeed;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The agent process of this machine, and the application that asks it over gRPC. */
final class RealAgent implements AutoCloseable {
  private static final Duration ENROL_WITHIN = Duration.ofSeconds(60);

  private static final Duration STATUS_ASKED_EVERY = Duration.ofMillis(200);

  private final Path data;
  private final ChildProcess process;
  private final AgentClient client;
  private final Application application;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("application").daemon().factory());

  private @Nullable ScheduledFuture<?> machine;

  private RealAgent(Path data, ChildProcess process, AgentClient client, Application application) {
    this.data = data;
    this.process = process;
    this.client = client;
    this.application = application;
  }

  /** Enrols this machine as a device and starts its agent and its application. */
  static RealAgent start(
      Programs programs,
      DemoFolder folder,
      String token,
      String device,
      FleetPlan.Planned planned,
      String model,
      int sensors,
      Duration tick)
      throws IOException, InterruptedException {
    enrol(programs, folder, token, device, planned);
    Path socket = folder.agentSocket();
    ChildProcess process =
        ChildProcess.start(
            "the agent",
            programs.agent(
                "run", "--data-dir", folder.agent().toString(), "--listen", "unix:" + socket),
            folder.log("agent"));
    AgentClient client = new AgentClient(socket, model, sensors);
    RealAgent agent =
        new RealAgent(
            folder.agent(),
            process,
            client,
            new Application(new MachineFeed(planned.machine(), sensors, planned.start()), client));
    agent.machine =
        agent.clock.scheduleAtFixedRate(
            agent::tick, tick.toMillis(), tick.toMillis(), TimeUnit.MILLISECONDS);
    return agent;
  }

  private static void enrol(
      Programs programs, DemoFolder folder, String token, String device, FleetPlan.Planned planned)
      throws IOException, InterruptedException {
    Process enrolment =
        new ProcessBuilder(
                programs.agent(
                    "enroll",
                    "--token",
                    token,
                    "--device",
                    device,
                    "--label",
                    "site=" + planned.site(),
                    "--data-dir",
                    folder.agent().toString()))
            .redirectErrorStream(true)
            .redirectOutput(folder.log("enrol").toFile())
            .start();
    if (!enrolment.waitFor(ENROL_WITHIN.toMillis(), TimeUnit.MILLISECONDS)
        || enrolment.exitValue() != 0) {
      enrolment.destroyForcibly();
      throw new DemoException("the agent could not enrol; see " + folder.log("enrol"));
    }
  }

  synchronized Application.Counts counts() {
    return application.counts();
  }

  synchronized String lastFailure() {
    return application.lastFailure();
  }

  synchronized void shift(int sensor, float amount) {
    application.shift(sensor, amount);
  }

  double p50Micros() {
    return client.p50Micros();
  }

  /** How the agent stood, as it wrote down itself at some moment after the given one. */
  Spooled spooledAfter(Instant moment) throws IOException, InterruptedException {
    Path file = data.resolve("status.json");
    while (true) {
      requireAlive();
      JsonObject status = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
      if (Instant.parse(status.get("at").getAsString()).isAfter(moment)) {
        long waiting = 0;
        for (var stream : status.getAsJsonObject("waiting").entrySet()) {
          waiting += stream.getValue().getAsLong();
        }
        return new Spooled(status.getAsJsonObject("spooled").get("samples").getAsLong(), waiting);
      }
      Thread.sleep(STATUS_ASKED_EVERY);
    }
  }

  /**
   * What the agent's spool took.
   *
   * @param samples since the agent started
   * @param waiting records of any stream that are not committed yet
   */
  record Spooled(long samples, long waiting) {}

  void requireAlive() {
    process.requireAlive();
    // A tick that throws ends the machine, which nobody would notice otherwise.
    ScheduledFuture<?> running = machine;
    if (running != null && running.state() == Future.State.FAILED) {
      throw new DemoException("the agent's application failed", running.exceptionNow());
    }
  }

  /** Stops the machine; the agent goes on. */
  void halt() throws InterruptedException {
    clock.shutdown();
    clock.awaitTermination(10, TimeUnit.SECONDS);
  }

  private synchronized void tick() {
    application.tick();
  }

  @Override
  public void close() {
    clock.shutdownNow();
    client.close();
    process.close();
  }
}
