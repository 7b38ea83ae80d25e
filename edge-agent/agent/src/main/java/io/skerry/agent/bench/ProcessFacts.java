package io.skerry.agent.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What Linux tells of a process.
 *
 * @param pid the process
 */
public record ProcessFacts(long pid) {
  private static final long TICKS_PER_SECOND = 100;
  private static final String RESET_PEAK = "5";

  /**
   * Memory that is in use.
   *
   * @param resident all of it, in bytes
   * @param anonymous what no file backs: heap, stacks, malloc; nobody can share it
   * @param peak the most of it at any time since the process began, or {@link #countPeakAnew}
   */
  public record Memory(long resident, long anonymous, long peak) {}

  /** The process that asks. */
  public static ProcessFacts own() {
    return new ProcessFacts(ProcessHandle.current().pid());
  }

  /** Memory as {@code /proc/PID/status} tells it. */
  public Memory memory() throws IOException {
    long resident = 0;
    long anonymous = 0;
    long peak = 0;
    for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"))) {
      if (line.startsWith("VmRSS:")) {
        resident = bytes(line);
      } else if (line.startsWith("RssAnon:")) {
        anonymous = bytes(line);
      } else if (line.startsWith("VmHWM:")) {
        peak = bytes(line);
      }
    }
    return new Memory(resident, anonymous, peak);
  }

  /** Lets the peak be what is in use now; false where this system does not allow it. */
  public boolean countPeakAnew() {
    try {
      Files.writeString(Path.of("/proc", Long.toString(pid), "clear_refs"), RESET_PEAK);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Processor time since the process began, in seconds, to a hundredth. */
  public double cpuSeconds() throws IOException {
    String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
    // Behind the program's name, which may hold anything: state is field 3, utime 14, stime 15.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / (double) TICKS_PER_SECOND;
  }

  private static long bytes(String line) {
    return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
  }
}
