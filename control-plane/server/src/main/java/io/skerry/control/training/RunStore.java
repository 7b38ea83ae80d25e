package io.skerry.control.training;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import io.skerry.api.Progress;
import io.skerry.api.Run;
import io.skerry.api.RunMetrics;
import io.skerry.api.WorkError;
import io.skerry.api.WorkState;
import io.skerry.artifact.job.JobError;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.ModelVersion;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The table of runs. */
final class RunStore {
  private static final int LIST_MAX = 200;
  private static final Gson GSON = new Gson();
  private static final String RUNS =
      "select r.*, j.state as job_state, j.step, j.done, j.total, j.message"
          + " from run r join job j on j.id = r.job ";

  private RunStore() {}

  static void insert(
      Transaction transaction,
      String id,
      String job,
      RunPlan plan,
      ModelVersion version,
      Instant now) {
    RunPlan.Challenge challenge = plan.challenge();
    transaction.update(
        "insert into run (id, job, model, snapshot, epochs, seed, incident, champion, slice, state,"
            + " version, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'QUEUED', ?, ?)",
        id,
        job,
        plan.model().value(),
        plan.snapshot(),
        plan.epochs(),
        plan.seed(),
        challenge == null ? null : challenge.incident(),
        challenge == null ? null : challenge.champion(),
        challenge == null ? null : challenge.slice(),
        version.version(),
        now);
  }

  static boolean succeeded(Transaction transaction, String id, String metrics, Instant now) {
    return transaction.update(
            "update run set state = 'SUCCEEDED', metrics = ?, finished_at = ?"
                + " where id = ? and state = 'QUEUED'",
            metrics,
            now,
            id)
        > 0;
  }

  static boolean ended(
      Transaction transaction, String id, WorkState state, @Nullable JobError error, Instant now) {
    return transaction.update(
            "update run set state = ?, error_code = ?, error_detail = ?, finished_at = ?"
                + " where id = ? and state = 'QUEUED'",
            state.name(),
            error == null ? null : error.code(),
            error == null ? null : error.detail(),
            now,
            id)
        > 0;
  }

  static Optional<Run> find(Transaction transaction, String id) {
    return transaction.first(RUNS + "where r.id = ?", RunStore::view, id);
  }

  static Optional<Run> ofJob(Transaction transaction, String job) {
    return transaction.first(RUNS + "where r.job = ?", RunStore::view, job);
  }

  static List<Run> newest(Transaction transaction) {
    return transaction.list(RUNS + "order by r.created_at desc limit " + LIST_MAX, RunStore::view);
  }

  static long version(Transaction transaction, String id) {
    return transaction.number("select version from run where id = ?", id);
  }

  private static Run view(Row row) {
    WorkState stored = WorkState.valueOf(row.text("state"));
    // The job tells that it runs; the run itself ends only after its model is kept.
    WorkState state =
        !stored.isTerminal() && !row.text("job_state").equals("QUEUED")
            ? WorkState.RUNNING
            : stored;
    Optional<String> step = row.optionalText("step");
    return new Run(
        row.text("id"),
        state,
        row.text("model"),
        row.text("snapshot"),
        row.integer("epochs"),
        row.bigint("seed"),
        row.instant("created_at"),
        row.optionalInstant("finished_at").orElse(null),
        step.map(
                name ->
                    new Progress(
                        name,
                        row.bigint("done"),
                        row.bigint("total"),
                        row.optionalText("message").orElse("")))
            .orElse(null),
        state == WorkState.SUCCEEDED ? row.bigint("version") : null,
        row.optionalText("metrics").map(RunStore::metrics).orElse(null),
        row.optionalText("incident").orElse(null),
        row.optionalText("error_code")
            .map(code -> new WorkError(code, row.optionalText("error_detail").orElse("")))
            .orElse(null));
  }

  /**
   * Reads metrics.json.
   *
   * @throws JsonParseException if it is not what a run writes
   */
  static RunMetrics metrics(String json) {
    RunMetrics metrics = GSON.fromJson(json, RunMetrics.class);
    if (metrics == null
        || metrics.rocAuc() == null
        || metrics.prAuc() == null
        || metrics.accuracy() == null
        || metrics.balancedAccuracy() == null
        || metrics.examples() == null
        || metrics.positives() == null) {
      throw new JsonParseException("metrics are incomplete");
    }
    return metrics;
  }
}
