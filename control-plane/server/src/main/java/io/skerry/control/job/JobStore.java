package io.skerry.control.job;

import io.skerry.artifact.job.JobError;
import io.skerry.artifact.job.JobProgress;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The table of jobs. */
final class JobStore {
  /** A server that the database has not heard of for so long is gone, and its jobs with it. */
  static final Duration SERVER_LOST_AFTER = Duration.ofSeconds(30);

  /** How often a server has to say that it is there. */
  static final Duration LOOK_EVERY = SERVER_LOST_AFTER.dividedBy(3);

  // A server that has not said so for longer may have been kept from it, and the others as well.
  private static final Duration GAP_MAX = LOOK_EVERY.multipliedBy(3).dividedBy(2);

  private static final int UNTOLD_MAX = 100;

  private final Database database;
  private final Path folders;
  // Drawn anew with each start, so that no copied folder makes one of two.
  private final String server = "server-" + UUID.randomUUID();

  JobStore(Database database, Path folders) {
    this.database = database;
    this.folders = folders;
  }

  Path folders() {
    return folders;
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

  /**
   * Stores the end, and that its asker has not taken it in yet. Returns false when the job had
   * ended before.
   */
  boolean ended(String id, JobState state, @Nullable JobError error, Instant now) {
    return database.call(
            transaction ->
                transaction.update(
                    "update job set state = ?, finished_at = ?, error_code = ?, error_detail = ?,"
                        + " pid = null, untold = true, server = ?"
                        + " where id = ? and state in ('QUEUED', 'RUNNING')",
                    state.name(),
                    now,
                    error == null ? null : error.code(),
                    error == null ? null : error.detail(),
                    server,
                    id))
        > 0;
  }

  /** Whether it has ended, and its asker has not taken that in. */
  boolean isUntold(String id) {
    return database.call(
        transaction ->
            transaction
                .first("select untold from job where id = ?", row -> row.flag("untold"), id)
                .orElse(false));
  }

  /** Its asker has taken the end in. */
  void told(String id) {
    database.run(
        transaction -> transaction.update("update job set untold = false where id = ?", id));
  }

  /**
   * Jobs that this server ended, or one that is not there any more, and whose askers have not taken
   * it in; the oldest first.
   */
  List<String> untold() {
    return database.call(
        transaction -> {
          transaction.update(
              """
              update job set server = ?
              where untold
                and not exists (select 1 from job_server where job_server.id = job.server)
              """,
              server);
          return transaction.list(
              "select id from job where untold and server = ? order by finished_at limit ?",
              row -> row.text("id"),
              server,
              UNTOLD_MAX);
        });
  }

  /** What of a job's folder is kept. */
  enum Kept {
    /** It has not ended, or nobody took its end in. */
    ALL,
    /** It failed, or nobody knows it any more. */
    REASON,
    NOTHING
  }

  Kept kept(String id) {
    return database.call(
        transaction ->
            transaction
                .first(
                    "select state, untold from job where id = ?",
                    row ->
                        switch (JobState.valueOf(row.text("state"))) {
                          case QUEUED, RUNNING -> Kept.ALL;
                          case SUCCEEDED, CANCELLED -> row.flag("untold") ? Kept.ALL : Kept.NOTHING;
                          case FAILED -> row.flag("untold") ? Kept.ALL : Kept.REASON;
                        },
                    id)
                .orElse(Kept.REASON));
  }

  Optional<JobView> find(String id) {
    return database.call(
        transaction -> transaction.first("select * from job where id = ?", this::view, id));
  }

  /**
   * Says that this server is there, and returns its own open jobs and those of servers that are
   * not.
   *
   * <p>By the database's clock. After a time in which nobody could say so, everybody is given time
   * to do so first.
   */
  List<OpenJob> open() {
    return database.call(
        transaction -> {
          boolean heard = isHeard(transaction);
          if (heard) {
            transaction.update("delete from job_server where until < now()");
          }
          return transaction.list(
              """
              select * from job
              where state in ('QUEUED', 'RUNNING')
                and (server = ? or ?
                  and not exists (select 1 from job_server where job_server.id = job.server))
              """,
              row ->
                  new OpenJob(
                      row.text("id"),
                      row.optionalText("server").filter(server::equals).isPresent(),
                      row.optionalBigint("pid").orElse(null),
                      row.optionalInstant("pid_started_at").orElse(null)),
              server,
              heard);
        });
  }

  // Whether that has gone on without a gap, and long enough for every other server to be heard,
  // too.
  private boolean isHeard(Transaction transaction) {
    long millis = SERVER_LOST_AFTER.toMillis();
    return transaction
        .list(
            """
            insert into job_server (id, since, until)
            values (?, now(), now() + ? * interval '1 millisecond')
            on conflict (id) do update set
              since = case when job_server.until < now() + ? * interval '1 millisecond'
                then now() else job_server.since end,
              until = excluded.until
            returning since <= now() - ? * interval '1 millisecond' as heard
            """,
            row -> row.flag("heard"),
            server,
            millis,
            millis - GAP_MAX.toMillis(),
            millis)
        .getFirst();
  }

  record OpenJob(String id, boolean own, @Nullable Long pid, @Nullable Instant startedAt) {
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
