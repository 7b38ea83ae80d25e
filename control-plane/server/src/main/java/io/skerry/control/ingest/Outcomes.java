package io.skerry.control.ingest;

import io.skerry.api.OutcomeReceipt;
import io.skerry.api.ToldOutcome;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Actual outcomes that no device told. */
@Singleton
public final class Outcomes {
  /** Outcomes of one call. */
  public static final int AT_ONCE_MAX = 100_000;

  private static final int WRONG_SHOWN_MAX = 20;
  private static final Duration APART_MAX = OutcomeJoins.APART_MAX;

  private final Database database;
  private final TenantKeys keys;
  private final OutcomeJoins joins;
  private final Clock clock = Clock.systemUTC();

  Outcomes(Database database, TenantKeys keys, OutcomeJoins joins) {
    this.database = database;
    this.keys = keys;
    this.joins = joins;
  }

  /** Who told. Names are values of the database. */
  public enum Source {
    API,
    CSV,
    LABEL;

    private String stored() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /**
   * Stores outcomes, all of them or none. One that was told before in the same words is counted
   * once.
   *
   * @throws ProblemException with what is wrong with which, the first few of them
   */
  public OutcomeReceipt tell(List<ToldOutcome> outcomes, Source source) {
    if (outcomes.size() > AT_ONCE_MAX) {
      throw invalid(
          "%d outcomes are more than %d: tell them in several calls"
              .formatted(outcomes.size(), AT_ONCE_MAX));
    }
    return database.call(transaction -> tell(transaction, outcomes, source));
  }

  /** The same in somebody's transaction. */
  public OutcomeReceipt tell(Transaction transaction, List<ToldOutcome> outcomes, Source source) {
    ErasureOrders.hold(transaction);
    Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
    check(transaction, outcomes, classes(transaction, outcomes), now);
    Map<String, String> tenants = tenants(transaction, outcomes);
    int stored = 0;
    for (ToldOutcome outcome : outcomes) {
      stored += insert(transaction, outcome, source, tenants, now);
    }
    transaction.update(
        "update telemetry_counter set value = value + ? where name = ?", (long) stored, "feedback");
    int joined = joins.join(transaction);
    return new OutcomeReceipt(outcomes.size(), stored, outcomes.size() - stored, joined);
  }

  private String subject(TenantId tenant, String client) {
    keys.fault(tenant)
        .ifPresent(
            fault -> {
              throw new ProblemException(
                  ErrorCode.UNAVAILABLE,
                  "outcomes with a client_id wait for the key of tenant '%s': %s"
                      .formatted(tenant, fault));
            });
    return keys.pseudonym(tenant, client);
  }

  private int insert(
      Transaction transaction,
      ToldOutcome outcome,
      Source source,
      Map<String, String> tenants,
      Instant now) {
    String tenant = tenants.getOrDefault(outcome.device(), "");
    String client = text(outcome.clientId());
    String subject = client.isEmpty() ? "" : subject(new TenantId(tenant), client);
    Instant at = outcome.outcomeAt() == null ? now : outcome.outcomeAt();
    String prediction = text(outcome.predictionId());
    if (prediction.isEmpty()) {
      prediction = ofSubject(transaction, outcome.device(), subject, at);
    }
    return transaction.update(
        """
        insert into telemetry_feedback (device, boot_epoch, sequence, prediction_id, subject, slot,
          model, version, actual, joined, outcome_at, received_at, source)
        values (?, 0, nextval('told_outcome'), ?, ?, '', '', 0, ?, false, ?, ?, ?)
        on conflict do nothing
        """,
        outcome.device(),
        prediction,
        subject,
        outcome.actual(),
        at,
        now,
        source.stored());
  }

  // An id may name several predictions, a customer's for instance: the last one before the outcome,
  // but one just after it, by the clocks, before one of long ago.
  private static String ofSubject(
      Transaction transaction, String device, String subject, Instant outcomeAt) {
    return transaction
        .first(
            """
            select prediction_id from telemetry_prediction
            where device = ? and subject = ? and at <= ?
              and subject <> ''
            order by abs(extract(epoch from at - ?)) > ?, at > ?, abs(extract(epoch from at - ?))
            limit 1
            """,
            row -> row.text("prediction_id"),
            device,
            subject,
            outcomeAt.plus(APART_MAX),
            outcomeAt,
            APART_MAX.toSeconds(),
            outcomeAt,
            outcomeAt)
        .orElse("");
  }

