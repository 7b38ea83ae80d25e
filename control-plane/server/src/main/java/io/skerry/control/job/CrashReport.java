package io.skerry.control.job;

import io.skerry.artifact.job.JobProgress;
import java.util.List;
import java.util.Optional;

/** What a person reads about a process that ended without saying why. */
final class CrashReport {
  /** A process that a signal ended has this and the signal's number as its exit code. */
  private static final int SIGNALS = 128;

  private static final int SIGNALS_END = SIGNALS + 65;
  private static final int LINE_CHARS_MAX = 300;

  /** The Java machine's own report; the place where native code failed follows this line. */
  private static final String PLACE = "# Problematic frame:";

  private CrashReport() {}

  /**
   * One line.
   *
   * @param last what the process said that it did last
   */
  static String text(int exitCode, Optional<JobProgress> last, List<String> log) {
    if (exitCode <= SIGNALS || exitCode >= SIGNALS_END) {
      return "the process ended with exit code %d%s: %s"
          .formatted(exitCode, doing(last), lastWords(log));
    }
    int signal = exitCode - SIGNALS;
    return "%s ended the process%s: %s: %s"
        .formatted(name(signal), doing(last), remedy(signal), lastWords(log));
  }

  private static String doing(Optional<JobProgress> last) {
    return last.map(p -> " while it was at '%s' (%s)".formatted(p.step(), p.message())).orElse("");
  }

  private static String name(int signal) {
    return switch (signal) {
      case 4 -> "SIGILL";
      case 6 -> "SIGABRT";
      case 7 -> "SIGBUS";
      case 8 -> "SIGFPE";
      case 9 -> "SIGKILL";
      case 11 -> "SIGSEGV";
      case 15 -> "SIGTERM";
      default -> "signal " + signal;
    };
  }

  private static String remedy(int signal) {
    return switch (signal) {
      case 9 ->
          "the system does that where memory runs out; free some, or give fewer items, and start"
              + " the job again";
      case 15 -> "it was told to stop; start the job again";
      default ->
          "native code failed, as an engine's does on a damaged model; export that again, and report"
              + " it if it ends the same way";
    };
  }

  private static String lastWords(List<String> log) {
    int place = log.indexOf(PLACE);
    List<String> told = place >= 0 ? log.subList(place + 1, Math.min(place + 2, log.size())) : log;
    return told.stream()
        .filter(line -> !line.isBlank())
        .reduce((first, second) -> second)
        .map(line -> line.replaceFirst("^# *", ""))
        .map(line -> line.length() > LINE_CHARS_MAX ? line.substring(0, LINE_CHARS_MAX) : line)
        .orElse("it wrote nothing to its log");
  }
}
