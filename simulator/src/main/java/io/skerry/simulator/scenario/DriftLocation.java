package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story.Wrong;

/** One site's sensor is off. */
final class DriftLocation extends SiteDrift {
  DriftLocation() {
    super(
        "drift-location",
        "a sensor of one site that is off by 1.5 deviations opens one incident that names site and sensor",
        Wrong.LOCATION,
        1,
        1.5,
        "s2");
  }
}
