package io.skerry.control.device;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.skerry.api.Enrolment;
import io.skerry.api.EnrolmentRequest;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Open;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.control.web.RequestIds;
import io.skerry.protocol.ErrorCode;
import java.time.Duration;
import java.util.Map;

/** Enrolment. */
@Controller("/v1")
final class EnrolmentController {
  private static final int USES_MAX = 1_000_000;
  private static final int VALID_HOURS_MAX = 8_760;
  private static final int VALID_HOURS_DEFAULT = 24;

  private final Enrolments enrolments;

  EnrolmentController(Enrolments enrolments) {
    this.enrolments = enrolments;
  }

  @Post("/enrolment-tokens")
  @Allowed(Role.OPERATOR)
  HttpResponse<EnrolmentToken> createToken(Actor actor, @Body EnrolmentTokenRequest request) {
    int hours = request.validHours() == null ? VALID_HOURS_DEFAULT : request.validHours();
    checkRange("uses", request.uses(), USES_MAX);
    checkRange("validHours", hours, VALID_HOURS_MAX);
    Map<String, String> labels = request.labels() == null ? Map.of() : request.labels();
    return HttpResponse.created(
        enrolments.createToken(actor, request.uses(), labels, Duration.ofHours(hours)));
  }

  @Post("/enrolments")
  @Open
  HttpResponse<Enrolment> enrol(HttpRequest<?> http, @Body EnrolmentRequest request) {
    return HttpResponse.created(enrolments.enrol(request, RequestIds.of(http)));
  }

  private static void checkRange(String field, int value, int max) {
    if (value < 1 || value > max) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "%s is %d: must be 1 to %d".formatted(field, value, max));
    }
  }
}
