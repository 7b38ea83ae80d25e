package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story.Wrong;

/** One site's sensor spreads. */
final class DriftScale extends SiteDrift {
  DriftScale() {
    super(
        "drift-scale",
        "a sensor of one site that spreads three times as wide opens one incident at the site",
        Wrong.SCALE,
        1,
        3,
        "s2");
  }
}
