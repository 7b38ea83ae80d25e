package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Joins outcomes to their predictions, whichever came first and however late. */
@Singleton
final class OutcomeJoins {
  /** An application's clock and a device's may be so far apart. */
  static final Duration APART_MAX = RecordReader.FUTURE_MAX;

  private static final Duration JOIN_EVERY = Duration.ofSeconds(5);
  private static final int JOINED_AT_ONCE_MAX = 5000;
  // What a device was away for; later samples join by their id only.
  private static final Duration NAMED_WITHIN = Duration.ofDays(7);
  private static final Duration NAMED_EVERY = Duration.ofMinutes(1);
  private static final int NAMED_AT_ONCE_MAX = 5000;
  // Of a device that is no longer here nothing else is known.
  private static final TenantId OF_REMOVED = new TenantId("default");

  private final Database database;
  private final Quarantine quarantine;
  private final Clock clock = Clock.systemUTC();
  private Instant namedAt = Instant.EPOCH;
  private long named;
  private @Nullable Loop loop;

  OutcomeJoins(Database database, Quarantine quarantine) {
    this.database = database;
    this.quarantine = quarantine;
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
  void name(Transaction transaction, Instant now) {
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
  int join(Transaction transaction) {
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
              + Outcomes.otherThan(
                      row.integer("classes"),
                      row.number("actual"),
                      row.text("model") + "@" + row.bigint("version"))
                  .orElse("actual is of another class"));
    }
  }
}
