package io.skerry.control.rollout;

import io.skerry.api.Page;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutDevice;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutRequest;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.device.TrustConfig;
import io.skerry.control.drift.Monitoring;
import io.skerry.control.rollout.RolloutTables.Stored;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.fleet.rollout.RolloutState;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.RolloutId;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Predicate;

/** Rollouts: write them down, look at them, act on them. */
@Singleton
public final class Rollouts {
  // Of PostgreSQL's advisory locks: who makes a rollout, or lets one begin.
  private static final long BEGINNING = 0x736b_0301L;
  private static final int LIST_MAX = 200;

  /** Devices that are named at once. */
  static final int DEVICES_MAX = 500;

  private static final int PROBATION_PREDICTIONS = 3;
  private static final Duration PROBATION_MIN = Duration.ofSeconds(5);
  private static final Duration PROBATION_MAX = Duration.ofMinutes(1);

  private final Database database;
  private final SqlBooks books;
  private final AuditLog audit;
  private final Monitoring monitoring;
  private final TrustConfig trust;
  private final Clock clock = Clock.systemUTC();

  Rollouts(
      Database database, SqlBooks books, AuditLog audit, Monitoring monitoring, TrustConfig trust) {
    this.database = database;
    this.books = books;
    this.audit = audit;
    this.monitoring = monitoring;
    this.trust = trust;
  }

  /**
   * Writes a rollout down and, unless it is a draft or somebody must approve it, starts it; one
   * that is under way in the same slots and profiles is then superseded.
   *
   * @throws ProblemException if the version has no packaged variant, one that awaits its signature,
   *     no device fits, or a field is wrong
   */
  public Rollout create(Actor actor, RolloutRequest request) {
    return create(actor, request, _ -> true).orElseThrow();
  }

  /**
   * As {@link #create(Actor, RolloutRequest)}, if it takes the devices that were looked at.
   *
   * @param seen whether these are the {@link Look#places} that were
   * @return empty, with nothing written, if they are not
   */
  public Optional<Rollout> create(Actor actor, RolloutRequest request, Predicate<String> seen) {
    RolloutWish wish = RolloutRequests.read(request, actor.name(), trust.rolloutsApproved());
    return database.call(
        transaction -> {
          beginAlone(transaction);
          RolloutId id = next(transaction, wish);
          Candidates candidates = Candidates.find(transaction, wish, id.value());
          if (!seen.test(candidates.places(id))) {
            return Optional.empty();
          }
          RolloutOrder order = order(id, wish);
          RolloutTables.insert(
              transaction,
              order,
              candidates.membership().holdbackAbove(),
              candidates.profiles(),
              candidates.notEligible().size(),
              actor.name(),
              now());
          RolloutTables.insertStages(transaction, order, candidates.membership());
          RolloutTables.insertVariants(transaction, order, candidates.variants());
          RolloutTables.insertOutsiders(transaction, id, candidates.notEligible());
          audit.append(
              transaction,
              actor,
              new AuditLog.Act(
                  "rollout.created",
                  "rollout/" + id,
                  order.first().version().toString(),
                  "",
                  RolloutCodec.write(order, RolloutOrder.class)));
          if (!wish.draft()) {
            apply(transaction, actor, id, new RolloutEvent.Submit());
            if (!wish.plan().approval().required()) {
              apply(transaction, actor, id, new RolloutEvent.Start());
            }
          }
          return Optional.of(view(transaction, id.value()));
        });
  }

  /**
   * Tells who would get it, who not and why, and what the gates could see, without doing anything.
   *
   * @throws ProblemException as {@link #create(Actor, RolloutRequest)}
   */
  public RolloutPreview preview(Actor actor, RolloutRequest request) {
    return look(actor, request).preview();
  }

  /**
   * A preview.
   *
   * @param places a digest of the rollout's id and of which device is in which stage
   */
  public record Look(RolloutPreview preview, String places) {}

  /**
   * As {@link #preview}, with what tells whether it still holds.
   *
   * @throws ProblemException as {@link #create(Actor, RolloutRequest)}
   */
  public Look look(Actor actor, RolloutRequest request) {
    RolloutWish wish = RolloutRequests.read(request, actor.name(), trust.rolloutsApproved());
    return database.call(
        transaction -> {
          RolloutId id = next(transaction, wish);
          Candidates candidates = Candidates.find(transaction, wish, id.value());
          return new Look(
              Previews.of(
                  transaction,
                  wish,
                  candidates,
                  RolloutTables.supersededUnderWay(
                      transaction, order(id, wish), candidates.profiles()),
                  monitoring),
              candidates.places(id));
        });
  }

