package io.skerry.control.dataset;

import io.skerry.api.LabelDecision;
import io.skerry.api.LabelInput;
import io.skerry.api.LabelTask;
import io.skerry.api.ToldOutcome;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.ingest.ErasureOrders;
import io.skerry.control.ingest.Outcomes;
import io.skerry.control.ingest.SampleStore;
import io.skerry.control.ingest.StoredSample;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import jakarta.inject.Singleton;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The queue of predictions that people judge. What they say becomes an outcome like any other, so
 * it counts for accuracy and is learned from.
 */
@Singleton
public final class Labelling {
  /** Predictions that are asked for at once. */
  public static final int AT_ONCE_MAX = 1000;

  /** Open tasks: more than anybody labels; further ones are not queued. */
  public static final int OPEN_MAX = 10_000;

  // Of older ones nothing is said to have been predicted.
  private static final int VERSIONS_MAX = 1000;

  private static final int VALUES_MAX = 300_000;
  private static final String PREFIX = "label-";

  private final Database database;
  private final SampleStore samples;
  private final Outcomes outcomes;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();

  Labelling(Database database, SampleStore samples, Outcomes outcomes, AuditLog audit) {
    this.database = database;
    this.samples = samples;
    this.outcomes = outcomes;
    this.audit = audit;
  }

  /**
   * Which predictions to queue.
   *
   * @param cohort {@code attribute=value}, empty for all devices
   * @param reading how the score of each version is read
   */
  public record Wanted(
      String model, String cohort, Instant since, int count, String reason, Reading reading) {}

  /** How scores are read. */
  public interface Reading {
    /** From which score a version's prediction says 1; empty where it is no yes or no at all. */
    OptionalDouble threshold(long version);
  }

  /**
   * Queues sampled predictions without an outcome: anomalous and unsure ones first, then those that
   * were drawn at random, newest first. What is queued already is not queued again.
   *
   * @return how many were queued
   */
  public int queue(Wanted wanted) {
    return queue(wanted, false).orElse(0);
  }

  /**
   * The same, until as many as are wanted were ever queued for the reason: what came since the last
   * time is queued then. Those that were drawn at random are no more than half: most come at once,
   * and would leave no room for the anomalous and unsure ones that come later.
   *
   * @return how many were queued; empty where there is no room, and nothing was looked for
   */
  public OptionalInt fill(Wanted wanted) {
    return queue(wanted, true);
  }

  private OptionalInt queue(Wanted wanted, boolean fills) {
    // Read first: most are full, and what they are full of need not be looked for again.
    if (database.<Long>call(transaction -> room(transaction, wanted, fills)) <= 0) {
      return OptionalInt.empty();
    }
    CohortFilter cohort = CohortFilter.of(wanted.cohort());
    Map<Long, Double> thresholds = new TreeMap<>();
    for (long version : versions(wanted)) {
      wanted.reading().threshold(version).ifPresent(from -> thresholds.put(version, from));
    }
    return database.call(
        transaction -> {
          if (fills) {
            lock(transaction, wanted);
          }
          long room = room(transaction, wanted, fills);
          if (room <= 0) {
            return OptionalInt.empty();
          }
          long atRandom = fills ? wanted.count() / 2 - queuedAtRandom(transaction, wanted) : room;
          int queued =
              transaction.update(
                  """
                  with reading as (select * from unnest(?::bigint[], ?::double precision[])
                    as readings (version, threshold)),
                  found as (select p.device, p.prediction_id, p.model, p.version, p.at, p.score,
                    coalesce(p.predicted_class,
                      case when p.score >= r.threshold then 1 when p.score < r.threshold then 0
                      end) as predicted, p.stratum = 'base' as at_random,
                    row_number() over (partition by p.stratum = 'base' order by p.at desc) as turn
                  from telemetry_prediction p join device d on d.id = p.device
                  left join reading r on r.version = p.version
                  where p.model = ? and p.at >= ? and d.labels @> ?::jsonb
                    and (?::text is null or d.profile = ?)
                    and not exists (select 1 from telemetry_feedback f
                      where f.device = p.device and f.prediction_id = p.prediction_id)
                    and not exists (select 1 from label_task t
                      where t.device = p.device and t.prediction_id = p.prediction_id))
                  insert into label_task (device, prediction_id, model, version, at, score,
                    predicted, reason, state, queued_at)
                  select device, prediction_id, model, version, at, score, predicted, ?, 'OPEN', ?
                  from found where not at_random or turn <= ?
                  order by at_random, turn limit ?
                  on conflict do nothing
                  """,
                  thresholds.keySet(),
                  thresholds.values().stream().map(String::valueOf).toList(),
                  wanted.model(),
                  wanted.since(),
                  cohort.json(),
                  cohort.profile(),
                  cohort.profile(),
                  wanted.reason(),
                  now(),
                  atRandom,
                  room);
          return OptionalInt.of(queued);
        });
  }

