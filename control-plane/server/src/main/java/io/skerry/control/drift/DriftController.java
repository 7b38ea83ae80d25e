package io.skerry.control.drift;

import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.AccuracyPoint;
import io.skerry.api.BudgetStep;
import io.skerry.api.CorrelationReport;
import io.skerry.api.CorrelationShift;
import io.skerry.api.Distribution;
import io.skerry.api.DriftDistance;
import io.skerry.api.DriftPoint;
import io.skerry.api.DriftPromise;
import io.skerry.api.DriftStream;
import io.skerry.api.EffectMeasures;
import io.skerry.api.EventMark;
import io.skerry.api.Explanation;
import io.skerry.api.Incident;
import io.skerry.api.LabelShare;
import io.skerry.api.LoggedAnomaly;
import io.skerry.api.Page;
import io.skerry.api.SliceRow;
import io.skerry.api.VerdictEvidence;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.web.Csv;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Drift over time and in its parts; each list also as CSV. */
@Controller("/v1")
@Allowed(Role.VIEWER)
@SerdeImport(AccuracyPoint.class)
@SerdeImport(BudgetStep.class)
@SerdeImport(BudgetStep.Shift.class)
@SerdeImport(CorrelationReport.class)
@SerdeImport(CorrelationShift.class)
@SerdeImport(Distribution.class)
@SerdeImport(Distribution.Bin.class)
@SerdeImport(DriftDistance.class)
@SerdeImport(DriftPoint.class)
@SerdeImport(DriftPromise.class)
@SerdeImport(EffectMeasures.class)
@SerdeImport(EventMark.class)
@SerdeImport(EventMark.Check.class)
@SerdeImport(Explanation.class)
@SerdeImport(LabelShare.class)
@SerdeImport(LoggedAnomaly.class)
@SerdeImport(SliceRow.class)
@SerdeImport(VerdictEvidence.class)
@SerdeImport(VerdictEvidence.Bin.class)
final class DriftController {
  private static final int DAYS_MAX = 400;
  private static final int FILE_TRACKS_MAX = 10_000;
  private static final int FILE_INCIDENTS_MAX = 20_000;

  private final DriftReports reports;
  private final AccuracyReports accuracies;
  // The largest number: no window comes after it.
  private static final String NEWEST = "9223372036854775807";

  private final Incidents incidents;
  private final NullReplays replays;
  private final LabelReports labels;
  private final BudgetReports budgets;
  private final Anomalies anomalies;

  DriftController(
      DriftReports reports,
      AccuracyReports accuracies,
      Incidents incidents,
      NullReplays replays,
      LabelReports labels,
      BudgetReports budgets,
      Anomalies anomalies) {
    this.anomalies = anomalies;
    this.budgets = budgets;
    this.labels = labels;
    this.reports = reports;
    this.accuracies = accuracies;
    this.incidents = incidents;
    this.replays = replays;
  }

  @Get("/drift/promise")
  Page<DriftPromise> promises(@QueryValue(defaultValue = "0") int pageToken) {
    int after = Math.max(0, pageToken);
    int next = after + DriftStore.TRACKS_AT_ONCE_MAX;
    return new Page<>(
        replays.promises(after), replays.tracksAfter(next) > 0 ? String.valueOf(next) : null);
  }

  @Get("/drift/promise.csv")
  MutableHttpResponse<String> promisesFile() {
    List<DriftPromise> promises = new ArrayList<>();
    for (int after = 0;
        after < FILE_TRACKS_MAX && replays.tracksAfter(after) > 0;
        after += DriftStore.TRACKS_AT_ONCE_MAX) {
      promises.addAll(replays.promises(after));
    }
    return Csv.file("promise", DriftPromise.class, promises);
  }

  @Post("/drift/null-replay")
  @Allowed(Role.OPERATOR)
  Page<DriftPromise> replay(@QueryValue String slot, @QueryValue String model) {
    return Page.only(replays.replay(slot, model));
  }

