package io.skerry.control.job;

import io.skerry.artifact.job.JobFailure;
import io.skerry.artifact.job.JobFolder;
import io.skerry.artifact.job.JobMain;
import io.skerry.artifact.job.JobProgress;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The process of the job tests. */
final class TinyJob {
  private TinyJob() {}

  public static void main(String[] arguments) {
    System.exit(JobMain.run("tiny", arguments, TinyJob::run));
  }

  private static void run(JobFolder folder, Path output) throws IOException, InterruptedException {
    switch (folder.spec().text("act")) {
      case "succeed" -> {
        for (int i = 1; i <= 3; i++) {
          folder.report(new JobProgress("count", i, 3, i == 3 ? "three of three" : "counting"));
        }
        Files.writeString(output.resolve("result.txt"), "done");
      }
      case "fail" -> throw new JobFailure(ErrorCode.DATASET_INVALID, "nothing to learn from");
      case "fault" -> {
        folder.report(new JobProgress("load", 0, 0, "model.tflite"));
        fault();
      }
      case "crash" -> {
        folder.report(new JobProgress("load", 0, 0, "model.tflite"));
        System.out.println("the library gave up");
        System.out.flush();
        Runtime.getRuntime().halt(134);
      }
      case "start" -> {
        Process started = new ProcessBuilder("sleep", "600").start();
        folder.report(new JobProgress("wait", 0, 0, Long.toString(started.pid())));
        started.waitFor();
      }
      case "leave" -> {
        Process started =
            new ProcessBuilder("sh", "-c", "trap '' TERM; while :; do sleep 1; done").start();
        folder.report(new JobProgress("wait", 0, 0, Long.toString(started.pid())));
        started.waitFor(1, TimeUnit.SECONDS);
        Files.writeString(output.resolve("result.txt"), "done");
      }
      // A line that does not end is kept whole.
      case "startLarge" ->
          new ProcessBuilder("sh", "-c", "head -c 500000000 /dev/zero | tail; sleep 600")
              .start()
              .waitFor();
      case "unpack" -> {
        Path unpacked = Files.createTempDirectory("natives");
        Files.write(unpacked.resolve("library.so"), new byte[1 << 16]);
        folder.report(new JobProgress("wait", 0, 0, unpacked.toString()));
        new CountDownLatch(1).await();
      }
      case "environment" -> Files.write(output.resolve("result.txt"), System.getenv().keySet());
      default -> {
        folder.report(new JobProgress("wait", 0, 0, "waiting"));
        new CountDownLatch(1).await();
      }
    }
  }

  @SuppressWarnings("restricted")
  private static void fault() {
    MemorySegment.ofAddress(8).reinterpret(8).get(ValueLayout.JAVA_BYTE, 0);
  }
}
