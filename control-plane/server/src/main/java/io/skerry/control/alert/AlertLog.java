package io.skerry.control.alert;

import io.skerry.api.AlertDelivery;
import io.skerry.api.AlertRoute;
import io.skerry.api.AlertSilence;
import io.skerry.api.AlertView;
import io.skerry.control.sql.Database;
import jakarta.inject.Singleton;
import java.util.List;

/** Alerts, where they go and what became of them, for whoever shows them. */
@Singleton
public final class AlertLog {
  private final Database database;
  private final AlertRoutes routes;

  AlertLog(Database database, AlertRoutes routes) {
    this.database = database;
    this.routes = routes;
  }

  /** The newest alerts, newest first. */
  public List<AlertView> newest(int limit) {
    return database.call(
        transaction ->
            AlertStore.newest(transaction, Long.MAX_VALUE, limit).stream()
                .map(AlertController::view)
                .toList());
  }

  /** Where they go. */
  public List<AlertRoute> routes() {
    return routes.list();
  }

  /** What is silenced now. */
  public List<AlertSilence> silences() {
    return routes.silences();
  }

  /** The newest deliveries, newest first. */
  public List<AlertDelivery> deliveries(int limit) {
    return database.call(transaction -> AlertStore.deliveries(transaction, Long.MAX_VALUE, limit));
  }
}
