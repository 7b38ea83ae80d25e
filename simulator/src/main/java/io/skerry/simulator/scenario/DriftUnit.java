package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;

/** One site measures in another unit. */
final class DriftUnit implements Scenario {
  @Override
  public String name() {
    return "drift-unit";
  }

  @Override
  public String claim() {
    return "a sensor of one site that measures in another unit opens one incident that names site and sensor";
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
    story.wrong(Duration.ofDays(5), "site-b", Wrong.UNIT, 1, 1.8);
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
