package io.skerry.control.overview;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.AccuracyPoint;
import io.skerry.api.BudgetStep;
import io.skerry.api.Distribution;
import io.skerry.api.DriftPoint;
import io.skerry.api.DriftStream;
import io.skerry.api.EventMark;
import io.skerry.api.Explanation;
import io.skerry.api.ModelView;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.drift.AccuracyReports;
import io.skerry.control.drift.BudgetReports;
import io.skerry.control.drift.DriftReports;
import io.skerry.control.drift.Incidents;
import io.skerry.control.drift.LabelReports;
import io.skerry.control.drift.NullReplays;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import io.skerry.control.pipeline.RetrainingLoop;
import io.skerry.control.pipeline.Retrainings;
import io.skerry.control.registry.Registry;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Pages about drift: what moved where, one stream, one incident, accuracy. */
@Controller
@Allowed(Role.VIEWER)
final class DriftPages {
  private static final Duration SPAN = Duration.ofDays(30);
  private static final int WINDOWS = 300;
  private static final int FURTHEST = 20;

  private final Templates templates = new StaticTemplates();
  private final Incidents incidents;
  private final DriftReports reports;
  private final AccuracyReports accuracies;
  private final NullReplays replays;
  private final LabelReports labels;
  private final BudgetReports budgets;
  private final Retrainings retrainings;
  private final RetrainingLoop trigger;
  private final Registry registry;

  DriftPages(
      Incidents incidents,
      DriftReports reports,
      AccuracyReports accuracies,
      Retrainings retrainings,
      RetrainingLoop trigger,
      NullReplays replays,
      LabelReports labels,
      BudgetReports budgets,
      Registry registry) {
    this.incidents = incidents;
    this.budgets = budgets;
    this.labels = labels;
    this.replays = replays;
    this.reports = reports;
    this.accuracies = accuracies;
    this.retrainings = retrainings;
    this.trigger = trigger;
    this.registry = registry;
  }

  @Get("/drift")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> drift(Actor actor) {
    return page(
        templates
            .driftpage(
                HeatMap.of(incidents::forEachStreams),
                reports.furthest(FURTHEST),
                replays.promises(),
                incidents.tracksLeftOut(),
                incidents.newest(),
                Instant.now(),
                actor.name())
            .render());
  }

  @Get("/drift/budget")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> budget(Actor actor, @QueryValue(defaultValue = "") String model) {
    List<String> models = registry.models().stream().map(ModelView::name).toList();
    String chosen = !model.isEmpty() ? model : models.isEmpty() ? "" : models.getFirst();
    Map<String, List<BudgetStep>> slots =
        (chosen.isEmpty() ? List.<BudgetStep>of() : budgets.of(chosen))
            .stream()
                .collect(
                    Collectors.groupingBy(BudgetStep::slot, TreeMap::new, Collectors.toList()));
    return page(templates.budgetpage(models, chosen, slots, actor.name()).render());
  }

  @Get("/drift/stream")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> stream(
      Actor actor,
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      String stream,
      String kind) {
    List<DriftPoint> history =
        reports.history(slot, model, windowMillis, cohort, stream, kind, WINDOWS);
    DriftStream now =
        incidents.streams(slot, model, windowMillis).stream()
            .filter(
                one ->
                    one.cohort().equals(cohort)
                        && one.stream().equals(stream)
                        && one.kind().equals(kind))
            .findFirst()
            .orElseThrow(
                () ->
                    new ProblemException(
                        ErrorCode.NOT_FOUND,
                        "no stream '%s' of '%s' was judged lately".formatted(stream, cohort)));
    Distribution distribution =
        reports
            .distribution(
                slot,
                model,
                windowMillis,
                cohort,
                DriftReports.counted(stream, kind),
                Long.MAX_VALUE)
            .orElse(null);
    List<EventMark> marks = reports.marks(slot, model, windowMillis, cohort, WINDOWS);
    return page(
        templates
            .streampage(
                now, evidence(history, marks), effect(history, marks), distribution, actor.name())
            .render());
  }

  @Get("/incidents/{id}")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> incident(Actor actor, String id) {
    Explanation explanation =
        reports
            .explain(id)
            .orElseThrow(
                () -> new ProblemException(ErrorCode.NOT_FOUND, "no incident '%s'".formatted(id)));
    return page(
        templates
            .incidentpage(
                explanation,
                evidence(explanation.history(), explanation.marks()),
                retrainings.of(id),
                trigger.proposal(id).orElse(null),
                Instant.now(),
                actor.name())
            .render());
  }

