package io.skerry.control.alert;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Incident;
import io.skerry.control.audit.AuditBroken;
import io.skerry.control.audit.AuditSound;
import io.skerry.control.device.DeviceCloned;
import io.skerry.control.drift.HarmConfirmed;
import io.skerry.control.drift.IncidentOpened;
import io.skerry.control.drift.IncidentResolved;
import io.skerry.control.host.ServerReady;
import io.skerry.control.ingest.TenantKeyReadable;
import io.skerry.control.ingest.TenantKeyUnreadable;
import io.skerry.control.rollout.RolloutEnded;
import io.skerry.control.rollout.RolloutNotRestored;
import io.skerry.control.rollout.RolloutPaused;
import io.skerry.control.rollout.RolloutStopping;
import io.skerry.control.rollout.RolloutUnreadable;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.Incident.Page;
import io.skerry.protocol.RolloutId;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps and logs what opened, what hurts and what was stopped, and has it told to whom it is for.
 */
@Singleton
final class Alerts {
  private static final Logger log = LoggerFactory.getLogger(Alerts.class);
  private static final String KEY_UNREADABLE = "key.unreadable";
  private static final String AUDIT_BROKEN = "audit.broken";
  private static final String AUDIT = "audit";

  private final Database database;
  private final Clock clock = Clock.systemUTC();

  Alerts(Database database) {
    this.database = database;
  }

  @EventListener
  void onOpened(IncidentOpened event) {
    Incident incident = event.incident();
    // Inputs that moved are no harm by themselves: they open an investigation and wake nobody.
    keepIn(
        event.transaction(),
        of(
            "incident.opened",
            incident,
            event.page().isPresent() ? Severity.PAGE : Severity.TICKET,
            opened(incident, event.page())));
  }

  private static String opened(Incident incident, Optional<Page> page) {
    String where =
        "%s of %s%s on %d devices"
            .formatted(
                incident.feature(),
                incident.cohort(),
                incident.otherwise().isEmpty()
                    ? ""
                    : ", or the other way of %s,".formatted(incident.otherwise()),
                incident.devices());
    if (page.isEmpty()) {
      return "%s: %s".formatted(where, incident.effect().words());
    }
    return switch (page.get()) {
      case QUALITY ->
          "%s: values are missing, impossible or stuck (%s)"
              .formatted(where, incident.effect().words());
      case ACCURACY ->
          "%s: more predictions are wrong (%s)".formatted(where, incident.effect().words());
      case ESTIMATED_ACCURACY -> where + ": more predictions are likely to be wrong";
    };
  }

  @EventListener
  void onHarm(HarmConfirmed event) {
    Incident incident = event.incident();
    keepIn(
        event.transaction(),
        of("incident.harmful", incident, Severity.PAGE, harmful(incident, event.page())));
  }

  private static String harmful(Incident incident, Page page) {
    Incident.Harm harm = page == Page.ESTIMATED_ACCURACY ? incident.estimate() : incident.harm();
    boolean shown = incident.state().equals("HARM_CONFIRMED") || page == Page.ESTIMATED_ACCURACY;
    if (!shown && !incident.broken().isEmpty()) {
      return "%s of %s moved before; since then %s: %s"
          .formatted(
              incident.feature(),
              incident.cohort(),
              page == Page.QUALITY
                  ? "values are missing, impossible or stuck"
                  : "more predictions are wrong",
              incident.broken());
    }
    return harm == null
        ? "accuracy fell in " + incident.cohort()
        : "%s of %s fell from %.3f to %.3f%s"
            .formatted(
                harm.metric(),
                incident.cohort(),
                harm.before(),
                harm.after(),
                page == Page.ESTIMATED_ACCURACY
                    ? ", as its scores let expect; no outcome says so yet"
                    : "");
  }

  @EventListener
  void onResolved(IncidentResolved event) {
    Incident incident = event.incident();
    AlertStore.resolve(event.transaction(), "incident.", incident.id(), now());
    Alert alert =
        of(
            "incident.resolved",
            incident,
            Severity.NOTE,
            event.reason().isBlank() ? "resolved" : event.reason());
    keepIn(
        event.transaction(),
        new Alert(
            0,
            alert.at(),
            alert.kind(),
            alert.object(),
            alert.cause(),
            alert.cohort(),
            alert.severity(),
            alert.detail(),
            Optional.of(alert.at())));
  }

  private Alert of(String kind, Incident incident, Severity severity, String detail) {
    return new Alert(
        0,
        now(),
        kind,
        incident.id(),
        "%s/%s/%s".formatted(incident.model(), incident.cohort(), incident.feature()),
        incident.cohort(),
        severity,
        detail,
        Optional.empty());
  }

  @EventListener
  void onReady(ServerReady ready) {
    tellUntold();
  }

  /** Tells of copied keys whose alarm was stored by a server that was killed before it told. */
  void tellUntold() {
    database.call(AlertStore::untold).forEach(this::onCloned);
  }

