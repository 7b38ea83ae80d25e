package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;

/** One site's sensor moves against the others. */
final class DriftCorrelation implements Scenario {
  @Override
  public String name() {
    return "drift-correlation";
  }

  @Override
  public String claim() {
    return "a sensor of one site that moves against the others instead of with them, its own values spread as ever, opens one incident at the site";
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
    story.wrong(Duration.ofDays(5), "site-b", Wrong.CORRELATION, 0, 1);
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
