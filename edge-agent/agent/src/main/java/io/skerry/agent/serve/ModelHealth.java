package io.skerry.agent.serve;

import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import io.skerry.agent.model.ServingModel;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What {@code grpc.health.v1} says: the empty name is the whole agent's readiness, then the names
 * of services, then those of models.
 */
final class ModelHealth {
  private final HealthStatusManager manager;
  private final Served served;
  private final List<String> services;
  private final Set<String> models = new HashSet<>();
  private boolean ended;

  ModelHealth(HealthStatusManager manager, Served served, List<String> services) {
    this.manager = manager;
    this.served = served;
    this.services = List.copyOf(services);
  }

  /** Says how things stand now. */
  synchronized void update() {
    if (ended) {
      return;
    }
    Set<String> active = new HashSet<>();
    for (ServingModel model : served.slots().active()) {
      active.add(model.version().model().value());
    }
    models.addAll(active);
    for (String model : models) {
      manager.setStatus(
          model, active.contains(model) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    }
    // A model that has gone is told once as not serving, then forgotten: names must not pile up.
    models.retainAll(active);
    manager.setStatus(
        HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
        served.listing().ready() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    services.forEach(service -> manager.setStatus(service, ServingStatus.SERVING));
  }

  /** Nothing serves any more. */
  synchronized void end() {
    ended = true;
    manager.enterTerminalState();
  }
}
