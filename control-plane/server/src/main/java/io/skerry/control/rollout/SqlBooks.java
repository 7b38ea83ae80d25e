package io.skerry.control.rollout;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.rollout.RolloutTables.Stored;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.gate.GateResult;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.FencedOutException;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutBooks;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.fleet.rollout.StageProgress;
import io.skerry.fleet.rollout.StageState;
import io.skerry.protocol.RolloutId;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Rollouts in PostgreSQL: a page is a locked row, and a step one transaction. */
@Singleton
public final class SqlBooks implements RolloutBooks {
  private static final Logger log = LoggerFactory.getLogger(SqlBooks.class);
  private static final Actor ENGINE = Actor.system("rollout");

  private static final Duration CLOCKS_DIFFER = Duration.ofSeconds(10);

  private final Database database;
  private final Deployments deployments;
  private final AuditLog audit;
  private final RolloutEndings endings;
  private final ApplicationEventPublisher<RolloutPaused> paused;
  private final ApplicationEventPublisher<RolloutStopping> stopping;

  SqlBooks(
      Database database,
      Deployments deployments,
      AuditLog audit,
      RolloutEndings endings,
      ApplicationEventPublisher<RolloutPaused> paused,
      ApplicationEventPublisher<RolloutStopping> stopping) {
    this.database = database;
    this.deployments = deployments;
    this.audit = audit;
    this.endings = endings;
    this.paused = paused;
    this.stopping = stopping;
  }

  @Override
  public Optional<Lease> lease(RolloutId rollout, String holder, Instant now) {
    return database.call(
        transaction -> {
          Optional<Optional<Lease>> current = current(transaction, rollout);
          if (current.isEmpty()) {
            return Optional.empty();
          }
          Optional<Lease> lease =
              // PostgreSQL keeps microseconds, and rounds.
              Lease.asked(rollout, current.get(), holder, now.truncatedTo(ChronoUnit.MICROS));
          lease.ifPresent(
              taken ->
                  transaction.update(
                      """
                      update rollout set lease_holder = ?, lease_token = ?, lease_until = ?
                      where id = ?
                      """,
                      taken.holder(),
                      taken.token(),
                      taken.until(),
                      rollout.value()));
          return lease;
        });
  }

  private static Optional<Optional<Lease>> current(Transaction transaction, RolloutId rollout) {
    return transaction.first(
        """
        select lease_holder, lease_token, lease_until from rollout
        where id = ? and not released for update
        """,
        row ->
            row.optionalText("lease_holder")
                .map(
                    holder ->
                        new Lease(
                            rollout,
                            holder,
                            row.bigint("lease_token"),
                            row.instant("lease_until"))),
        rollout.value());
  }

  @Override
  public <T> T underLease(Lease lease, Function<Page, T> work) {
    return database.call(
        transaction -> {
          requireHeld(transaction, lease);
          Stored stored = RolloutTables.lock(transaction, lease.rollout()).orElseThrow();
          T result = work.apply(new SqlPage(transaction, ENGINE, stored));
          RolloutTables.foldCounts(transaction, lease.rollout());
          return result;
        });
  }

  @Override
  public <T> Optional<T> forPerson(RolloutId rollout, Function<Page, T> work) {
    return database.call(
        transaction ->
            RolloutTables.lock(transaction, rollout)
                .map(stored -> work.apply(page(transaction, ENGINE, stored))));
  }

  /** The page of a rollout whose row the transaction has locked. */
  Page page(Transaction transaction, Actor actor, Stored stored) {
    return new SqlPage(transaction, actor, stored);
  }

  @Override
  public int admit(Lease lease) {
    return inLease(
        lease,
        transaction -> {
          Stored stored = RolloutTables.lock(transaction, lease.rollout()).orElseThrow();
          OptionalInt through = stored.joinedThrough();
          return through.isPresent()
              ? Members.admitNewcomers(transaction, stored.order(), through.getAsInt())
              : 0;
        });
  }

  /**
   * Notes that devices are heard. Where nobody was for longer than a gap, what counts time moves on
   * by that: once, whoever finds out, because the note of it is of the same transaction.
   *
   * @param since when this server heard them last
   * @param gap what is no silence yet
   */
  void hear(Instant since, Duration gap, Instant now) {
    database.run(
        transaction -> {
          // Who begins a rollout locks several, too.
          Rollouts.beginAlone(transaction);
          Instant before =
              transaction
                  .first("select at from heard for update", row -> row.optionalInstant("at"))
                  .flatMap(at -> at)
                  // Not what a clock that was ahead has noted, but for what two clocks differ.
                  .filter(at -> !at.isAfter(now.plus(CLOCKS_DIFFER)))
                  .map(at -> at.isAfter(now) ? now : at)
                  .filter(since::isBefore)
                  .orElse(since);
          noteHeard(transaction, now);
          Duration silence = Duration.between(before, now);
          if (silence.compareTo(gap) > 0) {
            moveOn(transaction, silence, now);
          }
        });
  }

