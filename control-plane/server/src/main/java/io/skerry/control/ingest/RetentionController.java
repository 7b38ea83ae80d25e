package io.skerry.control.ingest;

import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Put;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.DataRetention;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;

/** How long the data of a model is kept. */
@Controller("/v1/models/{model}/retention")
@SerdeImport(DataRetention.class)
final class RetentionController {
  private final ModelRetention retention;

  RetentionController(ModelRetention retention) {
    this.retention = retention;
  }

  @Get
  @Allowed(Role.VIEWER)
  DataRetention of(String model) {
    return retention.of(model);
  }

  @Put
  @Allowed(Role.ADMIN)
  DataRetention change(Actor actor, String model, @Body DataRetention wanted) {
    return retention.change(actor, model, wanted);
  }
}
