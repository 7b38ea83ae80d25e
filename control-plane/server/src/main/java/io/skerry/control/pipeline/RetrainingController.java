package io.skerry.control.pipeline;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.skerry.api.Page;
import io.skerry.api.Retraining;
import io.skerry.api.Run;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;

/** Runs that incidents ask for. */
@Controller("/v1/incidents/{id}/retrainings")
final class RetrainingController {
  private final Retrainings retrainings;

  RetrainingController(Retrainings retrainings) {
    this.retrainings = retrainings;
  }

  @Post
  @Allowed(Role.OPERATOR)
  HttpResponse<Run> start(Actor actor, String id) {
    return HttpResponse.accepted().body(retrainings.start(actor, id));
  }

  @Get
  @Allowed(Role.VIEWER)
  Page<Retraining> list(String id) {
    return Page.only(retrainings.of(id));
  }
}
