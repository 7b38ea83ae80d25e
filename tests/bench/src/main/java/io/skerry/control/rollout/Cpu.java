package io.skerry.control.rollout;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;

/**
 * CPU time of this JVM and of a PostgreSQL server, in microseconds of one core; PostgreSQL's in
 * steps of the kernel's clock, and without the processes that have ended.
 */
record Cpu(double jvmMicros, double databaseMicros) {
  static Cpu now(ProcessHandle postmaster) {
    OperatingSystemMXBean jvm = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    return new Cpu(
        jvm.getProcessCpuTime() / 1e3,
        Stream.concat(Stream.of(postmaster), postmaster.descendants())
                .map(one -> one.info().totalCpuDuration().orElse(Duration.ZERO))
                .mapToLong(Duration::toNanos)
                .sum()
            / 1e3);
  }

  /** The server whose process id is in the first line of this file. */
  static ProcessHandle postmaster(Path pidFile) throws IOException {
    String pid = Files.readAllLines(pidFile, StandardCharsets.US_ASCII).getFirst().strip();
    return ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
  }

  Cpu since(Cpu before) {
    return new Cpu(jvmMicros - before.jvmMicros, databaseMicros - before.databaseMicros);
  }
}
