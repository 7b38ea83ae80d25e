package io.skerry.agent.update;

import io.skerry.agent.model.MemoryRoom;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** How much memory this process takes, and how much the machine still has. */
public interface MemoryMeter {
  /** Bytes of this process that are in memory; empty where that cannot be told. */
  OptionalLong resident();

  /** Bytes that the machine can still give; empty where that cannot be told. */
  OptionalLong available();

  /**
   * Begins to measure what one load takes: those of others would count as its own. Waits a while
   * for who measures already; who began ends it with {@link #measured}.
   *
   * @return whether it may be measured
   */
  default boolean measuring() throws InterruptedException {
    return true;
  }

  /** Ends what {@link #measuring} began. */
  default void measured() {}

  /** What Linux tells under {@code /proc}. */
  static MemoryMeter ofLinux() {
    return new MemoryMeter() {
      // Of this process: there is one.
      private static final Semaphore MEASURING = new Semaphore(1);
      private static final Duration PATIENCE = Duration.ofMinutes(1);

      @Override
      public boolean measuring() throws InterruptedException {
        return MEASURING.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
      }

      @Override
      public void measured() {
        MEASURING.release();
      }

      @Override
      public OptionalLong resident() {
        return kibibytes(Path.of("/proc/self/status"), "VmRSS:");
      }

      @Override
      public OptionalLong available() {
        return MemoryRoom.available(Path.of("/proc"), Path.of("/sys/fs/cgroup"));
      }
    };
  }

  private static OptionalLong kibibytes(Path file, String key) {
    try {
      List<String> lines = Files.readAllLines(file);
      for (String line : lines) {
        if (line.startsWith(key)) {
          String number = line.substring(key.length()).replace("kB", "").strip();
          return OptionalLong.of(Long.parseLong(number) * 1024);
        }
      }
      return OptionalLong.empty();
    } catch (IOException | NumberFormatException e) {
      // Another system: nothing can be told.
      return OptionalLong.empty();
    }
  }
}
