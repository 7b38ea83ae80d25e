package io.skerry.control.job;

import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobProgress;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The table of jobs. */
final class JobStore {
  private final Database database;
  private final Path folders;
  private final String server;

  JobStore(Database database, Path folders, String server) {
    this.database = database;
    this.folders = folders;
    this.server = server;
  }

  Path folder(String id) {
    return folders.resolve(id);
  }

  void insert(Transaction transaction, String id, JobRequest request, Instant now) {
    transaction.update(
        "insert into job (id, kind, subject, state, created_at, server)"
            + " values (?, ?, ?, 'QUEUED', ?, ?)",
        id,
        request.kind(),
        request.subject(),
        now,
        server);
  }

  /** Returns false when the job had ended while it waited: its process must not run. */
  boolean started(String id, Instant now, ProcessHandle process) {
    return database.call(
            transaction ->
                transaction.update(
                    "update job set state = 'RUNNING', started_at = ?, pid = ?, pid_started_at = ?"
                        + " where id = ? and state = 'QUEUED'",
                    now,
                    process.pid(),
                    process.info().startInstant().orElse(null),
                    id))
        > 0;
  }

  /** Returns false when the job was ended meanwhile: its process must not go on. */
  boolean progressed(String id, JobProgress progress) {
    return database.call(
            transaction ->
                transaction.update(
                    "update job set step = ?, done = ?, total = ?, message = ?"
                        + " where id = ? and state = 'RUNNING'",
                    progress.step(),
                    (long) progress.done(),
                    (long) progress.total(),
                    progress.message(),
                    id))
        > 0;
  }

  /** Returns false when the job had ended before. */
  boolean ended(String id, JobState state, @Nullable JobError error, Instant now) {
    return database.call(
            transaction ->
                transaction.update(
                    "update job set state = ?, finished_at = ?, error_code = ?, error_detail = ?,"
                        + " pid = null where id = ? and state in ('QUEUED', 'RUNNING')",
                    state.name(),
                    now,
                    error == null ? null : error.code(),
                    error == null ? null : error.detail(),
                    id))
        > 0;
  }

  Optional<JobView> find(String id) {
    return database.call(
        transaction -> transaction.first("select * from job where id = ?", this::view, id));
  }

  /** This server's open jobs from before it started; other servers' may still run. */
  List<LeftJob> leftBefore(Instant born) {
    return database.call(
        transaction ->
            transaction.list(
                "select * from job where state in ('QUEUED', 'RUNNING') and created_at < ?"
                    + " and (server is null or server = ?)",
                row ->
                    new LeftJob(
                        row.text("id"),
                        row.optionalBigint("pid").orElse(null),
                        row.optionalInstant("pid_started_at").orElse(null)),
                born,
                server));
  }

  record LeftJob(String id, @Nullable Long pid, @Nullable Instant startedAt) {
    /**
     * Ends its process if it still runs, and what that started; a process id that was given away
     * again is let alone.
     */
    void kill() {
      if (pid == null || startedAt == null) {
        return;
      }
      ProcessHandle.of(pid)
          .filter(process -> process.info().startInstant().filter(startedAt::equals).isPresent())
          .ifPresent(
              process -> {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
              });
    }
  }

  private JobView view(Row row) {
    Optional<String> step = row.optionalText("step");
    Optional<String> code = row.optionalText("error_code");
    return new JobView(
        row.text("id"),
        row.text("kind"),
        row.text("subject"),
        JobState.valueOf(row.text("state")),
        folder(row.text("id")),
        row.instant("created_at"),
        row.optionalInstant("finished_at").orElse(null),
        step.map(
                name ->
                    new JobProgress(
                        name,
                        row.integer("done"),
                        row.integer("total"),
                        row.optionalText("message").orElse("")))
            .orElse(null),
        code.map(name -> new JobError(name, row.optionalText("error_detail").orElse("")))
            .orElse(null));
  }
}
