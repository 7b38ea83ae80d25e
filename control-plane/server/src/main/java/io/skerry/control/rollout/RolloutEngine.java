package io.skerry.control.rollout;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.link.ControlLink;
import io.skerry.control.rollout.RolloutTables.Stored;
import io.skerry.control.rollout.RolloutTables.Unreadable;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.Evidence;
import io.skerry.fleet.rollout.Census;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.FencedOutException;
import io.skerry.fleet.rollout.Lease;
import io.skerry.fleet.rollout.RolloutDriver;
import io.skerry.fleet.rollout.RolloutEffect;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutMachine;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.protocol.RolloutId;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves every rollout on whose lease this replica holds.
 *
 * <p>A tick reads counts, not devices: a rollout of which nothing changed costs a few rows,
 * whatever its size. Evidence is read after something came in, and at most every half second, or
 * every ten with long windows; its sums are compared with what devices sent once an hour, of one
 * rollout at a time. Who is away is counted every few windows, for it reads every device of a
 * stage. What the machine would do is found on what was read; only when it would do something is
 * the rollout's row locked, everything read again, decided and written in one transaction.
 *
 * <p>Deadlines count while devices are heard: a gap moves them on by as long as it was.
 */
@Singleton
final class RolloutEngine {
  private static final Logger log = LoggerFactory.getLogger(RolloutEngine.class);
  private static final Duration PERIOD = Duration.ofMillis(500);
  private static final Duration SWEEP_EVERY = Duration.ofSeconds(60);
  private static final Duration EVIDENCE_SWEEP_EVERY = Duration.ofHours(1);
  private static final Duration ADMIT_EVERY = Duration.ofSeconds(10);
  private static final Duration FORGET_EVERY = Duration.ofHours(1);
  private static final Duration LOST_MIN = Duration.ofSeconds(3);
  private static final Duration LOST_MAX = Duration.ofSeconds(30);
  private static final Duration LOOK_MIN = Duration.ofMillis(500);
  private static final Duration LOOK_MAX = Duration.ofSeconds(10);
  // Longer between two times at which the database answered, and what the devices sent may not
  // have been stored meanwhile: it or the broker was away, or this machine stood still. Many short
  // transactions are no gap, however long the look they make up.
  private static final Duration GAP = Duration.ofSeconds(10);
  // So much of what was heard counts as silence, too, when another server takes over.
  private static final Duration NOTE_EVERY = Duration.ofSeconds(2);
  // After that nobody waits for a device any more that was away when it was ordered back.
  private static final Duration RETURNS_WITHIN = Duration.ofDays(30);
  private static final int ROLLOUTS_MAX = 1000;

  private final Database database;
  private final SqlBooks books;
  private final AuditLog audit;
  private final ControlLink link;
  private final RolloutEndings endings;
  private final Clock clock;
  private final String replica = "replica-" + UUID.randomUUID();
  private final Map<RolloutId, Watched> watched = new HashMap<>();
  private final Set<RolloutId> unreadable = new HashSet<>();
  private volatile @Nullable Loop loop;
  private Instant heardSince = Instant.EPOCH;
  private Instant answeredAt = Instant.EPOCH;
  private Instant forgetAt = Instant.EPOCH;
  private Instant notedAt = Instant.EPOCH;
  // Before it answered again, if there is a gap.
  private Instant quietSince = Instant.EPOCH;
  private boolean gap;

  @Inject
  RolloutEngine(
      Database database, SqlBooks books, AuditLog audit, ControlLink link, RolloutEndings endings) {
    this(database, books, audit, link, endings, Clock.systemUTC());
  }

  RolloutEngine(
      Database database,
      SqlBooks books,
      AuditLog audit,
      ControlLink link,
      RolloutEndings endings,
      Clock clock) {
    this.database = database;
    this.books = books;
    this.audit = audit;
    this.link = link;
    this.endings = endings;
    this.clock = clock;
  }

