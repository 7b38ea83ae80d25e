package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story.Wrong;

/** One site has more of what is to be found. */
final class DriftPrior extends SiteDrift {
  DriftPrior() {
    super(
        "drift-prior",
        "a site whose machines fail more often opens one incident at the site",
        Wrong.PRIOR,
        1,
        1,
        "s1");
  }
}
