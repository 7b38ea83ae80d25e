package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.OutcomeReceipt;
import io.skerry.api.ToldOutcome;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Actual outcomes that no device told, and the joining of all that came before their prediction or
 * long after it.
 */
@Singleton
public final class Outcomes {
  /** Outcomes of one call. */
  public static final int AT_ONCE_MAX = 100_000;

  private static final int WRONG_SHOWN_MAX = 20;
  private static final Duration JOIN_EVERY = Duration.ofSeconds(5);
  private static final int JOINED_AT_ONCE_MAX = 5000;

  private final Database database;
  private final TenantKeys keys;
  private final Clock clock = Clock.systemUTC();
  private @Nullable Loop loop;

  Outcomes(Database database, TenantKeys keys) {
    this.database = database;
    this.keys = keys;
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

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("join", JOIN_EVERY, this::joinAll);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
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
    check(transaction, outcomes, now);
    Map<String, String> tenants = tenants(transaction, outcomes);
    int stored = 0;
    for (ToldOutcome outcome : outcomes) {
      stored += insert(transaction, outcome, source, tenants, now);
    }
    transaction.update(
        "update telemetry_counter set value = value + ? where name = ?", (long) stored, "feedback");
    int joined = join(transaction);
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
      prediction = ofSubject(transaction, outcome.device(), subject);
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

  private static String ofSubject(Transaction transaction, String device, String subject) {
    return transaction
        .first(
            """
            select prediction_id from telemetry_prediction where device = ? and subject = ?
            order by at desc limit 1
            """,
            row -> row.text("prediction_id"),
            device,
            subject)
        .orElse("");
  }

  private static void check(Transaction transaction, List<ToldOutcome> outcomes, Instant now) {
    TreeSet<String> unknown = new TreeSet<>();
    outcomes.forEach(one -> unknown.add(one.device()));
    transaction
        .list(
            "select id from device where id = any(?)", row -> row.text("id"), List.copyOf(unknown))
        .forEach(unknown::remove);
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < outcomes.size() && wrong.size() < WRONG_SHOWN_MAX; i++) {
      String what = wrong(outcomes.get(i), unknown, now);
      if (what != null) {
        wrong.add("outcome %d: %s".formatted(i + 1, what));
      }
    }
    if (!wrong.isEmpty()) {
      throw invalid("nothing was stored; " + String.join("; ", wrong));
    }
  }

  private static @Nullable String wrong(ToldOutcome outcome, Set<String> unknown, Instant now) {
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

  private void joinAll() {
    int joined;
    do {
      joined = database.<Integer>call(Outcomes::join);
    } while (joined == JOINED_AT_ONCE_MAX);
  }

  /** Joins outcomes to predictions whose sample is here, and returns how many. */
  static int join(Transaction transaction) {
    return transaction.update(
        """
        update telemetry_feedback f
        set joined = true, joined_at = clock_timestamp(), slot = p.slot, model = p.model, version = p.version, score = p.score,
          predicted_class = p.predicted_class, confidence = p.confidence, predicted_at = p.at, inclusion_probability = p.inclusion_probability
        from telemetry_prediction p
        where (f.device, f.boot_epoch, f.sequence) in (
            select u.device, u.boot_epoch, u.sequence from telemetry_feedback u
            join telemetry_prediction q
              on q.device = u.device and q.prediction_id = u.prediction_id
            where not u.joined and u.prediction_id <> '' limit ?)
          and p.device = f.device and p.prediction_id = f.prediction_id
        """,
        JOINED_AT_ONCE_MAX);
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text;
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, what);
  }
}