  private void moveOn(Transaction transaction, Duration silence, Instant now) {
    // One that cannot be read stands still anyway, and must not hold up the others.
    List<Optional<Stored>> timed =
        transaction.list(
            """
            select * from rollout where not released and phase in ('RUNNING', 'PAUSED')
            order by created_at, id for update
            """,
            row -> RolloutTables.readable(row, unused -> {}));
    for (Optional<Stored> one : timed) {
      one.ifPresent(
          stored ->
              RolloutDriver.apply(
                  page(transaction, ENGINE, stored), new RolloutEvent.Unheard(silence), now));
    }
    DeviceFollower.hearAgain(transaction, silence);
  }

  /** Notes that devices are heard, without a gap since the last time. */
  void noteHeard(Instant now) {
    database.run(transaction -> noteHeard(transaction, now));
  }

  private static void noteHeard(Transaction transaction, Instant now) {
    // A clock that was ahead by more than two servers' differ must not hide what comes.
    transaction.update(
        """
        update heard set at = case when at > ?::timestamptz + ? * interval '1 millisecond'
          then ?::timestamptz else greatest(at, ?) end
        """,
        now,
        CLOCKS_DIFFER.toMillis(),
        now,
        now);
  }

  /** Compares counts with devices, and devices with the fleet; how many counts were wrong. */
  int sweep(Lease lease) {
    return inLease(
        lease,
        transaction -> {
          transaction.update(
              """
              update deployment d set state = 'REMOVED', due_at = null, live = false
              where d.rollout = ? and d.live
                and not exists (select 1 from device where device.id = d.device)
              """,
              lease.rollout().value());
          DeviceFollower.mendPresence(transaction, lease.rollout());
          int wrong = RolloutTables.sweep(transaction, lease.rollout());
          // Also where nothing is decided for long devices come and go.
          RolloutTables.foldCounts(transaction, lease.rollout());
          return wrong;
        });
  }

  /**
   * Compares the open stage's sums of evidence with what devices sent, and mends them; how many
   * were wrong. They are looked at without a lock: it takes as long as the fleet is large.
   */
  int sweepEvidence(Lease lease) {
    RolloutId id = lease.rollout();
    int wrong =
        database.<Integer>call(
            transaction -> {
              OptionalInt open = openStage(transaction, id);
              return open.isEmpty() ? 0 : StageEvidence.wrong(transaction, id, open.getAsInt());
            });
    return wrong == 0
        ? 0
        : inLease(
            lease,
            transaction -> {
              OptionalInt open = openStage(transaction, id);
              return open.isEmpty() ? 0 : StageEvidence.mend(transaction, id, open.getAsInt());
            });
  }

  /**
   * Counts anew who of the open stage is away; whether that is something else to judge. Without the
   * rollout's lock, which is taken to keep it only: counting takes as long as the stage is large,
   * and what people do with the rollout must not wait for it.
   */
  public boolean countLost(Lease lease) {
    RolloutId id = lease.rollout();
    Optional<LostDevices.Counted> counted =
        database.call(
            transaction ->
                LostDevices.open(transaction, id)
                    .map(open -> LostDevices.count(transaction, id, open)));
    return counted.isPresent()
        && inLease(
            lease,
            transaction ->
                LostDevices.open(transaction, id).filter(counted.get()::isOf).isPresent()
                    && LostDevices.keep(transaction, id, counted.get()));
  }

  private static OptionalInt openStage(Transaction transaction, RolloutId id) {
    return RolloutTables.find(transaction, id.value())
        .map(stored -> RolloutMachine.openStage(stored.state()))
        .orElse(OptionalInt.empty());
  }

  /**
   * Ends the following of a rollout whose row is locked and whose place another takes.
   *
   * @param stored as it was before
   */
  void replace(Transaction transaction, Stored stored) {
    if (RolloutMachine.isPromoted(stored.order().plan(), stored.state())) {
      deployments.giveUp(transaction, stored.order());
    }
    if (stored.state().phase() instanceof RolloutPhase.Succeeded) {
      // Nobody follows any more who is under way, nor lets them be late.
      deployments.carryOut(
          transaction, stored.order(), new RolloutEffect.CloseOut(false), Instant.now());
    }
    if (stored.state().phase() instanceof RolloutPhase.RollingBack) {
      RolloutTables.awaitNobody(transaction, stored.id());
    }
    tellNotRestored(transaction, stored.id());
    RolloutTables.replace(transaction, stored.id());
  }

