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
    return of(Path.of("/proc/self/status"), Path.of("/proc/self/clear_refs"));
  }

  /** What these files of Linux tell. */
  static PeakMemory of(Path status, Path reset) {
    return () -> {
      try {
        // The peak is the memory now, from here on.
        Files.writeString(reset, "5");
        OptionalLong before = MemoryRoom.kibibytes(status, "VmRSS:");
        return () -> {
          OptionalLong peak = MemoryRoom.kibibytes(status, "VmHWM:");
          OptionalLong after = MemoryRoom.kibibytes(status, "VmRSS:");
          if (before.isEmpty() || peak.isEmpty() || after.isEmpty()) {
            return OptionalLong.empty();
          }
          // What was given back meanwhile may have gone before the peak, and would hide a part.
          long base = Math.min(before.getAsLong(), after.getAsLong());
          return OptionalLong.of(Math.max(0, peak.getAsLong() - base));
        };
      } catch (IOException e) {
        // Another system, or a kernel without it.
        return OptionalLong::empty;
      }
    };
  }
}
