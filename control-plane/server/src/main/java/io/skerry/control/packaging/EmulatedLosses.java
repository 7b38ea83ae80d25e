package io.skerry.control.packaging;

import com.google.gson.JsonParseException;
import io.skerry.artifact.job.JobFolder;
import io.skerry.control.job.JobView;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.ModelVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files that a packaging saw lose their accuracy under emulation. The next one may not be able to
 * emulate, or be told not to, and times of devices alone would let such a file win.
 */
final class EmulatedLosses {
  private static final Logger log = LoggerFactory.getLogger(EmulatedLosses.class);

  /** The most that are kept; the oldest are forgotten. */
  static final int KEPT_MAX = 10_000;

  /** The most of a version that a job is told; the newest. */
  private static final int OF_VERSION_MAX = 1_000;

  private static final int REASON_CHARS_MAX = 1_000;

  private EmulatedLosses() {}

  /** Keeps what a packaging saw under emulation; what it did not run there stays as it was. */
  static void keep(
      Transaction transaction, ModelVersion version, PackagerReport report, Instant now) {
    for (PackagerReport.Told told : report.variants()) {
      String file = told.model();
      PackagerReport.Proof proof = told.proof();
      if (file == null || proof == null || proof.by() == null) {
        continue;
      }
      transaction.update(
          "delete from emulated_loss where model = ? and version = ? and profile = ? and file = ?",
          version.model().value(),
          version.version(),
          told.profile(),
          file);
      String lost = proof.lost();
      if (lost != null) {
        transaction.update(
            "insert into emulated_loss (model, version, profile, file, reason, seen_at)"
                + " values (?, ?, ?, ?, ?, ?) on conflict do nothing",
            version.model().value(),
            version.version(),
            told.profile(),
            file,
            lost.substring(0, Math.min(lost.length(), REASON_CHARS_MAX)),
            now);
      }
    }
    transaction.update(
        """
        delete from emulated_loss where (model, version, profile, file) in (
          select model, version, profile, file from emulated_loss
          order by seen_at desc, model, version, profile, file offset ?)
        """,
        KEPT_MAX);
  }

  /**
   * Keeps what a packaging that shipped nothing had seen by its end. What cannot be read is left.
   *
   * @throws DatabaseException if the database is away: the end of the job is told again
   */
  static void keepUnfinished(Database database, JobView job, ModelVersion version, Instant now) {
    Path file = JobFolder.at(job.folder()).unfinishedOutput().resolve("report.json");
    if (!Files.exists(file)) {
      return;
    }
    try {
      PackagerReport report = PackagerReport.parse(Files.readString(file));
      database.run(transaction -> keep(transaction, version, report, now));
    } catch (IOException | JsonParseException e) {
      notKept(job, e);
    } catch (DatabaseException e) {
      if (e.isAway()) {
        throw e;
      }
      notKept(job, e);
    }
  }

  private static void notKept(JobView job, Exception e) {
    log.atWarn()
        .addKeyValue("job", job.id())
        .addKeyValue("cause", e.toString())
        .log("what a packaging saw lose under emulation not kept");
  }

  /** What is known of a version's files on these profiles, as a job's {@code lost} has it. */
  static List<Map<String, Object>> of(
      Transaction transaction, ModelVersion version, List<String> profiles) {
    return transaction.list(
        "select profile, file, reason from emulated_loss"
            + " where model = ? and version = ? and profile = any(?)"
            + " order by seen_at desc, profile, file limit ?",
        row ->
            Map.of(
                "profile", row.text("profile"),
                "file", row.text("file"),
                "reason", row.text("reason")),
        version.model().value(),
        version.version(),
        profiles,
        OF_VERSION_MAX);
  }
}
