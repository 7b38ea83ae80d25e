package io.skerry.control.packaging;

import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.Put;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import java.nio.charset.StandardCharsets;

/** What devices watch of a model, and what they may tell of it. */
@Controller("/v1/models/{model}/monitoring")
final class MonitoringController {
  private final ModelMonitoring monitoring;

  MonitoringController(ModelMonitoring monitoring) {
    this.monitoring = monitoring;
  }

  @Get
  @Produces(MediaType.APPLICATION_JSON)
  @Allowed(Role.VIEWER)
  byte[] get(String model) {
    return bytes(monitoring.json(PackagingService.version(model, 1).model()));
  }

  @Put
  @Consumes(MediaType.APPLICATION_JSON)
  @Produces(MediaType.APPLICATION_JSON)
  @Allowed(Role.OPERATOR)
  byte[] change(Actor actor, String model, @Body byte[] body) {
    return bytes(monitoring.change(actor, PackagingService.version(model, 1).model(), body));
  }

  private static byte[] bytes(String json) {
    return json.getBytes(StandardCharsets.UTF_8);
  }
}