  @Post("/incidents/{id}/resolve")
  @Allowed(Role.OPERATOR)
  @Consumes(MediaType.APPLICATION_FORM_URLENCODED)
  MutableHttpResponse<String> resolve(Actor actor, String id, @Body Map<String, String> form) {
    incidents.resolve(actor, id, form.getOrDefault("reason", ""));
    return HttpResponse.seeOther(URI.create("/incidents/" + id));
  }

  @Get("/accuracy")
  @Produces(MediaType.TEXT_HTML)
  MutableHttpResponse<String> accuracy(
      Actor actor,
      @QueryValue(defaultValue = "") String model,
      @QueryValue(defaultValue = "60") int minutes) {
    List<String> models = registry.models().stream().map(ModelView::name).toList();
    String chosen = !model.isEmpty() ? model : models.isEmpty() ? "" : models.getFirst();
    List<AccuracyPoint> points =
        chosen.isEmpty()
            ? List.of()
            : accuracies.accuracy(chosen, Duration.ofMinutes(Math.clamp(minutes, 1, 1440)), SPAN);
    return page(
        templates
            .accuracypage(
                models,
                chosen,
                accuracy(points),
                points,
                chosen.isEmpty() ? List.of() : labels.of(chosen, SPAN),
                chosen.isEmpty() ? List.of() : accuracies.slices(chosen, SPAN),
                actor.name())
            .render());
  }

  private static Chart evidence(List<DriftPoint> history, List<EventMark> marks) {
    Chart.Builder chart =
        new Chart.Builder()
            .line(
                "evidence (ln M)",
                "curve-a",
                history.stream()
                    .map(one -> new double[] {one.start().toEpochMilli(), one.logEvidence()})
                    .toList())
            .times();
    if (!history.isEmpty()) {
      chart.level("opens an incident", history.getLast().logThreshold());
    }
    marks.forEach(mark -> chart.mark(mark.name(), (double) mark.at().toEpochMilli()));
    return chart.build();
  }

  private static Chart effect(List<DriftPoint> history, List<EventMark> marks) {
    Chart.Builder chart =
        new Chart.Builder()
            .line(
                "effect",
                "curve-b",
                history.stream()
                    .map(one -> new double[] {one.start().toEpochMilli(), one.effect()})
                    .toList())
            .band(
                history.stream()
                    .map(
                        one ->
                            new double[] {
                              one.start().toEpochMilli(), -one.tolerance(), one.tolerance()
                            })
                    .toList())
            .times();
    marks.forEach(mark -> chart.mark(mark.name(), (double) mark.at().toEpochMilli()));
    return chart.build();
  }

  private static Chart accuracy(List<AccuracyPoint> points) {
    Chart.Builder chart = new Chart.Builder().times();
    List<Long> versions = points.stream().map(AccuracyPoint::version).distinct().sorted().toList();
    for (long version : versions) {
      List<double[]> realised = new ArrayList<>();
      List<double[]> band = new ArrayList<>();
      List<double[]> estimated = new ArrayList<>();
      List<double[]> estimatedBand = new ArrayList<>();
      for (AccuracyPoint one : points) {
        double at = one.start().toEpochMilli();
        if (one.version() == version && one.accuracy() != null) {
          realised.add(new double[] {at, one.accuracy()});
        }
        if (one.version() == version && one.low() != null && one.high() != null) {
          band.add(new double[] {at, one.low(), one.high()});
        }
        if (one.version() == version && one.estimated() != null) {
          estimated.add(new double[] {at, one.estimated()});
        }
        if (one.version() == version && one.estimatedLow() != null && one.estimatedHigh() != null) {
          estimatedBand.add(new double[] {at, one.estimatedLow(), one.estimatedHigh()});
        }
      }
      chart.line("realised, version " + version, "curve-a", realised).band(band);
      if (!estimated.isEmpty()) {
        chart.line("estimated, version " + version, "curve-b", estimated).band(estimatedBand);
      }
      points.stream()
          .filter(one -> one.version() == version)
          .findFirst()
          .ifPresent(one -> chart.mark("version " + version, (double) one.start().toEpochMilli()));
    }
    return chart.build();
  }

  private static MutableHttpResponse<String> page(String html) {
    return PageHeaders.on(HttpResponse.ok(html));
  }
}
