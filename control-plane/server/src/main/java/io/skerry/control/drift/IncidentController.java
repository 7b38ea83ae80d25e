package io.skerry.control.drift;

import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.ActRequest;
import io.skerry.api.DriftStream;
import io.skerry.api.Incident;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;

/** Incidents and drift. */
@Controller("/v1")
final class IncidentController {
  private final Incidents incidents;

  IncidentController(Incidents incidents) {
    this.incidents = incidents;
  }

  @Get("/incidents")
  @Allowed(Role.VIEWER)
  Page<Incident> list(
      @QueryValue(defaultValue = "200") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    return incidents.list(pageToken, Math.clamp(pageSize, 1, Incidents.LIST_MAX));
  }

  @Get("/incidents/{id}")
  @Allowed(Role.VIEWER)
  Incident get(String id) {
    return incidents.find(id).orElseThrow(() -> Incidents.unknown(id));
  }

  @Post("/incidents/{id}/resolve")
  @Allowed(Role.OPERATOR)
  Incident resolve(Actor actor, String id, @Body ActRequest request) {
    String reason = request.reason();
    return incidents.resolve(actor, id, reason == null ? "" : reason);
  }

  @Get("/drift")
  @Allowed(Role.VIEWER)
  Page<DriftStream> drift(@QueryValue(defaultValue = "0") int pageToken) {
    int after = Math.max(0, pageToken);
    int next = after + DriftStore.TRACKS_AT_ONCE_MAX;
    return new Page<>(
        incidents.streams(after), incidents.hasStreams(next) ? String.valueOf(next) : null);
  }
}
