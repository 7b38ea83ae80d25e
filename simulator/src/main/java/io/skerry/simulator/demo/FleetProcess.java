package io.skerry.simulator.demo;

import com.google.gson.Gson;
import com.google.gson.JsonSyntaxException;
import io.skerry.simulator.fleet.FleetReport;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** The process of the simulated devices: one line asked, one line answered. Not thread-safe. */
final class FleetProcess implements AutoCloseable {
  private static final Gson GSON = new Gson();

  private final ChildProcess process;
  private final BufferedReader answers;
  private final PrintWriter questions;

  private FleetProcess(ChildProcess process) {
    this.process = process;
    this.answers = process.process().inputReader(StandardCharsets.UTF_8);
    this.questions = new PrintWriter(process.process().outputWriter(StandardCharsets.UTF_8), true);
  }

  /** Starts the process and waits until every device is enrolled. */
  static FleetProcess start(List<String> command, String token, Path log) throws IOException {
    FleetProcess fleet = new FleetProcess(ChildProcess.startTalking("the fleet", command, log));
    // Not as an argument: every user of this machine could read it there.
    fleet.questions.println(token);
    fleet.answer();
    return fleet;
  }

  /** What the devices and their applications counted until now. */
  FleetReport report() {
    return ask("report");
  }

  /** Shifts one sensor of every device at a site from now on. */
  void shift(String site, int sensor, float amount) {
    ask("shift %s %d %s".formatted(site, sensor, amount));
  }

  /** Stops the machines; the devices go on until their telemetry is delivered. */
  FleetReport halt() {
    return ask("halt");
  }

  void requireAlive() {
    process.requireAlive();
  }

  private FleetReport ask(String question) {
    questions.println(question);
    return answer();
  }

  private FleetReport answer() {
    try {
      String line = answers.readLine();
      if (line == null) {
        process.process().waitFor();
        process.requireAlive();
        throw new DemoException("the fleet closed its output");
      }
      return GSON.fromJson(line, FleetReport.class);
    } catch (IOException | JsonSyntaxException e) {
      throw new DemoException("the fleet does not answer: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DemoException("interrupted", e);
    }
  }

  @Override
  public void close() {
    // The end of its input is the process's order to stop.
    questions.close();
    process.close();
  }
}
