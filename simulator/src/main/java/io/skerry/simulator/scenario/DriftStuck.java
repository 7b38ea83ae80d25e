package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;

/** One site's sensor stands still. */
final class DriftStuck implements Scenario {
  @Override
  public String name() {
    return "drift-stuck";
  }

  @Override
  public String claim() {
    return "a sensor of one site that stands still at its mean opens one incident that names site and sensor";
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
    story.wrong(Duration.ofDays(5), "site-b", Wrong.STUCK, 1, 0);
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
