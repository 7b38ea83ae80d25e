package io.skerry.control.job;

import io.skerry.artifact.job.JobFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** A process that starts a job which starts another process, and tells both. */
final class TinyServer {
  private TinyServer() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    JobFolder job = JobFolder.create(Path.of(arguments[0]), Map.of("kind", "test", "act", "start"));
    JobProcess process =
        JobProcess.start(
            job,
            JobProgram.of(System.getProperty("java.class.path"), TinyJob.class.getName()),
            new JobLimits(64, 2L << 30, Duration.ofMinutes(5)));
    process.follow(line -> System.out.println(process.handle().pid() + " " + line.message()));
  }
}
