package io.skerry.control.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.job.JobProgress;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CrashReportTest {
  private static final Optional<JobProgress> IMPORT =
      Optional.of(new JobProgress("import", 0, 2, "model.tflite"));

  @Test
  void saysWhichSignalEndedWhatAndWhatToDo() {
    List<String> log = List.of("INFO: Created delegate", "tensor.cc:12 check failed", "");

    assertThat(CrashReport.text(134, IMPORT, log))
        .isEqualTo(
            "SIGABRT ended the process while it was at 'import' (model.tflite): native code failed,"
                + " as an engine's does on a damaged model; export that again, and report it if it"
                + " ends the same way: tensor.cc:12 check failed");
    assertThat(CrashReport.text(137, IMPORT, log))
        .startsWith("SIGKILL")
        .contains("memory runs out");
    assertThat(CrashReport.text(143, IMPORT, log)).startsWith("SIGTERM").contains("told to stop");
    assertThat(CrashReport.text(128 + 31, IMPORT, log)).startsWith("signal 31 ended");
  }

  @Test
  void saysWhereNativeCodeFailedAndNotWhereToReportJava() {
    List<String> log =
        List.of(
            "#",
            "# A fatal error has been detected by the Java Runtime Environment:",
            "# Problematic frame:",
            "# C  [libtensorflowlite.so+0x1234]",
            "#",
            "# https://bugreport.java.com/bugreport/crash.jsp",
            "#");

    assertThat(CrashReport.text(134, IMPORT, log)).endsWith(": C  [libtensorflowlite.so+0x1234]");
    assertThat(CrashReport.text(134, Optional.empty(), log.subList(0, 3)))
        .startsWith("SIGABRT ended the process: ")
        .endsWith("it wrote nothing to its log");
  }

  @Test
  void saysTheExitCodeOfAProcessThatLeft() {
    assertThat(CrashReport.text(3, Optional.empty(), List.of("out of memory")))
        .isEqualTo("the process ended with exit code 3: out of memory");
    assertThat(CrashReport.text(255, Optional.empty(), List.of()))
        .isEqualTo("the process ended with exit code 255: it wrote nothing to its log");
  }
}
