package io.skerry.control.overview;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import io.skerry.control.registry.Registry;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;

/** The page of a version's variants: all candidates, what was measured and why one ships. */
@Controller("/models")
final class VariantPageController {
  private final Registry registry;
  private final Templates templates = new StaticTemplates();

  VariantPageController(Registry registry) {
    this.registry = registry;
  }

  @Get("/{model}/versions/{version}")
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.VIEWER)
  MutableHttpResponse<String> page(Actor actor, String model, long version) {
    try {
      return PageHeaders.on(
          HttpResponse.ok(
              templates
                  .variantpage(
                      registry.version(new ModelVersion(new ModelName(model), version)),
                      actor.name())
                  .render()));
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }
}
