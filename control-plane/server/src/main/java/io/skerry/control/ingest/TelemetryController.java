package io.skerry.control.ingest;

import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.DataFlow;
import io.skerry.api.Page;
import io.skerry.api.QuarantinedRecord;
import io.skerry.api.RefusedSamples;
import io.skerry.api.TelemetryView;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.sql.Database;
import io.skerry.control.web.Csv;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.time.Duration;
import java.util.List;

/** What devices sent: counters, how well it comes in, and what could not be taken. */
@Controller("/v1")
@Allowed(Role.VIEWER)
@SerdeImport(TelemetryView.class)
@SerdeImport(DataFlow.class)
@SerdeImport(QuarantinedRecord.class)
@SerdeImport(RefusedSamples.class)
final class TelemetryController {
  private static final int PAGE_SIZE_MAX = 500;
  private static final int HOURS_MAX = 24 * 31;

  private final Database database;
  private final TelemetryCounts counts;
  private final DataFlows flows;
  private final Refusals refusals;
  private final Quarantine quarantine;

  TelemetryController(
      Database database,
      TelemetryCounts counts,
      DataFlows flows,
      Refusals refusals,
      Quarantine quarantine) {
    this.database = database;
    this.counts = counts;
    this.flows = flows;
    this.refusals = refusals;
    this.quarantine = quarantine;
  }

  @Get("/telemetry")
  TelemetryView now() {
    return counts.now();
  }

  @Get("/dataflow")
  Page<DataFlow> flow(
      @QueryValue(defaultValue = "device") String by, @QueryValue(defaultValue = "24") int hours) {
    Duration span = span(hours);
    return switch (by) {
      case "device" -> Page.only(flows.devices(span));
      case "cohort" -> Page.only(flows.cohorts(span));
      default ->
          throw new ProblemException(
              ErrorCode.REQUEST_INVALID, "by is '%s': must be device or cohort".formatted(by));
    };
  }

  @Get("/dataflow.csv")
  MutableHttpResponse<String> flowFile(
      @QueryValue(defaultValue = "device") String by, @QueryValue(defaultValue = "24") int hours) {
    return Csv.file("dataflow", DataFlow.class, flow(by, hours).items());
  }

  private static Duration span(int hours) {
    if (hours < 1 || hours > HOURS_MAX) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "hours is %d: must be 1 to %d".formatted(hours, HOURS_MAX));
    }
    return Duration.ofHours(hours);
  }

  @Get("/models/{model}/samples-refused")
  Page<RefusedSamples> refused(
      String model,
      @QueryValue(defaultValue = "") String device,
      @QueryValue(defaultValue = "24") int hours) {
    return Page.only(refusals.of(model, device, span(hours)));
  }

  @Get("/models/{model}/samples-refused.csv")
  MutableHttpResponse<String> refusedFile(
      String model,
      @QueryValue(defaultValue = "") String device,
      @QueryValue(defaultValue = "24") int hours) {
    return Csv.file(
        "samples-refused", RefusedSamples.class, refusals.of(model, device, span(hours)));
  }

  @Get("/quarantine.csv")
  MutableHttpResponse<String> quarantineFile() {
    return Csv.file("quarantine", QuarantinedRecord.class, flows.quarantine(Quarantine.ROWS_MAX));
  }

  @Get("/quarantine")
  Page<QuarantinedRecord> quarantine(
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken,
      @QueryValue(defaultValue = "") String device) {
    int limit = Math.clamp(pageSize, 1, PAGE_SIZE_MAX);
    List<QuarantinedRecord> records =
        database.call(
            transaction -> Quarantine.newest(transaction, before(pageToken), device, limit));
    return new Page<>(
        records, records.size() == limit ? String.valueOf(records.getLast().id()) : null);
  }

  /** What was kept of one record, to find out what is wrong with its device. */
  @Get(value = "/quarantine/{id}/payload", produces = MediaType.APPLICATION_OCTET_STREAM)
  @Allowed(Role.ADMIN)
  byte[] payload(long id) {
    return database.call(
        transaction ->
            quarantine
                .payload(transaction, id)
                .orElseThrow(
                    () ->
                        new ProblemException(
                            ErrorCode.NOT_FOUND, "nothing is kept of record %d".formatted(id))));
  }

  private static long before(String pageToken) {
    try {
      return pageToken.isEmpty() ? Long.MAX_VALUE : Long.parseLong(pageToken);
    } catch (NumberFormatException e) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID, "pageToken '%s' is none of ours".formatted(pageToken));
    }
  }
}