  // What this replica knows of a rollout that it moves on; lost without harm.
  private static final class Watched {
    Lease lease;
    Evidence evidence = Evidence.NONE;
    int evidenceStage = -1;
    boolean changed = true;
    Instant lookedAt = Instant.EPOCH;
    Instant lostAt = Instant.EPOCH;
    Instant sweptAt;
    Instant evidenceSweptAt;
    Instant admittedAt;
    // -1: not known yet.
    int notRestored = -1;
    int notRestoredTold;

    Watched(Lease lease, Instant now) {
      this.lease = lease;
      this.sweptAt = now;
      this.evidenceSweptAt = now;
      this.admittedAt = now;
    }
  }

  @EventListener
  void onReady(ServerReady ready) {
    loop = Loop.every("rollouts", PERIOD, this::tick);
  }

  @PreDestroy
  void close() {
    Loop running = loop;
    if (running != null) {
      running.close();
    }
  }

  // Once, of each: it stays so until another build is here.
  private void tellUnreadable(Unreadable one) {
    if (unreadable.add(one.id())) {
      log.atError()
          .addKeyValue("rollout", one.id())
          .setCause(one.why())
          .log("rollout cannot be read and stands still, was it written by a newer build?");
      endings.standsStill(
          one.id(),
          "it stands still, for the server that decides cannot read it (%s): start the newest build, and stop those before"
              .formatted(one.why().getMessage()));
    }
  }

  private record View(
      List<Stored> rollouts,
      List<Unreadable> unreadable,
      Map<RolloutId, Census> census,
      Set<String> due,
      Set<String> broken,
      Map<String, GoingBack> goingBack) {}

  /**
   * Devices of a rollout that could not go back.
   *
   * @param due whether one that is online is ordered back again now
   * @param waiting that will be
   * @param givenUp that will not
   */
  private record GoingBack(String rollout, boolean due, int waiting, int givenUp) {}

  // While nobody is heard nothing is known, and nobody is late.
  void tick() {
    endings.tell();
    if (link.isListening()) {
      look(now());
    }
  }

  /** Looks at every rollout once, and moves on those that have something to do. */
  synchronized void look(Instant now) {
    answered(now);
    if (gap) {
      books.hear(quietSince, GAP, now);
      heardSince = now;
      // What a gap itself makes us do must not make the next one.
      answeredAt = now();
      gap = false;
      notedAt = now;
    } else if (!now.isBefore(notedAt.plus(NOTE_EVERY))) {
      books.noteHeard(now);
      answered(now());
      notedAt = now;
    }
    View view = database.call(transaction -> view(transaction, now));
    answered(now());
    view.unreadable().forEach(this::tellUnreadable);
    watched.keySet().retainAll(view.rollouts().stream().map(Stored::id).toList());
    List<Stored> mine = new ArrayList<>();
    for (Stored stored : view.rollouts()) {
      if (holds(stored.id(), now)) {
        mine.add(stored);
      }
    }
    hearOfChanges(mine);
    for (Stored stored : mine) {
      Watched one = watched.get(stored.id());
      if (one == null) {
        continue;
      }
      try {
        refreshEvidence(stored, one, now);
        keepUp(stored, one, view, now);
      } catch (FencedOutException e) {
        answered(now());
        watched.remove(stored.id());
        log.atWarn().addKeyValue("rollout", stored.id()).log("another replica took over");
      } catch (RuntimeException e) {
        if (!(e instanceof DatabaseException failure && failure.isAway())) {
          answered(now());
        }
        // A rollout that cannot be moved must not hold up the others.
        log.atError()
            .addKeyValue("rollout", stored.id())
            .setCause(e)
            .log("rollout could not be moved on");
      }
    }
    sweepEvidence(mine, now);
    forget(now);
  }

  // It reads what every device sent: of the rollout that has waited longest, and no other.
  private void sweepEvidence(List<Stored> mine, Instant now) {
    Optional<Stored> next =
        mine.stream()
            .filter(stored -> watched.containsKey(stored.id()))
            .min(Comparator.comparing(stored -> sweptAt(stored.id())))
            .filter(stored -> !now.isBefore(sweptAt(stored.id()).plus(EVIDENCE_SWEEP_EVERY)));
    if (next.isEmpty()) {
      return;
    }
    RolloutId id = next.get().id();
    Watched one = Objects.requireNonNull(watched.get(id));
    one.evidenceSweptAt = now;
    try {
      int wrong = books.sweepEvidence(one.lease);
      one.changed |= wrong > 0;
      tellMended(id, "evidence", wrong, "%d sums differed from what devices sent");
    } catch (FencedOutException e) {
      watched.remove(id);
    }
    answered(now());
  }

