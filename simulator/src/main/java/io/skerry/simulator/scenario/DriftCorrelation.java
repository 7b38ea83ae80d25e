package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story.Wrong;

/** One site's sensor moves against the others. */
final class DriftCorrelation extends SiteDrift {
  DriftCorrelation() {
    super(
        "drift-correlation",
        "a sensor of one site that moves against the others instead of with them, its own values spread as ever, opens one incident at the site",
        Wrong.CORRELATION,
        0,
        1,
        "$spe");
  }
}
