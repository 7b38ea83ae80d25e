package io.skerry.control.rollout;

import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Header;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.ActRequest;
import io.skerry.api.Page;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutDevice;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutRequest;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.rollout.RolloutAct;
import io.skerry.protocol.ErrorCode;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Rollouts. A rollout's revision, quoted, is its ETag: what an act's If-Match names. Counts move
 * without a new revision, after the end too, so that it is no answer to If-None-Match.
 */
@Controller("/v1/rollouts")
final class RolloutController {
  private static final Pattern ETAG = Pattern.compile("\"(\\d{1,18})\"");

  private final Rollouts rollouts;

  RolloutController(Rollouts rollouts) {
    this.rollouts = rollouts;
  }

  @Post
  @Allowed(Role.OPERATOR)
  HttpResponse<Rollout> create(Actor actor, @Body RolloutRequest request) {
    Rollout made = rollouts.create(actor, request);
    return tagged(HttpResponse.created(made), made);
  }

  @Post("/preview")
  @Allowed(Role.VIEWER)
  RolloutPreview preview(Actor actor, @Body RolloutRequest request) {
    return rollouts.preview(actor, request);
  }

  @Post("/preview/devices")
  @Allowed(Role.VIEWER)
  Page<RolloutPreview.Place> places(
      Actor actor,
      @QueryValue(defaultValue = "1000") int pageSize,
      @QueryValue(defaultValue = "") String pageToken,
      @Body RolloutRequest request) {
    return rollouts.places(actor, request, pageToken, pageSize);
  }

  @Get
  @Allowed(Role.VIEWER)
  Page<Rollout> list() {
    return Page.only(rollouts.newest());
  }

  @Get("/{id}")
  @Allowed(Role.VIEWER)
  HttpResponse<Rollout> get(String id) {
    Rollout rollout = rollouts.find(id).orElseThrow(() -> Rollouts.unknown(id));
    return tagged(HttpResponse.ok(rollout), rollout);
  }

  @Get("/{id}/devices")
  @Allowed(Role.VIEWER)
  Page<RolloutDevice> devices(
      String id,
      @QueryValue(defaultValue = "") String state,
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    List<RolloutDevice> devices = rollouts.devices(id, state, pageToken, pageSize);
    return new Page<>(
        devices,
        !devices.isEmpty() && devices.size() == Math.clamp(pageSize, 1, Rollouts.DEVICES_MAX)
            ? devices.getLast().device()
            : null);
  }

  @Get("/{id}/outsiders")
  @Allowed(Role.VIEWER)
  Page<RolloutPreview.Outsider> outsiders(
      String id,
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    List<RolloutPreview.Outsider> outsiders = rollouts.outsiders(id, pageToken, pageSize);
    return new Page<>(
        outsiders,
        outsiders.size() == Math.clamp(pageSize, 1, Rollouts.DEVICES_MAX)
            ? outsiders.getLast().device()
            : null);
  }

  @Post("/{id}/approve")
  @Allowed(Role.APPROVER)
  HttpResponse<Rollout> approve(
      Actor actor,
      String id,
      @Header(HttpHeaders.IF_MATCH) @Nullable String ifMatch,
      @Body @Nullable ActRequest request) {
    return done(actor, id, RolloutAct.APPROVE, ifMatch, request);
  }

  @Post("/{id}/{act}")
  @Allowed(Role.OPERATOR)
  HttpResponse<Rollout> act(
      Actor actor,
      String id,
      String act,
      @Header(HttpHeaders.IF_MATCH) @Nullable String ifMatch,
      @Body @Nullable ActRequest request) {
    RolloutAct known =
        RolloutAct.ofWireName(act)
            .filter(one -> one != RolloutAct.APPROVE)
            .orElseThrow(() -> Rollouts.unknownAct(act));
    return done(actor, id, known, ifMatch, request);
  }

  private HttpResponse<Rollout> done(
      Actor actor,
      String id,
      RolloutAct act,
      @Nullable String ifMatch,
      @Nullable ActRequest request) {
    String given = request == null ? null : request.reason();
    Rollout after =
        rollouts.act(actor, id, act, given == null ? "" : given, revision(act, ifMatch));
    return tagged(HttpResponse.ok(after), after);
  }

  private static OptionalLong revision(RolloutAct act, @Nullable String ifMatch) {
    if (ifMatch == null && !act.needsRevision()) {
      return OptionalLong.empty();
    }
    if (ifMatch == null) {
      throw ProblemException.ofField(
          ErrorCode.PRECONDITION_REQUIRED,
          "If-Match",
          "send the ETag of the rollout that you have seen, or * for whatever it is now");
    }
    if (ifMatch.equals("*")) {
      return OptionalLong.empty();
    }
    Matcher matcher = ETAG.matcher(ifMatch);
    if (!matcher.matches()) {
      throw ProblemException.ofField(
          ErrorCode.REQUEST_INVALID,
          "If-Match",
          "'%.40s' is no ETag of a rollout such as \"7\"".formatted(ifMatch));
    }
    return OptionalLong.of(Long.parseLong(matcher.group(1)));
  }

  private static String tag(Rollout rollout) {
    return "\"" + rollout.revision() + "\"";
  }

  private static <T> MutableHttpResponse<T> tagged(
      MutableHttpResponse<T> response, Rollout rollout) {
    return response.header(HttpHeaders.ETAG, tag(rollout));
  }
}