  @Get("/drift.csv")
  MutableHttpResponse<String> streams() {
    List<DriftStream> streams = new ArrayList<>();
    for (int after = 0;
        after < FILE_TRACKS_MAX && incidents.hasStreams(after);
        after += DriftStore.TRACKS_AT_ONCE_MAX) {
      streams.addAll(incidents.streams(after));
    }
    return Csv.file("drift", DriftStream.class, streams);
  }

  @Get("/drift/distances")
  Page<DriftDistance> distances(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      @QueryValue(defaultValue = NEWEST) long window) {
    return Page.only(reports.distances(slot, model, windowMillis, window));
  }

  @Get("/drift/distances.csv")
  MutableHttpResponse<String> distancesFile(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      @QueryValue(defaultValue = NEWEST) long window) {
    return Csv.file(
        "distances", DriftDistance.class, reports.distances(slot, model, windowMillis, window));
  }

  @Get("/incidents.csv")
  MutableHttpResponse<String> incidentList() {
    return Csv.file("incidents", Incident.class, incidents.all(FILE_INCIDENTS_MAX));
  }

  @Get("/drift/history")
  Page<DriftPoint> history(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      String stream,
      String kind,
      @QueryValue(defaultValue = "200") int windows) {
    return Page.only(reports.history(slot, model, windowMillis, cohort, stream, kind, windows));
  }

  @Get("/drift/history.csv")
  MutableHttpResponse<String> historyFile(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      String stream,
      String kind,
      @QueryValue(defaultValue = "500") int windows) {
    return Csv.file(
        "history",
        DriftPoint.class,
        reports.history(slot, model, windowMillis, cohort, stream, kind, windows));
  }

  @Get("/drift/marks")
  Page<EventMark> marks(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      @QueryValue(defaultValue = "200") int windows) {
    return Page.only(reports.marks(slot, model, windowMillis, cohort, windows));
  }

  @Get("/drift/marks.csv")
  MutableHttpResponse<String> marksFile(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      @QueryValue(defaultValue = "500") int windows) {
    return Csv.file(
        "marks", EventMark.class, reports.marks(slot, model, windowMillis, cohort, windows));
  }

  @Get("/drift/distribution")
  Distribution distribution(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      String stream,
      @QueryValue(defaultValue = NEWEST) long window) {
    return found(
        reports.distribution(slot, model, windowMillis, cohort, stream, window),
        "counts of %s".formatted(stream));
  }

  @Get("/drift/distribution.csv")
  MutableHttpResponse<String> distributionFile(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      String stream,
      @QueryValue(defaultValue = NEWEST) long window) {
    return Csv.file(
        "distribution",
        Distribution.Bin.class,
        distribution(slot, model, windowMillis, cohort, stream, window).bins());
  }

  @Get("/drift/effect.csv")
  MutableHttpResponse<String> effectFile(
      String slot,
      String model,
      @QueryValue(defaultValue = "0") long windowMillis,
      String cohort,
      String stream,
      @QueryValue(defaultValue = NEWEST) long window) {
    return Csv.file(
        "effect",
        EffectMeasures.class,
        List.of(distribution(slot, model, windowMillis, cohort, stream, window).effect()));
  }

  @Get("/incidents/{id}/explanation")
  Explanation explain(String id) {
    return reports.explain(id).orElseThrow(() -> Incidents.unknown(id));
  }

  @Get("/incidents/{id}/history.csv")
  MutableHttpResponse<String> incidentHistory(String id) {
    return Csv.file(id + "-history", DriftPoint.class, explain(id).history());
  }

  @Get("/incidents/{id}/distribution.csv")
  MutableHttpResponse<String> incidentDistribution(String id) {
    Distribution distribution = explain(id).distribution();
    return Csv.file(
        id + "-distribution",
        Distribution.Bin.class,
        distribution == null ? List.of() : distribution.bins());
  }

  @Get("/incidents/{id}/effect.csv")
  MutableHttpResponse<String> incidentEffect(String id) {
    return Csv.file(id + "-effect", EffectMeasures.class, List.of(explain(id).effect()));
  }

