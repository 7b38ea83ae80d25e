package io.skerry.control.packaging;

import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.Put;
import io.skerry.api.ModelVersionView;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;

/** What release keys are to sign, and what they signed. */
@Controller("/v1/models/{model}/versions/{version}")
final class ReleaseController {
  private final Releases releases;

  ReleaseController(Releases releases) {
    this.releases = releases;
  }

  @Get("/release")
  @Produces(MediaType.APPLICATION_JSON)
  @Allowed(Role.VIEWER)
  byte[] release(String model, long version) {
    return releases.file(PackagingService.version(model, version)).toJson();
  }

  @Put("/signatures")
  @Consumes(MediaType.APPLICATION_JSON)
  @Allowed(Role.OPERATOR)
  ModelVersionView sign(Actor actor, String model, long version, @Body byte[] file) {
    return releases.sign(actor, PackagingService.version(model, version), file);
  }
}
