package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;

/** One site's sensor is off. */
final class DriftLocation implements Scenario {
  @Override
  public String name() {
    return "drift-location";
  }

  @Override
  public String claim() {
    return "a sensor of one site that is off by 1.5 deviations opens one incident that names site and sensor";
  }

  @Override
  public int devices() {
    return 60;
  }

  @Override
  public int days() {
    return 14;
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.wrong(Duration.ofDays(5), "site-b", Wrong.LOCATION, 1, 1.5);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "one-incident-at-the-site",
            Incidents.isOneAt(story, "site=site-b", "s2"),
            story.incidents().toString()));
  }
}
