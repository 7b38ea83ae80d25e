package io.skerry.control.overview;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.uri.UriBuilder;
import io.skerry.api.Packaging;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.packaging.PackagingService;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import io.skerry.control.registry.Registry;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import org.jspecify.annotations.Nullable;

/** The page of a version's variants: all candidates, what was measured and why one ships. */
@Controller("/models")
final class VariantPageController {
  private final Registry registry;
  private final PackagingService packagings;
  private final Templates templates = new StaticTemplates();

  VariantPageController(Registry registry, PackagingService packagings) {
    this.registry = registry;
    this.packagings = packagings;
  }

  @Get("/{model}/versions/{version}")
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.VIEWER)
  MutableHttpResponse<String> page(Actor actor, String model, long version) {
    ModelVersion asked = version(model, version);
    return PageHeaders.on(
        HttpResponse.ok(
            templates
                .variantpage(registry.version(asked), packaging(asked), actor.name())
                .render()));
  }

  @Get("/{model}/versions/{version}/state")
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.VIEWER)
  MutableHttpResponse<String> state(String model, long version) {
    ModelVersion asked = version(model, version);
    Packaging packaging = packaging(asked);
    MutableHttpResponse<String> answer =
        HttpResponse.ok(templates.variantstate(registry.version(asked), packaging).render());
    // Asked by a page that shows an open packaging: there is nothing to cancel any more.
    return PageHeaders.on(
        packaging == null || packaging.state().isTerminal()
            ? answer.header("HX-Refresh", "true")
            : answer);
  }

  @Post("/{model}/versions/{version}/cancel")
  @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.OPERATOR)
  MutableHttpResponse<String> cancel(Actor actor, String model, long version) {
    ModelVersion asked = version(model, version);
    packagings.cancel(actor, asked);
    return HttpResponse.seeOther(
        UriBuilder.of("/models").path(model).path("versions").path("" + version).build());
  }

  private @Nullable Packaging packaging(ModelVersion version) {
    return packagings.newest(version).orElse(null);
  }

  private static ModelVersion version(String model, long version) {
    try {
      return new ModelVersion(new ModelName(model), version);
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }
}
