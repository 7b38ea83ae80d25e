package io.skerry.control.overview;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutDevice;
import io.skerry.api.RolloutPreview;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import io.skerry.control.rollout.Rollouts;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.net.URI;
import java.util.List;
import java.util.Map;

/** Pages of rollouts: what the API tells, and what it allows. They work without script. */
@Controller("/rollouts")
final class RolloutPageController {
  private static final int FAILED_MAX = 50;
  private static final int OUTSIDERS_MAX = 200;

  private final Rollouts rollouts;
  private final Templates templates = new StaticTemplates();

  RolloutPageController(Rollouts rollouts) {
    this.rollouts = rollouts;
  }

  @Get
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.VIEWER)
  MutableHttpResponse<String> list(Actor actor, Role role) {
    return PageHeaders.on(
        HttpResponse.ok(
            templates
                .rolloutlist(rollouts.newest(), role.covers(Role.OPERATOR), actor.name())
                .render()));
  }

  @Get("/{id}")
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.VIEWER)
  MutableHttpResponse<String> page(Actor actor, Role role, String id) {
    return PageHeaders.on(HttpResponse.ok(rendered(actor, role, id, "", "")));
  }

  @Get("/{id}/state")
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.VIEWER)
  MutableHttpResponse<String> state(Actor actor, Role role, String id) {
    Rollout rollout = rollout(id);
    // What can be done, and the revision that it is asked for, belong to what is shown.
    return PageHeaders.on(
        HttpResponse.ok(
            templates.rolloutstate(rollout, failed(id)).render()
                + templates.rolloutacts(rollout, buttons(actor, role, rollout), true).render()));
  }

  @Get("/{id}/outsiders")
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.VIEWER)
  MutableHttpResponse<String> outsiders(
      Actor actor, String id, @QueryValue(defaultValue = "") String after) {
    List<RolloutPreview.Outsider> outsiders = rollouts.outsiders(id, after, OUTSIDERS_MAX);
    return PageHeaders.on(
        HttpResponse.ok(
            templates
                .outsiderspage(
                    rollout(id), outsiders, outsiders.size() == OUTSIDERS_MAX, actor.name())
                .render()));
  }

  @Post("/{id}")
  @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.OPERATOR)
  MutableHttpResponse<String> act(
      Actor actor, Role role, String id, @Body Map<String, String> form) {
    String act = form.getOrDefault("act", "");
    return done(actor, role, id, act.equals(RolloutButton.APPROVE) ? "" : act, form);
  }

  @Post("/{id}/approve")
  @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
  @Produces(MediaType.TEXT_HTML)
  @Allowed(Role.APPROVER)
  MutableHttpResponse<String> approve(
      Actor actor, Role role, String id, @Body Map<String, String> form) {
    return done(actor, role, id, RolloutButton.APPROVE, form);
  }

  private MutableHttpResponse<String> done(
      Actor actor, Role role, String id, String act, Map<String, String> form) {
    String reason = form.getOrDefault("reason", "");
    try {
      rollouts.act(actor, id, act, reason, form.getOrDefault("revision", ""));
      return HttpResponse.seeOther(URI.create("/rollouts/" + id));
    } catch (ProblemException e) {
      // What was refused is told on the page as it is now, and need not be typed again.
      return PageHeaders.on(
          HttpResponse.<String>status(HttpStatus.CONFLICT)
              .body(rendered(actor, role, id, String.valueOf(e.getMessage()), reason)));
    }
  }

  private String rendered(Actor actor, Role role, String id, String problem, String reason) {
    Rollout rollout = rollout(id);
    return templates
        .rolloutpage(
            rollout, failed(id), buttons(actor, role, rollout), actor.name(), problem, reason)
        .render();
  }

  private List<RolloutButton> buttons(Actor actor, Role role, Rollout rollout) {
    return RolloutButton.of(rollout, role, rollouts.refusals(actor, rollout.id()));
  }

  private Rollout rollout(String id) {
    return rollouts
        .find(id)
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND, "there is no rollout '%.60s'".formatted(id)));
  }

  private List<RolloutDevice> failed(String id) {
    return rollouts.failed(id, FAILED_MAX);
  }
}