  /**
   * Every device and the stage that would take it, stage by stage and best rank first, and then
   * those that none would take, with the reason.
   *
   * @param pageToken empty, or that of the page before
   * @throws ProblemException as {@link #preview}, and if it is no token of this rollout or who
   *     would get it has changed since the first page
   */
  public Page<RolloutPreview.Place> places(
      Actor actor, RolloutRequest request, String pageToken, int pageSize) {
    RolloutWish wish = RolloutRequests.read(request, actor.name(), trust.rolloutsApproved());
    return database.call(
        transaction -> {
          RolloutId id = next(transaction, wish);
          Candidates candidates = Candidates.find(transaction, wish, id.value());
          return Previews.page(candidates, candidates.everything(id), pageToken, pageSize);
        });
  }

  // By their versions and how many there were: devices are ranked by the id, and a preview has to
  // rank them as the rollout will.
  private static RolloutId next(Transaction transaction, RolloutWish wish) {
    long earlier =
        transaction.number(
            "select count(*) from rollout where model = ? and version = ?",
            wish.parts().getFirst().version().model().value(),
            wish.parts().getFirst().version().version());
    for (long number = earlier; ; number++) {
      String hex =
          Digest.of("%s#%d".formatted(wish.parts(), number).getBytes(StandardCharsets.UTF_8)).hex();
      String id = "rollout-%s-%s".formatted(hex.substring(0, 8), hex.substring(8, 12));
      if (RolloutTables.find(transaction, id).isEmpty()) {
        return new RolloutId(id);
      }
    }
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }

  private static RolloutOrder order(RolloutId id, RolloutWish wish) {
    // A device that is asked seldom has this long to prove itself; then its silence counts as good.
    Duration window = wish.window();
    Duration probation =
        window.compareTo(PROBATION_MIN) < 0
            ? PROBATION_MIN
            : window.compareTo(PROBATION_MAX) > 0 ? PROBATION_MAX : window;
    return new RolloutOrder(
        id, wish.parts(), wish.plan(), window, wish.sampling(), PROBATION_PREDICTIONS, probation);
  }

  /** The newest rollouts, newest first. */
  public List<Rollout> newest() {
    return database.call(
        transaction ->
            RolloutTables.newest(transaction, LIST_MAX).stream()
                .map(stored -> RolloutViews.view(transaction, stored))
                .toList());
  }

  /** One rollout, with what the gates say now. */
  public Optional<Rollout> find(String id) {
    return database.call(
        transaction ->
            RolloutTables.find(transaction, id)
                .map(stored -> RolloutViews.judged(transaction, stored)));
  }

  /** Devices of a rollout by id, beginning after one; those in a state, if it is named. */
  public List<RolloutDevice> devices(String id, String state, String after, int limit) {
    if (!state.isEmpty()
        && Arrays.stream(DeploymentState.values()).noneMatch(one -> one.name().equals(state))) {
      throw ProblemException.ofField(
          ErrorCode.REQUEST_INVALID,
          "state",
          "a device of a rollout knows no state '%.40s': use one of %s"
              .formatted(state, Arrays.toString(DeploymentState.values())));
    }
    return database.call(
        transaction -> {
          if (RolloutTables.find(transaction, id).isEmpty()) {
            throw unknown(id);
          }
          return transaction.list(
              """
              select * from deployment
              where rollout = ? and device > ? and (? = '' or state = ?)
              order by device limit ?
              """,
              RolloutViews::device,
              id,
              after,
              state,
              state,
              Math.clamp(limit, 1, DEVICES_MAX));
        });
  }

  /**
   * Devices that are in no stage, or have left theirs, by id, beginning after one.
   *
   * @throws ProblemException if there is no such rollout
   */
  public List<RolloutPreview.Outsider> outsiders(String id, String after, int limit) {
    int most = Math.clamp(limit, 1, DEVICES_MAX);
    return database.call(
        transaction -> {
          if (RolloutTables.find(transaction, id).isEmpty()) {
            throw unknown(id);
          }
          return transaction.list(
              """
              (select device, reason from rollout_outsider where rollout = ? and device > ?
                order by device limit ?)
              union all
              (select device, coalesce(error_detail, '') from deployment
                where rollout = ? and device > ? and state = 'NOT_ELIGIBLE'
                order by device limit ?)
              order by device limit ?
              """,
              row -> new RolloutPreview.Outsider(row.text("device"), row.text("reason")),
              id,
              after,
              most,
              id,
              after,
              most,
              most);
        });
  }

