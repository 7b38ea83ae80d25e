package io.skerry.agent.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** The most memory that this process took since something began. */
interface PeakMemory {
  /** Counts from here. */
  Since begin();

  /** What was counted. */
  interface Since {
    /** How many bytes more it has been at most; empty where that cannot be told. */
    OptionalLong grown();
  }

  /** What Linux tells of this process; what else happens in it only ever adds to that. */
  static PeakMemory ofLinux() {
    Path status = Path.of("/proc/self/status");
    Path reset = Path.of("/proc/self/clear_refs");
    return () -> {
      try {
        // The peak is the memory now, from here on.
        Files.writeString(reset, "5");
        OptionalLong before = MemoryRoom.kibibytes(status, "VmRSS:");
        return () -> {
          OptionalLong peak = MemoryRoom.kibibytes(status, "VmHWM:");
          return before.isPresent() && peak.isPresent()
              ? OptionalLong.of(Math.max(0, peak.getAsLong() - before.getAsLong()))
              : OptionalLong.empty();
        };
      } catch (IOException e) {
        // Another system, or a kernel without it.
        return OptionalLong::empty;
      }
    };
  }
}
