package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.OutcomeReceipt;
import io.skerry.api.ToldOutcome;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
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
import java.util.Optional;
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

  // Of a device that is no longer here nothing else is known.
  private static final TenantId OF_REMOVED = new TenantId("default");
  // An application's clock and a device's may be so far apart.
  private static final Duration APART_MAX = RecordReader.FUTURE_MAX;
  // What a device was away for; later samples join by their id only.
  private static final Duration NAMED_WITHIN = Duration.ofDays(7);
  private static final Duration NAMED_EVERY = Duration.ofMinutes(1);
  private static final int NAMED_AT_ONCE_MAX = 5000;

  private final Database database;
  private final TenantKeys keys;
  private final Quarantine quarantine;
  private final Clock clock = Clock.systemUTC();
  private Instant namedAt = Instant.EPOCH;
  private long named;
  private @Nullable Loop loop;

  Outcomes(Database database, TenantKeys keys, Quarantine quarantine) {
    this.database = database;
    this.keys = keys;
    this.quarantine = quarantine;
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
    check(transaction, outcomes, classes(transaction, outcomes), now);
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

  private void joinAll() {
    Instant now = clock.instant();
    if (!now.isBefore(namedAt.plus(NAMED_EVERY))) {
      namedAt = now;
      database.run(transaction -> name(transaction, now));
    }
    int joined;
    do {
      joined = database.<Integer>call(this::join);
    } while (joined == JOINED_AT_ONCE_MAX);
  }

  /**
   * Finds the predictions of outcomes that name a client only and came before them: of so many at a
   * time, one after the other, for most are of predictions that were never sampled.
   */
  public void name(Transaction transaction, Instant now) {
    List<Long> looked =
        transaction.list(
            """
            select sequence from telemetry_feedback
            where not joined and prediction_id = '' and subject <> '' and boot_epoch = 0
              and sequence > ? order by sequence limit ?
            """,
            row -> row.bigint("sequence"),
            named,
            NAMED_AT_ONCE_MAX);
    if (looked.isEmpty()) {
      named = 0;
      return;
    }
    transaction.update(
        """
        update telemetry_feedback f set prediction_id = found.prediction_id
        from (
          select u.sequence, u.device, u.subject, u.actual, u.outcome_at, p.prediction_id
          from telemetry_feedback u
          cross join lateral (
            select q.prediction_id from telemetry_prediction q
            where q.device = u.device and q.subject = u.subject and q.subject <> ''
              and q.at <= u.outcome_at + make_interval(secs => ?)
            order by abs(extract(epoch from q.at - u.outcome_at)) > ?, q.at > u.outcome_at,
              abs(extract(epoch from q.at - u.outcome_at)) limit 1) p
          where not u.joined and u.prediction_id = '' and u.subject <> '' and u.boot_epoch = 0
            and u.sequence > ? and u.sequence <= ? and u.received_at > ?) found
        where f.boot_epoch = 0 and f.device = found.device and f.sequence = found.sequence
          and not exists (select 1 from telemetry_feedback g
            where g.boot_epoch = 0 and g.device = found.device
              and g.prediction_id = found.prediction_id and g.subject = found.subject
              and g.outcome_at = found.outcome_at and g.actual = found.actual)
        """,
        APART_MAX.toSeconds(),
        APART_MAX.toSeconds(),
        named,
        looked.getLast(),
        now.minus(NAMED_WITHIN));
    named = looked.size() < NAMED_AT_ONCE_MAX ? 0 : looked.getLast();
  }

  /** Joins outcomes to predictions whose sample is here, and returns how many. */
  private int join(Transaction transaction) {
    setOthersAside(transaction);
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
            where not u.joined and u.prediction_id <> ''
              and (q.classes is null or floor(u.actual + .5) between 0 and q.classes - 1) limit ?)
          and p.device = f.device and p.prediction_id = f.prediction_id
        """,
        JOINED_AT_ONCE_MAX);
  }

  // They came before their prediction, so that nobody could refuse them.
  private void setOthersAside(Transaction transaction) {
    transaction
        .list(
            """
            delete from telemetry_feedback f
            using telemetry_prediction p left join device d on d.id = p.device
            where (f.device, f.boot_epoch, f.sequence) in (
                select u.device, u.boot_epoch, u.sequence from telemetry_feedback u
                join telemetry_prediction q
                  on q.device = u.device and q.prediction_id = u.prediction_id
                where not u.joined and u.prediction_id <> ''
                  and not floor(u.actual + .5) between 0 and 1
                  and not floor(u.actual + .5) between 0 and q.classes - 1 limit ?)
              and p.device = f.device and p.prediction_id = f.prediction_id
            returning coalesce(d.tenant, ?) as tenant, f.device, f.boot_epoch, f.sequence, f.prediction_id, f.actual,
              p.model, p.version, p.classes
            """,
            Other::of,
            JOINED_AT_ONCE_MAX,
            OF_REMOVED.value())
        .forEach(
            other ->
                quarantine.put(
                    transaction,
                    new Topics.DeviceTopic(other.tenant(), other.device(), "feedback"),
                    other.epoch(),
                    other.sequence(),
                    other.reason(),
                    ByteString.copyFromUtf8(other.prediction())));
  }

  /** An outcome of no class. */
  private record Other(
      TenantId tenant,
      DeviceId device,
      long epoch,
      long sequence,
      String prediction,
      String reason) {
    static Other of(Row row) {
      return new Other(
          new TenantId(row.text("tenant")),
          new DeviceId(row.text("device")),
          row.bigint("boot_epoch"),
          row.bigint("sequence"),
          row.text("prediction_id"),
          "outcome's "
              + otherThan(
                      row.integer("classes"),
                      row.number("actual"),
                      row.text("model") + "@" + row.bigint("version"))
                  .orElse("actual is of another class"));
    }
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text;
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, what);
  }
}
