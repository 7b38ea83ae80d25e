package io.skerry.control.pipeline;

import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Put;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.RetrainingPolicy;
import io.skerry.api.RetrainingProposal;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;

/** Whether runs start by themselves, and what the trigger says of an incident. */
@Controller("/v1")
@Allowed(Role.VIEWER)
@SerdeImport(RetrainingPolicy.class)
@SerdeImport(RetrainingProposal.class)
final class RetrainingPolicyController {
  private final RetrainingLoop trigger;

  RetrainingPolicyController(RetrainingLoop trigger) {
    this.trigger = trigger;
  }

  @Get("/models/{model}/retraining-policy")
  RetrainingPolicy policy(String model) {
    return trigger.policy(model);
  }

  @Put("/models/{model}/retraining-policy")
  @Allowed(Role.OPERATOR)
  RetrainingPolicy change(Actor actor, String model, @Body RetrainingPolicy policy) {
    return trigger.change(actor, model, policy);
  }

  @Get("/incidents/{id}/retraining-proposal")
  RetrainingProposal proposal(String id) {
    return trigger
        .proposal(id)
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND, "nothing was decided on '%s' yet".formatted(id)));
  }
}
