package io.skerry.control.packaging;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.skerry.api.ReleaseFloor;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.device.Snapshots;
import io.skerry.control.sql.Database;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;

/** The lowest release of a model that devices may begin. */
@Controller("/v1/release-floors")
final class FloorController {
  private final Database database;
  private final Snapshots snapshots;

  FloorController(Database database, Snapshots snapshots) {
    this.database = database;
    this.snapshots = snapshots;
  }

  @Post
  @Allowed(Role.OPERATOR)
  HttpResponse<ReleaseFloor> raise(Actor actor, @Body ReleaseFloor request) {
    ModelName model = new ModelName(request.model());
    long newest =
        database.call(
            transaction -> PackagingStore.newestReleaseCounter(transaction, model.value()));
    // Above every release there is, devices could begin nothing, and floors never sink.
    if (request.counter() < 1 || request.counter() > newest) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          newest == 0
              ? "model '%s' has no release yet: there is nothing to set a floor for"
                  .formatted(model)
              : "counter is %d: must be 1 to %d, the newest release of %s"
                  .formatted(request.counter(), newest, model));
    }
    snapshots.raiseFloor(actor, model, request.counter());
    return HttpResponse.created(request);
  }
}