  private Instant sweptAt(RolloutId id) {
    return Objects.requireNonNull(watched.get(id)).evidenceSweptAt;
  }

  private void forget(Instant now) {
    if (now.isBefore(forgetAt)) {
      return;
    }
    int forgotten = database.<Integer>call(transaction -> RolloutTables.forget(transaction, now));
    answered(now());
    // Others are left when there were as many as may be forgotten at a time.
    forgetAt = forgotten < RolloutTables.FORGOTTEN_MAX ? now.plus(FORGET_EVERY) : now;
  }

  private void answered(Instant now) {
    if (!gap && now.isAfter(answeredAt.plus(GAP))) {
      gap = true;
      quietSince = answeredAt;
    }
    answeredAt = now;
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }

  private static View view(Transaction transaction, Instant now) {
    List<Unreadable> unreadable = new ArrayList<>();
    List<Stored> rollouts = RolloutTables.followed(transaction, ROLLOUTS_MAX, unreadable::add);
    List<String> units =
        rollouts.stream().filter(Stored::isUnit).map(stored -> stored.id().value()).toList();
    return new View(
        rollouts,
        unreadable,
        RolloutTables.census(transaction, rollouts.stream().map(Stored::id).toList()),
        new HashSet<>(
            transaction.list(
                "select distinct rollout from deployment where due_at <= ?",
                row -> row.text("rollout"),
                now)),
        units.isEmpty() ? Set.of() : Deployments.withBrokenUnits(transaction, units),
        goingBack(transaction, rollouts, now));
  }

  private static Map<String, GoingBack> goingBack(
      Transaction transaction, List<Stored> rollouts, Instant now) {
    List<String> back =
        rollouts.stream()
            .filter(
                stored ->
                    stored.state().phase() instanceof RolloutPhase.RollingBack
                        || stored.state().phase() instanceof RolloutPhase.RolledBack)
            .map(stored -> stored.id().value())
            .toList();
    Map<String, GoingBack> byRollout = new HashMap<>();
    if (!back.isEmpty()) {
      transaction.forEach(
          """
          select rollout, bool_or(coalesce(again_at <= ? and online, false)) as due,
            count(again_at) as waiting, count(*) - count(again_at) as given_up
          from deployment where rollout = any(?) and state = 'RESTORE_FAILED' group by rollout
          """,
          row ->
              byRollout.put(
                  row.text("rollout"),
                  new GoingBack(
                      row.text("rollout"),
                      row.flag("due"),
                      row.integer("waiting"),
                      row.integer("given_up"))),
          now,
          back);
    }
    return byRollout;
  }

  private boolean holds(RolloutId id, Instant now) {
    Watched known = watched.get(id);
    if (known != null && now.isBefore(known.lease.until().minus(Lease.LENGTH.dividedBy(2)))) {
      return true;
    }
    Optional<Lease> lease = books.lease(id, replica, now);
    answered(now());
    if (lease.isEmpty()) {
      watched.remove(id);
      return false;
    }
    if (known == null || known.lease.token() != lease.get().token()) {
      watched.put(id, new Watched(lease.get(), now));
    } else {
      known.lease = lease.get();
    }
    return true;
  }

  private void hearOfChanges(List<Stored> mine) {
    if (mine.isEmpty()) {
      return;
    }
    database.run(
        transaction ->
            transaction
                .list(
                    // What came in is told to one replica only: not to one that was taken over.
                    """
                    delete from rollout_arm_change changed using rollout
                    where changed.rollout = any(?) and rollout.id = changed.rollout
                      and rollout.lease_holder = ?
                    returning changed.rollout
                    """,
                    row -> new RolloutId(row.text("rollout")),
                    mine.stream().map(stored -> stored.id().value()).toList(),
                    replica)
                .forEach(
                    id -> {
                      Watched one = watched.get(id);
                      if (one != null) {
                        one.changed = true;
                      }
                    }));
    answered(now());
  }

