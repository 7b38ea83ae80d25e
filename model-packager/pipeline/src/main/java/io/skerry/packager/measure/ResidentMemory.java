package io.skerry.packager.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** Resident memory of this process, where Linux tells it. */
final class ResidentMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");
  private static final String RESET_PEAK = "5";

  /** Absent when it cannot be told, or the peak not be reset. */
  private final OptionalLong before;

  private ResidentMemory(OptionalLong before) {
    this.before = before;
  }

  /** Whether a peak can be told at all. */
  static boolean isKnown() {
    return Files.isReadable(STATUS) && Files.isWritable(CLEAR);
  }

  /** The memory now; the peak counts from here. */
  static ResidentMemory now() {
    try {
      Files.writeString(CLEAR, RESET_PEAK);
      return new ResidentMemory(kibibytes("VmRSS:"));
    } catch (IOException e) {
      return new ResidentMemory(OptionalLong.empty());
    }
  }

  /** How much more it has been at most since then, in bytes; absent when that is unknown. */
  OptionalLong peakSince() {
    try {
      OptionalLong peak = kibibytes("VmHWM:");
      return before.isPresent() && peak.isPresent()
          ? OptionalLong.of(Math.max(0, peak.getAsLong() - before.getAsLong()) << 10)
          : OptionalLong.empty();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  private static OptionalLong kibibytes(String key) throws IOException {
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith(key)) {
        return OptionalLong.of(Long.parseLong(line.replaceAll("\\D", "")));
      }
    }
    return OptionalLong.empty();
  }
}
