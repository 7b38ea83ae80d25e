package io.skerry.control.ingest;

import io.skerry.api.DataRetention;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How long what the devices of one model sent is kept, where that is not as long as of others. */
@Singleton
public final class ModelRetention {
  /** Counters, and what was judged from them. */
  public static final String WINDOWS = "windows";

  /** Sampled inputs, and what was made of them. */
  public static final String SAMPLES = "samples";

  /** Outcomes. */
  public static final String FEEDBACK = "feedback";

  private static final int DAYS_MAX = 7300;
  private static final int NAMED_MAX = 3;

  private final Database database;
  private final AuditLog audit;
  private final Duration windowsWait;

  ModelRetention(Database database, AuditLog audit, IngestConfig config) {
    this.database = database;
    this.audit = audit;
    this.windowsWait = config.windowsWait();
  }

  /** How long each model that has a time of its own keeps something. */
  public static Map<String, Duration> of(Transaction transaction, String what) {
    Map<String, Duration> kept = new TreeMap<>();
    transaction.forEach(
        "select model, kept_days from model_retention where what = ?",
        row -> kept.put(row.text("model"), Duration.ofDays(row.integer("kept_days"))),
        what);
    return kept;
  }

  /**
   * How long the data of a model is kept.
   *
   * @throws ProblemException if there is no such model
   */
  DataRetention of(String model) {
    return database.call(
        transaction -> {
          checkKnown(transaction, model);
          return kept(transaction, model);
        });
  }

  private static DataRetention kept(Transaction transaction, String model) {
    return new DataRetention(
        days(transaction, model, WINDOWS),
        days(transaction, model, SAMPLES),
        days(transaction, model, FEEDBACK));
  }

  // Registered, or of any device; or told before to keep something, which can be taken back.
  private static void checkKnown(Transaction transaction, String model) {
    long known =
        transaction.number(
            """
            select (exists (select 1 from model_version where model = ?)
              or exists (select 1 from telemetry_track where model = ?)
              or exists (select 1 from model_retention where model = ?))::int
            """,
            model,
            model,
            model);
    if (known == 0) {
      throw new ProblemException(
          ErrorCode.NOT_FOUND,
          "model '%.200s' is not registered, and no device has told of it".formatted(model));
    }
  }

  private static @Nullable Integer days(Transaction transaction, String model, String what) {
    Duration kept = of(transaction, what).get(model);
    return kept == null ? null : (Integer) Math.toIntExact(kept.toDays());
  }

  /**
   * Changes how long the data of a model is kept.
   *
   * @throws ProblemException if there is no such model, or a time is outside its range
   */
  DataRetention change(Actor actor, String model, DataRetention wanted) {
    check("windowsDays", wanted.windowsDays());
    checkOutlasts(wanted.windowsDays());
    check("samplesDays", wanted.samplesDays());
    check("outcomesDays", wanted.outcomesDays());
    return database.call(
        transaction -> {
          checkKnown(transaction, model);
          keep(transaction, actor, model, WINDOWS, wanted.windowsDays());
          keep(transaction, actor, model, SAMPLES, wanted.samplesDays());
          keep(transaction, actor, model, FEEDBACK, wanted.outcomesDays());
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("retention.changed", "model/" + model, wanted.toString()));
          return kept(transaction, model);
        });
  }

  private static void keep(
      Transaction transaction, Actor actor, String model, String what, @Nullable Integer days) {
    if (days == null) {
      transaction.update("delete from model_retention where model = ? and what = ?", model, what);
      return;
    }
    transaction.update(
        """
        insert into model_retention (model, what, kept_days, changed_by, changed_at)
        values (?, ?, ?, ?, now())
        on conflict (model, what) do update set kept_days = excluded.kept_days,
          changed_by = excluded.changed_by, changed_at = excluded.changed_at
        """,
        model,
        what,
        days,
        actor.name());
  }

  /**
   * Checks what was set while windows waited for less long.
   *
   * @throws StartException if a model keeps its windows for no longer than they wait now
   */
  public void checkOutlasting() {
    List<String> shorter =
        database.call(
            transaction ->
                of(transaction, WINDOWS).entrySet().stream()
                    .filter(kept -> kept.getValue().compareTo(windowsWait) <= 0)
                    .map(
                        kept -> "%s for %d days".formatted(kept.getKey(), kept.getValue().toDays()))
                    .toList());
    if (!shorter.isEmpty()) {
      throw new StartException(
          ("ingest.windows-wait is %d h, but windows are kept of model %s%s, and are gone before"
                  + " they are judged: let them wait for less, start, keep windowsDays longer by PUT"
                  + " /v1/models/MODEL/retention, and raise windows-wait then")
              .formatted(
                  windowsWait.toHours(),
                  shorter.stream().limit(NAMED_MAX).collect(Collectors.joining(", of ")),
                  shorter.size() > NAMED_MAX
                      ? " and of %d more".formatted(shorter.size() - NAMED_MAX)
                      : ""));
    }
  }

  private void checkOutlasts(@Nullable Integer windowsDays) {
    if (windowsDays != null && Duration.ofDays(windowsDays).compareTo(windowsWait) <= 0) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "windowsDays is %d: must be longer than ingest.windows-wait, which is %d h, or windows are gone before they are judged"
              .formatted(windowsDays, windowsWait.toHours()));
    }
  }

  private static void check(String name, @Nullable Integer days) {
    if (days != null && (days < 1 || days > DAYS_MAX)) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "%s is %d: must be 1 to %d, or absent for as long as of all models"
              .formatted(name, days, DAYS_MAX));
    }
  }
}
