package io.skerry.control.rollout;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Rollout;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.drift.Incidents;
import io.skerry.control.rollout.Deployments.Variant;
import io.skerry.control.rollout.RolloutStore.Stored;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageMembership;
import io.skerry.fleet.rollout.StageMembership.Candidate;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Rollouts: begin them, look at them, act on them. */
@Singleton
public final class Rollouts {
  private static final int LIST_MAX = 200;
  private static final int PROBATION_PREDICTIONS = 3;
  private static final Duration PROBATION_MIN = Duration.ofSeconds(5);
  private static final Duration PROBATION_MAX = Duration.ofMinutes(1);

  private final Database database;
  private final RolloutEngine engine;
  private final Incidents incidents;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();

  Rollouts(Database database, RolloutEngine engine, Incidents incidents, AuditLog audit) {
    this.database = database;
    this.engine = engine;
    this.incidents = incidents;
    this.audit = audit;
  }

  /**
   * What shall be rolled out.
   *
   * @param percents cumulative share of the eligible devices per stage
   * @param soakWindows counting windows that a stage is watched
   */
  public record Wish(
      ModelVersion version,
      SlotId slot,
      List<Integer> percents,
      int soakWindows,
      Duration window,
      GateAction onFailedDevices,
      SamplingRates sampling) {
    public Wish {
      percents = List.copyOf(percents);
    }
  }

