package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story.Wrong;

/** One site's sensor stands still. */
final class DriftStuck extends SiteDrift {
  DriftStuck() {
    super(
        "drift-stuck",
        "a sensor of one site that stands still at its mean opens one incident that names site and sensor",
        Wrong.STUCK,
        1,
        0,
        "s2");
  }
}
