package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story.Wrong;

/** One site loses values. */
final class DriftMissing extends SiteDrift {
  DriftMissing() {
    super(
        "drift-missing",
        "a sensor of one site that loses a tenth of its values opens one incident at the site",
        Wrong.MISSING,
        1,
        .1,
        "s2");
  }
}
