package io.skerry.control.packaging;

import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.skerry.api.TimingsTold;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;

/** What devices measured of model files. */
@Controller("/v1/timings")
final class TimingController {
  private final TimingReports reports;

  TimingController(TimingReports reports) {
    this.reports = reports;
  }

  @Post
  @Consumes(MediaType.APPLICATION_JSON)
  @Allowed(Role.OPERATOR)
  TimingsTold tell(Actor actor, @Body byte[] body) {
    return reports.tell(actor, body);
  }
}
