package io.skerry.control.overview;

import io.skerry.api.DeviceView;
import io.skerry.api.Overview;
import io.skerry.control.dataset.Datasets;
import io.skerry.control.device.DeviceDirectory;
import io.skerry.control.drift.Incidents;
import io.skerry.control.ingest.TelemetryCounts;
import io.skerry.control.packaging.PackagingService;
import io.skerry.control.registry.Registry;
import io.skerry.control.rollout.Rollouts;
import io.skerry.control.training.Training;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Gathers the overview from every feature. Thread-safe. */
@Singleton
public final class OverviewSource {
  private static final int DEVICES_MAX = 10_000;
  private static final int PAGE = 500;

  private final Datasets datasets;
  private final Training training;
  private final Registry registry;
  private final PackagingService packaging;
  private final DeviceDirectory devices;
  private final Rollouts rollouts;
  private final Incidents incidents;
  private final TelemetryCounts telemetry;
  private final Clock clock = Clock.systemUTC();

  OverviewSource(
      Datasets datasets,
      Training training,
      Registry registry,
      PackagingService packaging,
      DeviceDirectory devices,
      Rollouts rollouts,
      Incidents incidents,
      TelemetryCounts telemetry) {
    this.datasets = datasets;
    this.training = training;
    this.registry = registry;
    this.packaging = packaging;
    this.devices = devices;
    this.rollouts = rollouts;
    this.incidents = incidents;
    this.telemetry = telemetry;
  }

  /** The overview as of now. */
  public Overview now() {
    Instant now = clock.instant();
    OverviewBuilder builder = new OverviewBuilder(now);
    builder.datasets(datasets.batches());
    builder.runs(training.runs());
    builder.models(registry.models());
    builder.packagings(packaging.open());
    builder.devices(allDevices());
    builder.rollouts(FleetSources.rollouts(rollouts.newest()));
    builder.incidents(FleetSources.incidents(incidents.newest()));
    builder.drift(FleetSources.streams(incidents::forEachStreams));
    builder.telemetry(telemetry.now());
    return builder.build();
  }

  private List<DeviceView> allDevices() {
    List<DeviceView> all = new ArrayList<>();
    String after = "";
    while (all.size() < DEVICES_MAX) {
      List<DeviceView> page = devices.after(after, PAGE);
      all.addAll(page);
      if (page.size() < PAGE) {
        return all;
      }
      after = page.getLast().id();
    }
    return all;
  }
}
