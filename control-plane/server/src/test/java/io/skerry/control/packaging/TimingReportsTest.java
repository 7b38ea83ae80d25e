package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.job.JobFailure;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TimingReportsTest {
  @TempDir private Path folder;
  private Path from;
  private Path to;

  @BeforeEach
  void makeFolder() throws IOException {
    from = Files.createDirectories(folder.resolve("timings"));
    to = folder.resolve("input");
  }

  @Test
  void copiesReportsAndNothingElse() throws IOException {
    Files.write(from.resolve("cam-1.json"), report());
    Files.writeString(from.resolve("notes.txt"), "not a report");
    Files.createSymbolicLink(from.resolve("link.json"), from.resolve("notes.txt"));

    TimingReports.copy(from, to);

    try (Stream<Path> copied = Files.list(to)) {
      assertThat(copied).hasSize(1);
    }
    assertThat(to.resolve("cam-1.json")).hasBinaryContent(report());
  }

  @Test
  void makesNothingWhereThereIsNoFolder() throws IOException {
    TimingReports.copy(folder.resolve("absent"), to);

    assertThat(to).doesNotExist();
  }

  @Test
  void namesTheFileThatIsNoReport() throws IOException {
    Files.writeString(from.resolve("cam-2.json"), "{}");

    assertThatThrownBy(() -> TimingReports.copy(from, to))
        .isInstanceOf(JobFailure.class)
        .hasMessageContainingAll("cam-2.json", "rename it into place");
  }

  @Test
  void refusesMoreThanItReads() throws IOException {
    Files.write(from.resolve("big.json"), new byte[DeviceTimings.JSON_BYTES_MAX + 1]);
    assertThatThrownBy(() -> TimingReports.copy(from, to))
        .isInstanceOf(JobFailure.class)
        .hasMessageContainingAll("big.json", "bytes");

    Files.delete(from.resolve("big.json"));
    for (int i = 0; i <= TimingReports.REPORTS_MAX; i++) {
      Files.write(from.resolve(i + ".json"), report());
    }
    assertThatThrownBy(() -> TimingReports.copy(from, to))
        .isInstanceOf(JobFailure.class)
        .hasMessageContaining("remove the oldest");
  }

  @Test
  void refusesMoreBytesInAllThanItReads() throws IOException {
    byte[] large = Arrays.copyOf(report(), DeviceTimings.JSON_BYTES_MAX);
    Arrays.fill(large, report().length, large.length, (byte) ' ');
    for (int i = 0; i < 16; i++) {
      Files.write(from.resolve(i + ".json"), large);
    }
    TimingReports.copy(from, to);

    Files.write(from.resolve("one-more.json"), report());

    assertThatThrownBy(() -> TimingReports.copy(from, to))
        .isInstanceOf(JobFailure.class)
        .hasMessageContainingAll(from.toString(), "bytes of reports", "remove the oldest");
  }

  private static byte[] report() {
    Digest model = Digest.of(new byte[] {1});
    return new DeviceTimings(
            "arm64-dotprod",
            "cam-1",
            List.of(new DeviceTimings.Timing(model, "tflite", 812.5, 1033, 4.1, 0, 500)))
        .json();
  }
}