  // Only when something came in, and not more often than it can.
  // A transaction for each rollout: many that take long together are no gap.
  private void refreshEvidence(Stored stored, Watched one, Instant now) {
    var stage = RolloutMachine.openStage(stored.state());
    if (stage.isEmpty()) {
      return;
    }
    boolean otherStage = one.evidenceStage != stage.getAsInt();
    if (one.evidenceStage < 0) {
      // As they were counted last: not all rollouts count in one look, after a start.
      one.lostAt = now.minusMillis(spread(stored));
    } else if (otherStage || !now.isBefore(one.lostAt.plus(everyLost(stored)))) {
      one.lostAt = now;
      one.changed |= books.countLost(one.lease);
      answered(now());
    }
    if (otherStage || (one.changed && !now.isBefore(one.lookedAt.plus(every(stored))))) {
      one.evidence =
          database.call(
              transaction -> StageEvidence.folded(transaction, stored.current(), stage.getAsInt()));
      answered(now());
      one.evidenceStage = stage.getAsInt();
      one.changed = false;
      one.lookedAt = now;
    }
  }

  private static long spread(Stored stored) {
    return Math.floorMod(stored.id().hashCode(), everyLost(stored).toMillis());
  }

  private static Duration everyLost(Stored stored) {
    Duration windows = stored.order().window().multipliedBy(3);
    return windows.compareTo(LOST_MIN) < 0
        ? LOST_MIN
        : windows.compareTo(LOST_MAX) > 0 ? LOST_MAX : windows;
  }

  private static Duration every(Stored stored) {
    Duration part = stored.order().window().dividedBy(4);
    return part.compareTo(LOOK_MIN) < 0 ? LOOK_MIN : part.compareTo(LOOK_MAX) > 0 ? LOOK_MAX : part;
  }

  private void keepUp(Stored stored, Watched one, View view, Instant now) {
    RolloutId id = stored.id();
    Census census = view.census().getOrDefault(id, Census.NONE);
    RolloutMachine.Step step =
        RolloutMachine.step(
            stored.order().plan(),
            stored.state(),
            new RolloutEvent.Observed(census, one.evidence, heardSince),
            now);
    if (!step.state().equals(stored.state())
        || step.effects().stream().anyMatch(effect -> doesSomething(effect, id, view))) {
      RolloutDriver.moveOn(books, one.lease, heardSince, now);
      answered(now());
    }
    if (stored.order().plan().dynamic() && !now.isBefore(one.admittedAt.plus(ADMIT_EVERY))) {
      one.admittedAt = now;
      admit(stored, one.lease);
      answered(now());
    }
    if (!now.isBefore(one.sweptAt.plus(SWEEP_EVERY))) {
      one.sweptAt = now;
      sweep(one.lease);
      answered(now());
    }
    GoingBack back =
        view.goingBack().getOrDefault(id.value(), new GoingBack(id.value(), false, 0, 0));
    tellNotRestored(stored, one, back);
    if (isOver(stored, census, back, now)) {
      books.release(one.lease);
      answered(now());
      watched.remove(id);
    }
  }

  private static boolean doesSomething(RolloutEffect effect, RolloutId id, View view) {
    return switch (effect) {
      case RolloutEffect.Expire _ -> view.due().contains(id.value());
      case RolloutEffect.RestoreBrokenUnits _ -> view.broken().contains(id.value());
      case RolloutEffect.OpenStage _, RolloutEffect.Offer _, RolloutEffect.CatchUp _ -> true;
      case RolloutEffect.DeferOffline _, RolloutEffect.Cancel _ -> true;
      case RolloutEffect.RestoreAgain _ ->
          view.goingBack().containsKey(id.value()) && view.goingBack().get(id.value()).due();
      case RolloutEffect.RestoreTouched _, RolloutEffect.RetryFailed _ -> true;
      case RolloutEffect.ConcludeTrial _, RolloutEffect.CloseOut _ -> true;
    };
  }

