package io.skerry.agent.update;

import io.skerry.agent.model.MemoryRoom;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/** How much memory this process takes, and how much the machine still has. */
public interface MemoryMeter {
  /** Bytes of this process that are in memory; empty where that cannot be told. */
  OptionalLong resident();

  /** Bytes that the machine can still give; empty where that cannot be told. */
  OptionalLong available();

  /** What Linux tells under {@code /proc}. */
  static MemoryMeter ofLinux() {
    return new MemoryMeter() {
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