  /**
   * Removes open tasks that nobody needs any more: their incident was resolved, or there is nothing
   * left to show of the prediction. Else what nobody labelled would leave no room for what came
   * after it.
   *
   * @return how many there were
   */
  public int removeStale() {
    return database.call(
        transaction ->
            transaction.update(
                """
                delete from label_task t where t.state = 'OPEN' and (
                  exists (select 1 from incident i
                    where t.reason = 'incident-' || i.number and i.state = 'RESOLVED')
                  or not exists (select 1 from telemetry_prediction p
                    where p.device = t.device and p.prediction_id = t.prediction_id))
                """));
  }

  private static long room(Transaction transaction, Wanted wanted, boolean fills) {
    long open = transaction.number("select count(*) from label_task where state = 'OPEN'");
    long count = wanted.count() - (fills ? queued(transaction, wanted) : 0);
    return Math.min(Math.min(count, AT_ONCE_MAX), OPEN_MAX - open);
  }

  private static long queued(Transaction transaction, Wanted wanted) {
    return transaction.number("select count(*) from label_task where reason = ?", wanted.reason());
  }

  private static long queuedAtRandom(Transaction transaction, Wanted wanted) {
    return transaction.number(
        """
        select count(*) from label_task t
        join telemetry_prediction p on p.device = t.device and p.prediction_id = t.prediction_id
        where t.reason = ? and p.stratum = 'base'
        """,
        wanted.reason());
  }

  // Two that fill at once would each leave no room to the other.
  private static void lock(Transaction transaction, Wanted wanted) {
    transaction.list(
        "select pg_advisory_xact_lock(hashtextextended(?, 11))", row -> true, wanted.reason());
  }

  private List<Long> versions(Wanted wanted) {
    return database.call(
        transaction ->
            transaction.list(
                """
                select distinct version from telemetry_prediction where model = ? and at >= ?
                order by version desc limit ?
                """,
                row -> row.bigint("version"),
                wanted.model(),
                wanted.since(),
                VERSIONS_MAX));
  }

  /** Tasks of a state in the order of their queueing, after an id. */
  public List<LabelTask> list(String state, String after, int limit) {
    long from = after.isEmpty() ? 0 : number(after);
    return database.call(
        transaction ->
            transaction.list(
                "select * from label_task where state = ? and id > ? order by id limit ?",
                Labelling::task,
                state.toUpperCase(Locale.ROOT),
                from,
                limit));
  }

  /** How many are open. */
  public long open() {
    return database.<Long>call(
        transaction -> transaction.number("select count(*) from label_task where state = 'OPEN'"));
  }

  /** One task. */
  public LabelTask get(String id) {
    return database.call(transaction -> find(transaction, id));
  }

  /** What the prediction was made of; empty when the sample is no longer kept. */
  public Optional<LabelInput> input(String id) {
    LabelTask task = get(id);
    return samples
        .find(new DeviceId(task.device()), task.predictionId(), task.at())
        .map(Labelling::input);
  }