  /**
   * Does what a person asks.
   *
   * @param reason why; blank where nobody said it, and then who did it is told
   * @param revision that the person has seen; empty when it does not matter
   * @throws ProblemException if there is none of this id, it has changed meanwhile, its phase does
   *     not allow the act, what it is to begin with is not packaged and signed any more, or it asks
   *     for no approval and every rollout needs one by now
   */
  public Rollout act(Actor actor, String id, RolloutAct act, String reason, OptionalLong revision) {
    return database.call(
        transaction -> {
          Stored found = RolloutTables.find(transaction, id).orElseThrow(() -> unknown(id));
          boolean ended = found.state().phase().isTerminal();
          if (ended || act == RolloutAct.START || act == RolloutAct.APPROVE) {
            beginAlone(transaction);
          }
          Stored stored =
              RolloutTables.lock(transaction, found.id()).orElseThrow(() -> unknown(id));
          if (revision.isPresent() && revision.getAsLong() != stored.revision()) {
            throw ProblemException.ofField(
                ErrorCode.CHANGED_MEANWHILE,
                "If-Match",
                "rollout %s is %s now, at revision %d; you saw %d: read it again"
                    .formatted(
                        id,
                        stored.state().phase().code(),
                        stored.revision(),
                        revision.getAsLong()));
          }
          unapproved(stored, act)
              .ifPresent(
                  refusal -> {
                    throw ProblemException.ofField(
                        ErrorCode.STATE_CONFLICT, "approval", "%s: %s".formatted(id, refusal));
                  });
          if (ended && RolloutAct.allowedIn(stored.order().plan(), stored.state()).contains(act)) {
            beginAgain(transaction, stored, act);
          }
          RolloutEvent event =
              event(act, actor, stored.state(), reason.isBlank() ? "by " + actor.name() : reason);
          if (begins(stored, event)) {
            Releases.requireAsWritten(transaction, stored.order());
          }
          apply(transaction, actor, stored.id(), event);
          return view(transaction, id);
        });
  }

  // Some were written before all of them had to be approved.
  private Optional<String> unapproved(Stored stored, RolloutAct act) {
    boolean starts = act == RolloutAct.SUBMIT || act == RolloutAct.START;
    return starts
            && trust.rolloutsApproved()
            && !stored.order().plan().approval().required()
            && RolloutAct.allowedIn(stored.order().plan(), stored.state()).contains(act)
        ? Optional.of(
            ("it needs the approval of somebody else than %s (trust.rollouts-approved) and was"
                    + " written without: abort it and write it again")
                .formatted(stored.createdBy()))
        : Optional.empty();
  }

  /**
   * What would be refused this person of what the rollout's state shows, and why, by the act's wire
   * name: an author's own approval, for example, or to resume while a gate still fails.
   */
  public Map<String, String> refusals(Actor actor, String id) {
    return database.call(
        transaction -> {
          Stored stored = RolloutTables.find(transaction, id).orElseThrow(() -> unknown(id));
          Map<String, String> refusals = new TreeMap<>();
          for (RolloutAct act : RolloutAct.shownIn(stored.order().plan(), stored.state())) {
            unapproved(stored, act)
                .or(
                    () ->
                        RolloutMachine.step(
                                stored.order().plan(),
                                stored.state(),
                                event(act, actor, stored.state(), ""),
                                now())
                            .refusal())
                .ifPresent(refusal -> refusals.put(act.wireName(), refusal));
          }
          return refusals;
        });
  }

  // What was looked at when it was written down, days ago, may have been withdrawn.
  private boolean begins(Stored stored, RolloutEvent event) {
    return mayStart(event)
        && RolloutMachine.step(stored.order().plan(), stored.state(), event, now())
            .refusal()
            .isEmpty();
  }

  // One after the other: each sees which of them are under way.
  static void beginAlone(Transaction transaction) {
    transaction.list("select pg_advisory_xact_lock(?)", row -> true, BEGINNING);
  }

  // What has ended is not followed any more, and another one may be in its place.
  private static void beginAgain(Transaction transaction, Stored stored, RolloutAct act) {
    RolloutTables.underWay(
            transaction, stored.order(), RolloutTables.profiles(transaction, stored.id()))
        .ifPresent(
            other -> {
              throw new ProblemException(
                  ErrorCode.STATE_CONFLICT,
                  "%s: %s is under way in its place: end that one first, or start a newer rollout"
                      .formatted(stored.id(), other));
            });
    if (act == RolloutAct.ROLLBACK && !Deployments.anyOrdered(transaction, stored.order())) {
      throw new ProblemException(
          ErrorCode.STATE_CONFLICT,
          "%s: no device is ordered any more what it brought".formatted(stored.id()));
    }
    RolloutTables.followAgain(transaction, stored.id());
  }

  /**
   * Does what a form asks for; a pause or an abort whatever the form was made for.
   *
   * @param revision that the form was made for
   * @throws ProblemException as {@link #act(Actor, String, RolloutAct, String, OptionalLong)}
   */
  public Rollout act(Actor actor, String id, String act, String reason, String revision) {
    RolloutAct known = RolloutAct.ofWireName(act).orElseThrow(() -> unknownAct(act));
    if (!known.needsRevision()) {
      return act(actor, id, known, reason, OptionalLong.empty());
    }
    if (!revision.matches("\\d{1,18}")) {
      throw ProblemException.ofField(
          ErrorCode.PRECONDITION_REQUIRED, "revision", "reload the page and try again");
    }
    return act(actor, id, known, reason, OptionalLong.of(Long.parseLong(revision)));
  }

