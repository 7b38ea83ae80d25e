package io.skerry.control.rollout;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.skerry.api.ActRequest;
import io.skerry.api.Page;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutRequest;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Rollouts. */
@Controller("/v1/rollouts")
final class RolloutController {
  private static final List<Integer> PERCENTS = List.of(10, 40, 100);
  private static final int SOAK_WINDOWS = 2;
  private static final int SOAK_WINDOWS_MAX = 10_000;
  private static final int WINDOW_MILLIS = 60_000;
  private static final int WINDOW_MILLIS_MIN = 1_000;
  private static final int WINDOW_MILLIS_MAX = 86_400_000;
  private static final SamplingRates SAMPLING = new SamplingRates(.1, 1);

  private final Rollouts rollouts;

  RolloutController(Rollouts rollouts) {
    this.rollouts = rollouts;
  }

  @Post
  @Allowed(Role.OPERATOR)
  HttpResponse<Rollout> start(Actor actor, @Body RolloutRequest request) {
    Rollouts.Wish wish;
    try {
      wish = wish(request);
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
    return HttpResponse.created(rollouts.start(actor, wish));
  }

  private static Rollouts.Wish wish(RolloutRequest request) {
    List<RolloutRequest.StageRequest> stages = request.stages();
    RolloutRequest.SamplingRequest sampling = request.sampling();
    String slot = request.slot();
    return new Rollouts.Wish(
        new ModelVersion(new ModelName(request.model()), request.version()),
        new SlotId(slot == null ? "main" : slot),
        stages == null
            ? PERCENTS
            : stages.stream().map(RolloutRequest.StageRequest::percent).toList(),
        ranged("soakWindows", request.soakWindows(), SOAK_WINDOWS, 0, SOAK_WINDOWS_MAX),
        Duration.ofMillis(
            ranged(
                "windowMillis",
                request.windowMillis(),
                WINDOW_MILLIS,
                WINDOW_MILLIS_MIN,
                WINDOW_MILLIS_MAX)),
        action(request.onFailedDevices()),
        sampling == null ? SAMPLING : new SamplingRates(sampling.base(), sampling.notable()));
  }

  private static GateAction action(@Nullable String onFailedDevices) {
    if (onFailedDevices == null) {
      return GateSettings.DEFAULTS.failures().action();
    }
    return Arrays.stream(GateAction.values())
        .filter(action -> action.name().equals(onFailedDevices))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "onFailedDevices is '%.40s': must be one of %s"
                        .formatted(onFailedDevices, Arrays.toString(GateAction.values()))));
  }

  private static int ranged(
      String field, @Nullable Integer value, int otherwise, int least, int most) {
    if (value == null) {
      return otherwise;
    }
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          "%s is %d: must be %d to %d".formatted(field, value, least, most));
    }
    return value;
  }

  @Get
  @Allowed(Role.VIEWER)
  Page<Rollout> list() {
    return Page.only(rollouts.newest());
  }

  @Get("/{id}")
  @Allowed(Role.VIEWER)
  Rollout get(String id) {
    return rollouts.find(id).orElseThrow(() -> Rollouts.unknown(id));
  }

  @Post("/{id}/{act}")
  @Allowed(Role.OPERATOR)
  Rollout act(Actor actor, String id, String act, @Body @Nullable ActRequest request) {
    String given = request == null ? null : request.reason();
    String reason = given == null || given.isBlank() ? "by " + actor.name() : given;
    RolloutEvent event =
        switch (act) {
          case "pause" -> new RolloutEvent.Pause(reason);
          case "resume" -> new RolloutEvent.Resume();
          case "promote" -> new RolloutEvent.Promote(reason);
          case "abort" -> new RolloutEvent.Abort(reason);
          case "rollback" -> new RolloutEvent.RollBack(reason);
          default ->
              throw new ProblemException(
                  ErrorCode.NOT_FOUND,
                  "a rollout knows no act '%s': use pause, resume, promote, abort or rollback"
                      .formatted(act));
        };
    return rollouts.act(actor, id, event);
  }
}