  /**
   * Takes a decision on an open task.
   *
   * @throws ProblemException if somebody decided otherwise before, or a label is missing
   */
  public LabelTask decide(Actor actor, String id, LabelDecision decision) {
    return database.call(
        transaction -> {
          // Before any row: an erasure that is told of later waits, and takes the outcome too.
          ErasureOrders.hold(transaction);
          LabelTask task = find(transaction, id);
          String state = state(decision.decision());
          Double label = label(task, state, decision.label());
          int changed =
              transaction.update(
                  """
                  update label_task set state = ?, label = ?, decided_by = ?, decided_at = ?
                  where id = ? and state = 'OPEN'
                  """,
                  state,
                  label,
                  actor.name(),
                  now(),
                  number(id));
          if (changed == 0) {
            LabelTask decided = find(transaction, id);
            throw new ProblemException(
                ErrorCode.STATE_CONFLICT,
                "%s was %s by %s already"
                    .formatted(id, decided.state().toLowerCase(Locale.ROOT), decided.decidedBy()));
          }
          if (label != null) {
            outcomes.tell(
                transaction,
                List.of(
                    new ToldOutcome(task.device(), task.predictionId(), null, label, task.at())),
                Outcomes.Source.LABEL);
          }
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("label." + state.toLowerCase(Locale.ROOT), "label/" + id, ""));
          return find(transaction, id);
        });
  }

  private static String state(String decision) {
    return switch (decision.toLowerCase(Locale.ROOT)) {
      case "accept" -> "ACCEPTED";
      case "correct" -> "CORRECTED";
      case "reject" -> "REJECTED";
      default ->
          throw invalid("decision '%s': must be accept, correct or reject".formatted(decision));
    };
  }

  private static @Nullable Double label(LabelTask task, String state, @Nullable Double given) {
    return switch (state) {
      case "ACCEPTED" -> {
        if (task.predicted() == null) {
          throw invalid("nothing was predicted that could be accepted: correct it instead");
        }
        yield task.predicted();
      }
      case "CORRECTED" -> {
        if (given == null || !Double.isFinite(given)) {
          throw invalid("say what it was: label is missing");
        }
        yield given;
      }
      default -> null;
    };
  }

  private static LabelTask find(Transaction transaction, String id) {
    return transaction
        .first("select * from label_task where id = ?", Labelling::task, number(id))
        .orElseThrow(() -> unknown(id));
  }

  private static LabelTask task(Row row) {
    return new LabelTask(
        PREFIX + row.bigint("id"),
        row.text("device"),
        row.text("prediction_id"),
        row.text("model"),
        row.bigint("version"),
        row.instant("at"),
        row.optionalNumber("score").orElse(null),
        row.optionalNumber("predicted").orElse(null),
        row.text("reason"),
        row.text("state"),
        row.optionalNumber("label").orElse(null),
        row.optionalText("decided_by").orElse(null),
        row.optionalInstant("decided_at").orElse(null));
  }

  private static LabelInput input(StoredSample sample) {
    ByteBuffer data = sample.input().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    List<Double> values = new ArrayList<>();
    while (data.hasRemaining() && values.size() < VALUES_MAX) {
      switch (sample.inputType()) {
        case "FP32" -> {
          if (data.remaining() < Float.BYTES) {
            data.position(data.limit());
          } else {
            values.add((double) data.getFloat());
          }
        }
        case "UINT8" -> values.add((double) (data.get() & 0xff));
        case "INT8" -> values.add((double) data.get());
        default -> data.position(data.limit());
      }
    }
    return new LabelInput(sample.inputName(), sample.inputType(), sample.inputShape(), values);
  }

  private static long number(String id) {
    try {
      if (id.startsWith(PREFIX)) {
        return Long.parseLong(id.substring(PREFIX.length()));
      }
    } catch (NumberFormatException e) {
      throw new ProblemException(ErrorCode.NOT_FOUND, "no label task '%s'".formatted(id), e);
    }
    throw unknown(id);
  }

  private static ProblemException unknown(String id) {
    return new ProblemException(ErrorCode.NOT_FOUND, "no label task '%s'".formatted(id));
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, what);
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