  // Who has tried in vain to the end was told of while it was followed.
  private void tellNotRestored(Transaction transaction, RolloutId id) {
    int devices = RolloutTables.stillToGoBack(transaction, id);
    if (devices > 0) {
      endings.notRestored(transaction, id, devices);
    }
  }

  /** Ends the following of a rollout that is over. */
  void release(Lease lease) {
    inLease(
        lease,
        transaction -> {
          tellNotRestored(transaction, lease.rollout());
          RolloutTables.release(transaction, lease.rollout());
          return true;
        });
  }

  private <T> T inLease(Lease lease, Function<Transaction, T> work) {
    return database.call(
        transaction -> {
          requireHeld(transaction, lease);
          return work.apply(transaction);
        });
  }

  private static void requireHeld(Transaction transaction, Lease lease) {
    boolean held =
        current(transaction, lease.rollout())
            .flatMap(newest -> newest)
            .map(lease::isCurrent)
            .orElse(false);
    if (!held) {
      throw new FencedOutException(lease);
    }
  }

  /** What is told of a phase. */
  private record Kept(String phase, List<GateResult> evidence) {}

  private final class SqlPage implements Page {
    private final Transaction transaction;
    private final Actor actor;
    private final Stored stored;
    private RolloutState state;
    private boolean concluded;

    SqlPage(Transaction transaction, Actor actor, Stored stored) {
      this.transaction = transaction;
      this.actor = actor;
      this.stored = stored;
      this.state = stored.state();
    }

    @Override
    public RolloutPlan plan() {
      return stored.order().plan();
    }

    @Override
    public RolloutState state() {
      return state;
    }

    @Override
    public Census census() {
      return RolloutTables.census(transaction, stored.id());
    }

    @Override
    public Evidence evidence() {
      var open = RolloutMachine.openStage(state);
      return open.isEmpty()
          ? Evidence.NONE
          : StageEvidence.of(
              transaction,
              state.promotion().isPresent() ? stored.order().promoted() : stored.order(),
              open.getAsInt());
    }

    @Override
    public int carryOut(RolloutEffect effect, Instant now) {
      // What comes before the end in the same step is of the trial.
      concluded |= effect instanceof RolloutEffect.ConcludeTrial(boolean promote) && promote;
      return concluded || RolloutMachine.isPromoted(plan(), stored.state())
          ? deployments.promote(transaction, stored.order(), effect, now)
          : deployments.carryOut(transaction, stored.order(), effect, now);
    }

    @Override
    public void keep(RolloutEvent event, RolloutState after, Instant now) {
      RolloutTables.keep(transaction, stored.id(), event, state, after, now);
      tell(event, state, after);
      state = after;
    }

    private void tell(RolloutEvent event, RolloutState before, RolloutState after) {
      if (after.promotion().isPresent() && before.promotion().isEmpty()) {
        RolloutState.Promotion promotion = after.promotion().get();
        tellStages(event, before.stages(), promotion.trial());
        promoting(before, after, promotion);
        tellStages(event, RolloutState.draft(plan()).stages(), after.stages());
      } else {
        tellStages(event, before.stages(), after.stages());
      }
      tellActs(event, before, after);
    }

    private void tellStages(
        RolloutEvent event, List<StageProgress> before, List<StageProgress> after) {
      for (int stage = 0; stage < after.size(); stage++) {
        StageProgress progress = after.get(stage);
        if (progress.state() != before.get(stage).state()) {
          String object = "rollout/%s/stage/%d".formatted(stored.id(), stage + 1);
          write(
              "rollout-stage." + progress.state().name().toLowerCase(Locale.ROOT),
              object,
              told(progress.reason(), event, () -> usual(progress.state())),
              new Kept(before.get(stage).state().name(), List.of()),
              new Kept(progress.state().name(), progress.evidence()));
          log.atInfo()
              .addKeyValue("rollout", stored.id())
              .addKeyValue("stage", stage)
              .addKeyValue("state", progress.state())
              .addKeyValue("reason", progress.reason())
              .log("stage changed");
        }
      }
    }

    private void promoting(RolloutState before, RolloutState after, RolloutState.Promotion of) {
      write(
          "rollout.promoting",
          "rollout/" + stored.id(),
          of.verdict(),
          new Kept(before.phase().code(), List.of()),
          new Kept(
              after.phase().code(),
              of.trial().stream().flatMap(stage -> stage.evidence().stream()).toList()));
      log.atInfo()
          .addKeyValue("rollout", stored.id())
          .addKeyValue("reason", of.verdict())
          .log("trial was good and is promoted");
    }

