package io.skerry.control.pipeline;

import io.skerry.api.Retraining;
import io.skerry.control.sql.Transaction;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The table of retrainings. */
final class RetrainingStore {
  private static final int LIST_MAX = 50;

  private RetrainingStore() {}

  static void insert(Transaction transaction, Retraining retraining) {
    transaction.update(
        "insert into retraining (incident, run, hypothesis, collected, cohort_train, cohort_test,"
            + " started_at) values (?, ?, ?, ?, ?, ?, ?)",
        retraining.incident(),
        retraining.run(),
        retraining.hypothesis(),
        retraining.collected(),
        retraining.cohortTrain(),
        retraining.cohortTest(),
        retraining.startedAt());
  }

  static void ended(Transaction transaction, String run, String outcome, Instant now) {
    transaction.update(
        "update retraining set outcome = ?, finished_at = ? where run = ?", outcome, now, run);
  }

  /** A run that made a version, and the incident that it was for. */
  record Run(String incident, String run, long version) {}

  /** Those whose version may have outcomes that were not counted yet: in an hour, of a season. */
  static List<Run> toRealise(Transaction transaction, Instant now) {
    return transaction.list(
        """
        select r.incident, r.run, run.version from retraining r join run on run.id = r.run
        where run.state = 'SUCCEEDED' and run.finished_at > ?::timestamptz - interval '90 days'
          and (r.realised_at is null or r.realised_at < ?::timestamptz - interval '1 hour')
        order by r.started_at limit %d
        """
            .formatted(LIST_MAX),
        row -> new Run(row.text("incident"), row.text("run"), row.bigint("version")),
        now,
        now);
  }

  // What was counted stays when its outcomes are gone.
  static void realised(
      Transaction transaction, String run, @Nullable String realised, Instant now) {
    transaction.update(
        "update retraining set realised = coalesce(?, realised), realised_at = ? where run = ?",
        realised,
        now,
        run);
  }

  static List<Retraining> of(Transaction transaction, String incident) {
    return transaction.list(
        "select * from retraining where incident = ? order by started_at desc limit " + LIST_MAX,
        row ->
            new Retraining(
                row.text("incident"),
                row.text("run"),
                row.text("hypothesis"),
                row.integer("collected"),
                row.integer("cohort_train"),
                row.integer("cohort_test"),
                row.optionalText("outcome").orElse(null),
                row.optionalText("realised").orElse(null),
                row.instant("started_at"),
                row.optionalInstant("finished_at").orElse(null)),
        incident);
  }
}
