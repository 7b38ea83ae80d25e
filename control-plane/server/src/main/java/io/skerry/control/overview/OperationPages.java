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
import io.skerry.api.LabelDecision;
import io.skerry.api.LabelInput;
import io.skerry.api.LabelTask;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.alert.AlertLog;
import io.skerry.control.audit.Actor;
import io.skerry.control.dataset.Labelling;
import io.skerry.control.ingest.DataFlows;
import io.skerry.control.ingest.Refusals;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Pages about how data comes in, what is to be labelled, and who was told of what. */
@Controller
@Allowed(Role.VIEWER)
final class OperationPages {
  private static final Duration SPAN = Duration.ofDays(1);
  private static final int QUEUE_SHOWN = 20;
  private static final int DEVICES_SHOWN = 200;
  private static final int CURVES_MAX = 12;

  private final Templates templates = new StaticTemplates();
  private final DataFlows flows;
  private final Refusals refusals;
  private final Labelling labelling;
  private final AlertLog alerts;

  OperationPages(DataFlows flows, Refusals refusals, Labelling labelling, AlertLog alerts) {
    this.flows = flows;
    this.refusals = refusals;
    this.labelling = labelling;
    this.alerts = alerts;
  }

  @Get("/dataflow")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> dataflow(Actor actor) {
    return page(
        templates
            .dataflowpage(
                flows.cohorts(SPAN),
                flows.devices(SPAN).stream().limit(DEVICES_SHOWN).toList(),
                refusals.ofModels(SPAN, QUEUE_SHOWN),
                flows.quarantine(QUEUE_SHOWN),
                Instant.now(),
                actor.name())
            .render());
  }

  @Get("/labelling")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> labelling(Actor actor, Role role) {
    return page(queue(actor, role, "", "", ""));
  }

  // What was typed belongs to one task, which need not be the first any more.
  private String queue(Actor actor, Role role, String problem, String task, String typed) {
    List<LabelTask> open = labelling.list("OPEN", "", QUEUE_SHOWN);
    boolean same = !open.isEmpty() && open.getFirst().id().equals(task);
    LabelInput input = open.isEmpty() ? null : labelling.input(open.getFirst().id()).orElse(null);
    return templates
        .labellingpage(
            open,
            labelling.open(),
            input,
            curves(input),
            Instant.now(),
            role.covers(Role.OPERATOR),
            problem,
            same ? typed : "",
            actor.name())
        .render();
  }

  @Post("/labelling/{id}")
  @Allowed(Role.OPERATOR)
  @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> decide(
      Actor actor, Role role, String id, @Body Map<String, String> form) {
    String typed = form.getOrDefault("label", "").strip();
    String decision = form.getOrDefault("decision", "");
    try {
      // What was typed and left is no part of another decision.
      Double label = decision.equals("correct") ? number(typed) : null;
      labelling.decide(actor, id, new LabelDecision(decision, label));
      return HttpResponse.seeOther(URI.create("/labelling"));
    } catch (ProblemException e) {
      // Whoever labels hundreds goes on from here.
      boolean invalid = e.code() == ErrorCode.REQUEST_INVALID;
      return PageHeaders.on(
          HttpResponse.<String>status(invalid ? HttpStatus.BAD_REQUEST : HttpStatus.CONFLICT)
              .body(queue(actor, role, String.valueOf(e.getMessage()), id, typed)));
    }
  }

  @Get("/alerts")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> alerts(Actor actor) {
    return page(
        templates
            .alertspage(
                alerts.newest(50),
                alerts.routes(),
                alerts.silences(),
                alerts.deliveries(50),
                Instant.now(),
                actor.name())
            .render());
  }

  private static @Nullable Double number(String text) {
    try {
      return text.isEmpty() ? null : Double.valueOf(text);
    } catch (NumberFormatException e) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "label: '%.40s' is no number such as 3 or 0.5".formatted(text),
          e);
    }
  }

  /** One curve for each channel of an input of two dimensions, or one for all of its values. */
  static List<Chart> curves(@Nullable LabelInput input) {
    if (input == null || input.values().size() < 2) {
      return List.of();
    }
    List<Long> shape = input.shape().stream().filter(size -> size > 1).toList();
    int channels = shape.size() == 2 ? shape.getFirst().intValue() : 1;
    int length = input.values().size() / Math.max(1, channels);
    List<Chart> charts = new ArrayList<>();
    for (int channel = 0; channel < Math.min(channels, CURVES_MAX) && length > 1; channel++) {
      List<double[]> points = new ArrayList<>();
      for (int i = 0; i < length; i++) {
        points.add(new double[] {i, input.values().get(channel * length + i)});
      }
      charts.add(new Chart.Builder().line("channel " + channel, "curve-a", points).build());
    }
    return charts;
  }

  private static MutableHttpResponse<String> page(String html) {
    return PageHeaders.on(HttpResponse.ok(html));
  }
}
