package io.skerry.simulator.scenario;

import io.skerry.simulator.world.Settings;
import io.skerry.simulator.world.Story;
import io.skerry.simulator.world.Story.Wrong;
import java.time.Duration;
import java.util.List;

/** The same values mean something else. */
final class DriftConcept implements Scenario {
  @Override
  public String name() {
    return "drift-concept";
  }

  @Override
  public String claim() {
    return "where the same values come to mean something else, outcomes show it, and no input is"
        + " blamed for it";
  }

  @Override
  public int devices() {
    return 30;
  }

  @Override
  public int days() {
    return 3;
  }

  @Override
  public int settleDays() {
    return 1;
  }

  @Override
  public Settings settings(int devices) {
    return Settings.busy(devices);
  }

  @Override
  public void tell(Story story) {
    story.everybodyRuns(1);
    story.accuracyFrom(Duration.ofHours(12), Duration.ofDays(1), "site-b");
    story.wrong(Duration.ofDays(1), "site-b", Wrong.CONCEPT, 1, 1);
  }

  @Override
  public List<Claim> judge(Story story) {
    return List.of(
        Claim.atLeast("accuracy-before", .8, story.accuracyBefore(), "share"),
        Claim.atMost("accuracy-after", .4, story.accuracyAfter(), "share"),
        Claim.exactly("inputs-blamed", 0, story.incidents().size(), "incidents"));
  }
}
