package io.skerry.packager.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Resident memory of this process, where Linux tells it; 0 elsewhere. */
final class ResidentMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");
  private static final String RESET_PEAK = "5";

  private final long before;

  private ResidentMemory(long before) {
    this.before = before;
  }

  /** The memory now; the peak counts from here. */
  static ResidentMemory now() {
    try {
      Files.writeString(CLEAR, RESET_PEAK);
      return new ResidentMemory(kibibytes("VmRSS:"));
    } catch (IOException e) {
      return new ResidentMemory(0);
    }
  }

  /** How much more it has been at most since then, in bytes. */
  long peakSince() {
    try {
      return before == 0 ? 0 : Math.max(0, kibibytes("VmHWM:") - before) << 10;
    } catch (IOException e) {
      return 0;
    }
  }

  private static long kibibytes(String key) throws IOException {
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith(key)) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return 0;
  }
}
