package io.skerry.control.packaging;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.job.JobFailure;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What devices measured ({@code skerry agent bench --report}), as an administrator put it into the
 * data folder: it decides between variants of profiles that this machine cannot time. A report has
 * to be written elsewhere and renamed into the folder, because a packaging may read it at any time.
 */
final class TimingReports {
  /** Where reports lie, in the data folder and in a job's input. */
  static final String FOLDER = "timings";

  /** The most reports that one packaging reads. */
  static final int REPORTS_MAX = 1_000;

  /** The most bytes of all reports together. */
  static final int BYTES_MAX = 16 << 20;

  private TimingReports() {}

  /**
   * Copies the reports of a folder.
   *
   * @param from may be absent: then there are none
   * @throws JobFailure if there are too many, or one is no report
   */
  static void copy(Path from, Path to) throws IOException {
    if (!Files.isDirectory(from)) {
      return;
    }
    List<Path> reports;
    try (Stream<Path> files = Files.list(from)) {
      reports =
          files
              .filter(file -> file.toString().endsWith(".json"))
              .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
              .limit(REPORTS_MAX + 1L)
              .toList();
    }
    if (reports.size() > REPORTS_MAX) {
      throw refused(from, "holds more than %d reports: remove the oldest".formatted(REPORTS_MAX));
    }
    Files.createDirectories(to);
    long bytes = 0;
    for (Path report : reports) {
      byte[] content = content(report);
      bytes += content.length;
      if (bytes > BYTES_MAX) {
        throw refused(
            from, "holds more than %d bytes of reports: remove the oldest".formatted(BYTES_MAX));
      }
      Files.write(to.resolve(report.getFileName().toString()), content);
    }
  }

  private static byte[] content(Path report) throws IOException {
    byte[] content;
    try (InputStream in = Files.newInputStream(report, LinkOption.NOFOLLOW_LINKS)) {
      content = in.readNBytes(DeviceTimings.JSON_BYTES_MAX + 1);
    }
    if (content.length > DeviceTimings.JSON_BYTES_MAX) {
      throw refused(
          report,
          "has more than %d bytes: write it again with 'skerry agent bench --report'"
              .formatted(DeviceTimings.JSON_BYTES_MAX));
    }
    try {
      DeviceTimings.parse(report.toString(), content);
    } catch (ArtifactException e) {
      throw new JobFailure(
          ErrorCode.PACKAGING_FAILED,
          e.getMessage()
              + ": correct or remove it; if it was being written, write it elsewhere and rename it"
              + " into place",
          e);
    }
    return content;
  }

  private static JobFailure refused(Path what, String why) {
    return new JobFailure(ErrorCode.PACKAGING_FAILED, "%s %s".formatted(what, why));
  }
}