  @Get("/incidents/{id}/evidence.csv")
  MutableHttpResponse<String> incidentEvidence(String id) {
    VerdictEvidence evidence = explain(id).evidence();
    return Csv.file(
        id + "-evidence",
        VerdictEvidence.Bin.class,
        evidence == null ? List.of() : evidence.bins());
  }

  @Get("/incidents/{id}/events.csv")
  MutableHttpResponse<String> incidentEvents(String id) {
    return Csv.file(id + "-events", EventMark.class, explain(id).marks());
  }

  @Get("/incidents/{id}/correlations.csv")
  MutableHttpResponse<String> incidentCorrelations(String id) {
    return Csv.file(
        id + "-correlations", CorrelationShift.class, explain(id).correlations().pairs());
  }

  @Get("/models/{model}/accuracy")
  Page<AccuracyPoint> accuracy(
      String model,
      @QueryValue(defaultValue = "60") int minutes,
      @QueryValue(defaultValue = "30") int days) {
    return Page.only(accuracies.accuracy(model, step(minutes), span(days)));
  }

  @Get("/models/{model}/accuracy.csv")
  MutableHttpResponse<String> accuracyFile(
      String model,
      @QueryValue(defaultValue = "60") int minutes,
      @QueryValue(defaultValue = "30") int days) {
    return Csv.file(
        "accuracy", AccuracyPoint.class, accuracies.accuracy(model, step(minutes), span(days)));
  }

  @Get("/models/{model}/byte-budget")
  Page<BudgetStep> budget(String model) {
    return Page.only(budgets.of(model));
  }

  @Get("/models/{model}/byte-budget.csv")
  MutableHttpResponse<String> budgetFile(String model) {
    return Csv.file(
        "byte-budget",
        BudgetStep.Line.class,
        budgets.of(model).stream().flatMap(step -> step.lines().stream()).toList());
  }

  @Get("/models/{model}/labels")
  Page<LabelShare> labels(String model, @QueryValue(defaultValue = "30") int days) {
    return Page.only(labels.of(model, span(days)));
  }

  @Get("/models/{model}/labels.csv")
  MutableHttpResponse<String> labelsFile(String model, @QueryValue(defaultValue = "30") int days) {
    return Csv.file("labels", LabelShare.class, labels.of(model, span(days)));
  }

  @Get("/models/{model}/anomalies")
  Page<LoggedAnomaly> anomalies(
      String model,
      @QueryValue(defaultValue = "") String device,
      @QueryValue(defaultValue = "24") int hours) {
    return Page.only(anomalies.of(model, device, hours(hours)));
  }

  @Get("/models/{model}/anomalies.csv")
  MutableHttpResponse<String> anomaliesFile(
      String model,
      @QueryValue(defaultValue = "") String device,
      @QueryValue(defaultValue = "24") int hours) {
    return Csv.file("anomalies", LoggedAnomaly.class, anomalies.of(model, device, hours(hours)));
  }

  @Get("/models/{model}/slices")
  Page<SliceRow> slices(String model, @QueryValue(defaultValue = "30") int days) {
    return Page.only(accuracies.slices(model, span(days)));
  }

  @Get("/models/{model}/slices.csv")
  MutableHttpResponse<String> slicesFile(String model, @QueryValue(defaultValue = "30") int days) {
    return Csv.file("slices", SliceRow.class, accuracies.slices(model, span(days)));
  }

  private static Duration step(int minutes) {
    return Duration.ofMinutes(checked("minutes", minutes, 1440));
  }

  private static Duration hours(int hours) {
    return Duration.ofHours(checked("hours", hours, 24 * DAYS_MAX));
  }

  private static Duration span(int days) {
    return Duration.ofDays(checked("days", days, DAYS_MAX));
  }

  private static int checked(String name, int value, int max) {
    if (value < 1 || value > max) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "%s is %d: must be 1 to %d".formatted(name, value, max));
    }
    return value;
  }

  private static <T> T found(Optional<T> found, String what) {
    return found.orElseThrow(
        () -> new ProblemException(ErrorCode.NOT_FOUND, "there are no %s yet".formatted(what)));
  }
}