  /**
   * Begins a rollout at once; one that is under way in the same slot is superseded.
   *
   * @throws ProblemException if the version has no packaged variant, one that awaits its signature,
   *     no device fits, or a field is wrong
   */
  public Rollout start(Actor actor, Wish wish) {
    RolloutPlan plan = plan(wish);
    RolloutId id = new RolloutId("rollout-" + UUID.randomUUID().toString().substring(0, 13));
    return database.call(
        transaction -> {
          requireSigned(transaction, wish.version());
          Map<String, Variant> variants = variants(transaction, wish.version());
          if (variants.isEmpty()) {
            throw new ProblemException(
                ErrorCode.STATE_CONFLICT,
                "%s has no packaged variant: package it first".formatted(wish.version()));
          }
          List<Candidate> candidates = candidates(transaction, variants);
          if (candidates.isEmpty()) {
            throw new ProblemException(
                ErrorCode.STATE_CONFLICT,
                "no device has one of the profiles that %s is packaged for: %s"
                    .formatted(wish.version(), variants.keySet().stream().sorted().toList()));
          }
          int all = (int) transaction.number("select count(*) from device");
          RolloutOrder order = order(id, wish, plan, all - candidates.size());
          Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
          supersede(transaction, actor, order);
          RolloutStore.insert(transaction, order, actor.name(), now);
          Deployments.insert(
              transaction,
              order,
              StageMembership.assign(candidates, id.value(), plan.percents()),
              variants);
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("rollout.created", "rollout/" + id, wish.version().toString()));
          engine.apply(
              transaction,
              actor,
              RolloutStore.lock(transaction, id).orElseThrow(),
              new RolloutEvent.Start());
          return RolloutStore.find(transaction, id.value())
              .map(stored -> RolloutViews.view(transaction, stored))
              .orElseThrow();
        });
  }

  private static RolloutPlan plan(Wish wish) {
    try {
      Duration soak = wish.window().multipliedBy(wish.soakWindows());
      return new RolloutPlan(wish.percents(), soak, RolloutPlan.Deadlines.forSoak(soak));
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private static RolloutOrder order(RolloutId id, Wish wish, RolloutPlan plan, int notEligible) {
    // A device that is asked seldom has this long to prove itself; then its silence counts as good.
    Duration window = wish.window();
    Duration probation =
        window.compareTo(PROBATION_MIN) < 0
            ? PROBATION_MIN
            : window.compareTo(PROBATION_MAX) > 0 ? PROBATION_MAX : window;
    return new RolloutOrder(
        id,
        wish.slot(),
        wish.version(),
        plan,
        wish.window(),
        wish.onFailedDevices(),
        wish.sampling(),
        PROBATION_PREDICTIONS,
        probation,
        notEligible);
  }

  private void supersede(Transaction transaction, Actor actor, RolloutOrder newer) {
    for (RolloutId id : RolloutStore.activeIn(transaction, newer.slot())) {
      RolloutStore.lock(transaction, id)
          .filter(stored -> !stored.state().phase().isTerminal())
          .ifPresent(
              stored ->
                  engine.apply(transaction, actor, stored, new RolloutEvent.Supersede(newer.id())));
    }
  }

  private static void requireSigned(Transaction transaction, ModelVersion version) {
    List<String> awaiting =
        transaction.list(
            """
            select profile from variant
            where model = ? and version = ? and winner and signature is null
            order by profile limit 200
            """,
            row -> row.text("profile"),
            version.model().value(),
            version.version());
    if (!awaiting.isEmpty()) {
      throw new ProblemException(
          ErrorCode.STATE_CONFLICT,
          ("%1$s awaits the release key's signature for %2$s: get what is to be signed with"
                  + " './skerry get release %1$s --out unsigned.json', see docs/keys.md")
              .formatted(version, String.join(", ", awaiting)));
    }
  }

  private record OfProfile(String profile, Variant variant) {}

  private static Map<String, Variant> variants(Transaction transaction, ModelVersion version) {
    Map<String, Variant> variants = new HashMap<>();
    transaction
        .list(
            """
            select profile, manifest, signature from variant
            where model = ? and version = ? and winner and manifest is not null
              and signature is not null
            """,
            row ->
                new OfProfile(
                    row.text("profile"),
                    new Variant(
                        Digest.parse(row.text("manifest")), Digest.parse(row.text("signature")))),
            version.model().value(),
            version.version())
        .forEach(one -> variants.put(one.profile(), one.variant()));
    return variants;
  }

  private static List<Candidate> candidates(
      Transaction transaction, Map<String, Variant> variants) {
    return transaction.list(
        "select id, profile from device where profile = any(?) order by id",
        row -> new Candidate(new DeviceId(row.text("id")), new ProfileId(row.text("profile"))),
        variants.keySet());
  }

  /** The newest rollouts, newest first. */
  public List<Rollout> newest() {
    return database.call(
        transaction ->
            RolloutStore.newest(transaction, LIST_MAX).stream()
                .map(stored -> RolloutViews.view(transaction, stored))
                .toList());
  }

  /** One rollout. */
  public Optional<Rollout> find(String id) {
    return database.call(
        transaction ->
            RolloutStore.find(transaction, id)
                .map(stored -> RolloutViews.view(transaction, stored)));
  }

  /**
   * Does what an operator asks.
   *
   * @throws ProblemException if there is none of this id or its phase does not allow the act
   */
  public Rollout act(Actor actor, String id, RolloutEvent event) {
    return database.call(
        transaction -> {
          Stored stored =
              RolloutStore.find(transaction, id)
                  .flatMap(found -> RolloutStore.lock(transaction, found.order().id()))
                  .orElseThrow(() -> unknown(id));
          engine.apply(transaction, actor, stored, event);
          return RolloutStore.find(transaction, id)
              .map(found -> RolloutViews.view(transaction, found))
              .orElseThrow(() -> unknown(id));
        });
  }

  static ProblemException unknown(String id) {
    return new ProblemException(
        ErrorCode.NOT_FOUND, "there is no rollout '%s': see GET /v1/rollouts".formatted(id));
  }

  // A version that was trained on an incident and runs everywhere has learned the new data.
  @EventListener
  void onEnded(RolloutEnded event) {
    Rollout rollout = event.rollout();
    if (!rollout.state().equals("SUCCEEDED")) {
      return;
    }
    database
        .call(
            transaction ->
                transaction.first(
                    """
                    select incident from run
                    where model = ? and version = ? and incident is not null
                    """,
                    row -> row.text("incident"),
                    rollout.model(),
                    rollout.version()))
        .ifPresent(
            incident ->
                incidents.resolve(
                    Actor.system("rollout"),
                    incident,
                    "%s@%d, trained on this incident, runs everywhere"
                        .formatted(rollout.model(), rollout.version())));
  }
}
