package io.skerry.artifact.job;

import java.time.Duration;
import java.util.Optional;

/** Ends this process, and what it started, soon after the server that started it has gone. */
final class ServerWatch {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  private ServerWatch() {}

  static void start(long server) {
    Thread.ofPlatform().name("server-watch").daemon().start(() -> run(server));
  }

  private static void run(long server) {
    // Whose child this is, not whether the server lives: its id may be another's by now, and it may
    // wait to be buried for long.
    while (parent().filter(pid -> pid == server).isPresent()) {
      try {
        Thread.sleep(LOOK_EVERY);
      } catch (InterruptedException e) {
        return;
      }
    }
    ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
    Runtime.getRuntime().halt(JobMain.FAILED);
  }

  private static Optional<Long> parent() {
    return ProcessHandle.current().parent().map(ProcessHandle::pid);
  }
}
