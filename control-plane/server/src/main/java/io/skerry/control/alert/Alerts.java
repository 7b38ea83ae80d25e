package io.skerry.control.alert;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Incident;
import io.skerry.control.device.DeviceCloned;
import io.skerry.control.drift.HarmConfirmed;
import io.skerry.control.drift.IncidentOpened;
import io.skerry.control.rollout.RolloutEnded;
import io.skerry.control.sql.Database;
import jakarta.inject.Singleton;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps and logs what opened, what hurts and what was stopped. */
@Singleton
final class Alerts {
  private static final Logger log = LoggerFactory.getLogger(Alerts.class);

  private final Database database;

  Alerts(Database database) {
    this.database = database;
  }

  @EventListener
  void onOpened(IncidentOpened event) {
    Incident incident = event.incident();
    keep(
        "incident.opened",
        incident.id(),
        "%s of %s moved by %.1f standard deviations on %d devices"
            .formatted(
                incident.feature(), incident.cohort(), incident.shiftSigma(), incident.devices()));
  }

  @EventListener
  void onHarm(HarmConfirmed event) {
    Incident incident = event.incident();
    Incident.Harm harm = incident.harm();
    keep(
        "incident.harmful",
        incident.id(),
        harm == null
            ? "accuracy fell in " + incident.cohort()
            : "%s of %s fell from %.3f to %.3f"
                .formatted(harm.metric(), incident.cohort(), harm.before(), harm.after()));
  }

  @EventListener
  void onCloned(DeviceCloned event) {
    keep(
        "device.cloned",
        event.device().value(),
        "its key is at work in %s: revoke it, and let the right machine enrol again"
            .formatted(String.join(" and ", event.instances())));
  }

  @EventListener
  void onRolloutEnded(RolloutEnded event) {
    if (!event.rollout().state().equals("SUCCEEDED")) {
      String reason = event.rollout().reason();
      keep(
          "rollout." + event.rollout().state().toLowerCase(Locale.ROOT),
          event.rollout().id(),
          reason == null ? "" : reason);
    }
  }

  private void keep(String kind, String object, String detail) {
    database.run(
        transaction ->
            transaction.update(
                "insert into alert (at, kind, object, detail) values (now(), ?, ?, ?)",
                kind,
                object,
                detail));
    log.atWarn()
        .addKeyValue("kind", kind)
        .addKeyValue("object", object)
        .addKeyValue("detail", detail)
        .log("alert kept");
  }
}
