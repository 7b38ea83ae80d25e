package io.skerry.control.rollout;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.audit.Actor;
import io.skerry.control.drift.Incidents;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.protocol.RolloutId;
import jakarta.inject.Singleton;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Ends an incident when a version that was trained on it runs everywhere: no device is left that
 * runs an older one, but those that the rollout took and that failed or are late.
 */
@Singleton
final class LearnedIncidents {
  private static final List<String> RUNNING =
      Arrays.stream(DeploymentState.values())
          .filter(DeploymentState::isSuccess)
          .map(Enum::name)
          .toList();

  private static final List<String> FAILED =
      Arrays.stream(DeploymentState.values())
          .filter(DeploymentState::isFailure)
          .map(Enum::name)
          .toList();

  private final Database database;
  private final Incidents incidents;

  LearnedIncidents(Database database, Incidents incidents) {
    this.database = database;
    this.incidents = incidents;
  }

  private record Learned(String incident, String how) {}

  @EventListener
  void onEnded(RolloutEnded event) {
    database
        .call(transaction -> learned(transaction, event.rollout().id()))
        .ifPresent(
            learned ->
                incidents.resolve(Actor.system("rollout"), learned.incident(), learned.how()));
  }

  private static Optional<Learned> learned(Transaction transaction, String id) {
    return RolloutTables.find(transaction, id)
        .filter(stored -> stored.state().phase() instanceof RolloutPhase.Succeeded)
        .map(RolloutTables.Stored::current)
        .filter(order -> isKept(order.plan().kind()))
        .filter(order -> isOrderedEverywhere(transaction, order))
        .flatMap(
            order ->
                incident(transaction, order.first())
                    .map(incident -> new Learned(incident, how(transaction, order))));
  }

  private static boolean isKept(RolloutKind kind) {
    return !kind.isTrial() || kind.promotes();
  }

  // Those of its own that it did not reach are told of; others still suffer.
  private static boolean isOrderedEverywhere(Transaction transaction, RolloutOrder order) {
    return transaction.number(
            """
            select count(*) from desired_slot o
            where o.slot = ? and o.model = ? and o.version < ? and o.mode = 'ACTIVE'
              and not exists (select from deployment d where d.rollout = ? and d.device = o.device
                and d.state <> 'NOT_ELIGIBLE')
            """,
            order.first().slot().value(),
            order.first().version().model().value(),
            order.first().version().version(),
            order.id().value())
        == 0;
  }

  private static Optional<String> incident(Transaction transaction, RolloutOrder.Part part) {
    return transaction.first(
        "select incident from run where model = ? and version = ? and incident is not null",
        row -> row.text("incident"),
        part.version().model().value(),
        part.version().version());
  }

  private static String how(Transaction transaction, RolloutOrder order) {
    // Who tries it still waits for it, and whoever failed it stays without.
    long without =
        order.plan().kind().promotes()
            ? failed(transaction, order.id())
            : without(transaction, order.id());
    return "%s, trained on this incident, %s%s"
        .formatted(
            order.first().version(),
            order.plan().kind().promotes()
                ? "was good on trial and is made the active version"
                : "runs everywhere",
            without == 0
                ? ""
                : " but on %d %s".formatted(without, without == 1 ? "device" : "devices"));
  }

  private static long without(Transaction transaction, RolloutId id) {
    return transaction.number(
        """
        select count(*) from deployment
        where rollout = ? and state <> all(?) and state not in ('REMOVED', 'NOT_ELIGIBLE')
        """,
        id.value(),
        RUNNING);
  }

  private static long failed(Transaction transaction, RolloutId id) {
    return transaction.number(
        "select count(*) from deployment where rollout = ? and state = any(?)", id.value(), FAILED);
  }
}