    private void tellActs(RolloutEvent event, RolloutState before, RolloutState after) {
      switch (event) {
        case RolloutEvent.Approve _ -> said("rollout.approved", event, before, after);
        case RolloutEvent.Retry _ -> said("rollout.retried", event, before, after);
        // Their phase tells of these.
        case RolloutEvent.Submit _,
            RolloutEvent.Start _,
            RolloutEvent.Observed _,
            RolloutEvent.Ordered _,
            RolloutEvent.Unheard _,
            RolloutEvent.Pause _,
            RolloutEvent.Resume _,
            RolloutEvent.Promote _,
            RolloutEvent.Abort _,
            RolloutEvent.RollBack _,
            RolloutEvent.Supersede _ -> {}
      }
      if (!after.held().isEmpty() && !after.held().equals(before.held())) {
        held(before, after);
      }
      if (!after.phase().equals(before.phase())) {
        phaseChanged(event, before.phase(), after);
      }
    }

    private void said(String act, RolloutEvent event, RolloutState before, RolloutState after) {
      write(
          act,
          "rollout/" + stored.id(),
          event.reason(),
          new Kept(before.phase().code(), List.of()),
          new Kept(after.phase().code(), List.of()));
    }

    private void held(RolloutState before, RolloutState after) {
      write(
          "rollout.held",
          "rollout/" + stored.id(),
          after.held(),
          new Kept(before.phase().code(), List.of()),
          new Kept(after.phase().code(), List.of()));
      log.atInfo()
          .addKeyValue("rollout", stored.id())
          .addKeyValue("reason", after.held())
          .log("rollout held");
      paused.publishEvent(
          new RolloutPaused(transaction, stored.id(), after.stages().size() - 1, after.held()));
    }

    private void phaseChanged(RolloutEvent event, RolloutPhase before, RolloutState after) {
      String reason = told(after.phase().explanation(), event, () -> usual(after.phase()));
      write(
          "rollout." + after.phase().code().toLowerCase(Locale.ROOT),
          "rollout/" + stored.id(),
          reason,
          new Kept(before.code(), List.of()),
          new Kept(
              after.phase().code(),
              after.stages().stream()
                  .filter(stage -> stage.openedAt().isPresent())
                  .reduce((earlier, later) -> later)
                  .map(StageProgress::evidence)
                  .orElse(List.of())));
      log.atInfo()
          .addKeyValue("rollout", stored.id())
          .addKeyValue("phase", after.phase().code())
          .addKeyValue("reason", reason)
          .log("rollout changed");
      if (after.phase().isTerminal()) {
        endings.ended(transaction, stored.id());
      }
      if (after.phase() instanceof RolloutPhase.Paused pause && pause.why().isByGate()) {
        paused.publishEvent(
            new RolloutPaused(transaction, stored.id(), pause.stage(), pause.reason()));
      }
      // What a person stops nobody needs to be told of.
      boolean isStopping =
          after.phase() instanceof RolloutPhase.Aborting
              || after.phase() instanceof RolloutPhase.RollingBack;
      if (isStopping && event instanceof RolloutEvent.Observed) {
        stopping.publishEvent(
            new RolloutStopping(transaction, stored.id(), after.phase().code(), reason));
      }
    }

    // What decided and what a person said of it; of what goes its usual way, what that is.
    private static String told(String explanation, RolloutEvent event, Supplier<String> usual) {
      String said = event.reason();
      if (explanation.isEmpty()) {
        return said.isEmpty() ? usual.get() : said;
      }
      // As in "promoted: " and what was said.
      boolean isTold =
          said.isEmpty() || explanation.equals(said) || explanation.endsWith(": " + said);
      return isTold ? explanation : explanation + "; " + said;
    }

    private static String usual(StageState state) {
      return switch (state) {
        case PENDING -> "its turn has not come";
        case RUNNING -> "its turn has come";
        case SOAKING -> "its devices are done: it is watched now";
        case PASSED, FAILED, INCONCLUSIVE -> "it has come to its end";
      };
    }

    private static String usual(RolloutPhase phase) {
      return phase instanceof RolloutPhase.Running(int stage)
          ? "stage %d is open".formatted(stage + 1)
          : phase instanceof RolloutPhase.Succeeded ? "every stage has passed" : "handed in";
    }

    private void write(String act, String object, String reason, Kept before, Kept after) {
      audit.append(
          transaction,
          actor,
          new AuditLog.Act(
              act,
              object,
              reason,
              RolloutCodec.write(before, Kept.class),
              RolloutCodec.write(after, Kept.class)));
    }
  }
}
