package io.skerry.control.registry;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.skerry.api.ModelVersionView;
import io.skerry.api.ModelView;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;

/** Models and their versions. */
@Controller("/v1/models")
@Allowed(Role.VIEWER)
final class ModelController {
  private final Registry registry;

  ModelController(Registry registry) {
    this.registry = registry;
  }

  @Get
  Page<ModelView> list() {
    return Page.only(registry.models());
  }

  @Get("/{model}")
  ModelView model(String model) {
    return registry.models().stream()
        .filter(one -> one.name().equals(model))
        .findFirst()
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND, "model '%s' is not registered".formatted(model)));
  }

  @Get("/{model}/versions/{version}")
  ModelVersionView version(String model, long version) {
    try {
      return registry.version(new ModelVersion(new ModelName(model), version));
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }
}