  /** How many classes the predictions of outcomes tell apart, as far as they are here. */
  private static Map<String, Integer> classes(Transaction transaction, List<ToldOutcome> outcomes) {
    Map<String, Integer> classes = new HashMap<>();
    transaction.forEach(
        """
        select p.device, p.prediction_id, p.classes from telemetry_prediction p
        join unnest(?::text[], ?::text[]) as told (device, prediction_id)
          on told.device = p.device and told.prediction_id = p.prediction_id
        where p.classes is not null
        """,
        row ->
            classes.put(key(row.text("device"), row.text("prediction_id")), row.integer("classes")),
        outcomes.stream().map(ToldOutcome::device).toList(),
        outcomes.stream().map(outcome -> text(outcome.predictionId())).toList());
    return classes;
  }

  private static String key(String device, String prediction) {
    return device + "/" + prediction;
  }

  /**
   * Why an outcome is none of the classes that a version tells apart: one that nobody predicts
   * would count as another.
   *
   * @return empty if the nearest whole number is one of them
   */
  static Optional<String> otherThan(int classes, double actual, String version) {
    long nearest = Math.round(actual);
    return nearest >= 0 && nearest < classes
        ? Optional.empty()
        : Optional.of(
            "actual %s is none of the %d classes of %s, 0 to %d"
                .formatted(actual, classes, version, classes - 1));
  }

  private static void check(
      Transaction transaction,
      List<ToldOutcome> outcomes,
      Map<String, Integer> classes,
      Instant now) {
    TreeSet<String> unknown = new TreeSet<>();
    outcomes.forEach(one -> unknown.add(one.device()));
    transaction
        .list(
            "select id from device where id = any(?)", row -> row.text("id"), List.copyOf(unknown))
        .forEach(unknown::remove);
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < outcomes.size() && wrong.size() < WRONG_SHOWN_MAX; i++) {
      String what = wrong(outcomes.get(i), unknown, classes, now);
      if (what != null) {
        wrong.add("outcome %d: %s".formatted(i + 1, what));
      }
    }
    if (!wrong.isEmpty()) {
      throw invalid("nothing was stored; " + String.join("; ", wrong));
    }
  }

  private static @Nullable String wrong(
      ToldOutcome outcome, Set<String> unknown, Map<String, Integer> classes, Instant now) {
    String prediction = text(outcome.predictionId());
    String client = text(outcome.clientId());
    if (unknown.contains(outcome.device())) {
      return "no device '%s'".formatted(outcome.device());
    }
    if (prediction.isEmpty() && client.isEmpty()) {
      return "names neither a prediction id nor a client id";
    }
    if (!RecordReader.fitsAnIndex(prediction) || !RecordReader.fitsAnIndex(client)) {
      return "an id is longer than %d bytes".formatted(RecordReader.ID_BYTES_MAX);
    }
    if (!Double.isFinite(outcome.actual())) {
      return "actual is no number";
    }
    Integer of = classes.get(key(outcome.device(), prediction));
    if (of != null) {
      Optional<String> other = otherThan(of, outcome.actual(), "prediction '" + prediction + "'");
      if (other.isPresent()) {
        return other.get();
      }
    }
    Instant at = outcome.outcomeAt();
    return at != null && at.isAfter(now.plus(RecordReader.FUTURE_MAX))
        ? "outcome at %s lies in the future".formatted(at)
        : null;
  }

  private static Map<String, String> tenants(Transaction transaction, List<ToldOutcome> outcomes) {
    Map<String, String> tenants = new HashMap<>();
    transaction.forEach(
        "select id, tenant from device where id = any(?)",
        row -> tenants.put(row.text("id"), row.text("tenant")),
        outcomes.stream().map(ToldOutcome::device).distinct().toList());
    return tenants;
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text;
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, what);
  }
}
