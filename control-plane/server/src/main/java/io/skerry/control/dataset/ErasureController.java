package io.skerry.control.dataset;

import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.Erasure;
import io.skerry.api.ErasureRequest;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;

/** Erasures. */
@Controller("/v1/erasures")
@SerdeImport(Erasure.class)
@SerdeImport(ErasureRequest.class)
final class ErasureController {
  private final Erasures erasures;

  ErasureController(Erasures erasures) {
    this.erasures = erasures;
  }

  @Post
  @Allowed(Role.ADMIN)
  Erasure erase(Actor actor, @Body ErasureRequest request) {
    return erasures.erase(actor, request);
  }

  @Get
  @Allowed(Role.VIEWER)
  Page<Erasure> list() {
    return Page.only(erasures.newest());
  }
}