  // Who cannot go back, however often it is ordered to, runs what was rolled back.
  private void tellNotRestored(Stored stored, Watched one, GoingBack back) {
    if (stored.state().phase() instanceof RolloutPhase.RollingBack) {
      // Nobody was told of those who are stuck already when it ends.
      one.notRestored = 0;
    }
    if (!(stored.state().phase() instanceof RolloutPhase.RolledBack)) {
      return;
    }
    int failed = back.givenUp();
    if (one.notRestored < 0) {
      one.notRestored = failed;
    }
    // A whole site may come back at once: the first is told, and then each doubling.
    int since = failed - one.notRestored;
    if (since > 0 && since >= 2 * one.notRestoredTold) {
      database.run(transaction -> endings.notRestored(transaction, stored.id(), failed));
      one.notRestoredTold = since;
    }
  }

  private static boolean isOver(Stored stored, Census census, GoingBack back, Instant now) {
    return switch (stored.state().phase()) {
      case RolloutPhase.Aborted _, RolloutPhase.Superseded _ -> true;
      // Who was away and was ordered back is followed until it is.
      case RolloutPhase.RolledBack _ ->
          census.count(DeploymentState.DEFERRED)
                      + census.count(DeploymentState.RESTORING)
                      + back.waiting()
                  == 0
              || isLongAgo(stored, now);
      case RolloutPhase.Succeeded _ ->
          // Nobody gets what was tried and dropped.
          (stored.order().plan().kind().isTrial() && !stored.order().plan().kind().promotes())
              // Whoever comes joins a dynamic one until another takes its place.
              || (stored.joinedThrough().isEmpty()
                  && census.count(
                          cell ->
                              cell.state() == DeploymentState.DEFERRED
                                  || cell.state() == DeploymentState.PENDING
                                  // It may come late.
                                  || cell.state() == DeploymentState.NOT_REACHED
                                  || cell.state().isInFlight())
                      == 0);
      case RolloutPhase.Draft _, RolloutPhase.WaitingForApproval _, RolloutPhase.Ready _ -> false;
      case RolloutPhase.Running _, RolloutPhase.Paused _ -> false;
      case RolloutPhase.Aborting _, RolloutPhase.RollingBack _ -> false;
    };
  }

  private static boolean isLongAgo(Stored stored, Instant now) {
    Instant ended = stored.endedAt();
    // A retry begins the first stage's anew: whoever is ordered back by it has as long.
    Instant begun = stored.state().stages().getFirst().openedAt().orElse(Instant.EPOCH);
    return ended != null
        && now.isAfter((begun.isAfter(ended) ? begun : ended).plus(RETURNS_WITHIN));
  }

  private void admit(Stored stored, Lease lease) {
    int admitted = books.admit(lease);
    if (admitted > 0) {
      log.atInfo()
          .addKeyValue("rollout", stored.id())
          .addKeyValue("devices", admitted)
          .log("devices joined");
    }
  }

  private void sweep(Lease lease) {
    tellMended(
        lease.rollout(), "counts", books.sweep(lease), "%d counts differed from the devices");
  }

  private void tellMended(RolloutId id, String what, int wrong, String told) {
    if (wrong == 0) {
      return;
    }
    log.atError()
        .addKeyValue("rollout", id)
        .addKeyValue(what, wrong)
        .log("what is added up of a rollout was wrong and is mended");
    database.run(
        transaction ->
            audit.append(
                transaction,
                Actor.system("rollout"),
                AuditLog.Act.of(
                    "rollout.%s-mended".formatted(what), "rollout/" + id, told.formatted(wrong))));
  }

  /** Moves one rollout on whatever a tick would find; only for tests of this replica. */
  void moveOn(RolloutId id) {
    Instant now = now();
    books
        .lease(id, replica, now)
        .ifPresent(lease -> RolloutDriver.moveOn(books, lease, heardSince, now));
  }
}
