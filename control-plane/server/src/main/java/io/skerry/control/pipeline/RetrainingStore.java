package io.skerry.control.pipeline;

import io.skerry.api.Retraining;
import io.skerry.control.sql.Transaction;
import java.time.Instant;
import java.util.List;

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
                row.instant("started_at"),
                row.optionalInstant("finished_at").orElse(null)),
        incident);
  }
}
