package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story.Wrong;

/** One site measures in another unit. */
final class DriftUnit extends SiteDrift {
  DriftUnit() {
    super(
        "drift-unit",
        "a sensor of one site that measures in another unit opens one incident that names site and sensor",
        Wrong.UNIT,
        1,
        1.8,
        "s2");
  }
}
