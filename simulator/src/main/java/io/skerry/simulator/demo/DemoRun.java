package io.skerry.simulator.demo;

import com.google.gson.GsonBuilder;
import io.skerry.api.client.SkerryException;
import io.skerry.simulator.machine.MachineData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Starts what a demo needs, runs the loop, and ends everything again however it ends. */
final class DemoRun {
  private final DemoOptions options;
  private final Progress progress;
  private final Deque<AutoCloseable> started = new ArrayDeque<>();
  private boolean ended;

  DemoRun(DemoOptions options, Progress progress) {
    this.options = options;
    this.progress = progress;
  }

  /**
   * Runs the demo to its end, or until the process is interrupted when it shall go on live.
   *
   * @return whether every step held what it promises
   */
  boolean run() throws IOException, InterruptedException {
    MachineData machines = options.machines().load();
    if (options.json().isPresent()) {
      requireWritable(options.json().get());
    }
    Thread whenInterrupted = new Thread(this::end, "end of the demo");
    Runtime.getRuntime().addShutdownHook(whenInterrupted);
    try {
      DemoFolder folder = keep(DemoFolder.create());
      return run(machines, folder);
    } finally {
      end();
    }
  }

  private boolean run(MachineData machines, DemoFolder folder)
      throws IOException, InterruptedException {
    try {
      Programs programs = new Programs(options.home());
      ControlPlane plane = keep(ControlPlane.start(programs, folder, options, progress));
      progress.say("console, logged in: " + plane.consoleUrl());
      DemoFleet fleet = DemoFleet.start(options, machines, programs, folder, plane, this::keep);
      Demo.Outcome outcome = new Demo(options, machines, plane, fleet, folder, progress).run();
      boolean held = tell(outcome.report(), outcome.broken());
      if (!options.once()) {
        progress.say(
            "the fleet goes on; console: %s   Ctrl-C ends it".formatted(plane.consoleUrl()));
        new CountDownLatch(1).await();
      }
      return held;
    } catch (DemoException | SkerryException e) {
      if (ended()) {
        // Ctrl-C reaches every process at once: what fails now is no news.
        throw new InterruptedException("the demo was told to end");
      }
      progress.say("logs of all processes: " + folder.keepLogs());
      throw e;
    }
  }

  private boolean tell(DemoReport report, List<String> broken) throws IOException {
    if (options.json().isPresent()) {
      Path json = options.json().get();
      Path part = json.resolveSibling(json.getFileName() + ".part");
      Files.writeString(
          part,
          new GsonBuilder().setPrettyPrinting().serializeNulls().create().toJson(report) + "\n");
      Files.move(part, json, StandardCopyOption.REPLACE_EXISTING);
      progress.say("written: %s".formatted(json));
    }
    for (String fault : broken) {
      progress.say("NOT AS PROMISED: %s".formatted(fault));
    }
    progress.say(
        (broken.isEmpty()
                ? "every step happened, in %.0f seconds"
                : "the loop ended after %.0f seconds, not as promised")
            .formatted(report.seconds()));
    return broken.isEmpty();
  }

  private static void requireWritable(Path json) throws IOException {
    Path folder = json.getParent();
    if (folder == null || !Files.isWritable(folder) || Files.isDirectory(json)) {
      throw new IOException("--json %s: no file can be written there".formatted(json));
    }
  }

  private synchronized <T extends AutoCloseable> T keep(T thing) {
    if (ended) {
      close(thing);
      throw new DemoException("interrupted");
    }
    started.push(thing);
    return thing;
  }

  private synchronized boolean ended() {
    return ended;
  }

  private synchronized void end() {
    ended = true;
    while (!started.isEmpty()) {
      close(started.pop());
    }
  }

  private static void close(AutoCloseable thing) {
    try {
      thing.close();
    } catch (Exception e) {
      System.err.println("skerry demo: while ending: " + e.getMessage());
    }
  }

  /** Takes care that something is closed when the demo ends. */
  interface Keeper {
    <T extends AutoCloseable> T keep(T thing);
  }
}
