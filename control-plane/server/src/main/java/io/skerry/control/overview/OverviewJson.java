package io.skerry.control.overview;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.Attention;
import io.skerry.api.DeviceOverview;
import io.skerry.api.DriftOverview;
import io.skerry.api.FleetOverview;
import io.skerry.api.IncidentOverview;
import io.skerry.api.Overview;
import io.skerry.api.RolloutOverview;
import io.skerry.api.Share;
import io.skerry.api.StageOverview;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(Attention.class)
@SerdeImport(DeviceOverview.class)
@SerdeImport(DriftOverview.class)
@SerdeImport(FleetOverview.class)
@SerdeImport(IncidentOverview.class)
@SerdeImport(Overview.class)
@SerdeImport(RolloutOverview.class)
@SerdeImport(Share.class)
@SerdeImport(StageOverview.class)
final class OverviewJson {
  private OverviewJson() {}
}