  @EventListener
  void onCloned(DeviceCloned event) {
    Alert alert =
        new Alert(
            0,
            now(),
            "device.cloned",
            event.device().value(),
            "device/" + event.device(),
            "",
            Severity.PAGE,
            "its key is at work in %s: revoke it, and let the right machine enrol again"
                .formatted(String.join(" and ", event.instances())),
            Optional.empty());
    keepOnce(alert);
  }

  @EventListener
  void onKeyUnreadable(TenantKeyUnreadable event) {
    Alert alert =
        new Alert(
            0,
            now(),
            KEY_UNREADABLE,
            event.tenant().value(),
            "key/" + event.tenant(),
            "",
            Severity.PAGE,
            "samples and outcomes stay on devices until their spools are full: " + event.reason(),
            Optional.empty());
    keepOnce(alert);
  }

  @EventListener
  void onKeyReadable(TenantKeyReadable event) {
    database.run(
        transaction ->
            AlertStore.resolve(transaction, KEY_UNREADABLE, event.tenant().value(), now()));
  }

  @EventListener
  void onAuditBroken(AuditBroken event) {
    Alert alert =
        new Alert(
            0,
            now(),
            AUDIT_BROKEN,
            AUDIT,
            AUDIT,
            "",
            Severity.PAGE,
            (event.gone()
                    ? "row %d was the newest of the last check and is gone: somebody changed the database"
                    : "row %d does not fit the one before it: somebody changed the database")
                .formatted(event.id()),
            Optional.empty());
    keepOnce(alert);
  }

  @EventListener
  void onAuditSound(AuditSound event) {
    database.run(transaction -> AlertStore.resolve(transaction, AUDIT_BROKEN, AUDIT, now()));
  }

  private void keepOnce(Alert alert) {
    database.run(
        transaction -> {
          if (!AlertStore.isOpen(transaction, alert)) {
            keepIn(transaction, alert);
          }
        });
  }

  @EventListener
  void onRolloutEnded(RolloutEnded event) {
    if (event.rollout().state().equals("SUCCEEDED")) {
      return;
    }
    String reason = event.rollout().reason();
    Instant now = now();
    Alert alert =
        new Alert(
            0,
            now,
            "rollout." + event.rollout().state().toLowerCase(Locale.ROOT),
            event.rollout().id(),
            "rollout/" + event.rollout().id(),
            "",
            Severity.TICKET,
            reason == null ? "" : reason,
            Optional.of(now));
    database.run(
        transaction -> {
          // The event may come twice.
          if (!AlertStore.isKept(transaction, alert)) {
            keepIn(transaction, alert);
          }
        });
  }

  // Of no cause, so that each is told: whoever dealt with an earlier pause knows of no later one.
  @EventListener
  void onRolloutPaused(RolloutPaused event) {
    keepIn(event.transaction(), ticket("rollout.paused", event.rollout(), event.reason()));
  }

  // Harm is told when it is found: putting devices back takes as long as the slowest of them.
  @EventListener
  void onRolloutStopping(RolloutStopping event) {
    keepIn(
        event.transaction(),
        ticket(
            "rollout." + event.phase().toLowerCase(Locale.ROOT), event.rollout(), event.reason()));
  }

  @EventListener
  void onRolloutNotRestored(RolloutNotRestored event) {
    keepIn(
        event.transaction(),
        ticket(
            "rollout.restore_failed",
            event.rollout(),
            "%d devices could not go back and are not ordered to any more: they may run what was rolled back"
                .formatted(event.devices())));
  }

  // Of no cause: each is told.
  private Alert ticket(String kind, RolloutId rollout, String detail) {
    Instant now = now();
    return new Alert(
        0, now, kind, rollout.value(), "", "", Severity.TICKET, detail, Optional.of(now));
  }

  @EventListener
  void onRolloutUnreadable(RolloutUnreadable event) {
    Instant now = now();
    keep(
        new Alert(
            0,
            now,
            "rollout.unreadable",
            event.rollout().value(),
            "rollout/" + event.rollout(),
            "",
            Severity.PAGE,
            event.reason(),
            Optional.of(now)));
  }

  /** Keeps an alert and what is to be told of it, in one step. */
  Alert keep(Alert alert) {
    return database.call(transaction -> keepIn(transaction, alert));
  }

  private Alert keepIn(Transaction transaction, Alert alert) {
    Instant now = now();
    List<Routing.Told> earlier =
        AlertStore.told(transaction, alert.cause(), now.minus(Routing.QUIET));
    Alert kept = AlertStore.insert(transaction, alert);
    List<Route> routes =
        AlertStore.routes(transaction).stream().map(AlertStore.Sealed::route).toList();
    Routing.of(kept, routes, AlertStore.silences(transaction, now), earlier, now)
        .forEach(delivery -> AlertStore.insert(transaction, kept.id(), delivery, now));
    transaction.afterCommit(
        () ->
            log.atWarn()
                .addKeyValue("kind", kept.kind())
                .addKeyValue("object", kept.object())
                .addKeyValue("detail", kept.detail())
                .log("alert kept"));
    return kept;
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}
