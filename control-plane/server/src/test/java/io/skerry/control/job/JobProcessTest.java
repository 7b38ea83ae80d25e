package io.skerry.control.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobProgress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class JobProcessTest {
  private static final JobLimits LIMITS = new JobLimits(64, 2L << 30, Duration.ofSeconds(60));

  @TempDir Path folder;

  private final List<JobProgress> progress = new CopyOnWriteArrayList<>();

  @Test
  void tellsProgressAndKeepsTheOutputOfASuccess() throws Exception {
    JobProcess.End end = start("succeed", LIMITS).follow(progress::add);

    assertThat(end).isEqualTo(new JobProcess.End.Succeeded());
    assertThat(progress).last().isEqualTo(new JobProgress("count", 3, 3, "three of three"));
    assertThat(Files.readString(folder.resolve("output/result.txt"))).isEqualTo("done");
  }

  @Test
  void tellsWhatTheProcessWroteDownAboutItsFailure() throws Exception {
    JobProcess.End end = start("fail", LIMITS).follow(progress::add);

    assertThat(end)
        .isInstanceOfSatisfying(
            JobProcess.End.Failed.class,
            failed -> {
              assertThat(failed.error().code()).isEqualTo("DATASET_INVALID");
              assertThat(failed.error().detail()).isEqualTo("nothing to learn from");
            });
    assertThat(folder.resolve("output")).doesNotExist();
  }

  @Test
  void tellsTheLastLineOfAProcessThatCrashed() throws Exception {
    JobProcess.End end = start("crash", LIMITS).follow(progress::add);

    assertThat(end)
        .isInstanceOfSatisfying(
            JobProcess.End.Failed.class,
            failed ->
                assertThat(failed.error().detail())
                    .startsWith("SIGABRT ended the process while it was at 'load' (model.tflite): ")
                    .endsWith(
                        "export that again, and report it if it ends the same way: the library gave up"));
  }

  @Test
  void tellsWhereNativeCodeFailed() throws Exception {
    JobProcess.End end = start("fault", LIMITS).follow(progress::add);

    assertThat(end)
        .isInstanceOfSatisfying(
            JobProcess.End.Failed.class,
            failed ->
                assertThat(failed.error().detail())
                    .startsWith("SIGABRT ended the process while it was at 'load'")
                    .doesNotContain("bugreport")
                    .matches(".*: [CVJv]  ?.*"));
  }

  @Test
  void endsAProcessThatIsCancelled() throws Exception {
    JobProcess process = start("hang", LIMITS);
    CompletableFuture<JobProgress> began = new CompletableFuture<>();
    CompletableFuture<JobProcess.End> end =
        CompletableFuture.supplyAsync(() -> follow(process, began));

    began.get(30, TimeUnit.SECONDS);
    process.cancel();

    assertThat(end.get(30, TimeUnit.SECONDS)).isEqualTo(new JobProcess.End.Cancelled());
    assertThat(process.handle().isAlive()).isFalse();
  }

  @Test
  void endsWhatACancelledProcessHadStarted() throws Exception {
    JobProcess process = start("start", LIMITS);
    CompletableFuture<JobProgress> told = new CompletableFuture<>();
    CompletableFuture<JobProcess.End> end =
        CompletableFuture.supplyAsync(() -> follow(process, told));
    ProcessHandle started =
        ProcessHandle.of(Long.parseLong(told.get(30, TimeUnit.SECONDS).message())).orElseThrow();

    process.cancel();

    assertThat(end.get(30, TimeUnit.SECONDS)).isEqualTo(new JobProcess.End.Cancelled());
    assertThat(started.onExit()).succeedsWithin(Duration.ofSeconds(30));
  }

  @Test
  void endsWhatAProcessThatSucceededLeftRunning() throws Exception {
    JobProcess.End end = start("leave", LIMITS).follow(progress::add);

    assertThat(end).isEqualTo(new JobProcess.End.Succeeded());
    ProcessHandle.of(Long.parseLong(progress.getLast().message()))
        .ifPresent(left -> assertThat(left.onExit()).succeedsWithin(Duration.ofSeconds(30)));
  }

  @Test
  void endsWithItsServerWhateverEndsThat() throws Exception {
    Process server =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                TinyServer.class.getName(),
                folder.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String[] told = server.inputReader().readLine().split(" ");
    ProcessHandle job = ProcessHandle.of(Long.parseLong(told[0])).orElseThrow();
    ProcessHandle started = ProcessHandle.of(Long.parseLong(told[1])).orElseThrow();
    try {
      server.destroyForcibly().waitFor();

      assertThat(job.onExit()).succeedsWithin(Duration.ofSeconds(30));
      assertThat(started.onExit()).succeedsWithin(Duration.ofSeconds(30));
    } finally {
      started.destroyForcibly();
      job.destroyForcibly();
    }
  }

  @Test
  void countsTheMemoryOfWhatTheProcessStarted() throws Exception {
    JobProcess process = start("startLarge", new JobLimits(64, 350L << 20, Duration.ofSeconds(60)));

    assertThat(process.follow(progress::add).toString()).contains("its limit is 350 MiB");
  }

  @ParameterizedTest
  @ValueSource(strings = {"cancelled", "killed", "over its memory"})
  void removesWhatAProcessUnpackedHoweverItEnds(String how) throws Exception {
    long memory = how.equals("over its memory") ? 1 << 20 : 2L << 30;
    JobProcess process = start("unpack", new JobLimits(64, memory, Duration.ofSeconds(60)));
    CompletableFuture<JobProgress> told = new CompletableFuture<>();
    CompletableFuture<JobProcess.End> end =
        CompletableFuture.supplyAsync(() -> follow(process, told));
    if (!how.equals("over its memory")) {
      Path unpacked = Path.of(told.get(30, TimeUnit.SECONDS).message());
      assertThat(unpacked).startsWith(folder.toAbsolutePath());
    }
    switch (how) {
      case "cancelled" -> process.cancel();
      case "killed" -> process.handle().destroyForcibly();
      default -> {}
    }

    assertThat(end.get(30, TimeUnit.SECONDS)).isNotInstanceOf(JobProcess.End.Succeeded.class);
    assertThat(JobFolder.at(folder).temporary()).doesNotExist();
  }

  @Test
  void stopsAProcessThatRunsTooLong() throws Exception {
    JobProcess process = start("hang", new JobLimits(64, 2L << 30, Duration.ofMillis(1500)));

    JobProcess.End end = process.follow(progress::add);

    assertThat(end).isInstanceOf(JobProcess.End.Failed.class);
    assertThat(end.toString()).contains("ran longer than its limit");
    assertThat(process.handle().isAlive()).isFalse();
  }

  @Test
  void stopsAProcessThatTakesTooMuchMemory() throws Exception {
    JobProcess process = start("hang", new JobLimits(64, 1 << 20, Duration.ofSeconds(60)));

    JobProcess.End end = process.follow(progress::add);

    assertThat(end.toString()).contains("its limit is 1 MiB");
  }

  @Test
  void givesTheProcessNoSecretsOfTheEnvironment() throws Exception {
    JobProcess.End end = start("environment", LIMITS).follow(progress::add);

    assertThat(end).isEqualTo(new JobProcess.End.Succeeded());
    assertThat(Files.readAllLines(folder.resolve("output/result.txt")))
        .contains("ORT_DISABLE_TELEMETRY")
        .isSubsetOf(
            "PATH",
            "HOME",
            "LANG",
            "LC_ALL",
            "TMPDIR",
            "USER",
            "LD_LIBRARY_PATH",
            "SKERRY_ARM64_ROOT",
            "ORT_DISABLE_TELEMETRY",
            "OPT_OUT_TRACKING");
  }

  private JobProcess.End follow(JobProcess process, CompletableFuture<JobProgress> began) {
    try {
      return process.follow(
          line -> {
            progress.add(line);
            began.complete(line);
          });
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private JobProcess start(String act, JobLimits limits) throws IOException {
    JobFolder job = JobFolder.create(folder, Map.of("kind", "test", "act", act));
    JobProgram program =
        JobProgram.of(System.getProperty("java.class.path"), TinyJob.class.getName());
    return JobProcess.start(job, program, limits);
  }
}
