package io.skerry.control.pipeline;

import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.LabelDecision;
import io.skerry.api.LabelInput;
import io.skerry.api.LabelRequest;
import io.skerry.api.LabelTask;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.dataset.Labelling;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.util.List;

/** Predictions that people judge. */
@Controller("/v1/labels")
@Allowed(Role.VIEWER)
@SerdeImport(LabelTask.class)
@SerdeImport(LabelDecision.class)
@SerdeImport(LabelInput.class)
@SerdeImport(LabelRequest.class)
final class LabelController {
  private static final int PAGE_SIZE_MAX = 500;

  private final Labelling labelling;
  private final LabelQueue queue;

  LabelController(Labelling labelling, LabelQueue queue) {
    this.labelling = labelling;
    this.queue = queue;
  }

  @Get
  Page<LabelTask> list(
      @QueryValue(defaultValue = "OPEN") String state,
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    int limit = Math.clamp(pageSize, 1, PAGE_SIZE_MAX);
    List<LabelTask> tasks = labelling.list(state, pageToken, limit);
    return new Page<>(tasks, tasks.size() == limit ? tasks.getLast().id() : null);
  }

  /** Queues predictions and returns the first that are open. */
  @Post
  @Allowed(Role.OPERATOR)
  Page<LabelTask> queue(@Body LabelRequest request) {
    queue.add(request);
    return list("OPEN", PAGE_SIZE_MAX, "");
  }

  @Get("/{id}")
  LabelTask get(String id) {
    return labelling.get(id);
  }

  @Get("/{id}/input")
  LabelInput input(String id) {
    return labelling
        .input(id)
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND, "the sample of %s is no longer kept".formatted(id)));
  }

  @Post("/{id}")
  @Allowed(Role.OPERATOR)
  LabelTask decide(Actor actor, String id, @Body LabelDecision decision) {
    return labelling.decide(actor, id, decision);
  }
}
