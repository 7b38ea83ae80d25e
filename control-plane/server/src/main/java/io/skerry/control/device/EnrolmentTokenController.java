package io.skerry.control.device;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.api.EnrolmentTokenView;
import io.skerry.api.Page;
import io.skerry.api.PreauthorisationRequest;
import io.skerry.api.PreauthorisationView;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Who may enrol. */
@Controller("/v1")
@Allowed(Role.OPERATOR)
final class EnrolmentTokenController {
  private static final int USES_MAX = 1_000_000;
  private static final int VALID_HOURS_MAX = 8_760;
  private static final int VALID_HOURS_DEFAULT = 24;
  private static final int PAGE_SIZE_MAX = 500;

  private final EnrolmentTokens tokens;
  private final Preauthorisations preauthorisations;

  EnrolmentTokenController(EnrolmentTokens tokens, Preauthorisations preauthorisations) {
    this.tokens = tokens;
    this.preauthorisations = preauthorisations;
  }

  @Post("/enrolment-tokens")
  HttpResponse<EnrolmentToken> create(Actor actor, @Body EnrolmentTokenRequest request) {
    int hours = request.validHours() == null ? VALID_HOURS_DEFAULT : request.validHours();
    checkRange("uses", request.uses(), USES_MAX);
    checkRange("validHours", hours, VALID_HOURS_MAX);
    return HttpResponse.created(
        tokens.create(
            actor,
            new EnrolmentTokens.Terms(
                request.uses(),
                request.labels() == null ? Map.of() : request.labels(),
                Duration.ofHours(hours),
                Boolean.TRUE.equals(request.preauthorisedOnly()))));
  }

  @Get("/enrolment-tokens")
  Page<EnrolmentTokenView> tokens() {
    return Page.only(tokens.list());
  }

  @Delete("/enrolment-tokens/{id}")
  HttpResponse<?> delete(Actor actor, long id) {
    tokens.delete(actor, id);
    return HttpResponse.noContent();
  }

  @Post("/preauthorisations")
  HttpResponse<Page<PreauthorisationView>> preauthorise(
      Actor actor, @Body PreauthorisationRequest request) {
    return HttpResponse.created(
        Page.only(preauthorisations.put(actor, Enrolments.TENANT, request.devices())));
  }

  @Get("/preauthorisations")
  Page<PreauthorisationView> preauthorisations(
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    int limit = Math.clamp(pageSize, 1, PAGE_SIZE_MAX);
    List<PreauthorisationView> devices = preauthorisations.after(pageToken, limit);
    return new Page<>(devices, devices.size() == limit ? devices.getLast().device() : null);
  }

  @Delete("/preauthorisations/{device}")
  HttpResponse<?> forbid(Actor actor, String device) {
    preauthorisations.delete(actor, device);
    return HttpResponse.noContent();
  }

  private static void checkRange(String field, int value, int max) {
    if (value < 1 || value > max) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "%s is %d: must be 1 to %d".formatted(field, value, max));
    }
  }
}
