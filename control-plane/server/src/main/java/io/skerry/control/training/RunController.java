package io.skerry.control.training;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.skerry.api.Page;
import io.skerry.api.Run;
import io.skerry.api.RunRequest;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;

/** Training runs. */
@Controller("/v1/runs")
final class RunController {
  private final Training training;

  RunController(Training training) {
    this.training = training;
  }

  @Post
  @Allowed(Role.OPERATOR)
  HttpResponse<Run> start(Actor actor, @Body RunRequest request) {
    Integer epochs = request.epochs();
    Long seed = request.seed();
    RunPlan plan =
        new RunPlan(
            model(request.model()),
            request.snapshot(),
            epochs == null ? RunPlan.EPOCHS : epochs,
            seed == null ? 1 : seed,
            null);
    return HttpResponse.accepted().body(training.start(actor, plan));
  }

  @Get
  @Allowed(Role.VIEWER)
  Page<Run> list() {
    return Page.only(training.runs());
  }

  @Get("/{id}")
  @Allowed(Role.VIEWER)
  Run get(String id) {
    return training.run(id);
  }

  private static ModelName model(String name) {
    try {
      return new ModelName(name);
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }
}
