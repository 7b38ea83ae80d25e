package io.skerry.control.ingest;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.TelemetryView;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;

/** Counters of everything that devices sent. */
@Controller("/v1/telemetry")
@Allowed(Role.VIEWER)
@SerdeImport(TelemetryView.class)
final class TelemetryController {
  private final TelemetryCounts counts;

  TelemetryController(TelemetryCounts counts) {
    this.counts = counts;
  }

  @Get
  TelemetryView now() {
    return counts.now();
  }
}
