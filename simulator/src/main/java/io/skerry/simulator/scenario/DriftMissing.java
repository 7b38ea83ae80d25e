package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;

/** One site loses values. */
final class DriftMissing implements Scenario {
  @Override
  public String name() {
    return "drift-missing";
  }

  @Override
  public String claim() {
    return "a sensor of one site that loses a tenth of its values opens one incident at the site";
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
    story.wrong(Duration.ofDays(5), "site-b", Wrong.MISSING, 1, .1);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.holds(
            "one-incident-at-the-site",
            Incidents.isOneAt(story, "site=site-b", ""),
            story.incidents().toString()));
  }
}