  static ProblemException unknownAct(String act) {
    return new ProblemException(
        ErrorCode.NOT_FOUND,
        "a rollout knows no act '%.40s': use one of %s"
            .formatted(act, Arrays.stream(RolloutAct.values()).map(RolloutAct::wireName).toList()));
  }

  /** Devices whose last attempt failed, by id. */
  public List<RolloutDevice> failed(String id, int limit) {
    return database.call(
        transaction ->
            transaction.list(
                """
                select * from deployment where rollout = ? and failed_as is not null
                order by device limit ?
                """,
                RolloutViews::device,
                id,
                Math.clamp(limit, 1, DEVICES_MAX)));
  }

  private static RolloutEvent event(
      RolloutAct act, Actor actor, RolloutState state, String reason) {
    return switch (act) {
      case SUBMIT -> new RolloutEvent.Submit(reason);
      case APPROVE -> new RolloutEvent.Approve(actor.name(), reason);
      case START -> new RolloutEvent.Start(reason);
      case PAUSE -> new RolloutEvent.Pause(reason);
      case RESUME -> new RolloutEvent.Resume(reason);
      case PROMOTE -> new RolloutEvent.Promote(reason, RolloutMachine.failedGates(state));
      case ABORT -> new RolloutEvent.Abort(reason);
      case ROLLBACK -> new RolloutEvent.RollBack(reason);
      case RETRY -> new RolloutEvent.Retry(reason);
    };
  }

  private void apply(Transaction transaction, Actor actor, RolloutId id, RolloutEvent event) {
    Stored stored = RolloutTables.lock(transaction, id).orElseThrow(() -> unknown(id.value()));
    List<RolloutId> others = mayStart(event) ? others(transaction, stored.order()) : List.of();
    // Before anything is written: the engine locks a rollout first and the audit log then.
    others.forEach(other -> RolloutTables.lock(transaction, other));
    RolloutMachine.Step step =
        RolloutDriver.apply(books.page(transaction, actor, stored), event, now());
    if (step.refusal().isPresent()) {
      String refusal = step.refusal().get();
      boolean ownRollout =
          event instanceof RolloutEvent.Approve
              && stored.state().phase() instanceof RolloutPhase.WaitingForApproval;
      throw ownRollout
          ? ProblemException.ofField(ErrorCode.NOT_ALLOWED, "approver", refusal)
          : new ProblemException(ErrorCode.STATE_CONFLICT, "%s: %s".formatted(id, refusal));
    }
    if (!isStarted(stored.state().phase()) && isStarted(step.state().phase())) {
      supersede(transaction, actor, others, id);
    }
  }

  private static boolean mayStart(RolloutEvent event) {
    return event instanceof RolloutEvent.Start || event instanceof RolloutEvent.Approve;
  }

  private static List<RolloutId> others(Transaction transaction, RolloutOrder order) {
    return RolloutTables.superseded(
        transaction, order, RolloutTables.profiles(transaction, order.id()));
  }

  private static boolean isStarted(RolloutPhase phase) {
    return phase instanceof RolloutPhase.Running;
  }

  private void supersede(
      Transaction transaction, Actor actor, List<RolloutId> others, RolloutId newer) {
    for (RolloutId id : others) {
      Stored stored = RolloutTables.lock(transaction, id).orElseThrow();
      if (!stored.state().phase().isTerminal()) {
        apply(transaction, actor, id, new RolloutEvent.Supersede(newer));
      }
      books.replace(transaction, stored);
    }
  }

  private static Rollout view(Transaction transaction, String id) {
    return RolloutTables.find(transaction, id)
        .map(found -> RolloutViews.view(transaction, found))
        .orElseThrow(() -> unknown(id));
  }

  /**
   * The state that a rollout's stored events lead to; equal to the stored state unless something
   * else than the machine has changed it.
   */
  RolloutState replayed(String id) {
    return database.call(
        transaction -> {
          Stored stored = RolloutTables.find(transaction, id).orElseThrow(() -> unknown(id));
          List<Instant> times = new ArrayList<>();
          List<RolloutEvent> events = RolloutTables.events(transaction, stored.id(), times);
          RolloutState state = RolloutState.draft(stored.order().plan());
          for (int i = 0; i < events.size(); i++) {
            state =
                RolloutMachine.step(stored.order().plan(), state, events.get(i), times.get(i))
                    .state();
          }
          return state;
        });
  }

  static ProblemException unknown(String id) {
    return new ProblemException(
        ErrorCode.NOT_FOUND, "there is no rollout '%s': see GET /v1/rollouts".formatted(id));
  }
}
