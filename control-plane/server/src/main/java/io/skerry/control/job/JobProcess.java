package io.skerry.control.job;

import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobMain;
import io.skerry.artifact.job.JobProgress;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One job's process, from start to end, under limits. */
final class JobProcess {
  static final long LOG_BYTES_MAX = 64L << 20;

  private static final Logger log = LoggerFactory.getLogger(JobProcess.class);

  private static final Duration LOOK_EVERY = Duration.ofMillis(200);
  private static final Duration STOP_GRACE = Duration.ofSeconds(3);
  private static final Set<String> ENVIRONMENT =
      Set.of(
          "PATH",
          "HOME",
          "LANG",
          "LC_ALL",
          "USER",
          "LD_LIBRARY_PATH",
          // Where an arm64 Java is, for proofs of accuracy under emulation.
          "SKERRY_ARM64_ROOT");

  private final JobFolder folder;
  private final Process process;
  private final JobLimits limits;
  private final AtomicBoolean cancelled = new AtomicBoolean();
  // What the process started and still runs: it is not known any more by whom once that has ended.
  private final Set<ProcessHandle> started = ConcurrentHashMap.newKeySet();

  private JobProcess(JobFolder folder, Process process, JobLimits limits) {
    this.folder = folder;
    this.process = process;
    this.limits = limits;
  }

  /** How a process ended. */
  sealed interface End {
    record Succeeded() implements End {}

    record Failed(JobError error) implements End {}

    record Cancelled() implements End {}
  }

  static JobProcess start(JobFolder folder, JobProgram program, JobLimits limits)
      throws IOException {
    List<String> command = new ArrayList<>(program.command());
    command.add(1, "-Xmx" + limits.heapMebibytes() + "m");
    command.add(2, "-D%s=%d".formatted(JobMain.SERVER, ProcessHandle.current().pid()));
    Path temporary = Files.createDirectories(folder.temporary()).toAbsolutePath();
    command.add(3, "-Djava.io.tmpdir=" + temporary);
    command.add(folder.path().toAbsolutePath().toString());
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.path().toFile())
            .redirectErrorStream(true)
            .redirectOutput(logFile(folder).toFile());
    // Only what a process needs to run: the control plane's own secrets may be in its environment.
    builder.environment().keySet().retainAll(ENVIRONMENT);
    builder
        .environment()
        .putAll(
            Map.of(
                "ORT_DISABLE_TELEMETRY",
                "1",
                "OPT_OUT_TRACKING",
                "true",
                "TMPDIR",
                temporary.toString()));
    return new JobProcess(folder, builder.start(), limits);
  }

  ProcessHandle handle() {
    return process.toHandle();
  }

  /** Asks the process to stop; {@link #follow} then tells that it was cancelled. */
  void cancel() {
    cancelled.set(true);
    // What it started does not end with it, and is not known any more once it has ended.
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
  }

  /** Waits for the end, telling each new line of progress, and stops what breaks its limits. */
  End follow(Consumer<JobProgress> listener) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + limits.timeout().toNanos();
    int told = 0;
    try {
      while (!process.waitFor(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
        told = tell(listener, told);
        Optional<JobError> broken = brokenLimit(deadline);
        if (broken.isPresent()) {
          return new End.Failed(broken.get());
        }
      }
      tell(listener, told);
      return ended();
    } finally {
      stop();
    }
  }

  private int tell(Consumer<JobProgress> listener, int told) throws IOException {
    List<JobProgress> lines = folder.progress();
    if (lines.size() > told) {
      listener.accept(lines.getLast());
    }
    return lines.size();
  }

  private Optional<JobError> brokenLimit(long deadline) throws IOException {
    if (System.nanoTime() > deadline) {
      return failure(
          ErrorCode.RUN_FAILED,
          "stopped: it ran longer than its limit of %d s".formatted(limits.timeout().toSeconds()));
    }
    long resident = residentBytes();
    if (resident > limits.memoryBytesMax()) {
      return failure(
          ErrorCode.RUN_FAILED,
          "stopped: it used %,d MiB of memory, its limit is %,d MiB"
              .formatted(resident >> 20, limits.memoryBytesMax() >> 20));
    }
    Path written = logFile(folder);
    if (Files.exists(written) && Files.size(written) > LOG_BYTES_MAX) {
      return failure(ErrorCode.RUN_FAILED, "stopped: it wrote more than 64 MiB to its log");
    }
    return Optional.empty();
  }

  private End ended() throws IOException {
    if (cancelled.get()) {
      return new End.Cancelled();
    }
    if (process.exitValue() == 0 && Files.isDirectory(folder.output())) {
      return new End.Succeeded();
    }
    Optional<JobError> told = folder.error();
    List<JobProgress> progress = folder.progress();
    Optional<JobProgress> last =
        progress.isEmpty() ? Optional.empty() : Optional.of(progress.getLast());
    List<String> log = logLines();
    return new End.Failed(
        told.orElseGet(
            () ->
                new JobError(
                    ErrorCode.RUN_FAILED.name(),
                    CrashReport.text(process.exitValue(), last, log))));
  }

  private List<String> logLines() {
    try {
      // Native code may write anything.
      return new String(Files.readAllBytes(logFile(folder)), StandardCharsets.UTF_8)
          .lines()
          .toList();
    } catch (IOException e) {
      return List.of("its log cannot be read");
    }
  }

  /**
   * Ends the process and what it started, by force when it takes too long; also what a process that
   * has ended left running, and its temporary files: a killed one removes none.
   */
  void stop() throws InterruptedException {
    look();
    started.forEach(ProcessHandle::destroy);
    process.destroy();
    try {
      long end = System.nanoTime() + STOP_GRACE.toNanos();
      process.waitFor(STOP_GRACE.toMillis(), TimeUnit.MILLISECONDS);
      while (started.stream().anyMatch(ProcessHandle::isAlive) && System.nanoTime() < end) {
        TimeUnit.MILLISECONDS.sleep(20);
      }
    } finally {
      started.forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    process.waitFor();
    removeTemporary(folder);
  }

  /** Whatever stays is tried again with the next start of the server. */
  static void removeTemporary(JobFolder folder) {
    try {
      folder.removeTemporary();
    } catch (IOException e) {
      log.atWarn()
          .addKeyValue("folder", folder.temporary())
          .addKeyValue("cause", e.toString())
          .log("temporary files of a job not removed");
    }
  }

  private void look() {
    process.descendants().forEach(started::add);
    started.removeIf(one -> !one.isAlive());
  }

  /**
   * Resident memory of the process and of what it started, where the system tells it; elsewhere the
   * heap's limit alone holds.
   */
  private long residentBytes() throws IOException {
    look();
    long bytes = residentBytes(process.pid());
    for (ProcessHandle one : started) {
      bytes += residentBytes(one.pid());
    }
    return bytes;
  }

  private static long residentBytes(long pid) throws IOException {
    Path status = Path.of("/proc", Long.toString(pid), "status");
    if (!Files.isReadable(status)) {
      return 0;
    }
    try {
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith("VmRSS:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) << 10;
        }
      }
    } catch (IOException e) {
      // It ended between the two calls.
      return 0;
    }
    return 0;
  }

  private static Optional<JobError> failure(ErrorCode code, String detail) {
    return Optional.of(new JobError(code.name(), detail));
  }

  private static Path logFile(JobFolder folder) {
    return folder.path().resolve("process.log");
  }
}
