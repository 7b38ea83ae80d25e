package io.skerry.control.rollout;

import com.google.gson.Gson;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Rollout;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.ServerReady;
import io.skerry.control.rollout.RolloutStore.Stored;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.FeedbackLimits;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.ShareLimit;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageCensus;
import io.skerry.fleet.rollout.StageProgress;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.RolloutId;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves every active rollout on: counts, judges, steps, orders.
 *
 * <p>One transaction a step holds the rollout's row: the state, the devices' states and their
 * desired documents are committed together or not at all, and replicas never work on the same
 * rollout.
 */
@Singleton
final class RolloutEngine {
  private static final Logger log = LoggerFactory.getLogger(RolloutEngine.class);
  private static final long PERIOD_MILLIS = 500;
  private static final Gson GSON = new Gson();
  private static final GateSettings GATES = GateSettings.DEFAULTS;

  private final Database database;
  private final Deployments deployments;
  private final EvidenceReader evidence;
  private final AuditLog audit;
  private final ApplicationEventPublisher<RolloutEnded> ended;
  private final Clock clock = Clock.systemUTC();
  private volatile @Nullable Thread loop;

  RolloutEngine(
      Database database,
      Deployments deployments,
      EvidenceReader evidence,
      AuditLog audit,
      ApplicationEventPublisher<RolloutEnded> ended) {
    this.database = database;
    this.deployments = deployments;
    this.evidence = evidence;
    this.audit = audit;
    this.ended = ended;
  }

  @EventListener
  void onReady(ServerReady ready) {
    Thread started = Thread.ofPlatform().name("rollouts").daemon().unstarted(this::run);
    loop = started;
    started.start();
  }

  @PreDestroy
  void close() {
    Thread running = loop;
    loop = null;
    if (running != null) {
      running.interrupt();
    }
  }

  private void run() {
    try {
      while (loop == Thread.currentThread()) {
        Thread.sleep(PERIOD_MILLIS);
        tick();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void tick() {
    try {
      for (RolloutId id : database.call(RolloutStore::active)) {
        tick(id);
      }
    } catch (RuntimeException e) {
      if (loop != null) {
        log.atError().setCause(e).log("rollouts could not be moved on");
      }
    }
  }

  // A rollout that cannot be moved must not hold up the others.
  private void tick(RolloutId id) {
    try {
      moveOn(id);
    } catch (RuntimeException e) {
      log.atError().addKeyValue("rollout", id).setCause(e).log("rollout could not be moved on");
    }
  }

  void moveOn(RolloutId id) {
    database.run(
        transaction ->
            RolloutStore.claim(transaction, id).ifPresent(stored -> observe(transaction, stored)));
  }

  private void observe(Transaction transaction, Stored stored) {
    RolloutOrder order = stored.order();
    Deployments.follow(transaction, order);
    List<StageCensus> census = Deployments.census(transaction, order);
    apply(
        transaction,
        Actor.system("rollout"),
        stored,
        new RolloutEvent.Observed(census, gates(transaction, stored)));
  }

  private List<GateResult> gates(Transaction transaction, Stored stored) {
    return switch (stored.state().phase()) {
      case RolloutPhase.Running _, RolloutPhase.Paused _ ->
          stored
              .state()
              .stages()
              .getFirst()
              .openedAt()
              .map(since -> judged(transaction, stored))
              .orElse(List.of());
      case RolloutPhase.Draft _,
          RolloutPhase.Ready _,
          RolloutPhase.Aborting _,
          RolloutPhase.Aborted _,
          RolloutPhase.RollingBack _,
          RolloutPhase.RolledBack _,
          RolloutPhase.Succeeded _,
          RolloutPhase.Superseded _ ->
          List.of();
    };
  }

  // Outcomes that were told of the version before will be told of this one: wait for them.
  private List<GateResult> judged(Transaction transaction, Stored stored) {
    GateSettings.Evidence seen = evidence.read(transaction, stored.order(), stored.createdAt());
    FeedbackLimits feedback =
        GATES.feedback().required(GATES.feedback().required() || !seen.controls().isEmpty());
    ShareLimit failures = GATES.failures().doing(stored.order().onFailedDevices());
    return new GateSettings(failures, GATES.predictions(), GATES.latency(), feedback).judge(seen);
  }

  /**
   * Applies an event to a rollout whose row the transaction holds.
   *
   * @throws ProblemException if its phase does not allow the event
   */
  void apply(Transaction transaction, Actor actor, Stored stored, RolloutEvent event) {
    RolloutOrder order = stored.order();
    Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
    RolloutMachine.Step step = RolloutMachine.step(order.plan(), stored.state(), event, now);
    if (step.refusal().isPresent()) {
      throw new ProblemException(
          ErrorCode.STATE_CONFLICT, "%s: %s".formatted(order.id(), step.refusal().get()));
    }
    for (RolloutEffect effect : step.effects()) {
      deployments.carryOut(transaction, order, effect, now);
    }
    if (!step.state().equals(stored.state())) {
      RolloutStore.save(transaction, order.id(), step.state(), now);
      tell(transaction, actor, stored, step.state());
    }
  }

  private record Kept(String phase, List<GateResult> evidence) {}

  private void tell(Transaction transaction, Actor actor, Stored stored, RolloutState after) {
    RolloutId id = stored.order().id();
    for (int stage = 0; stage < after.stages().size(); stage++) {
      StageProgress progress = after.stages().get(stage);
      if (progress.state() != stored.state().stages().get(stage).state()) {
        log.atInfo()
            .addKeyValue("rollout", id)
            .addKeyValue("stage", stage)
            .addKeyValue("state", progress.state())
            .addKeyValue("reason", progress.reason())
            .log("stage changed");
      }
    }
    if (after.phase().equals(stored.state().phase())) {
      return;
    }
    audit.append(
        transaction,
        actor,
        new AuditLog.Act(
            "rollout." + after.phase().code().toLowerCase(Locale.ROOT),
            "rollout/" + id,
            after.phase().explanation(),
            GSON.toJson(new Kept(stored.state().phase().code(), List.of())),
            GSON.toJson(
                new Kept(
                    after.phase().code(),
                    after.stages().stream()
                        .filter(stage -> stage.openedAt().isPresent())
                        .reduce((earlier, later) -> later)
                        .map(StageProgress::evidence)
                        .orElse(List.of())))));
    log.atInfo()
        .addKeyValue("rollout", id)
        .addKeyValue("phase", after.phase().code())
        .addKeyValue("reason", after.phase().explanation())
        .log("rollout changed");
    if (after.phase().isTerminal()) {
      Optional<Rollout> view =
          RolloutStore.find(transaction, id.value())
              .map(found -> RolloutViews.view(transaction, found));
      view.ifPresent(
          rollout -> transaction.afterCommit(() -> ended.publishEvent(new RolloutEnded(rollout))));
    }
  }
}
