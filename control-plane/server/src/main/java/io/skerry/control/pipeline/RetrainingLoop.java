package io.skerry.control.pipeline;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.DataFlow;
import io.skerry.api.Incident;
import io.skerry.api.RetrainingPolicy;
import io.skerry.api.RetrainingProposal;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.dataset.CohortFilter;
import io.skerry.control.drift.Incidents;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.ingest.DataFlows;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.incident.RetrainingTrigger;
import io.skerry.protocol.ErrorCode;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks at open incidents again and again, and starts or proposes the runs that they call for. */
@Singleton
public final class RetrainingLoop {
  private static final Logger log = LoggerFactory.getLogger(RetrainingLoop.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(15);
  private static final Duration QUALITY_SPAN = Duration.ofDays(1);
  private static final Duration FLOWS_EVERY = Duration.ofMinutes(5);
  // More than one record in so many that could not be read: then the source is in doubt.
  private static final long QUARANTINED_SHARE = 20;
  private static final Actor TRIGGER = new Actor("retraining-trigger", "");

  private final Database database;
  private final Incidents incidents;
  private final Retrainings retrainings;
  private final DataFlows flows;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();
  private List<DataFlow> ofCohorts = List.of();
  private Instant flowsAt = Instant.EPOCH;
  private @Nullable Loop loop;

  RetrainingLoop(
      Database database,
      Incidents incidents,
      Retrainings retrainings,
      DataFlows flows,
      AuditLog audit) {
    this.flows = flows;
    this.database = database;
    this.incidents = incidents;
    this.retrainings = retrainings;
    this.audit = audit;
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("retraining", LOOK_EVERY, this::look);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  /** Decides on every open incident. */
  void look() {
    incidents.forEachOpen(this::decide);
    retrainings.realise();
  }

  private void decide(Incident incident) {
    RetrainingTrigger.Verdict verdict =
        database.call(
            transaction -> {
              RetrainingTrigger.Verdict decided =
                  RetrainingTrigger.decide(
                      evidence(transaction, incident),
                      policy(transaction, incident.model()),
                      now());
              keep(transaction, incident, decided);
              return decided;
            });
    if (verdict.decision() == RetrainingTrigger.Decision.START) {
      begin(incident);
    }
  }

  private void begin(Incident incident) {
    try {
      retrainings.start(TRIGGER, incident.id());
    } catch (ProblemException e) {
      // What the trigger counts is not all that a run needs: the reason is shown, nobody is woken.
      database.run(
          transaction ->
              keep(
                  transaction,
                  incident,
                  new RetrainingTrigger.Verdict(
                      RetrainingTrigger.Decision.WAIT, String.valueOf(e.getMessage()))));
      log.atInfo()
          .addKeyValue("incident", incident.id())
          .addKeyValue("reason", e.getMessage())
          .log("run not started yet");
    }
  }

  private RetrainingTrigger.Evidence evidence(Transaction transaction, Incident incident) {
    Instant onset = incidents.onset(incident.id()).orElse(incident.openedAt());
    CohortFilter cohort = CohortFilter.of(incident.cohort());
    long labelled =
        transaction.number(
            """
            select count(distinct (f.device, f.prediction_id)) from telemetry_feedback f
            join device d on d.id = f.device
            where f.joined and f.model = ? and f.predicted_at >= ?
              and d.labels @> ?::jsonb and (?::text is null or d.profile = ?)
            """,
            incident.model(),
            onset,
            cohort.json(),
            cohort.profile(),
            cohort.profile());
    Optional<Instant> last =
        transaction
            .first(
                "select max(r.started_at) as at from retraining r join run on run.id = r.run"
                    + " where run.model = ?",
                row -> row.optionalInstant("at"),
                incident.model())
            .flatMap(at -> at);
    long inMonth =
        transaction.number(
            "select count(*) from retraining r join run on run.id = r.run"
                + " where run.model = ? and r.started_at > now() - interval '30 days'",
            incident.model());
    return new RetrainingTrigger.Evidence(
        incidents.isHarmful(incident.id()),
        incidents.confirmations(incident.id()),
        labelled,
        incidents.quality(incident).or(() -> quality(incident.cohort())),
        last,
        (int) inMonth,
        undoable(transaction, incident));
  }

  // A version that was not made here came without the data that it learned from.
  private static Optional<String> undoable(Transaction transaction, Incident incident) {
    return transaction.first(
        "select 1 from model_version where model = ? and version = ? and snapshot is null",
        row -> Retrainings.imported(incident.model(), incident.version()),
        incident.model(),
        incident.version());
  }

  // The fleet and all cohorts are read at once, from every record of a day: not for each incident,
  // nor each look.
  private synchronized List<DataFlow> flows() {
    Instant now = now();
    if (now.isAfter(flowsAt.plus(FLOWS_EVERY))) {
      ofCohorts = flows.fleetAndCohorts(QUALITY_SPAN);
      flowsAt = now;
    }
    return ofCohorts;
  }

  Optional<String> quality(String cohort) {
    return flows().stream()
        .filter(flow -> List.of(cohort.split(" & ", -1)).contains(flow.of()))
        .filter(flow -> flow.quarantined() * QUARANTINED_SHARE > flow.received())
        .map(
            flow ->
                "the quarantine, with %d records of %s in a day,"
                    .formatted(flow.quarantined(), cohort))
        .findFirst();
  }

  private static RetrainingTrigger.Policy policy(Transaction transaction, String model) {
    return transaction
        .first(
            "select * from retraining_policy where model = ?",
            row ->
                new RetrainingTrigger.Policy(
                    row.flag("automatic"),
                    Duration.ofHours(row.integer("cool_down_hours")),
                    row.integer("runs_a_month")),
            model)
        .orElse(RetrainingTrigger.Policy.USUAL);
  }

  private void keep(Transaction transaction, Incident incident, RetrainingTrigger.Verdict verdict) {
    transaction.update(
        """
        insert into retraining_proposal (incident, model, decision, reason, decided_at)
        values (?, ?, ?, ?, ?)
        on conflict (incident) do update set decision = excluded.decision,
          reason = excluded.reason, decided_at = excluded.decided_at
        """,
        incident.id(),
        incident.model(),
        verdict.decision().name(),
        verdict.reason(),
        now());
  }

  /** What was last decided on an incident. */
  public Optional<RetrainingProposal> proposal(String incident) {
    return database.call(
        transaction ->
            transaction.first(
                "select * from retraining_proposal where incident = ?",
                row ->
                    new RetrainingProposal(
                        row.text("incident"),
                        row.text("decision"),
                        row.text("reason"),
                        row.instant("decided_at")),
                incident));
  }

  /** The policy of a model. */
  RetrainingPolicy policy(String model) {
    RetrainingTrigger.Policy policy = database.call(transaction -> policy(transaction, model));
    return new RetrainingPolicy(
        policy.automatic(), (int) policy.coolDown().toHours(), policy.runsAMonth());
  }

  RetrainingPolicy change(Actor actor, String model, RetrainingPolicy policy) {
    if (policy.coolDownHours() < 0
        || policy.coolDownHours() > 8760
        || policy.runsAMonth() < 0
        || policy.runsAMonth() > 1000) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "coolDownHours must be 0 to 8760, runsAMonth 0 to 1000");
    }
    database.run(
        transaction -> {
          transaction.update(
              """
              insert into retraining_policy (model, automatic, cool_down_hours, runs_a_month,
                changed_by, changed_at) values (?, ?, ?, ?, ?, ?)
              on conflict (model) do update set automatic = excluded.automatic,
                cool_down_hours = excluded.cool_down_hours, runs_a_month = excluded.runs_a_month,
                changed_by = excluded.changed_by, changed_at = excluded.changed_at
              """,
              model,
              policy.automatic(),
              policy.coolDownHours(),
              policy.runsAMonth(),
              actor.name(),
              now());
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("retraining-policy.changed", "model/" + model, policy.toString()));
        });
    return policy(model);
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
